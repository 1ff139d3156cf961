"""The price desk: books in their order, answers remembered, broken books named and passed over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import attrs
import pytest

from lectr_core.cold import prices
from lectr_core.cold.prices import PriceDesk, day_of, make_rates
from lectr_core.model.price import PriceQuestion, Quote

ASKED = PriceQuestion("acme", "acme-1", date(2026, 7, 31), None, 100)
ONE = Decimal("0.000001")


def quote(rates: Mapping[str, Decimal], source: str = "a list") -> Quote:
    return Quote(rates=rates, price_id="p", source=source, dated=None, basis="exact")


@attrs.define
class Book:
    """Knows some models, counts questions, may fail."""

    id: str
    models: tuple[str, ...] = ("acme-1",)
    rate: Decimal = ONE
    fault: Exception | None = None
    asked: int = 0

    def quote(self, question: PriceQuestion) -> Quote | None:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return quote({"input": self.rate}, self.id) if question.model in self.models else None


def test_the_first_book_that_knows_the_model_answers() -> None:
    books = [Book("a", models=()), Book("b"), Book("c")]
    found = PriceDesk(books).find((ASKED,))
    assert found is not None
    assert found.quote.source == "b"
    assert [book.asked for book in books] == [1, 1, 0]


def test_a_book_is_asked_for_every_model_before_the_next_book_is() -> None:
    own = Book("own", models=("my-deployment",))
    desk = PriceDesk([own, Book("list")])
    found = desk.find((ASKED, attrs.evolve(ASKED, model="my-deployment")))
    assert found is not None
    assert (found.quote.source, found.model) == ("own", "my-deployment")


def test_an_answer_is_remembered_even_where_it_is_none() -> None:
    book = Book("a")
    desk = PriceDesk([book])
    for question in (ASKED, attrs.evolve(ASKED, model="other")):
        book.asked = 0
        assert desk.find((question,)) == desk.find((question,))
        assert book.asked == 1


def test_what_is_remembered_is_bounded_and_the_longest_unused_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "REMEMBERED", 2)
    book = Book("a")
    desk = PriceDesk([book])
    first, second, third = (attrs.evolve(ASKED, input_tokens=count) for count in (1, 2, 3))
    for question in (first, second, first, third, first):
        desk.find((question,))
    assert book.asked == 3
    desk.find((second,))
    assert book.asked == 4


def test_a_book_that_raises_is_counted_named_and_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    broken = Book("broken", fault=KeyError("no such thing"))
    desk = PriceDesk([broken, Book("b")])
    for _ in range(12):
        found = desk.find((ASKED,))
        assert found is not None
        assert found.quote.source == "b"
    assert desk.faults == {"broken": 12}
    assert [record.message[:45] for record in caplog.records] == [
        "price book broken failed (1 times so far): Ke",
        "price book broken failed (10 times so far): K",
    ]
    broken.fault = None
    found = desk.find((ASKED,))
    assert found is not None
    assert found.quote.source == "broken", "once it works again it is heard again"


@pytest.mark.parametrize(
    "rate", [Decimal("NaN"), Decimal("Infinity"), Decimal("-1"), Decimal("1E+7"), Decimal("1E-30"), 0.5]
)
def test_a_rate_that_is_no_price_makes_the_book_wrong_not_the_cost(rate: Decimal) -> None:
    with pytest.raises(ValueError, match="rate of 'input' is"):
        make_rates(quote({"input": rate}), "acme-1")
    desk = PriceDesk([Book("odd", rate=rate)])
    assert desk.find((ASKED,)) is None
    assert desk.faults == {"odd": 1}


@pytest.mark.parametrize("text", ["0", "0.0000025", "1E-12", "1000", "0.000000333333333333"])
def test_rates_become_whole_numbers_exactly(text: str) -> None:
    made = make_rates(quote({"input": Decimal(text), "output": ONE}), "acme-1")
    assert Decimal(made.per_unit["input"]) / made.scale == Decimal(text) * 10**9


@pytest.mark.parametrize(
    ("moment_ns", "day"),
    [(0, date(1970, 1, 1)), (86_399_999_999_999, date(1970, 1, 1)), (1_767_225_600_000_000_000, date(2026, 1, 1))],
)
def test_days_are_utc(moment_ns: int, day: date) -> None:
    assert day_of(moment_ns) == day


def test_a_quote_given_for_many_prompts_is_made_ready_once() -> None:
    one, other = quote({"input": ONE}), quote({"input": 2 * ONE})

    @attrs.define
    class ByLength:
        id: str = "by length"

        def quote(self, question: PriceQuestion) -> Quote:
            return one if question.input_tokens < 1000 else other

    desk = PriceDesk([ByLength()])
    found = [desk.find((attrs.evolve(ASKED, input_tokens=tokens),)) for tokens in (1, 999, 1000, 5000)]
    assert found[0] is found[1] is not found[2] is found[3]
    assert [rates.quote for rates in found if rates is not None] == [one, one, other, other]


@attrs.define
class Catalog(Book):
    """A book whose prices become others when it is told so."""

    is_new: bool = False

    def renew_now(self) -> bool:
        if self.fault is not None:
            raise self.fault
        was_new, self.is_new = self.is_new, False
        return was_new

    def told(self) -> str:
        return self.id


def test_what_was_remembered_is_asked_again_once_a_catalog_is_another_one() -> None:
    book = Catalog("a")
    desk = PriceDesk([Book("b", models=()), book])
    desk.find((ASKED,))
    book.rate *= 2
    desk.renew_now()
    before = desk.find((ASKED,))
    book.is_new = True
    desk.renew_now()
    after = desk.find((ASKED,))
    assert before is not None
    assert after is not None
    assert after.quote.rates["input"] == 2 * before.quote.rates["input"]
    assert [price.quote.rates["input"] for price in desk.used.values()] == [ONE, 2 * ONE], "sinks keep both"


def test_a_catalog_that_cannot_be_renewed_is_blamed_and_stays_in_use() -> None:
    desk = PriceDesk([Catalog("a", fault=OSError("no disk"))])
    desk.renew_now()
    assert desk.faults["a"] == 1


@attrs.define
class Wrong(Book):
    """Says what is wrong with it; may fail at that too."""

    def what_is_wrong(self) -> tuple[str, str] | None:
        if self.fault is not None:
            raise self.fault
        return (f"{self.id} is damaged", "mend it") if self.models else None


def test_books_say_what_is_wrong_with_them_and_one_that_cannot_is_blamed() -> None:
    desk = PriceDesk([Book("a"), Wrong("b"), Wrong("c", models=()), Wrong("d", fault=OSError("no disk"))])
    assert desk.catalog_faults() == {"b": "b is damaged"}
    assert dict(desk.faults) == {"d": 1}
