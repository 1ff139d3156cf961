"""`[money]`: what the operator declares of money: rates of exchange, what amounts are shown in, capacity that is paid for by
the hour.

Costs are kept in nano-dollars; what is declared here only turns other currencies into them, or them into others for people.
Values only; read by the settings loader, by price books, and by whoever shows amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs

from lectr_core.model.price import NANO

USD: Final = "USD"
_CODE: Final = re.compile(r"[A-Z]{3}")


def _positive(_: object, attribute: attrs.Attribute[Decimal], amount: Decimal) -> None:
    if not (amount.is_finite() and amount > 0):
        raise ValueError(f"{attribute.name}: expected more than 0, got {amount}")


def _code(_: object, attribute: attrs.Attribute[str], code: str) -> None:
    if not _CODE.fullmatch(code):
        raise ValueError(f"{attribute.name}: expected three capitals such as 'EUR', got {code!r}")


@attrs.frozen(kw_only=True)
class ExchangeRate:
    """`[[money.rate]]`: what one of another currency costs, from a day on. Nothing looks it up: it is what you say."""

    currency: str = attrs.field(validator=_code)
    """Three capitals (ISO 4217), such as `EUR`."""
    usd: Decimal = attrs.field(validator=_positive)
    """How many USD one of it costs."""
    since: date
    """First UTC day on which this rate holds, until that of the next; the earliest also holds for all days before."""

    def __attrs_post_init__(self) -> None:
        if self.currency == USD:
            raise ValueError("currency: expected another one than USD, of which one costs 1")


@attrs.frozen(kw_only=True)
class Provisioned:
    """`[[money.provisioned]]`: capacity that is paid for whatever is used of it. Its requests cost nothing more."""

    name: str
    """What you call it, once only; stands in `price_id` and in reports."""
    provider: str
    """Id of the provider; `*` and `?` match as in file names."""
    model: str
    """The deployment or model, as requests name it or as the provider reports it; patterns as above."""
    units: Decimal = attrs.field(default=Decimal(1), validator=_positive)
    """How many units there are."""
    per_hour: Decimal | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    """What one unit costs an hour. Either this or `per_month`."""
    per_month: Decimal | None = attrs.field(default=None, validator=attrs.validators.optional(_positive))
    """What one unit costs a calendar month (UTC), spread evenly over its hours."""
    currency: str = attrs.field(default=USD, validator=_code)
    """Of that price: one that `[[money.rate]]` declares."""
    since: date
    """First UTC day on which it is paid for."""
    until: date | None = None
    """Last UTC day; absent: it goes on. End it, rather than remove it: reports of the past need it."""

    def __attrs_post_init__(self) -> None:
        if (self.per_hour is None) == (self.per_month is None):
            raise ValueError("expected either per_hour or per_month")
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until: expected no day before {self.since}, got {self.until}")
        if not self.name.strip():
            raise ValueError("name: expected a name, got none")

    def holds_on(self, day: date) -> bool:
        """Whether it is paid for on that day."""
        return self.since <= day and (self.until is None or day <= self.until)

    def cost(self, begin: datetime, end: datetime) -> Fraction:
        """What it costs from *begin* until *end* (UTC), in its own currency, exactly."""
        first = max(begin, datetime.combine(self.since, time(), UTC))
        last = end if self.until is None else min(end, datetime.combine(self.until + timedelta(days=1), time(), UTC))
        if self.per_hour is not None:
            return Fraction(self.per_hour * self.units) * _hours(last - first)
        each = Fraction((self.per_month or Decimal(0)) * self.units)
        return sum((each * _hours(to - at) / _hours(month) for at, to, month in _months(first, last)), Fraction(0))

    def paid_hours(self, begin: datetime, end: datetime) -> float:
        """For how many hours of that time it is paid for."""
        days = attrs.evolve(self, units=Decimal(1), per_hour=Decimal(1), per_month=None)
        return float(days.cost(begin, end))


@attrs.frozen
class Currency:
    """What amounts are shown in. One rate for all that is shown at once; what is stored stays in USD."""

    code: str = USD
    usd: Decimal = Decimal(1)
    """How many USD one of it costs."""
    since: date | None = None
    """From when that rate holds; None for USD."""

    def of_nanousd(self, nanousd: int | Fraction) -> Fraction:
        """An amount in this currency, exactly."""
        return Fraction(nanousd) / NANO / Fraction(self.usd)

    def told(self) -> str | None:
        """For people: where an amount in it comes from; None for USD."""
        if self.code == USD:
            return None
        return f"{self.code} at {self.usd} USD for one (your own rate, of {self.since}); stored in USD"


@attrs.frozen(kw_only=True)
class MoneySettings:
    """`[money]`."""

    show: str = attrs.field(default=USD, validator=_code)
    """What commands and the statement show: `USD`, or a currency of `[[money.rate]]`. What is stored stays in USD."""
    rate: tuple[ExchangeRate, ...] = ()
    """Rates of exchange, in any order."""
    provisioned: tuple[Provisioned, ...] = ()
    """Capacity that is paid for by the hour or month."""

    def __attrs_post_init__(self) -> None:
        names = [one.name for one in self.provisioned]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"provisioned: expected each name once, got {twice!r} twice")
        days = [(one.currency, one.since) for one in self.rate]
        if again := next((day for day in days if days.count(day) > 1), None):
            raise ValueError(f"rate: expected one rate for {again[0]} from {again[1]}, got two")
        if not self.knows(self.show):
            raise ValueError(f"show: no rate for {self.show!r}: declare it in [[money.rate]]")

    def knows(self, currency: str) -> bool:
        """Whether it has a rate."""
        return currency == USD or any(one.currency == currency for one in self.rate)

    def on(self, currency: str, day: date) -> Currency:
        """A currency with the rate that holds on a day. Errors: KeyError where there is none."""
        if currency == USD:
            return Currency()
        rates = sorted((one for one in self.rate if one.currency == currency), key=lambda one: one.since)
        if not rates:
            raise KeyError(currency)
        held = next((one for one in reversed(rates) if one.since <= day), rates[0])
        return Currency(held.currency, held.usd, held.since)


def _hours(span: timedelta) -> Fraction:
    return max(Fraction(0), Fraction(span // timedelta(microseconds=1), 3_600_000_000))


def _months(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """A stretch of time cut at the beginnings of months, each part with how long its whole month is."""
    at = begin
    while at < end:
        first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = (first + timedelta(days=32)).replace(day=1)
        yield at, min(end, following), following - first
        at = following
