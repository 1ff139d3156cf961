"""THE ONLY BRIDGE. Append-only files between hot and cold: `writer` (hot), `reader` (cold), `layout` and `recovery` (both).

One worker's life is one *stream*: a directory of numbered segments under `<data>/journal/`. Never here: Trio, plugins, a
database. How the whole works, and what a crash, a full disk or a broken sink do to it: docs/explanation/journal.md.
"""
