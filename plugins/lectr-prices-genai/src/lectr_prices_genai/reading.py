"""Prices in genai-prices' own data format: read with every fault said in words, written as they are published.

The format is a JSON array of providers, as the project publishes it (`prices/new_data/v2/data.json`). Numbers are taken as
they are written, never through a float. Pure. Called by `taken.py` and by the command `lectr prices update`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from genai_prices.types import ModelPrice, Provider, TieredPrices

from lectr_core import OperatorError
from lectr_prices_genai.rates import is_known

MOST_FAULTS: Final = 8
"""What is wrong with one entry is most often wrong with all of them."""
MOST_USD: Final = Decimal(1_000_000)
"""Above it a rate is a mistake: a thousand times the dearest of any list."""

Raw = Any  # whatever JSON can hold


def parse(data: bytes, name: str) -> list[Provider]:
    """The lists that *data* holds. Errors: OperatorError with what is wrong, where in *name*."""
    try:
        raw = json.loads(data, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise OperatorError(f"{name} is no JSON: {_one_line(exc)}") from exc
    return built(raw, name)


def built(raw: Raw, name: str) -> list[Provider]:
    """The lists of a document that is read already. Errors: OperatorError, as `parse`."""
    # The package reads what it fetches with this function, and offers no other way to it.
    from genai_prices.types import _providers_from_raw

    if not isinstance(raw, list):
        found = "an object" if isinstance(raw, dict) else f"a {type(raw).__name__}"
        raise OperatorError(f"{name}: expected an array of providers, as genai-prices publishes it, got {found}")
    try:
        providers = _providers_from_raw(raw)
    except (ValueError, TypeError, AssertionError, AttributeError, KeyError, StopIteration) as exc:
        listed = getattr(exc, "errors", None)  # of its validation, one for each fault
        if listed is not None:
            raise _refused(name, [_said(raw, error["loc"], error["msg"]) for error in listed()]) from exc
        raise OperatorError(f"{name} is not in the format of genai-prices: {_one_line(exc)}") from exc
    faults = list(_faults(providers))
    if faults:
        raise _refused(name, faults)
    return providers


def dumped(value: object) -> Raw:
    """Lists as a document that `built` reads as the same lists."""
    if isinstance(value, ModelPrice):
        return {key: dumped(inner) for key, inner in vars(value).items() if inner is not None}
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        # `or` and `and` are words of Python, and have an underscore in the package's classes
        return {name.rstrip("_"): dumped(inner) for name, inner in fields.items() if inner is not None}
    if isinstance(value, Mapping):
        return {key: dumped(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [dumped(inner) for inner in value]
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, date | time) else value


def unknown_keys(providers: Sequence[Provider]) -> dict[str, int]:
    """Kinds of rates that the installed package does not know, and in how many models: they are left out."""
    found: dict[str, int] = {}
    for provider in providers:
        for model in provider.models:
            for key in sorted({key for price in _prices(model) for key in vars(price) if not is_known(key)}):
                found[key] = found.get(key, 0) + 1
    return found


def _faults(providers: Sequence[Provider]) -> Iterator[str]:
    if not any(provider.models for provider in providers):
        yield "expected at least one provider with one model, got none"
    seen: set[str] = set()
    for provider in providers:
        if provider.id in seen:
            yield f"provider {provider.id!r} is there twice"
        seen.add(provider.id)
        for model in provider.models:
            if isinstance(model.prices, list) and not model.prices:
                yield f"{provider.id}/{model.id}: expected a price, got none"
            for price in _prices(model):
                for key, rate in vars(price).items():
                    rates = [rate.base, *(tier.price for tier in rate.tiers)] if isinstance(rate, TieredPrices) else [rate]
                    for one in rates:
                        if one is not None and not (one.is_finite() and 0 <= one <= MOST_USD):
                            yield f"{provider.id}/{model.id}: {key}: expected 0 to {MOST_USD:,} USD, got {one}"


def _prices(model: Any) -> Iterator[ModelPrice]:  # Any: the package's own class of models
    if isinstance(model.prices, ModelPrice):
        yield model.prices
    else:
        yield from (one.prices for one in model.prices)
    yield from (variant.prices for variant in model.price_variants or ())


def _refused(name: str, faults: Sequence[str]) -> OperatorError:
    more = f"; and {len(faults) - MOST_FAULTS:,} more" if len(faults) > MOST_FAULTS else ""
    return OperatorError(f"{name} is not taken: {'; '.join(faults[:MOST_FAULTS])}{more}")


def _said(raw: Raw, place: Sequence[object], message: str) -> str:
    """`openai/gpt-4o: prices.input_mtok: Input should be …`, with names in place of numbers where there are any."""
    names, rest, at = [], [], raw
    for step in place:
        at = at[step] if (isinstance(at, list) and isinstance(step, int) and step < len(at)) else _inner(at, step)
        named = at.get("id") if isinstance(at, dict) else None
        if isinstance(named, str) and isinstance(step, int):
            names.append(named)
        elif not (names and step == "models"):
            rest.append(str(step))
    return ": ".join(filter(None, ("/".join(names), ".".join(rest), _one_line(message))))


def _inner(at: Raw, step: object) -> Raw:
    return at.get(step) if isinstance(at, dict) else None


def _one_line(told: object) -> str:
    return " ".join(str(told).split())[:200]


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no price")
