"""NOUNS. The values that Lectr's rooms hand to each other: frozen, typed, without behaviour that could wait or fail."""
