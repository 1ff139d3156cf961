"""What every price book promises: exact rates with provenance, None for what it does not know, the same answer each time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import get_args

from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.record import CostBasis
from lectr_core.ports import PriceBook
from lectr_core.testing.promise import must

_DAY = date(2026, 1, 1)
_UNKNOWN = (
    PriceQuestion("no-such-provider", "no-such-model-7f3a", _DAY, None, 0),
    PriceQuestion("no-such-provider", "", _DAY, "no-such-tier", 2**40),
    PriceQuestion("", "x" * 1000, date(1999, 1, 1), None, 1),
)


def check_price_book(book: PriceBook, known: Iterable[PriceQuestion]) -> None:
    """Ask *book* what it cannot know, then each question of *known*, which it must answer.

    Errors: Broken, with the promise that is not kept.
    """
    must(isinstance(book, PriceBook), f"{type(book).__name__} does not satisfy lectr_core.PriceBook")
    for question in _UNKNOWN:
        quote = book.quote(question)
        must(quote is None, f"nobody can know a price for {question!r}, yet the book quotes {quote!r}")
    for question in known:
        quote = book.quote(question)
        must(isinstance(quote, Quote), f"the book must know {question!r}, got {quote!r}")
        if quote is not None:
            must(book.quote(question) == quote, f"two quotes for {question!r} differ")
            _check_quote(quote, question)


def _check_quote(quote: Quote, question: PriceQuestion) -> None:
    for name, rate in quote.rates.items():
        fine = isinstance(rate, Decimal) and rate.is_finite() and rate >= 0
        must(fine, f"rate of {name!r} for {question.model!r} is {rate!r}; expected a Decimal of at least 0")
    must(bool(quote.price_id and quote.source), f"a quote for {question.model!r} must name its price and its source")
    must(quote.basis in get_args(CostBasis), f"basis {quote.basis!r} is not one of {get_args(CostBasis)}")
    must(quote.basis != "unknown", "a quote with basis 'unknown' is no quote: answer None instead")
    tiered = question.variant is None or quote.basis != "exact"
    must(tiered, f"variant {question.variant!r} was asked, so the basis must be 'variant', 'fallback' or 'override'")
    if quote.dated is not None:
        date.fromisoformat(quote.dated)
