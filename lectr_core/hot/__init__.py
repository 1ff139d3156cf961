"""WHILE THE CLIENT WAITS. One Trio loop a worker process; one file a step; `way.py` reads as the way of a request."""
