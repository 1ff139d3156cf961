"""The statement: sums to the cent that add up, in another currency at a rate that is named, and what is missing said."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette import money
from lectr_datasette.drawing import words
from lectr_datasette.reckoning.capacity import capacities
from lectr_datasette.reckoning.currency import stretches
from lectr_datasette.views.statement import statement_of
from lectr_datasette.views.visit import Visit

from lectr_core import ExchangeRate, MoneySettings, Provisioned

NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)
MONEY = MoneySettings(
    show="EUR",
    rate=(
        ExchangeRate(currency="EUR", usd=Decimal("1.25"), since=date(2026, 1, 1)),
        ExchangeRate(currency="EUR", usd=Decimal("2"), since=date(2026, 5, 1)),
    ),
    provisioned=(
        Provisioned(name="east", provider="p", model="m", per_hour=Decimal("0.5"), currency="EUR", since=date(2026, 4, 30)),
    ),
)
Rows = list[dict[str, Any]]  # Any: SQLite's values
Sampled = Callable[..., dict[str, Any]]  # Any: as above


def text_of(html: str) -> str:
    bare = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", bare.replace("\u00a0", " "))


def rows_of(sampled: Sampled, days: dict[datetime, int]) -> Rows:
    """A request at each time, with its nano-dollars."""
    return [
        sampled(((NOW - at).total_seconds() / 60, "chat", "alpha", "m-1", "ok", 200, 1.0, 10, 1, cost), NOW)
        for at, cost in days.items()
    ]


@pytest.fixture
def stored(database: Callable[..., Path], sampled: Sampled) -> Path:
    """Something in March, in the last and the first minute of April, and in May."""
    return database(
        rows=rows_of(
            sampled,
            {
                datetime(2026, 3, 31, 23, 59, tzinfo=UTC): 7_000_000_000,
                datetime(2026, 4, 1, 0, 0, tzinfo=UTC): 1_234_560_000,
                datetime(2026, 4, 30, 23, 59, tzinfo=UTC): 2_000_000_000,
                datetime(2026, 5, 2, 12, 0, tzinfo=UTC): 5_000_000_000,
            },
        )
    )


def test_the_month_that_is_over_is_shown_first_and_holds_just_its_days(stored: Path, seen: Callable[..., str]) -> None:
    said = text_of(seen(stored, statement_of))
    assert "Statement: April 2026" in said
    assert "Total $3.23" in said
    assert "all requests 2 22 $3.23 $3.23 $3.23 –" in said
    assert "on March ($7.00)" not in said, "March is recorded in part"
    assert "not over" not in said
    assert "EUR" not in said


def test_the_month_that_goes_on_says_so(stored: Path, seen: Callable[..., str]) -> None:
    said = text_of(seen(stored, statement_of, period="2026-05"))
    assert "This month is not over" in said
    assert "Total $5.00" in said
    assert "on April so far ($1.23)" in said


def test_another_currency_is_named_with_its_rate(stored: Path, seen: Callable[..., str]) -> None:
    async def view(visit: Visit) -> str:
        return await statement_of(attrs.evolve(visit, money=MONEY))

    said = text_of(seen(stored, view))
    assert "EUR at 1.25 US dollars for one, from 2026-01-01: your own rates" in said
    assert "all requests 2 22 $3.23 2.59" in said
    assert "m-1 2 22 $3.23 2.59" in said
    assert "chat 2 22 $3.23 2.59" in said
    # 24 hours of April at 0.50 euros, at that day's 1.25 dollars.
    assert "east p m 1 24.0 $15.00 12.00" in said
    assert "Total $18.23 EUR 14.59 $15.00 of it for capacity" in said
    assert "$15.00" not in text_of(seen(stored, view, feature="chat")), "capacity is nobody's alone"


def test_capacity_is_paid_at_each_days_rate() -> None:
    (found,) = capacities(MONEY, datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
    assert found.hours == 48
    assert found.cost_nanousd == (12 * Fraction("1.25") + 12 * 2) * words.NANO
    assert found.shown == 24, "what is agreed in a currency comes out as it was agreed"


def test_each_days_amounts_are_taken_at_that_days_rate(stored: Path, seen: Callable[..., str]) -> None:
    async def view(visit: Visit) -> str:
        return await statement_of(attrs.evolve(visit, money=attrs.evolve(MONEY, provisioned=())))

    said = text_of(seen(stored, view, since="2026-04-01T00:00Z", until="2026-05-20T00:00Z"))
    assert "EUR at 1.25 US dollars for one, from 2026-01-01, then 2 from 2026-05-01" in said
    # 3.23456 dollars of April at 1.25 and 5 of May at 2.
    assert "Total $8.23 EUR 5.09" in said
    cut = stretches(MONEY, datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC))
    assert [str(each.rate.usd) for each in cut] == ["1.25", "2"]
    assert cut[0].until == cut[1].since == datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("said", [MONEY, MoneySettings()])
def test_money_goes_into_the_process_and_comes_out_the_same(said: MoneySettings) -> None:
    assert money.of_environ(money.environ_of(said)) == said


def test_nothing_is_said_where_there_is_no_money_to_speak_of() -> None:
    assert money.environ_of(MoneySettings()) == {}
    assert money.of_environ({}) == MoneySettings()


@given(st.integers(-(10**15), 10**15))
def test_cents_are_the_nearest_and_never_hide_an_amount(nanousd: int) -> None:
    said = words.cents(nanousd)
    if nanousd and "0.01" in said and "<" in said:
        assert abs(nanousd) < words.NANO / 200
        return
    shown = Decimal(said.replace("$", "").replace(",", "").replace("−", "-"))
    assert abs(shown - Decimal(nanousd) / words.NANO) <= Decimal("0.005")
    assert (shown != 0) or not nanousd
