"""Capacity that is paid for by the hour: its requests cost nothing more, and say why. Prices in other currencies."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
from lectr_prices_genai import lectr_price_books
from lectr_prices_genai.overrides import OverrideBook
from lectr_prices_genai.settings import Override, PricesSettings

from lectr_core import (
    Accountant,
    Begun,
    Ended,
    ExchangeRate,
    GatewaySettings,
    MoneySettings,
    PriceQuestion,
    Provisioned,
    Reading,
    Settings,
    Terms,
    Usage,
)
from lectr_core.testing import check_price_book

DAY = date(2026, 11, 20)
PTU = Provisioned(
    name="ptu-west", provider="azure", model="gpt-4o-ptu*", units=Decimal(100), per_hour=Decimal(1), since=date(2026, 1, 1)
)
RATES = (
    ExchangeRate(currency="EUR", usd=Decimal("1.0834"), since=date(2026, 1, 1)),
    ExchangeRate(currency="EUR", usd=Decimal("1.1"), since=date(2026, 12, 1)),
)
EUROS = Override(
    provider="acme", model="m", per_million={"input": Decimal("0.13"), "output": Decimal("0.5")}, currency="EUR"
)


def books(data: Path, *capacities: Provisioned, override: tuple[Override, ...] = ()) -> Accountant:
    sections = {"money": MoneySettings(rate=RATES, provisioned=capacities), "prices": PricesSettings(override=override)}
    return Accountant(list(lectr_price_books(Settings(GatewaySettings(data=data), sections, "v"))))


def asked(model: str = "gpt-4o-ptu-1", day: date = DAY, variant: str | None = None) -> PriceQuestion:
    return PriceQuestion("azure", model, day, variant, 1_000)


def served(model_sent: str = "gpt-4o-ptu-1", units: dict[str, int] | None = None, told_nanousd: int | None = None) -> Ended:
    begun = Begun(
        seq=1,
        id="r1",
        started_ns=1_795_000_000_000_000_000,
        config_version="v",
        method="POST",
        endpoint="/v1/chat/completions",
        provider="azure",
        model_sent=model_sent,
    )
    usage = Usage(units or {"input": 1_000, "output": 50}, terms=Terms(cost_nanousd=told_nanousd))
    reading = Reading(state="reported", model="gpt-4o-2024-08-06", usage=usage)
    return Ended(begun=begun, outcome="ok", ended_by="completed", status=200, reading=reading)


def test_a_request_on_provisioned_capacity_costs_nothing_more_and_says_so(tmp_path: Path) -> None:
    found = books(tmp_path, PTU).account(served())
    assert (found.cost_nanousd, found.cost_low_nanousd, found.cost_high_nanousd) == (0, 0, 0)
    assert (found.cost_basis, found.price_id, found.price_source) == ("provisioned", "provisioned/ptu-west", "lectr.toml")
    assert found.input_tokens == 1_000
    usual = books(tmp_path).account(served())
    assert usual.cost_basis != "provisioned"
    assert usual.cost_nanousd


def test_it_goes_before_prices_of_your_own_and_what_a_provider_tells(tmp_path: Path) -> None:
    own = Override(provider="azure", model="*", per_million={"input": Decimal(9)})
    found = books(tmp_path, PTU, override=(own,)).account(served(told_nanousd=77))
    assert (found.cost_nanousd, found.cost_basis) == (0, "provisioned")


def test_what_broke_off_has_no_open_end_there(tmp_path: Path) -> None:
    ended = served()
    cut = attrs.evolve(ended, outcome="interrupted", reading=attrs.evolve(ended.reading, state="partial"))
    found = books(tmp_path, PTU).account(cut)
    assert (found.cost_nanousd, found.cost_high_nanousd) == (0, 0)


def test_a_tool_is_no_part_of_it(tmp_path: Path) -> None:
    found = books(tmp_path, PTU).account(served(units={"input": 10, "output": 1, "web_search": 1}))
    assert (found.cost_nanousd, found.cost_high_nanousd) == (0, None)
    assert "no rate for web_search" in (found.price_note or "")


@pytest.mark.parametrize(
    ("question", "fits"),
    [
        (asked(), True),
        (asked("GPT-4o-PTU-2"), True),
        (asked("gpt-4o"), False),
        (asked(day=date(2025, 12, 31)), False),
        (asked(day=date(2026, 6, 2)), False),
        (asked(variant="batch"), False),
    ],
)
def test_it_holds_for_its_model_on_its_days(question: PriceQuestion, fits: bool, tmp_path: Path) -> None:
    ended = attrs.evolve(PTU, name="other", until=date(2026, 6, 1))
    one = PTU if question.day != date(2026, 6, 2) else ended
    book = next(iter(lectr_price_books(settings(tmp_path, one))))
    assert (book.quote(question) is not None) == fits
    if fits:
        check_price_book(book, [question])


def settings(data: Path, *capacities: Provisioned) -> Settings:
    return Settings(GatewaySettings(data=data), {"money": MoneySettings(provisioned=capacities)}, "v")


@pytest.mark.parametrize(("day", "usd", "dated"), [(DAY, "1.0834", "2026-01-01"), (date(2026, 12, 5), "1.1", "2026-12-01")])
def test_a_price_in_another_currency_is_converted_at_the_rate_of_the_day_and_says_so(
    day: date, usd: str, dated: str
) -> None:
    book = OverrideBook([EUROS], MoneySettings(rate=RATES))
    quote = book.quote(PriceQuestion("acme", "m", day, None, 10))
    assert quote is not None
    assert quote.rates["input"] == Decimal("0.13") * Decimal(usd) / 1_000_000
    assert quote.source == f"lectr.toml, EUR at {usd} USD of {dated}"
    assert quote.basis == "override"
    assert book.quote(PriceQuestion("acme", "m", day, None, 99)) is quote, "remembered"


def test_a_price_with_many_places_stays_one_that_can_be_counted_with() -> None:
    odd = attrs.evolve(EUROS, per_million={"input": Decimal("0.123456789012345")})
    rate = ExchangeRate(currency="EUR", usd=Decimal("1.083456789012"), since=date(2026, 1, 1))
    check_price_book(OverrideBook([odd], MoneySettings(rate=(rate,))), [PriceQuestion("acme", "m", DAY, None, 10)])
    ended = served()
    begun = attrs.evolve(ended.begun, provider="acme")
    ended = attrs.evolve(ended, begun=begun, reading=attrs.evolve(ended.reading, model="m", usage=Usage({"input": 10**6})))
    found = Accountant([OverrideBook([odd], MoneySettings(rate=(rate,)))]).account(ended)
    assert found.cost_nanousd == round(Decimal("0.123456789012345") * Decimal("1.083456789012") * 10**9)
