"""Why a cost changed between two times: six causes per feature that sum to the change exactly. Pure.

A feature's cost is taken as a product and a sum of what can change on its own:

    cost = volume × retries × Σ over models: share × (prompt × (what its tokens cost, as cached as they are) + answer × rate)

Every cause gets its Shapley value: the mean of what changing it does over all orders in which the six could have changed. So
no cause is favoured by its place in a list, a cause that did not change gets nothing, and looking from the later time to the
earlier one gives the same with the other sign. The six sum to the change up to floating point; the cent's billionth that is
left goes to the largest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Final

import attrs

CAUSES: Final = ("volume", "tokens", "mix", "price", "cache", "retries")
MEANS: Final = {
    "volume": "more or fewer requests",
    "tokens": "longer or shorter prompts and answers",
    "mix": "another share of dearer models",
    "price": "another price for the same tokens",
    "cache": "more or less of the prompts came from a cache",
    "retries": "more or fewer repeats by the clients' SDKs",
}
Rates = Mapping[str, float]
"""Nano-dollars a token, of `input`, `cache_read`, `cache_write` and `output`, as far as known."""


@attrs.frozen(kw_only=True)
class Use:
    """What one feature took of one model in one of the times. Only requests whose cost is known."""

    feature: str
    model: str
    """With its provider, so that it is one of a kind."""
    requests: int
    retries: int
    """Of these, repeats by a client's SDK."""
    input_tokens: int
    cached_tokens: int
    written_tokens: int
    output_tokens: int
    cost_nanousd: int


_ADDED: Final = ("requests", "retries", "input_tokens", "cached_tokens", "written_tokens", "output_tokens", "cost_nanousd")


@attrs.frozen
class Explained:
    """One feature's change."""

    feature: str
    before_nanousd: int
    after_nanousd: int
    causes: Mapping[str, int]
    """Nano-dollars by cause; they sum to the change."""

    @property
    def change_nanousd(self) -> int:
        """After less before."""
        return self.after_nanousd - self.before_nanousd


@attrs.frozen(kw_only=True)
class _Habit:
    """What one request to one model was like."""

    prompt: float
    answer: float
    cached: float
    """Share of the prompt, 0 to 1."""
    written: float
    rates: tuple[float, float, float, float]
    flat: float
    """Nano-dollars a request where no tokens explain its cost."""


@attrs.frozen
class _Time:
    asks: float
    """Requests that are no repeats."""
    a_ask: float
    """Requests for each of them."""
    shares: Mapping[str, float]
    habits: Mapping[str, _Habit]


def explain(
    before: Sequence[Use], after: Sequence[Use], rates: tuple[Mapping[str, Rates], Mapping[str, Rates]] = ({}, {})
) -> list[Explained]:
    """Every feature's change, the largest first. *rates* by model, before and after.

    Shapes: for each feature the causes sum to the change; over all features the changes sum to that of the whole.
    """
    of_feature: dict[str, tuple[list[Use], list[Use]]] = {}
    for at, uses in enumerate((before, after)):
        for use in uses:
            of_feature.setdefault(use.feature, ([], []))[at].append(use)
    found = [_feature(name, *of_feature[name], rates) for name in sorted(of_feature)]
    return sorted(found, key=lambda each: -abs(each.change_nanousd))


def gathered(before: Sequence[Use], after: Sequence[Use], most: int) -> tuple[list[Use], list[Use], int]:
    """The same, where all features but the *most* that changed most are one, called by no name; and how many that are."""
    changes: dict[str, int] = {}
    for sign, uses in ((-1, before), (1, after)):
        for use in uses:
            changes[use.feature] = changes.get(use.feature, 0) + sign * use.cost_nanousd
    others = set(sorted(changes, key=lambda name: -abs(changes[name]))[most:])
    if len(others) < 2:
        return list(before), list(after), 0
    return _merged(before, others), _merged(after, others), len(others)


def _merged(uses: Sequence[Use], others: set[str]) -> list[Use]:
    """*uses*, those of *others* added up by model."""
    kept = [use for use in uses if use.feature not in others]
    sums: dict[str, dict[str, int]] = {}
    for use in uses:
        if use.feature in others:
            of = sums.setdefault(use.model, dict.fromkeys(_ADDED, 0))
            for name in _ADDED:
                of[name] += getattr(use, name)
    return [*kept, *(Use(feature="", model=model, **of) for model, of in sums.items())]


def together(found: Iterable[Explained]) -> Explained:
    """All features as one: causes added up."""
    lines = list(found)
    causes = {cause: sum(line.causes[cause] for line in lines) for cause in CAUSES}
    return Explained("", sum(line.before_nanousd for line in lines), sum(line.after_nanousd for line in lines), causes)


def _feature(
    name: str, before: Sequence[Use], after: Sequence[Use], rates: tuple[Mapping[str, Rates], Mapping[str, Rates]]
) -> Explained:
    costs = sum(use.cost_nanousd for use in before), sum(use.cost_nanousd for use in after)
    if not before or not after:
        # New or gone: all volume.
        return Explained(name, *costs, {**dict.fromkeys(CAUSES, 0), "volume": costs[1] - costs[0]})
    then, now = _time(before, rates[0], rates[1]), _time(after, rates[1], rates[0])
    # What there was none of in one of the times is taken to have been as in the other: nothing of it changed but its share.
    habits = {**now.habits, **then.habits}, {**then.habits, **now.habits}
    then = _Time(then.asks, then.a_ask if before else now.a_ask, then.shares if before else now.shares, habits[0])
    now = _Time(now.asks, now.a_ask if after else then.a_ask, now.shares if after else then.shares, habits[1])
    exact = _shapley(then, now)
    causes = {cause: round(value) for cause, value in exact.items()}
    left = costs[1] - costs[0] - sum(causes.values())
    causes[max(CAUSES, key=lambda cause: abs(exact[cause]))] += left
    return Explained(name, *costs, causes)


def _time(uses: Sequence[Use], own: Mapping[str, Rates], other: Mapping[str, Rates]) -> _Time:
    requests = sum(use.requests for use in uses)
    asks = requests - sum(min(use.retries, use.requests) for use in uses)
    # Where every request is a repeat, its ask lies before this time.
    asks = asks or requests
    shares = {use.model: use.requests / requests for use in uses} if requests else {}
    habits = {use.model: _habit(use, {**other.get(use.model, {}), **own.get(use.model, {})}) for use in uses if use.requests}
    return _Time(asks, requests / asks if asks else 1.0, shares, habits)


def _habit(use: Use, known: Rates) -> _Habit:
    prompt, answer = use.input_tokens / use.requests, use.output_tokens / use.requests
    cached = use.cached_tokens / use.input_tokens if use.input_tokens else 0.0
    written = use.written_tokens / use.input_tokens if use.input_tokens else 0.0
    cost = use.cost_nanousd / use.requests
    fresh = known.get("input") or known.get("output") or 1.0
    rates = (fresh, known.get("cache_read", fresh), known.get("cache_write", fresh), known.get("output", fresh))
    habit = _Habit(prompt=prompt, answer=answer, cached=cached, written=written, rates=rates, flat=0.0)
    said = _cost(habit, habit, habit)
    if said <= 0:
        return attrs.evolve(habit, rates=(0.0, 0.0, 0.0, 0.0), flat=cost)
    # Tiers, tools and discounts: what the usual rates do not say is in the price.
    scale = cost / said
    return attrs.evolve(habit, rates=(fresh * scale, rates[1] * scale, rates[2] * scale, rates[3] * scale))


def _cost(tokens: _Habit, cache: _Habit, price: _Habit) -> float:
    fresh, read, write, out = price.rates
    prompt = (1 - cache.cached - cache.written) * fresh + cache.cached * read + cache.written * write
    return tokens.prompt * prompt + tokens.answer * out + price.flat


def _whole(changed: frozenset[str], then: _Time, now: _Time) -> float:
    """The cost if only the causes *changed* had changed."""
    at = {cause: now if cause in changed else then for cause in CAUSES}
    sum_of = 0.0
    for model, share in at["mix"].shares.items():
        sum_of += share * _cost(*(at[cause].habits[model] for cause in ("tokens", "cache", "price")))
    return at["volume"].asks * at["retries"].a_ask * sum_of


def _shapley(then: _Time, now: _Time) -> dict[str, float]:
    count = len(CAUSES)
    sets = [frozenset(some) for size in range(count + 1) for some in combinations(CAUSES, size)]
    costs = {some: _whole(some, then, now) for some in sets}
    found = dict.fromkeys(CAUSES, 0.0)
    for some in sets:
        for cause in CAUSES:
            if cause not in some:
                weight = 1 / (count * comb(count - 1, len(some)))
                found[cause] += weight * (costs[some | {cause}] - costs[some])
    return found
