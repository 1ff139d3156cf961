"""GRAMMAR. Bytes to values and back, sans-IO: no socket, no clock, no waiting, no randomness."""
