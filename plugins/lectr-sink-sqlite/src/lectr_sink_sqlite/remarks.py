"""What an operator should look at before it becomes a loss: room that no setting bounds, and limits that are not kept.

A line each, for people, asked without changing anything. Blocking; called by `sink.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from lectr_core import OperatorError
from lectr_sink_sqlite import file, history, retention
from lectr_sink_sqlite.rows import timestamp
from lectr_sink_sqlite.settings import SqliteSettings

# Four times what is begun anew: a minute of a busy gateway's writes stays far below.
LOG_WARN_BYTES: Final = 4 * file.WAL_KEEP_BYTES
# A row that is older than its limit by so much was looked at many times, and is still there.
_LATE_NS: Final = retention.DAY_NS // 4
# A company with fifty features, ten models and five outcomes of each has fewer a day. Each is a row a day for ever, up to 24
# by the hour and 1,440 by the minute, and pages over months take longer the more there are.
MANY_SUMS: Final = 20_000

_OLDEST: Final = "SELECT min(started_at) FROM requests"
_SUMS: Final = """SELECT day, count(*), count(DISTINCT feature), count(DISTINCT model), count(DISTINCT org) FROM usage_daily
WHERE day >= ? GROUP BY day HAVING count(*) > ? ORDER BY 2 DESC LIMIT 1"""


def remarks(path: Path, settings: SqliteSettings, now_ns: int) -> list[str]:
    """All there is to be said now. Errors: OperatorError where the file cannot be read."""
    try:
        connection = file.connect_for_reading(path, settings.busy_limit_s)
        if connection is None:
            return []
        with closing(connection):
            if connection.execute(history.IS_MADE).fetchone() is None:
                return []
            return [
                *_of_log(path),
                *_of_age(connection, settings, now_ns),
                *_of_size(connection, settings, now_ns),
                *_of_names(connection, now_ns),
            ]
    except sqlite3.Error as exc:
        raise OperatorError(f"cannot read {path}: {exc}") from exc


def _of_log(path: Path) -> Iterator[str]:
    held = file.log_bytes(path)
    if held > LOG_WARN_BYTES:
        yield (
            f"{path.name}-wal holds {held / 1e6:.0f} MB and grows: another process keeps a transaction on the database "
            f"open; end it (`fuser -v {path.name}` says which have it open)"
        )


def _of_age(connection: sqlite3.Connection, settings: SqliteSettings, now_ns: int) -> Iterator[str]:
    days = settings.retention_days
    (oldest,) = connection.execute(_OLDEST).fetchone()
    if days and oldest is not None and oldest < timestamp(now_ns - days * retention.DAY_NS - _LATE_NS):
        yield (
            f"rows since {oldest[:10]} are there, and retention_days is {days}: rows are removed while records come, some "
            "thousands after each batch; where that fails the log says why"
        )


def _of_size(connection: sqlite3.Connection, settings: SqliteSettings, now_ns: int) -> Iterator[str]:
    if not settings.max_bytes or (used := retention.used_bytes(connection)) <= settings.max_bytes:
        return
    (oldest,) = connection.execute(_OLDEST).fetchone()
    if oldest is None or oldest > timestamp(now_ns - retention.HOUR_NS):
        yield (
            f"sums alone take {used / 1e6:.1f} MB, and max_bytes is {settings.max_bytes / 1e6:.1f} MB: rows are removed "
            "within minutes; raise it, since sums by the hour and the day always stay"
        )


def _of_names(connection: sqlite3.Connection, now_ns: int) -> Iterator[str]:
    since = timestamp(now_ns - 2 * retention.DAY_NS)[:10]
    found = connection.execute(_SUMS, (since, MANY_SUMS)).fetchone()
    if found is not None:
        day, sums, features, models, orgs = found
        yield (
            f"{sums} sums on {day}, of {features} features, {models} models and {orgs} orgs: those by the hour and the day "
            "are never removed, so a feature should be named, and not a request or a user"
        )
