"""What capacity costs that is paid for by the hour, whatever is used of it. Pure; called by the statement."""

from __future__ import annotations

from datetime import UTC, datetime, time
from fractions import Fraction

import attrs

from lectr_core import NANO, MoneySettings, Provisioned


@attrs.frozen
class Capacity:
    """One capacity over a time."""

    one: Provisioned
    hours: float
    """For how long it was paid for."""
    cost_nanousd: int
    shown: Fraction
    """In the currency to show."""


def capacities(money: MoneySettings, since: datetime, until: datetime) -> list[Capacity]:
    """Every one that was paid for in that time: each day at that day's rates of exchange, as `lectr report` has it."""
    found = []
    for one in money.provisioned:
        hours = one.paid_hours(since, until)
        if hours <= 0:
            continue
        wanted = {one.currency, money.show}
        days = sorted({datetime.combine(rate.since, time(), UTC) for rate in money.rate if rate.currency in wanted})
        usd, shown, at = Fraction(0), Fraction(0), since
        for to in (*(day for day in days if since < day < until), until):
            paid = one.cost(at, to) * Fraction(money.on(one.currency, at.date()).usd)
            usd, shown, at = usd + paid, shown + paid / Fraction(money.on(money.show, at.date()).usd), to
        found.append(Capacity(one, hours, round(usd * NANO), shown))
    return found
