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


def capacities(money: MoneySettings, since: datetime, until: datetime) -> list[Capacity]:
    """Every one that was paid for in that time."""
    found = []
    for one in money.provisioned:
        hours = one.paid_hours(since, until)
        if hours > 0:
            found.append(Capacity(one, hours, round(_nanousd(money, one, since, until))))
    return found


def _nanousd(money: MoneySettings, one: Provisioned, since: datetime, until: datetime) -> Fraction:
    """Each day at that day's rate of exchange, exactly, as `lectr report` has it."""
    cuts = sorted({datetime.combine(rate.since, time(), UTC) for rate in money.rate if rate.currency == one.currency})
    total, at = Fraction(0), since
    for to in (*(cut for cut in cuts if since < cut < until), until):
        total += one.cost(at, to) * Fraction(money.on(one.currency, at.date()).usd)
        at = to
    return total * NANO
