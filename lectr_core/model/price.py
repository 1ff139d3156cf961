"""Questions to a price book and its answers. Rates are exact decimals in USD per unit; nothing is rounded here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import attrs

from lectr_core.model.record import CostBasis
from lectr_core.model.value import value


@value
class PriceQuestion:
    """What is to be priced. Hashable, so that an answer can be remembered."""

    provider: str
    """Id of the provider that served it."""
    model: str
    """The model as the provider reports it, else as it was sent."""
    day: date
    """UTC day of the request."""
    variant: str | None
    """Service tier or speed from the answer; None for the usual one."""
    input_tokens: int
    """The whole prompt: some prices depend on its length."""
    region: str | None = None
    """Where it was worked on, if that may change the price."""


@attrs.frozen
class Quote:
    """Rates for one question, with where they come from."""

    rates: Mapping[str, Decimal]
    """USD for one unit, by the names in `units.py`. A missing name: this book has no rate for it."""
    price_id: str
    """Stable name of the price used: `provider/model@date`."""
    source: str
    """With its version: `genai-prices 0.2.3`."""
    dated: str | None
    """ISO date from which the price holds, or on which the source was issued."""
    basis: CostBasis
    """`exact`: the usual price. `variant`: the price of the variant asked. `fallback`: no price for that variant, so the
    usual one. `override`: the operator's own. `provisioned`: capacity that is paid for, whatever is used of it."""
    note: str | None = None
    borrowed: Mapping[str, str] = attrs.field(factory=dict)
    """Units without a rate of their own, and what was taken instead: `{"cache_read": "the input rate"}`. Said where used."""
    limit_tokens: int | None = None
    """How many tokens the model takes and gives at most, together: its context window."""


@attrs.frozen
class UsedPrice:
    """A price that a record was priced with."""

    provider: str
    """Id of the provider that served it."""
    model: str
    """The model under which the price was found."""
    variant: str | None
    """The service tier or speed that was asked for."""
    quote: Quote


NANO = 1_000_000_000
"""Nano-dollars in a dollar."""
