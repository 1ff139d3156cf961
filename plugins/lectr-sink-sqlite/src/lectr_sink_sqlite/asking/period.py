"""From and until when a question is asked, and which rollup answers it. Pure; the present comes in as an argument.

Called by the commands of this room.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from lectr_sink_sqlite.rollup_tables import DAY, GRAINS, HOUR, MINUTE, Grain

_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_OF_MINUTES: Final = timedelta(hours=6)
_OF_HOURS: Final = timedelta(days=8)
"""Up to which length the rollup by the hour answers: a week and the day it begins in."""
_STEPS: Final = {"minutely": timedelta(minutes=1), "hourly": timedelta(hours=1), "daily": timedelta(days=1)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BEGINS: Final = {"minutely": "%Y-%m-%dT%H:%M:00Z", "hourly": "%Y-%m-%dT%H:00:00Z", "daily": "%Y-%m-%d"}


@attrs.frozen
class Period:
    """A stretch of time that one rollup knows exactly."""

    since: str
    """As the rollup's first column is written; included."""
    until: str
    """The same; not included."""
    grain: Grain


def moment(text: str, now: datetime) -> datetime:
    """`7d`, `90m`, `2w` before *now*, or a date or time (UTC where it names no zone). Errors: ValueError."""
    found = _LENGTH.fullmatch(text.strip())
    try:
        if found is not None:
            return now - timedelta(**{_UNITS[found[2]]: float(found[1])})
        named = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"expected a length like 90m, 12h, 7d or 2w, or a date like 2026-01-31, got {text!r}") from exc
    return named.replace(tzinfo=UTC) if named.tzinfo is None else named.astimezone(UTC)


def period(since: datetime, until: datetime, coarsest: Grain = DAY, minutes_since: str | None = None) -> Period:
    """The rollup for that time, and the time as it knows it: from the beginning of *since*'s minute, hour or day.

    An end that was named to the hour or the minute (midnight in another zone, say) is kept to, whatever the length.
    Shapes: *coarsest* still tells apart what is asked apart. *minutes_since*: the oldest minute that is kept; None: none.
    Errors: ValueError where it ends before it begins.
    """
    if until <= since:
        raise ValueError(f"expected an end after the beginning, got {since.isoformat()} to {until.isoformat()}")
    length = until - since
    grain = MINUTE if length <= _OF_MINUTES else HOUR if length <= _OF_HOURS else DAY
    grain = min(grain, _named(since), _named(until), key=GRAINS.index)
    if grain is MINUTE and (minutes_since is None or since.strftime(_BEGINS[grain.name]) < minutes_since):
        grain = HOUR
    grain = min(grain, coarsest, key=GRAINS.index)
    # The last stretch that has begun is in it as a whole: it cannot be cut any finer.
    end = until if _is_begin(until, grain) else until + _STEPS[grain.name]
    return Period(since.strftime(_BEGINS[grain.name]), end.strftime(_BEGINS[grain.name]), grain)


def _named(at: datetime) -> Grain:
    """How finely a moment was named. What has seconds was counted back from the present, and may begin anywhere."""
    if at.second or at.microsecond:
        return DAY
    return next(grain for grain in (DAY, HOUR, MINUTE) if _is_begin(at, grain))


def pieces(asked: Period, coarsest: Grain) -> list[Period]:
    """The same time in fewer rows: hours and days in its middle, as far as *coarsest* lets them, finer ones at its ends.

    Shapes: oldest first; together they are *asked*, each moment in one of them.
    """
    grain = asked.grain
    if GRAINS.index(grain) >= GRAINS.index(coarsest):
        return [asked]
    wider = GRAINS[GRAINS.index(grain) + 1]
    since, until = (datetime.fromisoformat(end) for end in (asked.since, asked.until))
    first = since if _is_begin(since, wider) else _beginning(since, wider) + _STEPS[wider.name]
    last = _beginning(until, wider)
    if first >= last:
        return [asked]
    middle = Period(first.strftime(_BEGINS[wider.name]), last.strftime(_BEGINS[wider.name]), wider)
    ends = (first.strftime(_BEGINS[grain.name]), last.strftime(_BEGINS[grain.name]))
    found = [Period(asked.since, ends[0], grain), *pieces(middle, coarsest), Period(ends[1], asked.until, grain)]
    return [piece for piece in found if piece.since < piece.until]


def _beginning(at: datetime, grain: Grain) -> datetime:
    """Of the stretch of the rollup that holds a moment."""
    return at - (at - _EPOCH) % _STEPS[grain.name]


def _is_begin(at: datetime, grain: Grain) -> bool:
    """Whether a stretch of the rollup begins at exactly that moment."""
    return _beginning(at, grain) == at
