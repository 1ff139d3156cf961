"""The pages, one a file: each asks, reckons and draws. Called by `pages.py`, which plugs them into Datasette."""
