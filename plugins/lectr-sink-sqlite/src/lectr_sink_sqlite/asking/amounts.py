"""Amounts of money as people read them: in the currency that they asked for, with as many places as say something.

Called by the commands of this room.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import click

from lectr_core import NANO, Currency, MoneySettings, Settings

USD = Currency()


def currency_of(settings: Settings, code: str | None) -> Currency:
    """The currency to show, at the rate of today: *code*, else the one that the settings say. Errors: click.UsageError."""
    money = settings.section("money", MoneySettings)
    wanted = (code or money.show).upper()
    if not money.knows(wanted):
        known = ", ".join(sorted({"USD", *(one.currency for one in money.rate)}))
        raise click.UsageError(f"--currency: no rate for {wanted!r}; declared are {known}: declare it in [[money.rate]]")
    return money.on(wanted, datetime.now(UTC).date())


def amount(nanousd: int | Fraction, currency: Currency = USD) -> str:
    """An amount, without its currency."""
    return written(float(nanousd / NANO if currency.since is None else currency.of_nanousd(nanousd)))


def written(sum_: float) -> str:
    """An amount with the places that say something: what is not nothing never looks like it."""
    return (
        f"{sum_:,.2f}"
        if abs(sum_) >= 100
        else f"{sum_:,.4f}"
        if abs(sum_) >= 0.01 or not sum_
        else format(Decimal(f"{sum_:.2g}"), "f")
    )


def exactly(billionths: Fraction) -> Decimal:
    """For a spreadsheet: an amount of billionths of a currency in whole ones, to one of them."""
    return Decimal(round(billionths)).scaleb(-9)


currency_option = click.option(
    "--currency", metavar="CODE", help="Show amounts in it, at the rate of [[money.rate]]. [default: money.show, else USD]"
)
