"""THE ONLY BRIDGE between the hot and the cold side: append-only files, one directory a worker's life (a stream)."""
