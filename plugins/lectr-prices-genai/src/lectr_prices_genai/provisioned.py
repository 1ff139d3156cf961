"""Capacity that the operator pays for by the hour or month, as a price book: what it serves costs nothing more.

The fixed cost is no price of a request: reports show it apart. Asked before every other book. Pure. Called by the cold side.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from lectr_core import PriceBook, PriceQuestion, Provisioned, Quote, units

# Tools are no part of such a capacity: a search has a price that is missing here, and the record says so.
COVERED: Final = units.INPUT_UNITS | units.OUTPUT_UNITS
_NOTHING: Final = Decimal(0)


class ProvisionedBook:
    """What `[[money.provisioned]]` says; where nothing fits, it knows nothing."""

    id = "provisioned"

    def __init__(self, capacities: Sequence[Provisioned], book: PriceBook) -> None:
        """*book* knows how much a model takes at most."""
        self._capacities = tuple(capacities)
        self._book = book
        self._made: dict[tuple[str, int | None], Quote] = {}

    def quote(self, question: PriceQuestion) -> Quote | None:
        """Nothing for each token, of the capacity that fits best: that names the model exactly, then the provider."""
        fitting = [one for one in self._capacities if _fits(one, question)]
        if not fitting:
            return None
        best = max(fitting, key=lambda one: (one.model.lower() == question.model.lower(), one.provider == question.provider))
        usual = self._book.quote(question)
        key = best.name, usual.limit_tokens if usual is not None else None
        if key not in self._made:
            self._made[key] = _quote(best, key[1])
        return self._made[key]


def _quote(capacity: Provisioned, limit_tokens: int | None) -> Quote:
    return Quote(
        rates=dict.fromkeys(sorted(COVERED), _NOTHING),
        price_id=f"provisioned/{capacity.name}",
        source="lectr.toml",
        dated=capacity.since.isoformat(),
        basis="provisioned",
        note=f"paid for by the {'month' if capacity.per_hour is None else 'hour'}, apart from requests",
        limit_tokens=limit_tokens,
    )


def _fits(one: Provisioned, question: PriceQuestion) -> bool:
    return (
        one.holds_on(question.day)
        and question.variant != "batch"
        and fnmatchcase(question.provider, one.provider)
        and fnmatchcase(question.model.lower(), one.model.lower())
    )
