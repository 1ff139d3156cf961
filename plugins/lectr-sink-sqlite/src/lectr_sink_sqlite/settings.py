"""What an operator can say about the SQLite sink. Values only; read by Lectr's settings loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

# A century: what is kept for longer is kept for ever. Further back than year 1 no time can be written.
MOST_DAYS = 36_500
# Rows that one step may take: so many are removed in some seconds, during which nothing is stored.
MOST_CHUNK = 100_000
# Below the minute after which a call of a sink counts as hung.
MOST_BUSY_S = 50.0


def _between(least: float, most: float) -> Any:  # Any: attrs' own type of a validator has none that fits a number
    def check(_: object, attribute: attrs.Attribute[float], number: float) -> None:
        if not least <= number <= most:
            raise ValueError(f"{attribute.name}: expected {least:_} to {most:_}, got {number}")

    return check


@attrs.frozen(kw_only=True)
class SqliteSettings:
    """`[sink.sqlite]`."""

    enabled: bool = True
    """Whether this sink stores anything at all."""
    path: Path | None = None
    """The database file, for one gateway alone; absent: `lectr.db` in the data directory."""
    retention_days: int = attrs.field(default=0, validator=_between(0, MOST_DAYS))
    """After how many days a row of `requests` is removed; 0: never. Its sums stay."""
    minutes_days: int = attrs.field(default=14, validator=_between(0, MOST_DAYS))
    """After how many days sums by the minute are removed; 0: never. Those by the hour and the day stay."""
    max_bytes: int = attrs.field(default=0, validator=_between(0, 2**63 - 1))
    """How much the database may hold: beyond it the oldest rows of `requests` are removed, then sums by the minute that are
    over an hour old; 0: no limit. The sums by hour and day stay, and the write-ahead log comes on top."""
    retention_chunk: int = attrs.field(default=2_000, validator=_between(1, MOST_CHUNK))
    """How many rows one step of that removal takes, so that no write waits long for it."""
    busy_limit_s: float = attrs.field(default=5.0, validator=_between(0.0, MOST_BUSY_S))
    """How long to wait for another process's lock before the write is tried again later, in seconds."""
