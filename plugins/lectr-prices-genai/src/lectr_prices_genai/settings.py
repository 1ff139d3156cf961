"""What an operator can say about prices. Values only; read by Lectr's settings loader."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

import attrs

from lectr_core import units

# Dearer than a thousand times the dearest model of any list: surely a price per token where one per million is wanted.
MOST_PER_MILLION = Decimal(1_000_000)


# The same for one token: above it, a price per million was written where one per token is wanted.
MOST_PER_TOKEN = Decimal(1)

TOKENS = units.INPUT_UNITS | units.OUTPUT_UNITS
KNOWN = TOKENS | {
    *(units.WEB_SEARCH, units.WEB_FETCH, units.SOCIAL_SEARCH, units.FILE_SEARCH, units.CODE_EXECUTION, units.CITATION),
    *(units.AUDIO_SECONDS, units.IMAGES, units.VIDEO_SECONDS),
}


def _sensible(_: object, attribute: attrs.Attribute[Mapping[str, Decimal]], rates: Mapping[str, Decimal]) -> None:
    for unit, rate in rates.items():
        if not rate.is_finite() or not 0 <= rate <= MOST_PER_MILLION:
            raise ValueError(f"{attribute.name}.{unit}: expected 0 to {MOST_PER_MILLION}, got {rate}")
        if attribute.name == "per_unit" and unit in TOKENS and rate > MOST_PER_TOKEN:
            raise ValueError(f"per_unit.{unit}: {rate} for one token; for a million of them write it in per_million")
        # A provider's plugin may have units of its own, so only what looks like a slip is refused: its rate would go unused.
        if unit not in KNOWN and (near := get_close_matches(unit.lower(), KNOWN, n=1, cutoff=0.75)):
            raise ValueError(f"{attribute.name}.{unit}: there is no such unit; did you mean {near[0]!r}?")


@attrs.frozen(kw_only=True)
class Override:
    """`[[prices.override]]`: one price of your own."""

    provider: str
    """Id of the provider; `*` and `?` match as in file names."""
    model: str
    """The model; `*` and `?` match as in file names."""
    since: date | None = None
    """First UTC day on which it holds; absent: always."""
    variant: str | None = None
    """The service tier or speed it is for; absent: for all of them."""
    per_million: Mapping[str, Decimal] = attrs.field(factory=dict, validator=_sensible)
    """For a million tokens, in USD or the currency below, by unit: `input`, `cache_read`, `output`, `reasoning`, …"""
    per_unit: Mapping[str, Decimal] = attrs.field(factory=dict, validator=_sensible)
    """For one, by unit: `web_search`, `images`, `audio_seconds`, …"""
    currency: str = "USD"
    """Of these prices: one that `[[money.rate]]` declares. They become USD at the rate of the request's day."""
    note: str | None = None
    """Goes into the record's `price_note`."""

    def __attrs_post_init__(self) -> None:
        if not self.per_million and not self.per_unit:
            raise ValueError("expected a rate in per_million or per_unit, got none")
        if both := self.per_million.keys() & self.per_unit.keys():
            raise ValueError(f"expected one rate for {min(both)!r}, got one in per_million and one in per_unit")


def _percentage(_: object, attribute: attrs.Attribute[Decimal], percent: Decimal) -> None:
    if not percent.is_finite() or not 0 < percent <= 100:
        raise ValueError(f"{attribute.name}: expected more than 0 and at most 100, got {percent}")


@attrs.frozen(kw_only=True)
class Discount:
    """`[[prices.discount]]`: what a contract takes off the list's prices."""

    provider: str
    """Id of the provider; `*` and `?` match as in file names."""
    percent: Decimal = attrs.field(validator=_percentage)
    """Taken off every rate: `15` leaves 85 % of it."""
    model: str = "*"
    """The model; `*` and `?` match as in file names."""
    since: date | None = None
    """First UTC day on which it holds; absent: always."""
    until: date | None = None
    """Last UTC day on which it holds; absent: for ever."""
    variant: str | None = None
    """The service tier or speed it is for; absent: for all of them."""
    note: str | None = None
    """Goes into the record's `price_note`."""

    def __attrs_post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError(f"until: expected no day before {self.since}, got {self.until}")


@attrs.frozen(kw_only=True)
class PricesSettings:
    """`[prices]`."""

    override: tuple[Override, ...] = ()
    """Your own prices, in any order."""
    discount: tuple[Discount, ...] = ()
    """What is taken off the list's prices, in any order. Your own prices are what you say they are."""
    fetch_url: str = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
    """Where `lectr prices update --fetch` finds the published list; a copy in your own network, for example."""

    def __attrs_post_init__(self) -> None:
        same = [(one.provider, one.model.lower(), one.variant, one.since) for one in self.override]
        if twice := next((one for one in same if same.count(one) > 1), None):
            provider, model, variant, since = twice
            told = f"{provider}/{model}" + (f" ({variant})" if variant else "") + (f" from {since}" if since else "")
            places = " and ".join(str(place) for place, one in enumerate(same) if one == twice)
            raise ValueError(f"override: expected one price for {told}, got several ({places}): only the first would hold")
