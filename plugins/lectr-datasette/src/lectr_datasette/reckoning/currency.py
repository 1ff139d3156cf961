"""Amounts in another currency, each day's at the rate of that day, as `lectr report` has them. Pure; for the statement.

Nothing is looked up: the rates are those of `[money]`. Between two changes of the rate amounts are added up as they are
stored, in whole nano-dollars, and become the other currency once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from fractions import Fraction
from itertools import pairwise

import attrs

from lectr_core import Currency, MoneySettings
from lectr_datasette.asking.query import Row

Key = tuple[str, str, str]
"""Dimension, name, and a model's provider; three times empty: all."""


@attrs.frozen
class Stretch:
    """A time over which the rate stays the same."""

    since: datetime
    until: datetime
    rate: Currency


def stretches(money: MoneySettings, since: datetime, until: datetime) -> list[Stretch]:
    """*since* to *until*, cut where the rate of the currency to show changes. Units: UTC."""
    days = sorted({datetime.combine(rate.since, time(), UTC) for rate in money.rate if rate.currency == money.show})
    ends = [since, *(day for day in days if since < day < until), until]
    return [Stretch(at, to, money.on(money.show, at.date())) for at, to in pairwise(ends)]


def converted(found: Iterable[tuple[Stretch, Sequence[Row]]]) -> dict[Key, Fraction]:
    """What each provider, model, feature and org, and all of them, come to. Each stretch with its rows."""
    made: dict[Key, Fraction] = {}
    for stretch, rows in found:
        sums: dict[Key, int] = {}
        for row in rows:
            cost = row["cost_nanousd"]
            model = ("model", row["model"], row["provider"])
            for key in (("", "", ""), model, *((name, row[name], "") for name in ("provider", "feature", "org"))):
                sums[key] = sums.get(key, 0) + cost
        for key, nanousd in sums.items():
            made[key] = made.get(key, Fraction(0)) + stretch.rate.of_nanousd(nanousd)
    return made


def told(found: Sequence[Stretch]) -> str:
    """The rates, for people."""
    first, *more = [each.rate for each in found]
    later = "".join(f", then {rate.usd} from {rate.since}" for rate in more)
    return f"{first.code} at {first.usd} US dollars for one, from {first.since}{later}"
