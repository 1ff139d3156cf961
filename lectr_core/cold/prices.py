"""The price books as one desk: asked in order, answers remembered, rates made ready for exact arithmetic.

A book is a plugin: what it raises or answers wrongly is counted and named, and the next book is asked. Nothing is rounded
here. Called by `account.py`.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

import attrs

from lectr_core.model.price import NANO, PriceQuestion, Quote, UsedPrice
from lectr_core.ports import PriceBook, PriceCatalog, TellsFault

_log = logging.getLogger("lectr.cold")

REMEMBERED: Final = 4096
"""Questions whose answer is kept; one takes about a kilobyte."""

MOST_USED: Final = 20_000
"""Different prices that are kept for sinks to store: more than there are models. A book that makes up new ones ends here."""

# No rate of any provider is finer than 1e-12 USD a unit or above 1000; beyond these, a book is broken, not expensive.
_FINEST_EXPONENT = -24
_HIGHEST_RATE = 1_000_000

_EPOCH = date(1970, 1, 1).toordinal()
_DAY_NS = 86_400_000_000_000


@attrs.frozen
class Rates:
    """A quote as whole numbers: *per_unit* divided by *scale* is nano-dollars for one unit, exactly."""

    quote: Quote
    model: str
    """The model it was found under."""
    per_unit: Mapping[str, int]
    scale: int


def make_rates(quote: Quote, model: str) -> Rates:
    """Make *quote* ready. Errors: ValueError where a rate is no sensible price."""
    finest = 0
    for unit, rate in quote.rates.items():
        if not isinstance(rate, Decimal) or not rate.is_finite() or not 0 <= rate <= _HIGHEST_RATE:
            raise ValueError(f"rate of {unit!r} is {rate!r}; allowed is a Decimal from 0 to {_HIGHEST_RATE}")
        exponent = int(rate.normalize().as_tuple().exponent)
        if exponent < _FINEST_EXPONENT:
            raise ValueError(f"rate of {unit!r} is {rate!r}; allowed are {-_FINEST_EXPONENT} decimal places")
        finest = min(finest, exponent)
    scale = 10**-finest
    return Rates(quote, model, {unit: _exactly(rate, scale) * NANO for unit, rate in quote.rates.items()}, scale)


def _exactly(rate: Decimal, scale: int) -> int:
    above, below = rate.as_integer_ratio()
    return above * scale // below  # no rest: below divides scale


def day_of(started_ns: int) -> date:
    """The UTC day of a moment. Units: wall clock, nanoseconds since 1970."""
    return _day(started_ns // _DAY_NS)


@lru_cache(maxsize=16)
def _day(days: int) -> date:
    return date.fromordinal(_EPOCH + days)


class _NotAsked:
    """In place of an answer that is remembered, which may be None."""


_NOT_ASKED = _NotAsked()


@attrs.define(eq=False)
class PriceDesk:
    """Asks the books in their order. Each book is asked all the questions, which differ in their model alone, before the
    next one is: so the operator's own price for the model as sent goes before a list's price for the model as reported.
    """

    books: Sequence[PriceBook]
    faults: Counter[str] = attrs.field(init=False, factory=Counter)
    """How often each book failed, by its id."""
    _remembered: OrderedDict[tuple[PriceQuestion, ...], Rates | None] = attrs.field(init=False, factory=OrderedDict)
    used: dict[tuple[object, ...], UsedPrice] = attrs.field(init=False, factory=dict)
    """Every price that was found since the start, in order, each once: for sinks that keep them."""
    _ready: dict[tuple[int, str], Rates] = attrs.field(init=False, factory=dict)
    """Rates by the identity of their quote, which they keep alive, and the model it was found under. A book that remembers
    its quotes gives one and the same for prompts of any length: making it ready costs more than finding it."""

    def find(self, questions: tuple[PriceQuestion, ...]) -> Rates | None:
        """The first answer; None where no book knows any of the models."""
        known = self._remembered.get(questions, _NOT_ASKED)
        if not isinstance(known, _NotAsked):
            self._remembered.move_to_end(questions)
            return known
        faults = self.faults.total()
        rates = self._ask(questions)
        if self.faults.total() == faults:  # an answer given while a book was broken is not kept
            self._remembered[questions] = rates
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return rates

    def renew_now(self) -> None:
        """Let catalogs take up what is new; then nothing that was remembered holds any more."""
        is_new = False
        for book in self.books:
            if not isinstance(book, PriceCatalog):
                continue
            try:
                is_new = book.renew_now() or is_new
            except Exception as exc:  # noqa: BLE001 - as below: the prices there are stay in use
                self._blame(book.id, exc)
        if is_new:
            self._remembered.clear()
            self._ready.clear()

    def catalog_faults(self) -> dict[str, str]:
        """Of each book that does not quote what it was told to: why, by its id."""
        found: dict[str, str] = {}
        for book in self.books:
            if isinstance(book, TellsFault):
                try:
                    fault = book.what_is_wrong()
                except Exception as exc:  # noqa: BLE001 - as below
                    self._blame(book.id, exc)
                else:
                    found |= {} if fault is None else {book.id: fault[0]}
        return found

    def _ask(self, questions: tuple[PriceQuestion, ...]) -> Rates | None:
        for book in self.books:
            for question in questions:
                try:
                    quote = book.quote(question)
                    if quote is not None:
                        return self._made(quote, question)
                except Exception as exc:  # noqa: BLE001 - a plugin may raise anything, and must not stop the records
                    self._blame(book.id, exc)
        return None

    def _made(self, quote: Quote, question: PriceQuestion) -> Rates:
        key = (id(quote), question.model)
        rates = self._ready.get(key)
        if rates is None:
            if len(self._ready) >= REMEMBERED:
                self._ready.clear()
            rates = self._ready[key] = make_rates(quote, question.model)
            self._note(UsedPrice(question.provider, question.model, question.variant, quote))
        return rates

    def _note(self, price: UsedPrice) -> None:
        rates = tuple(sorted(price.quote.rates.items()))
        same = (price.provider, price.model, price.variant, price.quote.price_id, price.quote.source, rates)
        if len(self.used) < MOST_USED:
            self.used.setdefault(same, price)

    def _blame(self, book: str, fault: Exception) -> None:
        """Count a fault, and log the 1st, 10th, 100th …"""
        self.faults[book] += 1
        count = self.faults[book]
        if count == 10 ** (len(str(count)) - 1):
            _log.error("price book %s failed (%d times so far): %s: %s", book, count, type(fault).__name__, fault)
