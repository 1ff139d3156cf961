"""The list's prices less what a contract takes off. Pure but for its memory. Asked after the operator's own prices.

Called by the cold side.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

import attrs

from lectr_core import PriceBook, PriceQuestion, Quote
from lectr_prices_genai.settings import Discount

# Quotes that were made less, kept so that one question's answer is one and the same value each time.
REMEMBERED: Final = 4_096
_WHOLE: Final = Decimal(100)


class DiscountBook:
    """Another book's quotes, with the discount that fits best taken off every rate. Where none fits, it knows nothing."""

    id = "discounts"

    def __init__(self, discounts: Sequence[Discount], book: PriceBook) -> None:
        self._discounts = tuple(discounts)
        self._book = book
        self._made: dict[tuple[int, int], tuple[Quote, Quote]] = {}  # the first keeps its identity from being used again

    def quote(self, question: PriceQuestion) -> Quote | None:
        """The discounted quote; None where no discount fits or the book does not know the model."""
        fitting = [place for place, discount in enumerate(self._discounts) if _fits(discount, question)]
        usual = self._book.quote(question) if fitting else None
        if usual is None:
            return None
        place = max(fitting, key=lambda place: _rank(self._discounts[place], question))
        key = (id(usual), place)
        if key not in self._made:
            if len(self._made) >= REMEMBERED:
                self._made.clear()
            self._made[key] = usual, _less(usual, self._discounts[place])
        return self._made[key][1]


def _fits(discount: Discount, question: PriceQuestion) -> bool:
    return (
        fnmatchcase(question.provider, discount.provider)
        and fnmatchcase(question.model.lower(), discount.model.lower())
        and (discount.since is None or discount.since <= question.day)
        and (discount.until is None or question.day <= discount.until)
        and (discount.variant is None or discount.variant == question.variant)
    )


def _rank(discount: Discount, question: PriceQuestion) -> tuple[bool, bool, bool, int]:
    """Greater is better; among equals `max` takes the first of the file."""
    return (
        discount.variant is not None,
        discount.model.lower() == question.model.lower(),
        discount.provider == question.provider,
        discount.since.toordinal() if discount.since else 0,
    )


def _less(usual: Quote, discount: Discount) -> Quote:
    left = (_WHOLE - discount.percent) / _WHOLE
    percent = f"{format(discount.percent.normalize(), 'f')} %"
    notes = [note for note in (usual.note, discount.note) if note]
    return attrs.evolve(
        usual,
        rates={unit: rate * left for unit, rate in usual.rates.items()},
        price_id=f"{usual.price_id}-{format(discount.percent.normalize(), 'f')}%",
        source=f"lectr.toml: {percent} off {usual.source}",
        # A list price that may not be the right one is not made right by a discount.
        basis="override" if usual.basis in ("exact", "variant") else usual.basis,
        note="; ".join(notes) or None,
    )
