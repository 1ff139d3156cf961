"""What another catalog would change: models that are new or gone, rates that are other ones. Pure.

Called by the command `lectr prices update`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal

import attrs
from genai_prices.types import ModelInfo, Provider

from lectr_prices_genai import catalog
from lectr_prices_genai.catalog import Catalog, Found
from lectr_prices_genai.rates import by_key

ELSE = "tiers, variants, days or names"
"""What differs where the usual rates of a short prompt do not."""


@attrs.frozen(kw_only=True)
class Change:
    """One rate of one model, or a whole model."""

    kind: Literal["changed", "new", "gone"]
    provider: str
    """Whose list it stands in."""
    model: str
    unit: str
    """As the list names it; for what no rate shows, words."""
    old_usd: Decimal | None
    """For one; None: there was no rate."""
    new_usd: Decimal | None


@attrs.frozen
class Difference:
    """Of two catalogs, on one day."""

    changes: Sequence[Change]
    """By provider and model; a model that is new or gone has one for each of its rates."""
    same: int
    """Models of which nothing is another."""

    def models(self, kind: str) -> int:
        """How many models have changes of a kind."""
        return len({(one.provider, one.model) for one in self.changes if one.kind == kind})


def compare(old: Catalog, new: Catalog, day: date) -> Difference:
    """What of the usual prices of a short prompt is another one on that day."""
    before, after = dict(_models(old)), dict(_models(new))
    changes: list[Change] = []
    same = 0
    for name in sorted(before.keys() | after.keys()):
        found = list(_changes(name, before.get(name), after.get(name), day))
        changes += found
        same += not found
    return Difference(changes, same)


def _models(held_in: Catalog) -> Iterator[tuple[tuple[str, str], tuple[Provider, ModelInfo]]]:
    for provider in held_in.providers:
        for model in provider.models:
            yield (provider.id, model.id), (provider, model)


def _changes(
    name: tuple[str, str], old: tuple[Provider, ModelInfo] | None, new: tuple[Provider, ModelInfo] | None, day: date
) -> Iterator[Change]:
    kind: Literal["changed", "new", "gone"] = "changed" if old and new else "new" if new else "gone"
    if old and new and old[1] == new[1]:
        return
    before, after = _rates(old, day), _rates(new, day)
    differ = [
        unit for unit in (*before, *(unit for unit in after if unit not in before)) if before.get(unit) != after.get(unit)
    ]
    for unit in differ:
        yield Change(
            kind=kind, provider=name[0], model=name[1], unit=unit, old_usd=before.get(unit), new_usd=after.get(unit)
        )
    if not differ and not (old and new and _priced(old[1]) == _priced(new[1])):
        yield Change(kind=kind, provider=name[0], model=name[1], unit=ELSE, old_usd=None, new_usd=None)


def _rates(entry: tuple[Provider, ModelInfo] | None, day: date) -> Mapping[str, Decimal]:
    """Of a short prompt, as the list has them."""
    if entry is None:
        return {}
    provider, model = entry
    if isinstance(model.prices, list) and not model.prices:
        return {}
    return by_key(catalog.held_on(Found(provider, provider, model), day, None).price)


def _priced(model: ModelInfo) -> tuple[object, ...]:
    """All that decides a cost: comments and descriptions do not."""
    return model.match, model.context_window, model.prices, model.price_variants
