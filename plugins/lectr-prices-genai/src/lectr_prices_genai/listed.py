"""The catalog in use as a price book: memoised, with provenance, and with a word on what the list does not say.

Where the catalog comes from: `taken.py`. Called by the cold side, and by commands.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import attrs

from lectr_core import PriceQuestion, Quote, units
from lectr_prices_genai import catalog
from lectr_prices_genai.catalog import Catalog, Found, Held
from lectr_prices_genai.rates import Rate, rates_of, steps
from lectr_prices_genai.taken import MEND, InUse, in_use, stamp

_log = logging.getLogger("lectr.cold")

# Questions differ by day, provider, model and variant; one entry is about 3 kB. Looking a model up takes up to 0.3 ms.
REMEMBERED = 4_096

INPUT_KEY, OUTPUT_KEY = "input_mtok", "output_mtok"
BORROWED = {
    **dict.fromkeys(units.CACHE_READ_UNITS | units.CACHE_WRITE_UNITS | {units.INPUT_AUDIO}, (INPUT_KEY, "input rate")),
    **dict.fromkeys((units.CACHE_WRITE_1H, units.CACHE_WRITE_12H), ("cache_write_mtok", "the rate of cache_write")),
    units.OUTPUT_AUDIO: (OUTPUT_KEY, "output rate"),
    units.OUTPUT_VIDEO: (OUTPUT_KEY, "output rate"),
}
"""Units for which it is worth a word that they have another's rate: which one, and how that is said."""

# What speaks has one rate for its answers, which is that of audio.
SPEAKERS = ("tts", "orpheus", "speech")

REGIONS = {("anthropic", "us"): Decimal("1.1")}
"""By how much the tokens of a lister cost more in a region. Source: Anthropic, "Data residency"."""


@attrs.frozen
class Bands:
    """A model's quotes by the length of the prompt."""

    starts: list[int]
    """Tokens above which the next quote holds."""
    quotes: tuple[Quote, ...]
    """One more than `starts`."""


class ListedBook:
    """Prices from the catalog in use: the package's own, or the one that was taken in its place."""

    id = "genai-prices"

    def __init__(self, taken: Path | None = None) -> None:
        """*taken*: where `lectr prices update` keeps the catalog that goes before the package's; None: nowhere."""
        self._taken = taken
        self._stamp = stamp(taken)
        self._held: InUse | None = None
        self._bands = lru_cache(maxsize=REMEMBERED)(self._found_bands)

    def quote(self, question: PriceQuestion) -> Quote | None:
        """The list's rates for this question; None where the list does not know the model."""
        bands = self._bands(question.provider, question.model, question.day, question.variant, question.region)
        return None if bands is None else bands.quotes[bisect_left(bands.starts, question.input_tokens)]

    def renew_now(self) -> bool:
        """Take up another catalog, if one was taken, or given back, since the last look."""
        now = stamp(self._taken)
        if now == self._stamp:
            return False
        self._stamp, self._held = now, None
        self._bands.cache_clear()
        _log.info("prices: %s", self.told())
        return True

    def told(self) -> str:
        """The catalog's source and date."""
        return self.catalog.told()

    def what_is_wrong(self) -> tuple[str, str] | None:
        """Why the catalog in use is not the one that was taken, and what to do. None where it is, or none was needed yet."""
        return None if self._held is None or self._held.fault is None else (self._held.fault, MEND)

    @property
    def catalog(self) -> Catalog:
        """The one in use; read when it is first needed."""
        return self._in_use().catalog

    def _in_use(self) -> InUse:
        if self._held is None:
            self._held = in_use(self._taken)
        return self._held

    def _found_bands(self, provider: str, model: str, day: date, variant: str | None, region: str | None) -> Bands | None:
        return bands_of(self.catalog, provider, model, day, variant, region)


def bands_of(
    held_in: Catalog, provider: str, model: str, day: date, variant: str | None, region: str | None
) -> Bands | None:
    """A model's quotes on a day; None where the catalog does not know it."""
    found = held_in.find(provider, model)
    if found is None:
        return None
    held = catalog.held_on(found, day, variant)
    starts = steps(held.price)
    by_band = [rates_of(held.price, tokens) for tokens in (0, *(start + 1 for start in starts))]
    if not by_band[0]:
        return None
    quotes = [_quote(held_in, provider, found, held, variant, rates) for rates in by_band]
    return Bands(starts, tuple(quote if region is None else _in_region(quote, found, region) for quote in quotes))


def _quote(
    held_in: Catalog, provider: str, found: Found, held: Held, variant: str | None, rates: Mapping[str, Rate]
) -> Quote:
    notes = list(_notes(provider, found, held, variant, rates))
    is_fallback = bool(
        (variant is not None and held.variant_keys is None)
        or held.is_dearest_of_day
        or found.owner is not found.lister
        or "requests_kcount" in vars(held.price)
    )
    dated = held.since.isoformat() if held.since else held_in.dated
    named = f"{found.owner.id}/{found.model.id}" + (f":{variant}" if held.variant_keys is not None else "")
    return Quote(
        rates={unit: rate.usd for unit, rate in rates.items()},
        price_id=f"{named}@{dated or held_in.mark}",
        source=held_in.source,
        dated=dated,
        basis="fallback" if is_fallback else "exact" if held.variant_keys is None else "variant",
        note="; ".join(notes) or None,
        borrowed=_borrowed(found, rates),
        limit_tokens=found.model.context_window,
    )


def _borrowed(found: Found, rates: Mapping[str, Rate]) -> dict[str, str]:
    """Units that the list has no rate for, where that is not simply how the model is billed."""
    borrowed = {
        unit: words for unit, (key, words) in BORROWED.items() if unit in rates and rates[unit].key in (key, INPUT_KEY)
    }
    if units.CACHE_WRITE in borrowed:
        borrowed |= dict.fromkeys((units.CACHE_WRITE_1H, units.CACHE_WRITE_12H), "input rate")
    # This list names a rate for audio wherever it is not the rate of text.
    names_audio = found.owner.id == "google" or any(word in found.model.id for word in SPEAKERS)
    return {unit: words for unit, words in borrowed.items() if not names_audio or unit in NOT_AUDIO}


NOT_AUDIO = frozenset(BORROWED) - {units.INPUT_AUDIO, units.OUTPUT_AUDIO, units.CACHE_READ_AUDIO}


def _in_region(quote: Quote, found: Found, region: str) -> Quote:
    """The same quote for work that was bound to a region: dearer by a factor that is known, or not known to be."""
    factor = REGIONS.get((found.lister.id, region))
    if factor is None:
        note = f"no price for region {region!r}: the usual one used"
        return attrs.evolve(quote, basis="fallback", note="; ".join(filter(None, (quote.note, note))))
    note = f"region {region!r}: tokens at {factor} times the usual price"
    tokens = units.INPUT_UNITS | units.OUTPUT_UNITS
    rates = {unit: rate * factor if unit in tokens else rate for unit, rate in quote.rates.items()}
    basis = "variant" if quote.basis == "exact" else quote.basis
    return attrs.evolve(quote, rates=rates, basis=basis, note="; ".join(filter(None, (quote.note, note))))


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
    if held.variant_keys is not None:
        tokens = {rate.key for rate in rates.values() if rate.key.endswith("_mtok")}
        if usual := sorted(key.removesuffix("_mtok") for key in tokens - held.variant_keys):
            notes.append(f"{variant!r} has no rate for {', '.join(usual)}: usual one used")
    return notes
