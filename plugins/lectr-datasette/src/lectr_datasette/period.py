"""The stretches of time the page can show, and how they are cut into bars. Pure: the time comes in as an argument."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs


@attrs.frozen
class Period:
    """One stretch of time up to now, in UTC."""

    key: str
    """As in the address: `7d`."""
    title: str
    since: str
    """Beginning, as text that compares with `started_at` and `hour`."""
    before: str
    """Beginning of the stretch of equal length before it, for comparison."""
    until: str
    """Its end: now, for the stretch before as long ago as this one is old."""
    bars: tuple[str, ...]
    """The front of `started_at` that all requests of a bar share, oldest first."""
    labels: tuple[str, ...]
    """What stands under each bar."""
    compared: str
    """What the stretch before is called."""
    bar: str
    """What one bar is: `hour`."""

    @property
    def front(self) -> int:
        """How many characters of `started_at` tell the bar."""
        return len(self.bars[0])

    @property
    def has_hours(self) -> bool:
        """Whether it begins and is cut at full hours, so that hourly sums can answer."""
        return self.front <= len("2026-01-01T00")


DEFAULT: Final = "today"


def periods(now: datetime) -> Mapping[str, Period]:
    """All of them at *now* (UTC), by key, in the order of the page."""
    now = now.astimezone(UTC)
    minute = now.replace(second=0, microsecond=0)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [midnight + timedelta(hours=step) for step in range(24)]
    made = [
        _period(
            "hour",
            "Last hour",
            "the hour before",
            now,
            [minute - timedelta(minutes=59 - step) for step in range(60)],
            "minute",
        ),
        _period("today", "Today", "yesterday", now, hours, "hour"),
        _period("7d", "7 days", "the week before", now, [midnight - timedelta(days=6 - step) for step in range(7)], "day"),
        _period(
            "30d", "30 days", "the month before", now, [midnight - timedelta(days=29 - step) for step in range(30)], "day"
        ),
    ]
    return {period.key: period for period in made}


_FORMS: Final = {"minute": ("%Y-%m-%dT%H:%M", "%H:%M"), "hour": ("%Y-%m-%dT%H", "%H:00"), "day": ("%Y-%m-%d", "%d %b")}


def _period(key: str, title: str, compared: str, now: datetime, starts: list[datetime], bar: str) -> Period:
    front, label = _FORMS[bar]
    # The stretch before: as long as what has passed of this one, so that a morning is not held against a whole day.
    whole = timedelta(days=1) if bar == "hour" else len(starts) * (starts[1] - starts[0])
    return Period(
        key=key,
        title=title,
        compared=compared,
        since=starts[0].strftime("%Y-%m-%dT%H:%M:%S"),
        before=(starts[0] - whole).strftime("%Y-%m-%dT%H:%M:%S"),
        until=(now - whole).strftime("%Y-%m-%dT%H:%M:%S"),
        bars=tuple(start.strftime(front) for start in starts),
        labels=tuple(start.strftime(label) for start in starts),
        bar=bar,
    )
