"""THE ONLY BRIDGE. Append-only files between hot and cold: `writer` (hot), `reader` (cold), `layout` and `recovery` (both).

One worker's life is one *stream*: a directory of numbered segments under `<data>/journal/`. Small files that stand beside
them are replaced by `whole`. Never here: Trio, plugins, a database. How all of it works, and what a crash, a full disk or a
broken sink do to it: docs/explanation/journal.md.
"""
