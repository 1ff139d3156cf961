"""A catalog of prices, and finding a model in it: whose list, which entry, which of its prices on a day.

Knows the classes of genai-prices, which are read, never called for a price. Files of it are read by `reading.py`.
Called by `listed.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Final

import attrs
import genai_prices
from genai_prices.types import ModelInfo, ModelPrice, PriceVariant, Provider, StartDateConstraint, TimeOfDateConstraint

VERSION: Final = genai_prices.__version__

# When each release of the list was published (UTC). A release that is not here has no date: its prices then have none
# either, unless the list itself says from when they hold.
PUBLISHED: Final = {"0.2.3": "2026-11-10"}

# Our provider ids and whose list holds for them. An id that is not here has no list: what runs on the operator's own
# machine, or what the operator named, costs what the operator says.
LISTS: Final = {
    "anthropic": "anthropic",
    "azure": "azure",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "moonshot": "moonshotai",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "together": "together",
    "xai": "x-ai",
    "zai": "zai",
}

# The stand-in answers in everybody's name, so its models are looked for with those who are known to make them.
STAND_IN: Final = "echo"


@attrs.frozen
class Found:
    """A model in the list."""

    lister: Provider
    """Whose list was asked."""
    owner: Provider
    """Whose entry it is: another one where the lister only resells it."""
    model: ModelInfo


@attrs.frozen
class Held:
    """The price that holds on one day."""

    price: ModelPrice
    since: date | None
    """From when, where the list says so."""
    variant_keys: frozenset[str] | None
    """Which of its rates are the variant's own; None where no variant was asked or none matched."""
    is_dearest_of_day: bool
    """Whether the price changes within the day, so that the dearest one was taken."""


@attrs.define(eq=False, slots=False)
class Catalog:
    """Every list of one issue, with where it comes from."""

    source: str
    """With its version: `genai-prices 0.2.3`. Each price that is found here names it."""
    dated: str | None
    """ISO date on which it was issued; None: not known."""
    mark: str
    """What a price is told apart by where nothing dates it: a version, or the beginning of a digest."""
    providers: Sequence[Provider]

    def told(self) -> str:
        """For people."""
        return f"{self.source}, {f'of {self.dated}' if self.dated else 'of no known date'}"

    @cached_property
    def by_id(self) -> dict[str, Provider]:
        """The lists by whose they are."""
        return {provider.id: provider for provider in self.providers}

    def find(self, provider: str, model: str) -> Found | None:
        """The entry for a model as a provider names it; None where there is none."""
        if provider == STAND_IN:
            found = (
                self._found(lister, model)
                for lister in self.providers
                if lister.model_match and lister.model_match.is_match(model.lower())
            )
            return next((one for one in found if one is not None), None)
        listed = LISTS.get(provider)
        return self._found(self.by_id[listed], model) if listed in self.by_id else None

    def _found(self, lister: Provider, model: str) -> Found | None:
        if not model:
            return None
        entry = lister.find_model(model.removeprefix("models/"), all_providers=list(self.providers))
        if entry is None:
            return None
        owner = next(
            (one for one in (lister, *self.providers) if any(entry is candidate for candidate in one.models)),
            lister,
        )
        return Found(lister, owner, entry)


def installed() -> Catalog:
    """The list that ships with the installed package."""
    from genai_prices.data import providers  # half a second that only those pay who need it

    return Catalog(f"genai-prices {VERSION}", PUBLISHED.get(VERSION), VERSION, providers)


def held_on(found: Found, day: date, variant: str | None) -> Held:
    """The price of a day. Units: UTC. Where it changes within the day, the dearest one, and it is said."""
    price, is_dearest = _dearest(found.model, day)
    since = _since(found.model, price, day)
    fitting = [] if variant is None or found.owner is not found.lister else _variants(found.model, day, variant)
    if not fitting:
        return Held(price, since, None, is_dearest)
    own: dict[str, object] = {}
    for one in reversed(fitting):
        own.update({key: rate for key, rate in vars(one.prices).items() if rate is not None})
    starts = [one.constraint.start_date for one in fitting if isinstance(one.constraint, StartDateConstraint)]
    return Held(ModelPrice(**{**vars(price), **own}), max(starts, default=since), frozenset(own), is_dearest)


def _variants(model: ModelInfo, day: date, variant: str) -> list[PriceVariant]:
    """Those of one and the same context, whatever it is called: `service_tier`, `speed`, `processing`."""
    at = datetime.combine(day, time(), UTC)
    fitting = [
        one
        for one in model.price_variants or ()
        if list(one.when.values()) == [variant] and (one.constraint is None or one.constraint.active(at))
    ]
    return [one for one in fitting if one.when == fitting[0].when]


def _dearest(model: ModelInfo, day: date) -> tuple[ModelPrice, bool]:
    if isinstance(model.prices, ModelPrice):
        return model.prices, False
    times = {time()} | {
        moment.replace(tzinfo=None)
        for one in model.prices
        if isinstance(one.constraint, TimeOfDateConstraint)
        for moment in (one.constraint.start_time, one.constraint.end_time)
    }
    prices = [model.get_prices(datetime.combine(day, moment, UTC)) for moment in sorted(times)]
    different = [price for index, price in enumerate(prices) if price not in prices[:index]]
    return max(different, key=_height), len(different) > 1


def _height(price: ModelPrice) -> float:
    """Enough to tell a peak price from an off-peak one: all rates of the two rise together."""
    return sum(float(getattr(rate, "base", rate)) for rate in vars(price).values() if rate is not None)


def _since(model: ModelInfo, price: ModelPrice, day: date) -> date | None:
    if isinstance(model.prices, ModelPrice):
        return None
    starts = [
        one.constraint.start_date
        for one in model.prices
        if isinstance(one.constraint, StartDateConstraint) and one.constraint.start_date <= day and one.prices is price
    ]
    return max(starts, default=None)
