"""From disjoint counts and rates to money: exact, rounded once, with a word on what the price could not say. Pure.

Never here: where counts or rates come from. Called by `account.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from lectr_core.cold.prices import Rates
from lectr_core.model import units
from lectr_core.model.record import CostBasis
from lectr_core.model.value import value

SIDE_UNITS: Final = frozenset(
    {units.WEB_SEARCH, units.WEB_FETCH, units.SOCIAL_SEARCH, units.FILE_SEARCH, units.CODE_EXECUTION}
)
"""Units that come beside tokens. Without a rate for them the tokens' cost still stands, as a lower bound."""

DOUBTFUL: Final = frozenset(
    {units.INPUT_AUDIO, units.CACHE_READ_AUDIO, units.INPUT_VIDEO, units.OUTPUT_AUDIO, units.OUTPUT_VIDEO}
    | {units.CACHE_WRITE_1H, units.CACHE_WRITE_12H}
)
"""Units for which a borrowed rate may be far off: audio and video cost many times what text costs, and what a cache keeps
for hours more than what it keeps for minutes."""

MAX_NANOUSD: Final = units.MAX_COUNT
"""Nine million dollars for one request. What goes beyond comes from a broken count, and would break sums in databases."""

OWN: Final = frozenset({"override", "provisioned"})
"""What the operator declared goes before what a list, or the provider's own account, says."""

# Of several prices in one answer, the one to be careful with speaks for all.
_CAREFUL: Final[Sequence[CostBasis]] = ("unknown", "fallback", "override", "provisioned", "variant", "exact")


@value
class Money:
    """What the units of one record, or of one share of it, cost."""

    cost: int | None
    low: int | None
    high: int | None
    parts: dict[str, int]
    basis: CostBasis
    note: str | None
    amount: int | None = None
    """What is known of it before rounding: divided by *scale*, nano-dollars. None where nothing is."""
    scale: int = 1

    @property
    def exactly(self) -> Fraction | None:
        """What is known of it before rounding. Most accounts never ask."""
        return None if self.amount is None else Fraction(self.amount, self.scale)


def price(counts: units.Units, rates: Rates | None, *, is_final: bool, model: str | None) -> Money:
    """Cost of *counts*, where *model* is the one that should be priced.

    Units: nano-dollars; the sum is exact and rounded once, half to even, and so is each part for itself.
    """
    if rates is None:
        return Money(None, None, None, {}, "unknown", "no price book knows the model")
    quote, scale = rates.quote, rates.scale
    exact: dict[str, int] = {}
    missing: list[str] = []
    for unit, count in counts.items():
        if count:
            rate = rates.per_unit.get(unit)
            if rate is None:
                missing.append(unit)
            else:
                exact[unit] = count * rate
    amount = sum(exact.values())
    known = round_half_even(amount, scale)
    parts = {unit: round_half_even(part, scale) for unit, part in exact.items()}
    notes = [quote.note] if quote.note else []
    if model is not None and model != rates.model:
        notes.append(f"no price for {model!r}: priced as {rates.model!r}")
    borrowed = [unit for unit in exact if unit in quote.borrowed] if quote.borrowed else []
    notes += [f"no rate for {unit}: {quote.borrowed[unit]} used" for unit in borrowed]
    if missing:
        notes.append(f"no rate for {', '.join(sorted(missing))}: not in the cost")
    note = "; ".join(notes) or None
    if known > MAX_NANOUSD:
        return Money(None, None, None, {}, "unknown", "the counts are too large to be true")
    if missing and (not exact or not SIDE_UNITS.issuperset(missing)):
        return Money(None, known, None, parts, "unknown", note, amount, scale)
    is_doubtful = quote.basis not in OWN and not DOUBTFUL.isdisjoint(borrowed)
    basis = "fallback" if is_doubtful else quote.basis
    return Money(known, known, known if is_final and not missing else None, parts, basis, note, amount, scale)


def add_up(moneys: Sequence[Money]) -> Money:
    """Several shares of one answer as one amount. What one of them does not know, the whole does not know."""
    if len(moneys) == 1:
        return moneys[0]
    known = [one for money in moneys if (one := money.exactly) is not None]
    exactly = sum(known, Fraction(0))
    total = round(exactly)
    parts: dict[str, int] = {}
    for money in moneys:
        for unit, part in money.parts.items():
            parts[unit] = parts.get(unit, 0) + part
    notes = dict.fromkeys(money.note for money in moneys if money.note)
    note = "; ".join(notes) or None
    basis = min((money.basis for money in moneys), key=_CAREFUL.index)
    if total > MAX_NANOUSD:
        return Money(None, None, None, {}, "unknown", "the counts are too large to be true")
    is_known = all(money.cost is not None for money in moneys)
    is_bounded = all(money.high is not None for money in moneys)
    return Money(
        total if is_known else None,
        total if known else None,
        total if is_bounded else None,
        parts,
        basis,
        note,
        exactly.numerator if known else None,
        exactly.denominator,
    )


def round_half_even(amount: int, scale: int) -> int:
    """*amount* / *scale* to the nearest whole number; of two equally near the even one. Both are ≥ 0."""
    whole, rest = divmod(amount, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))
