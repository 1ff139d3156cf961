"""What an operator can say about the SQLite sink. Values only; read by Lectr's settings loader."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class SqliteSettings:
    """`[sink.sqlite]`."""

    enabled: bool = True
    """Whether this sink stores anything at all."""
    path: Path | None = None
    """The database file; absent: `lectr.db` in the data directory."""
    retention_days: int = 0
    """After how many days a row of `requests` is removed; 0: never. Its sums stay."""
    minutes_days: int = 14
    """After how many days sums by the minute are removed; 0: never. Those by the hour and the day stay."""
    max_bytes: int = 0
    """How much the database may hold: beyond it the oldest rows of `requests` are removed first; 0: no limit. The sums by
    hour and day stay, and the write-ahead log, 64 MiB at most after a burst, comes on top."""
    retention_chunk: int = 2_000
    """How many rows one step of that removal takes, so that no write waits long for it."""
    busy_limit_s: float = 5.0
    """How long to wait for another process's lock before the write is tried again later, in seconds."""
