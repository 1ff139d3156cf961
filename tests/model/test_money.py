"""What the operator declares of money: rates by day, capacity by the hour or month, to the last digit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.model.money import Currency, ExchangeRate, MoneySettings, Provisioned

EUR_MAY = ExchangeRate(currency="EUR", usd=Decimal("1.10"), since=date(2026, 5, 1))
EUR_JUNE = ExchangeRate(currency="EUR", usd=Decimal("1.20"), since=date(2026, 6, 1))
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def capacity(**changes: object) -> Provisioned:
    usual: dict[str, object] = {
        "name": "ptu",
        "provider": "acme",
        "model": "m",
        "per_hour": Decimal(2),
        "units": Decimal(50),
    }
    return Provisioned(**({**usual, "since": date(2026, 5, 1)} | changes))  # type: ignore[arg-type]  # of several types


@pytest.mark.parametrize(
    ("day", "usd"), [("2026-04-01", "1.10"), ("2026-05-01", "1.10"), ("2026-05-31", "1.10"), ("2026-06-01", "1.20")]
)
def test_the_rate_is_the_last_one_declared_before_and_else_the_first(day: str, usd: str) -> None:
    money = MoneySettings(rate=(EUR_JUNE, EUR_MAY))
    assert money.on("EUR", date.fromisoformat(day)).usd == Decimal(usd)
    assert money.on("USD", date.fromisoformat(day)) == Currency()


def test_an_amount_is_shown_at_one_rate_and_says_which() -> None:
    euro = MoneySettings(rate=(EUR_MAY,)).on("EUR", date(2026, 5, 9))
    assert euro.of_nanousd(1_100_000_000) == 1
    assert euro.told() == "EUR at 1.10 USD for one (your own rate, of 2026-05-01); stored in USD"
    assert Currency().told() is None


def test_capacity_by_the_hour_costs_each_hour_it_is_paid_for() -> None:
    assert capacity().cost(MAY, MAY + timedelta(hours=3, minutes=30)) == 350
    assert capacity().cost(MAY - timedelta(days=9), MAY) == 0
    ended = capacity(until=date(2026, 5, 2))
    assert ended.cost(MAY, JUNE) == 48 * 100
    assert ended.paid_hours(MAY, JUNE) == 48
    assert (ended.holds_on(date(2026, 5, 2)), ended.holds_on(date(2026, 5, 3))) == (True, False)


def test_capacity_by_the_month_costs_the_same_each_month_however_long() -> None:
    monthly = capacity(per_hour=None, per_month=Decimal(1000), units=Decimal(1))
    july = datetime(2026, 7, 1, tzinfo=UTC)
    assert [monthly.cost(MAY, JUNE), monthly.cost(JUNE, july), monthly.cost(MAY, july)] == [1000, 1000, 2000]
    assert monthly.cost(JUNE, JUNE + timedelta(days=3)) == 100


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000), st.booleans())
def test_parts_of_a_time_cost_what_the_whole_does(first: int, second: int, third: int, by_month: bool) -> None:
    one = capacity(per_hour=None, per_month=Decimal("99.99")) if by_month else capacity()
    a, b, c = (MAY + timedelta(hours=hours) for hours in sorted((first, second, third)))
    assert one.cost(a, b) + one.cost(b, c) == one.cost(a, c)
    assert isinstance(one.cost(a, c), Fraction)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: MoneySettings(show="EUR"), "show: no rate for 'EUR': declare it"),
        (lambda: MoneySettings(show="euro"), "expected three capitals such as 'EUR', got 'euro'"),
        (lambda: MoneySettings(rate=(EUR_MAY, EUR_MAY)), "expected one rate for EUR from 2026-05-01"),
        (lambda: ExchangeRate(currency="USD", usd=Decimal(1), since=date(2026, 1, 1)), "another one than USD"),
        (lambda: ExchangeRate(currency="EUR", usd=Decimal(0), since=date(2026, 1, 1)), "usd: expected more than 0, got 0"),
        (lambda: capacity(per_month=Decimal(1)), "expected either per_hour or per_month"),
        (lambda: capacity(per_hour=None), "expected either per_hour or per_month"),
        (lambda: capacity(units=Decimal(-1)), "units: expected more than 0"),
        (lambda: capacity(until=date(2026, 4, 1)), "until: expected no day before 2026-05-01"),
        (lambda: capacity(name=" "), "expected a name"),
        (lambda: MoneySettings(provisioned=(capacity(), capacity())), "expected each name once, got 'ptu' twice"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()  # type: ignore[operator]  # one of the functions above
