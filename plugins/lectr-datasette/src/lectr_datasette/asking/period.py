"""The stretches of time that pages show, cut into steps for charts. Pure: the time and the viewer's zone come in.

Steps of a day and more are UTC days from two weeks on, because that is what the sums by the day know; shorter stretches are
cut at the viewer's own midnights and hours.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import attrs

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

# (up to this length, step, what a step is called): at most some 120 steps a chart.
_STEPS: Final = (
    (2 * HOUR, MINUTE, "minute"),
    (16 * HOUR, 10 * MINUTE, "10 minutes"),
    (5 * DAY, HOUR, "hour"),
    (120 * DAY, DAY, "day"),
    (timedelta.max, 7 * DAY, "week"),
)
LOCAL_DAYS: Final = 14
"""Up to so many days, a day begins at the viewer's midnight."""
LONGEST: Final = 366 * 5 * DAY


@attrs.frozen
class Before:
    """A stretch to compare with."""

    name: str
    """As in `up 3 % on …`."""
    since: datetime
    until: datetime


@attrs.frozen(kw_only=True)
class Period:
    """One stretch of time, in UTC, with the steps of its charts."""

    key: str
    """As in the address: `7d`; `custom` where both ends are given."""
    title: str
    since: datetime
    until: datetime
    """Its end, not in it: the minute after now, where it goes on."""
    zone: tzinfo
    starts: tuple[datetime, ...]
    """Where each step begins, oldest first. The last ends with the period."""
    step: str
    """What one step is: `hour`."""
    before: tuple[Before, ...]
    """What to compare with, as far into it as now is into this one."""
    full: datetime
    """Where its last step would end: charts leave room for the hours to come."""

    def step_at(self, moment: datetime) -> int:
        """Which step a moment is in."""
        return bisect_right(self.starts, moment) - 1

    @property
    def days(self) -> float:
        """Its length, never less than a minute's."""
        return max((self.until - self.since) / DAY, MINUTE / DAY)

    @property
    def unfinished(self) -> int | None:
        """Which step is not over; None where all are, and of minutes, of which one hardly shows."""
        at = self.step_at(self.until - MINUTE)
        return at if self.step != "minute" and self.end_of(at) > self.until else None

    def labels(self) -> list[str]:
        """What stands at each step, in the viewer's zone."""
        return [self.label(at) for at in range(len(self.starts))]

    def label(self, at: int) -> str:
        """What stands at one step."""
        start = self.starts[at]
        if self.step in {"day", "week"}:
            return start.astimezone(self.day_zone).strftime("%-d %b")
        local = start.astimezone(self.zone)
        one_day = self.until - self.since <= DAY + HOUR
        return local.strftime("%H:%M" if one_day else "%-d %b %H:%M")

    @property
    def day_zone(self) -> tzinfo:
        """Whose midnights cut it into days."""
        return self.zone if self.full - self.since <= LOCAL_DAYS * DAY else UTC

    def end_of(self, at: int) -> datetime:
        """Where a step ends."""
        return self.starts[at + 1] if at + 1 < len(self.starts) else self.full


KEYS: Final = {"hour": "Last hour", "today": "Today", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
DEFAULT: Final = "today"
_MONTH: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


def choices(now: datetime) -> dict[str, str]:
    """What the pages offer: stretches that go along with the time, and the two newest calendar months."""
    this = _month_of(now)
    months = {f"{first:%Y-%m}": f"{first:%B}" for first in (this, _month_of(this - DAY))}
    return {**KEYS, **months}


def named(key: str, now: datetime, zone: tzinfo) -> Period:
    """The period *key*; an unknown key is the usual one."""
    end = _minute(now) + MINUTE
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if _MONTH.fullmatch(key) and datetime.strptime(key, "%Y-%m").replace(tzinfo=UTC) < end:
        return _month(key, end, zone)
    if key == "hour":
        since = end - HOUR
        return _cut(key, since, end, end, zone, _shifted(since, end, ("yesterday", DAY), ("last week", 7 * DAY)))
    if key in {"7d", "30d", "90d"}:
        days = int(key[:-1])
        first = midnight if days <= LOCAL_DAYS else now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        since = (first - (days - 1) * DAY).astimezone(UTC)
        spans = {30: (("the month before", 30 * DAY),), 7: (("the week before", 7 * DAY), ("four weeks ago", 28 * DAY))}
        shifts = spans.get(days, ((f"the {days} days before", days * DAY),))
        return _cut(key, since, end, (first + DAY).astimezone(UTC), zone, _shifted(since, end, *shifts))
    since = midnight.astimezone(UTC)
    before = _shifted(since, end, ("yesterday", DAY), ("last week", 7 * DAY))
    return _cut("today", since, end, (midnight + DAY).astimezone(UTC), zone, before, at_least=HOUR)


def _month(key: str, end: datetime, zone: tzinfo) -> Period:
    """A calendar month in UTC, as providers bill it; the one that is not over, up to now."""
    since = datetime.strptime(key, "%Y-%m").replace(tzinfo=UTC)
    full = _month_of(since + 32 * DAY)
    until = min(end, full)
    earlier = _month_of(since - DAY)
    name = f"{earlier:%B}"
    before = (
        Before(name, earlier, since)
        if until == full
        else Before(f"{name} so far", earlier, min(earlier + (until - since), since))
    )
    return attrs.evolve(_cut(key, since, until, full, zone, (before,)), title=f"{since:%B %Y}")


def _month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def between(since: datetime, until: datetime, zone: tzinfo) -> Period:
    """From one moment to another. Errors: ValueError where it is empty or longer than five years."""
    since, until = _minute(since), _minute(until)
    if until <= since:
        raise ValueError("the end must come after the beginning")
    if until - since > LONGEST:
        raise ValueError("at most five years can be looked at at once")
    if until - since > DAY:
        # Over days the sums by the minute are too many to draw: from full hour to full hour.
        since, until = since.replace(minute=0), until + (-until.minute % 60) * MINUTE
    length = until - since
    return _cut("custom", since, until, until, zone, _shifted(since, until, ("the same time before", length)))


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _shifted(since: datetime, until: datetime, *by: tuple[str, timedelta]) -> tuple[Before, ...]:
    return tuple(Before(name, since - shift, until - shift) for name, shift in by)


def _cut(
    key: str,
    since: datetime,
    until: datetime,
    full: datetime,
    zone: tzinfo,
    before: tuple[Before, ...],
    at_least: timedelta = MINUTE,
) -> Period:
    length = full - since
    step, name = next((step, name) for most, step, name in _STEPS if length <= most and step >= at_least)
    days_of = zone if length <= LOCAL_DAYS * DAY else UTC
    title = KEYS.get(key, "Chosen time")
    starts = _starts(since, full, step, days_of)
    return Period(
        key=key, title=title, since=since, until=until, zone=zone, starts=starts, step=name, before=before, full=full
    )


def _starts(since: datetime, until: datetime, step: timedelta, zone: tzinfo) -> tuple[datetime, ...]:
    """*since*, and every round moment after it: round in *zone*. Days are counted by the calendar, not by 24 hours."""
    local = since.astimezone(zone)
    if step >= DAY:
        at = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    else:
        at = local.replace(
            minute=local.minute - local.minute % max(1, min(60, step // MINUTE)) if step < HOUR else 0, second=0
        )
    found = [since]
    moment = at
    while True:
        # Within a day hours pass in UTC; a day is as long as the zone says.
        moment = moment + step if step >= DAY else (moment.astimezone(UTC) + step).astimezone(zone)
        start = moment.astimezone(UTC)
        if start >= until:
            return tuple(found)
        if start > found[-1]:
            found.append(start)


def moment(text: str, zone: tzinfo) -> datetime:
    """A moment as it stands in an address: ISO 8601, in *zone* where it names none. Errors: ValueError."""
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def places(period: Period, moments: Sequence[datetime]) -> list[int]:
    """The steps of several moments."""
    return [period.step_at(each) for each in moments]
