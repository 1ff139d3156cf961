"""What a discount does: takes its part off every rate of the list, exactly, for its own days, and says so."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import lectr_prices_genai
import pytest
from lectr_prices_genai.discounts import DiscountBook
from lectr_prices_genai.listed import ListedBook
from lectr_prices_genai.settings import Discount, Override, PricesSettings

from lectr_core import GatewaySettings, PriceQuestion, Quote, Settings
from lectr_core.testing import check_price_book

DAY = date(2026, 3, 1)


def discount(**changes: Any) -> Discount:  # Any: values of any field
    plain: dict[str, Any] = {"provider": "openai", "percent": Decimal(15)}  # Any: as above
    return Discount(**plain | changes)


def asked(model: str = "gpt-4o-mini", variant: str | None = None, day: date = DAY) -> PriceQuestion:
    return PriceQuestion("openai", model, day, variant, 10)


def find(*own: Discount, model: str = "gpt-4o-mini", variant: str | None = None, day: date = DAY) -> Quote | None:
    return DiscountBook(own, ListedBook()).quote(asked(model, variant, day))


def listed(model: str = "gpt-4o-mini") -> Quote:
    quote = ListedBook().quote(asked(model))
    assert quote is not None
    return quote


def test_every_rate_is_lower_exactly_and_the_quote_says_so() -> None:
    quote = find(discount(note="contract"))
    assert quote is not None
    usual = listed()
    assert quote.rates == {unit: rate * Decimal("0.85") for unit, rate in usual.rates.items()}
    assert quote.source == f"lectr.toml: 15 % off {usual.source}"
    assert quote.price_id == f"{usual.price_id}-15%"
    assert (quote.basis, quote.dated) == ("override", usual.dated)
    assert quote.note is not None
    assert quote.note.endswith("contract")


def test_all_off_costs_nothing_which_is_known() -> None:
    quote = find(discount(percent=Decimal(100)))
    assert quote is not None
    assert set(quote.rates.values()) == {Decimal(0)}


def test_it_holds_on_its_days_alone() -> None:
    own = discount(since=date(2026, 2, 1), until=date(2026, 3, 1))
    assert find(own, day=date(2026, 1, 31)) is None
    assert find(own, day=date(2026, 2, 1)) is not None
    assert find(own, day=date(2026, 3, 1)) is not None
    assert find(own, day=date(2026, 3, 2)) is None


def test_the_best_fit_wins_and_two_are_never_added_up() -> None:
    general, exact = discount(percent=Decimal(10)), discount(model="GPT-4o-mini", percent=Decimal(20))
    for own in ((general, exact), (exact, general)):
        quote = find(*own)
        assert quote is not None
        assert quote.rates["input"] == listed().rates["input"] * Decimal("0.8")
    quote = find(general, exact, model="gpt-4o")
    assert quote is not None
    assert quote.rates["input"] == listed("gpt-4o").rates["input"] * Decimal("0.9")


def test_what_it_is_not_for_it_does_not_know() -> None:
    assert find(discount(provider="anthropic")) is None
    assert find(discount(model="o*")) is None
    assert find(discount(variant="flex")) is None
    assert find(discount(), model="nobody-knows-it") is None


def test_a_price_to_be_careful_with_stays_one() -> None:
    quote = find(discount(), variant="a tier without a price")
    assert quote is not None
    assert quote.basis == "fallback"


def test_the_same_question_has_one_and_the_same_answer() -> None:
    book = DiscountBook([discount()], ListedBook())
    assert book.quote(asked()) is book.quote(asked())


def test_it_keeps_what_every_price_book_promises() -> None:
    check_price_book(DiscountBook([discount()], ListedBook()), [asked()])


def test_the_operators_own_prices_come_first_then_discounts_then_the_list() -> None:
    own = PricesSettings(
        override=(Override(provider="x", model="y", per_million={"input": Decimal(1)}),), discount=(discount(),)
    )
    books = lectr_prices_genai.lectr_price_books(Settings(GatewaySettings(), {"prices": own}, "abc"))
    assert [book.id for book in books] == ["overrides", "discounts", "genai-prices"]


@pytest.mark.parametrize("percent", ["0", "-1", "100.1", "nan"])
def test_a_share_that_is_none_is_refused(percent: str) -> None:
    with pytest.raises(ValueError, match="percent"):
        discount(percent=Decimal(percent))


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="until"):
        discount(since=DAY, until=date(2026, 2, 1))
