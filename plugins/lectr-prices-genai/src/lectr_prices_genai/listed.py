"""The list of genai-prices as a price book: memoised, with provenance, and with a word on what the list does not say.

Pure but for its memory. Called by the cold side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

import attrs

from lectr_core import PriceQuestion, Quote, units
from lectr_prices_genai import catalog
from lectr_prices_genai.catalog import Found, Held
from lectr_prices_genai.rates import Rate, rates_of, steps

SOURCE = f"genai-prices {catalog.VERSION}"

# Questions differ by day, provider, model and variant; one entry is about 3 kB. Looking a model up takes up to 0.3 ms.
REMEMBERED = 4_096

CACHE_READ_KEY = "cache_read_mtok"


@attrs.frozen
class Bands:
    """A model's quotes by the length of the prompt."""

    starts: list[int]
    """Tokens above which the next quote holds."""
    quotes: tuple[Quote, ...]
    """One more than `starts`."""


class ListedBook:
    """Prices from the list."""

    id = "genai-prices"

    def __init__(self) -> None:
        self._bands = lru_cache(maxsize=REMEMBERED)(_bands)

    def quote(self, question: PriceQuestion) -> Quote | None:
        """The list's rates for this question; None where the list does not know the model."""
        bands = self._bands(question.provider, question.model, question.day, question.variant)
        return None if bands is None else bands.quotes[bisect_left(bands.starts, question.input_tokens)]


def _bands(provider: str, model: str, day: date, variant: str | None) -> Bands | None:
    found = catalog.find(provider, model)
    if found is None:
        return None
    held = catalog.held_on(found, day, variant)
    starts = steps(held.price)
    by_band = [rates_of(held.price, tokens) for tokens in (0, *(start + 1 for start in starts))]
    if not by_band[0]:
        return None
    return Bands(starts, tuple(_quote(provider, found, held, variant, rates) for rates in by_band))


def _quote(provider: str, found: Found, held: Held, variant: str | None, rates: Mapping[str, Rate]) -> Quote:
    notes = list(_notes(provider, found, held, variant, rates))
    is_fallback = bool(
        (variant is not None and held.variant_keys is None)
        or held.is_dearest_of_day
        or found.owner is not found.lister
        or "requests_kcount" in vars(held.price)
    )
    dated = held.since.isoformat() if held.since else catalog.PUBLISHED.get(catalog.VERSION)
    named = f"{found.owner.id}/{found.model.id}" + (f":{variant}" if held.variant_keys is not None else "")
    return Quote(
        rates={unit: rate.usd for unit, rate in rates.items()},
        price_id=f"{named}@{dated or catalog.VERSION}",
        source=SOURCE,
        dated=dated,
        basis="fallback" if is_fallback else "exact" if held.variant_keys is None else "variant",
        note="; ".join(notes) or None,
    )


def _notes(provider: str, found: Found, held: Held, variant: str | None, rates: Mapping[str, Rate]) -> list[str]:
    notes = []
    if provider == catalog.STAND_IN:
        notes.append(f"a stand-in: priced as {found.owner.id}")
    if found.owner is not found.lister:
        notes.append(f"no price of {found.lister.id}'s own: {found.owner.id}'s used")
    if variant is not None and held.variant_keys is None:
        notes.append(f"no price for {variant!r}: the usual one used")
    if held.is_dearest_of_day:
        notes.append("the price depends on the time of day: the dearest one used")
    if fee := vars(held.price).get("requests_kcount"):
        notes.append(f"not in the cost: a fee of {getattr(fee, 'base', fee)} USD for 1,000 requests")
    # Models without an answer (embeddings) are never cached: a note would be about nothing.
    if units.OUTPUT in rates and units.CACHE_READ in rates and rates[units.CACHE_READ].key != CACHE_READ_KEY:
        notes.append("no rate for cache_read: input rate used")
    if held.variant_keys is not None:
        tokens = {rate.key for rate in rates.values() if rate.key.endswith("_mtok")}
        if usual := sorted(key.removesuffix("_mtok") for key in tokens - held.variant_keys):
            notes.append(f"{variant!r} has no rate for {', '.join(usual)}: usual one used")
    if found.owner.id == "groq" and "whisper" in found.model.id:
        notes.append("billed for at least 10 seconds, which is not in the cost")
    return notes
