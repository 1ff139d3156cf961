"""From what a provider reported to disjoint counts and money, each with its bounds and its source. Pure.

Never here: a guess shown as a fact. None is unknown and never 0; a count that is only a lower bound has no upper one. All
the rules and their reasons: docs/explanation/accounting.md. Called by `deliver.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from lectr_core.cold.prices import Rates, day_of
from lectr_core.model import units
from lectr_core.model.price import PriceQuestion
from lectr_core.model.record import Account, CostBasis, Ended

SIDE_UNITS: Final = frozenset({units.WEB_SEARCH, units.WEB_FETCH})
"""Units that come beside tokens. Without a rate for them the tokens' cost still stands, as a lower bound."""

MAX_NANOUSD: Final = units.MAX_COUNT
"""Nine million dollars for one request. What goes beyond comes from a broken count, and would break sums in databases."""

Find = Callable[[tuple[PriceQuestion, ...]], Rates | None]
"""How rates are found: `PriceDesk.find`."""

FREE: Final = Account(
    cost_nanousd=0,
    cost_low_nanousd=0,
    cost_high_nanousd=0,
    cost_basis="exact",
    price_note="refused by the gateway: never reached a provider",
)
UNKNOWN: Final = Account()


@attrs.frozen
class Money:
    """What the units of one record cost."""

    cost: int | None
    low: int | None
    high: int | None
    parts: dict[str, int]
    basis: CostBasis
    note: str | None


def account(ended: Ended, find: Find) -> Account:
    """Count and price one finished exchange. Units: tokens; nano-dollars."""
    usage = ended.reading.usage
    if usage is None or ended.reading.state not in ("reported", "partial"):
        return FREE if ended.outcome == "lectr_refused" and not ended.attempts else UNKNOWN
    counts = usage.units
    if not all(0 <= count <= units.MAX_COUNT for count in counts.values()):
        return Account(price_note="the usage that was read holds an impossible count")
    is_final = ended.reading.state == "reported"
    taken = units.total(counts, units.INPUT_UNITS)
    given = units.total(counts, units.OUTPUT_UNITS)
    questions = ask(ended, taken)
    rates = find(questions) if questions else None
    money = price(counts, rates, is_final=is_final, model=questions[0].model if questions else None)
    quote = rates.quote if rates is not None else None
    return Account(
        units=dict(counts),
        tokens_source="reported",
        input_tokens=taken,
        input_tokens_low=taken,
        input_tokens_high=taken if is_final else None,
        output_tokens=given,
        output_tokens_low=given,
        output_tokens_high=given if is_final else None,
        cached_input_tokens=units.total(counts, units.CACHE_READ_UNITS),
        cache_write_tokens=units.total(counts, units.CACHE_WRITE_UNITS),
        reasoning_tokens=counts.get(units.REASONING, 0),
        cost_nanousd=money.cost,
        cost_low_nanousd=money.low,
        cost_high_nanousd=money.high,
        cost_parts_nanousd=money.parts,
        cost_basis=money.basis,
        price_id=quote.price_id if quote is not None else None,
        price_source=quote.source if quote is not None else None,
        price_date=quote.dated if quote is not None else None,
        price_note=money.note,
    )


def ask(ended: Ended, input_tokens: int) -> tuple[PriceQuestion, ...]:
    """The questions to a price book: for the model as the provider reports it, and for the one that was sent.

    Empty where it is not known who served the request, or with what.
    """
    begun = ended.begun
    provider = ended.attempts[-1].provider if ended.attempts else begun.provider
    if provider is None:
        return ()
    day, variant = day_of(begun.started_ns), ended.reading.variant
    models = dict.fromkeys((ended.reading.model, begun.model_sent or begun.model_requested))
    return tuple(PriceQuestion(provider, model, day, variant, input_tokens) for model in models if model)


def price(counts: units.Units, rates: Rates | None, *, is_final: bool, model: str | None) -> Money:
    """Cost of *counts*, where *model* is the one that should be priced.

    Units: nano-dollars; the sum is exact and rounded once, half to even, and so is each part for itself.
    """
    if rates is None:
        return Money(None, None, None, {}, "unknown", "no price book knows the model")
    exact = {unit: count * rates.per_unit[unit] for unit, count in counts.items() if count and unit in rates.per_unit}
    missing = [unit for unit, count in counts.items() if count and unit not in rates.per_unit]
    known = round_half_even(sum(exact.values()), rates.scale)
    parts = {unit: round_half_even(part, rates.scale) for unit, part in exact.items()}
    notes = [rates.quote.note] if rates.quote.note else []
    if model is not None and model != rates.model:
        notes.append(f"no price for {model!r}: priced as {rates.model!r}")
    if missing:
        notes.append(f"no rate for {', '.join(sorted(missing))}: not in the cost")
    note = "; ".join(notes) or None
    if known > MAX_NANOUSD:
        return Money(None, None, None, {}, "unknown", "the counts are too large to be true")
    if missing and (not exact or not SIDE_UNITS.issuperset(missing)):
        return Money(None, known, None, parts, "unknown", note)
    return Money(known, known, known if is_final and not missing else None, parts, rates.quote.basis, note)


def round_half_even(amount: int, scale: int) -> int:
    """*amount* / *scale* to the nearest whole number; of two equally near the even one. Both are ≥ 0."""
    whole, rest = divmod(amount, scale)
    return whole + (2 * rest > scale or (2 * rest == scale and whole % 2 == 1))
