"""Sums in another currency than the one they are stored in: each day's amounts at the rate of exchange of that day.

So a price that was agreed in that currency comes out as it was agreed, and the report of a month that is over stays what it
was when a new rate is declared. Called by the command `lectr report`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import pairwise

import attrs

from lectr_core import Currency, MoneySettings
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.sums import costs
from lectr_sink_sqlite.rollup_tables import DAY


@attrs.frozen
class Stretch:
    """A time in which one rate holds."""

    period: Period
    currency: Currency


@attrs.frozen
class Amounts:
    """What a group of requests cost. Units: billionths of the currency."""

    cost: Fraction
    low: Fraction
    high: Fraction | None
    """None: of some request nobody knows it."""

    @classmethod
    def of(cls, currency: Currency, cost: int, low: int, high: int | None) -> Amounts:
        """Amounts in nano-dollars, all at one rate."""
        rate = Fraction(currency.usd)
        return cls(cost / rate, low / rate, None if high is None else high / rate)

    def __add__(self, other: Amounts) -> Amounts:
        high = None if self.high is None or other.high is None else self.high + other.high
        return Amounts(self.cost + other.cost, self.low + other.low, high)


NOTHING = Amounts(Fraction(0), Fraction(0), Fraction(0))


def stretches(money: MoneySettings, code: str, asked: Period) -> list[Stretch]:
    """The time asked for, cut at the days from which another rate holds; one stretch where there is none in it."""
    days = sorted({rate.since for rate in money.rate if rate.currency == code})[1:]  # the first holds before, too
    midnight = "" if asked.grain is DAY else "T00:00:00Z"
    beginnings = (f"{day.isoformat()}{midnight}" for day in days)
    ends = [asked.since, *(at for at in beginnings if asked.since < at < asked.until), asked.until]
    return [
        Stretch(Period(since, until, asked.grain), money.on(code, datetime.fromisoformat(since).date()))
        for since, until in pairwise(ends)
    ]


def converted(
    connection: sqlite3.Connection, parts: Sequence[Stretch], by: Sequence[str], where: Mapping[str, str]
) -> dict[tuple[str, ...], Amounts]:
    """What each group cost, all stretches together. Errors: sqlite3.Error."""
    found: dict[tuple[str, ...], Amounts] = {}
    for part in parts:
        for key, cost in costs(connection, part.period, by, where).items():
            found[key] = found.get(key, NOTHING) + Amounts.of(part.currency, *cost)
    return found
