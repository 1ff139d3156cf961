"""Which sums answer for a stretch of time: days in its middle, hours and minutes at its ends. Pure.

Together the pieces hold every minute of the stretch exactly once, and few rows: a month and a half is some forty days, at
most 46 hours and at most 118 minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs


@attrs.frozen
class Grain:
    """One size of sums."""

    name: str
    at: str
    """The column that says when a row begins."""
    length: timedelta
    form: str
    """How that is written."""

    def text(self, moment: datetime) -> str:
        """As the column has it."""
        return moment.astimezone(UTC).strftime(self.form)

    def moment(self, text: str) -> datetime:
        """The column's text as a moment."""
        return datetime.strptime(text, self.form).replace(tzinfo=UTC)


MINUTELY: Final = Grain("minutely", "minute", timedelta(minutes=1), "%Y-%m-%dT%H:%M:00Z")
HOURLY: Final = Grain("hourly", "hour", timedelta(hours=1), "%Y-%m-%dT%H:00:00Z")
DAILY: Final = Grain("daily", "day", timedelta(days=1), "%Y-%m-%d")


@attrs.frozen
class Piece:
    """A part of the stretch, and the sums that answer for it."""

    grain: Grain
    since: datetime
    until: datetime


def cover(since: datetime, until: datetime, minutes_since: datetime | None = None) -> list[Piece]:
    """The pieces of [*since*, *until*), both at full minutes, oldest first.

    Shapes: each piece begins and ends at a full minute, hour or day of its grain; together they are the stretch.
    Where sums by the minute before *minutes_since* are gone, ends that lie before it are rounded down to the hour.
    """
    if minutes_since is not None:
        since, until = (_floor(end, HOURLY) if end < minutes_since else end for end in (since, until))
    return _pieces(since, until, (DAILY, HOURLY, MINUTELY))


def of_grain(since: datetime, until: datetime, grain: Grain) -> Piece:
    """The whole stretch from one size of sums, rounded outwards."""
    end = _floor(until, grain)
    return Piece(grain, _floor(since, grain), end if end == until else end + grain.length)


def _pieces(since: datetime, until: datetime, grains: Sequence[Grain]) -> list[Piece]:
    if since >= until:
        return []
    grain, *finer = grains
    if not finer:
        return [Piece(grain, since, until)]
    first = _floor(since + grain.length - timedelta(microseconds=1), grain)
    last = _floor(until, grain)
    if first >= last:
        return _pieces(since, until, finer)
    return [*_pieces(since, first, finer), Piece(grain, first, last), *_pieces(last, until, finer)]


def _floor(moment: datetime, grain: Grain) -> datetime:
    moment = moment.astimezone(UTC)
    if grain.length >= timedelta(days=1):
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.replace(minute=0, second=0, microsecond=0) if grain is HOURLY else moment.replace(second=0, microsecond=0)
