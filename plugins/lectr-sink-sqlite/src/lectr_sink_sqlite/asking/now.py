"""What goes on at this moment: rates, costs and speeds of the last minutes by one column, and what is in flight. Reads only.

Called by `lectr top`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from lectr_core import NANO
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.sums import Line, ask, nothing
from lectr_sink_sqlite.rollup_tables import MINUTE

IN_FLIGHT_OLD: Final = timedelta(seconds=5)
"""What is shown as in flight is told anew each second; older than this, no gateway runs."""
_HOUR_S: Final = 3600
_FLYING: Final = """SELECT coalesce(org, ''), feature, coalesce(provider, ''), coalesce(model, ''), count(*)
FROM in_flight WHERE as_of >= ? GROUP BY 1, 2, 3, 4"""
# A look at so many rows takes two or three milliseconds, whatever is stored.
_NEWEST: Final = """SELECT provider, sent, model_actual FROM (
    SELECT coalesce(provider, '') AS provider, coalesce(model_sent, model_requested) AS sent, model_actual
    FROM requests ORDER BY rowid DESC LIMIT 2000
) WHERE model_actual IS NOT NULL AND sent IS NOT NULL"""
_SHOWN: Final = frozenset({"org", "feature", "provider", "model"})
"""What is known of a request before it is over."""


@attrs.frozen(kw_only=True)
class Pace:
    """One group at this moment."""

    name: str
    in_flight: int | None
    """None: not known of this group before a request is over."""
    per_s: float
    """Requests a second."""
    usd_per_hour: float
    """What an hour like this costs, of the requests whose cost is known."""
    usd_per_hour_low: float
    """At least, all requests included."""
    usd_per_hour_high: float | None
    """At most; None: of some request nobody knows it."""
    line: Line
    """All sums of the time looked at."""

    @property
    def failed(self) -> float:
        """Share of the requests, 0 to 1."""
        return self.line.errors / self.line.requests if self.line.requests else 0.0


@attrs.frozen(kw_only=True)
class Moment:
    """All groups at one moment."""

    as_of: str
    seconds: float
    """How much time is looked at."""
    paces: Sequence[Pace]
    total: Pace


def look(connection: sqlite3.Connection, now: datetime, minutes: int, by: str, where: Mapping[str, str]) -> Moment:
    """The last *minutes* (and the one that has begun) by the column *by*. Errors: sqlite3.Error."""
    since = (now - timedelta(minutes=minutes)).replace(second=0, microsecond=0)
    until = now + timedelta(minutes=1)
    written = "%Y-%m-%dT%H:%M:00Z"
    seconds = max(1.0, (now - since).total_seconds())
    answer = ask(connection, Period(since.strftime(written), until.strftime(written), MINUTE), (by,), where)
    flying = _in_flight(connection, now, by, where)
    lines = {line.key[0]: line for line in answer.lines}
    names = dict.fromkeys((*lines, *(flying or ())))
    paces = [
        _pace(name, lines.get(name) or nothing((name,)), None if flying is None else flying.get(name, 0), seconds)
        for name in names
    ]
    total = _pace("all", answer.total, None if flying is None else sum(flying.values()), seconds)
    return Moment(as_of=now.isoformat(timespec="seconds"), seconds=seconds, paces=paces, total=total)


def _pace(name: str, line: Line, in_flight: int | None, seconds: float) -> Pace:
    return Pace(
        name=name,
        in_flight=in_flight,
        per_s=line.requests / seconds,
        usd_per_hour=_an_hour(line.cost_nanousd, seconds),
        usd_per_hour_low=_an_hour(line.cost_low_nanousd, seconds),
        usd_per_hour_high=None if line.cost_high_nanousd is None else _an_hour(line.cost_high_nanousd, seconds),
        line=line,
    )


def _an_hour(nanousd: int, seconds: float) -> float:
    return nanousd / NANO / seconds * _HOUR_S


def _in_flight(connection: sqlite3.Connection, now: datetime, by: str, where: Mapping[str, str]) -> dict[str, int] | None:
    """How many requests are not over, by the column; None where the column is not known before."""
    if not {by, *where} <= _SHOWN:
        return None
    fresh = (now - IN_FLIGHT_OLD).strftime("%Y-%m-%dT%H:%M:%S")
    rows = connection.execute(_FLYING, (fresh,)).fetchall()
    answered = _answered_as(connection) if rows and "model" in {by, *where} else {}
    counts: dict[str, int] = {}
    for org, feature, provider, model, count in rows:
        name = answered.get((provider, model), model)
        of = {"org": org, "feature": feature, "provider": provider, "model": name}
        if all(of[column] == value for column, value in where.items()):
            counts[of[by]] = counts.get(of[by], 0) + count
    return counts


def _answered_as(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Under which name each model answered last, by provider and the name that was sent.

    What is over stands under the name that answered, here and on every page; what is not over stands beside it, though
    only the name that was sent is known of it. A model that was not asked of late keeps that one.
    """
    newest: dict[tuple[str, str], str] = {}
    for provider, sent, actual in connection.execute(_NEWEST):
        newest.setdefault((provider, sent), actual)
    return newest
