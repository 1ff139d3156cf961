"""The statements that keep the tables of sums and latencies true. They run in the transaction that stores the rows.

Every row of `requests` inserted by a transaction has a rowid above the highest one before it, and no other process can
insert in between; so what stands above that mark is exactly what was really inserted, and is counted exactly once, however
often a batch is handed over. `NOT INDEXED` keeps to that mark: an index on the outcome would lead through all rows.
A batch is summed by minute once, into a temporary table, and from there added to minutes, hours and days.
Called by `store.py` and `schema.py`.
"""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta
from typing import Final

from lectr_sink_sqlite.rollup_tables import BATCH, BY_MINUTE, GRAINS, HISTOGRAMS, SUMS, WHAT, WHO, Grain
from lectr_sink_sqlite.rows import MOST

MARK: Final = "SELECT coalesce(max(rowid), 0) FROM requests"
"""The highest rowid before a batch."""

_TAKE: Final = "INSERT INTO temp.batch " + BY_MINUTE.format(rows="NOT INDEXED WHERE rowid > ?")
_TAKE_DAY: Final = "INSERT INTO temp.batch " + BY_MINUTE.format(rows="WHERE started_at >= ? AND started_at < ?")
_EMPTY: Final = "DELETE FROM temp.batch"
_KEY: Final = ", ".join((*WHO, *WHAT))


def _plus(name: str) -> str:
    # A sum that is full stays so. It takes a provider that reports absurd counts, request after request; but a sum that
    # became a REAL would be refused, and with it each batch from then on.
    added = f"{name} + excluded.{name}"
    return added if name.endswith("_ms") else f"min({added}, {MOST})"


def _add_usage(grain: Grain) -> str:
    # Sums go up by what is new, each in its place; `WHERE true` tells SQLite's grammar the conflict clause from a join.
    return f"""
INSERT INTO {grain.usage} ({grain.at}, {_KEY}, {", ".join(SUMS)})
SELECT {grain.cut}, {_KEY}, {", ".join(SUMS)} FROM temp.batch WHERE true
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {_plus(name)}" for name in SUMS)}
"""


def _add_latency(grain: Grain) -> str:
    columns = ", ".join(f"{name}_json" for name in HISTOGRAMS)
    adding = ", ".join(f"{name}_json = histogram_add({name}_json, excluded.{name}_json)" for name in HISTOGRAMS)
    return f"""
INSERT INTO {grain.latency} ({grain.at}, {", ".join(WHO)}, {columns})
SELECT {grain.cut}, {", ".join(WHO)}, {", ".join(HISTOGRAMS)} FROM temp.batch WHERE outcome = 'ok'
ON CONFLICT DO UPDATE SET {adding}
"""


_ADD: Final = tuple(statement(grain) for grain in GRAINS for statement in (_add_usage, _add_latency))


def prepare(connection: sqlite3.Connection) -> None:
    """Make the temporary table; once a connection."""
    connection.execute(BATCH.replace("TEMP TABLE", "TEMP TABLE IF NOT EXISTS"))


def add(connection: sqlite3.Connection, mark: int) -> None:
    """Add the rows above *mark* to every rollup. Within the caller's transaction."""
    connection.execute(_TAKE, (mark,))
    _spread(connection)


def add_days(connection: sqlite3.Connection, since: str) -> None:
    """Add every row from *since* on (as `started_at` is written), a day at a time: for rollups that begin anew."""
    first, last = connection.execute(
        "SELECT substr(min(started_at), 1, 10), substr(max(started_at), 1, 10) FROM requests WHERE started_at >= ?", (since,)
    ).fetchone()
    if first is None:
        return
    day, end = date.fromisoformat(first), date.fromisoformat(last)
    while day <= end:
        following = day + timedelta(days=1)
        connection.execute(_TAKE_DAY, (max(since, day.isoformat()), following.isoformat()))
        _spread(connection)
        day = following


def _spread(connection: sqlite3.Connection) -> None:
    for statement in _ADD:
        connection.execute(statement)
    connection.execute(_EMPTY)
