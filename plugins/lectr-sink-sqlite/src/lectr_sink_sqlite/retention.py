"""What is removed when it is old or takes too much room, a little at a time: rows first, minutes too, hours and days never.

Each step is one short transaction, called after a batch, so that a large backlog goes away between writes and nothing ever
stops. Removed rows stay counted, in the rollups and by stream. Called by `store.py`.
"""

from __future__ import annotations

import sqlite3
from typing import Final

import attrs

from lectr_sink_sqlite.rollup_tables import MINUTE
from lectr_sink_sqlite.rows import timestamp

DAY_NS: Final = 86_400 * 1_000_000_000
HOUR_NS: Final = DAY_NS // 24

# Pages that are given back to the file system in one step: 1 MB, 12 ms of CPU.
VACUUM_PAGES: Final = 250
# Free pages are used again by the rows that come; only what is beyond a tenth of the file, or 64 MB, is given back.
_SLACK_PAGES: Final = 16_000
_SLACK_SHARE: Final = 10

_OLD: Final = "SELECT rowid FROM requests WHERE started_at < ?1 ORDER BY started_at LIMIT ?2"
_OLDEST: Final = "SELECT rowid FROM requests WHERE started_at >= ?1 ORDER BY started_at LIMIT ?2"
_COUNT: Final = """INSERT INTO removed (stream, requests)
SELECT stream, count(*) FROM requests WHERE rowid IN ({which}) GROUP BY stream
ON CONFLICT (stream) DO UPDATE SET requests = requests + excluded.requests"""
_REMOVE: Final = "DELETE FROM requests WHERE rowid IN ({which})"
_MINUTE_BEYOND: Final = "SELECT minute FROM {table} WHERE minute < ? ORDER BY minute LIMIT 1 OFFSET ?"


@attrs.frozen(kw_only=True)
class Retention:
    """How long and how much is kept. 0: without a limit."""

    days: int
    """Of rows."""
    minutes_days: int
    """Of rollups by the minute."""
    max_bytes: int
    """Of everything in the file."""
    chunk: int
    """Rows a step."""


def step(connection: sqlite3.Connection, keep: Retention, now_ns: int) -> int:
    """Remove one chunk of what is beyond a limit, or give some room back. Returns how much there was to do; 0: nothing.

    Errors: sqlite3.Error; the transaction is then still open.
    """
    if keep.days and (gone := _rows(connection, _OLD, timestamp(now_ns - keep.days * DAY_NS), keep.chunk)):
        return gone
    if keep.max_bytes and used_bytes(connection) > keep.max_bytes:
        # Then minutes too, but for those that still grow or are looked at live: half a minute would be a wrong sum.
        gone = _rows(connection, _OLDEST, "", keep.chunk) or _minutes(connection, timestamp(now_ns - HOUR_NS), keep.chunk)
        if gone:
            return gone
    if keep.minutes_days and (gone := _minutes(connection, timestamp(now_ns - keep.minutes_days * DAY_NS), keep.chunk)):
        return gone
    return _give_back(connection)


def used_bytes(connection: sqlite3.Connection) -> int:
    """How much of the file is in use: free pages and the write-ahead log are not."""
    return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(connection, "page_size")


def _rows(connection: sqlite3.Connection, which: str, before: str, chunk: int) -> int:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_COUNT.format(which=which), (before, chunk))
    removed = connection.execute(_REMOVE.format(which=which), (before, chunk)).rowcount
    connection.execute("COMMIT")
    return removed


def _minutes(connection: sqlite3.Connection, before: str, chunk: int) -> int:
    removed = 0
    for table in (MINUTE.usage, MINUTE.latency):
        beyond = connection.execute(_MINUTE_BEYOND.format(table=table), (before, chunk)).fetchone()
        connection.execute("BEGIN IMMEDIATE")
        end = before if beyond is None else beyond[0]
        gone = connection.execute(f"DELETE FROM {table} WHERE minute < ?", (end,)).rowcount
        if not gone and beyond is not None:  # one minute has more groups than a chunk: it goes as a whole
            gone = connection.execute(f"DELETE FROM {table} WHERE minute = ?", (end,)).rowcount
        removed += gone
        connection.execute("COMMIT")
    return removed


def _give_back(connection: sqlite3.Connection) -> int:
    """Shrink the file by some free pages, if there are many. Files made before this was so are not shrunk."""
    if _pragma(connection, "auto_vacuum") != 2:
        return 0
    free, pages = _pragma(connection, "freelist_count"), _pragma(connection, "page_count")
    if free <= max(_SLACK_PAGES, pages // _SLACK_SHARE):
        return 0
    # A page a step, and `execute` takes only the first of a statement that gives no columns; a script is run to its end.
    connection.executescript(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
    return free - _pragma(connection, "freelist_count")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
