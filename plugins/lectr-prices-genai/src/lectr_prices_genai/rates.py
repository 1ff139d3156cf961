"""From a price of the list to a rate for each of our units. Pure and exact.

The list counts in overlapping units (input tokens include cached ones) and charges a token at the most particular rate that
covers it; ours are disjoint, so each has exactly one such rate. `tests/test_oracle.py` proves that both come to the same.
Called by `listed.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

import attrs
from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, TieredPrices

from lectr_core import units

Dimensions = Mapping[str, str]


def _prompt(**more: str) -> Dimensions:
    return {"family": "tokens", "direction": "input", "modality": "text"} | more


def _answer(**more: str) -> Dimensions:
    return {"family": "tokens", "direction": "output", "modality": "text"} | more


DIMENSIONS: Final[dict[str, Dimensions]] = {
    units.INPUT: _prompt(),
    units.CACHE_READ: _prompt(token_type="cache_read"),
    units.CACHE_WRITE: _prompt(token_type="cache_write"),
    units.CACHE_WRITE_5M: _prompt(token_type="cache_write", cache_ttl="5m"),
    units.CACHE_WRITE_30M: _prompt(token_type="cache_write", cache_ttl="30m"),
    units.CACHE_WRITE_1H: _prompt(token_type="cache_write", cache_ttl="1h"),
    units.CACHE_WRITE_12H: _prompt(token_type="cache_write", cache_ttl="12h"),
    units.INPUT_AUDIO: _prompt(modality="audio"),
    units.CACHE_READ_AUDIO: _prompt(modality="audio", token_type="cache_read"),
    units.CACHE_READ_IMAGE: _prompt(modality="image", token_type="cache_read"),
    units.INPUT_IMAGE: _prompt(modality="image"),
    units.INPUT_VIDEO: _prompt(modality="video"),
    units.INPUT_TOOL: _prompt(token_type="tool"),
    units.OUTPUT: _answer(),
    units.REASONING: _answer(token_type="reasoning"),
    units.OUTPUT_AUDIO: _answer(modality="audio"),
    units.OUTPUT_IMAGE: _answer(modality="image"),
    units.OUTPUT_VIDEO: _answer(modality="video"),
    units.CITATION: _answer(token_type="citation"),
    units.WEB_SEARCH: {"family": "tool_calls", "tool_type": "web_search"},
    units.SOCIAL_SEARCH: {"family": "tool_calls", "tool_type": "social_search"},
    units.FILE_SEARCH: {"family": "tool_calls", "tool_type": "storage_search"},
    units.CODE_EXECUTION: {"family": "tool_calls", "tool_type": "code_execution"},
    units.AUDIO_SECONDS: {"family": "durations", "direction": "input", "modality": "audio"},
}
"""What each of our units is, in the list's own words."""

OWN_ALONE: Final = {units.CITATION: "output_citation_mtok"}
"""Units that are billed only where the list has this rate for them."""

# Where a rate does not come out even (a price per hour, for a second): far below a nano-dollar for any request.
FINEST: Final = Decimal("1e-18")

_PRICED: Final = {entry.get("price_key", name): (entry["per"], entry["dimensions"]) for name, entry in unit_data.items()}


@attrs.frozen
class Rate:
    """What one unit costs."""

    usd: Decimal
    """For one."""
    key: str
    """Which rate of the list it is: `cache_read_mtok`."""


def rates_of(price: ModelPrice, input_tokens: int) -> dict[str, Rate]:
    """The rate of every unit that the price covers, for a prompt of that length."""
    priced = {key: value for key, value in vars(price).items() if value is not None and key in _PRICED}
    rates = {}
    for unit, dimensions in DIMENSIONS.items():
        covering = [key for key in priced if _PRICED[key][1].items() <= dimensions.items()]
        if covering and OWN_ALONE.get(unit, covering[0]) in covering:
            key = max(covering, key=lambda one: len(_PRICED[one][1]))
            rates[unit] = Rate(_for_one(_at_length(priced[key], input_tokens), _PRICED[key][0]), key)
    return rates


def is_known(key: str) -> bool:
    """Whether the installed package knows this kind of rate: others are left out."""
    return key in _PRICED


def by_key(price: ModelPrice) -> dict[str, Decimal]:
    """The rates of a short prompt as the list has them, by its own key without the ending: `input`. Units: USD for one."""
    known = {key: value for key, value in vars(price).items() if value is not None and is_known(key)}
    return {key.rpartition("_")[0]: _for_one(_at_length(value, 0), _PRICED[key][0]) for key, value in known.items()}


def steps(price: ModelPrice) -> list[int]:
    """The prompt lengths above which another rate begins, ascending. Units: tokens."""
    tiered = [value for value in vars(price).values() if isinstance(value, TieredPrices)]
    return sorted({tier.start for value in tiered for tier in value.tiers})


def _at_length(value: Decimal | TieredPrices, input_tokens: int) -> Decimal:
    """A tier holds for the whole request as soon as the prompt is longer than its start."""
    if not isinstance(value, TieredPrices):
        return value
    reached = [tier.price for tier in value.tiers if input_tokens > tier.start]
    return reached[-1] if reached else value.base


def _for_one(rate: Decimal, per: int) -> Decimal:
    one = rate / per
    # Compared as fractions: a product of decimals is rounded, and could look even where it is not.
    return one if Fraction(one) * per == Fraction(rate) else one.quantize(FINEST)
