"""A usage object of any of them as the plain dialect would say it: the same counts under the usual names. Pure; no text.

Who says what in which words stands in `reading.py`, which calls this.
"""

from __future__ import annotations

from typing import Final

import attrs

from lectr_core import Tree, Usage, apportion, branch, count, units

_CACHED: Final = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
_WRITTEN: Final = ("cache_write_tokens", "cached_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
_BESIDE: Final = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
"""Names of a dialect in which they are no part of the prompt. Who passes them on here mostly has added them to it."""

_LIFETIMES: Final = ("cache_creation", "cache_creation_token_details")


def plain(tree: Tree) -> Tree:
    """The same usage in the usual words."""
    asked, given = branch(tree, "prompt_tokens_details"), branch(tree, "completion_tokens_details")
    asked = asked or branch(tree, "prompt_token_details")
    prompt, completion, total = (count(tree.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    cached = _first(asked.get("cached_tokens"), *(tree.get(name) for name in _CACHED))
    written = _first(*map(asked.get, _WRITTEN)) if asked else None
    if prompt is None and cached is not None:
        prompt = cached + (count(tree.get("prompt_cache_miss_tokens")) or 0)
    if not _BESIDE.isdisjoint(tree):
        written = _first(written or None, tree.get("cache_creation_input_tokens"))
        beside = (cached or 0) + (written or 0)
        without = (prompt or 0) + (completion or 0)
        if prompt is not None and beside and (beside > prompt or total == without + beside):
            prompt += beside
            total = total + beside if total == without else total
    reasoning = _first(given.get("reasoning_tokens"), tree.get("reasoning_tokens"))
    if completion is not None and reasoning:
        without = (prompt or 0) + completion
        if total == without + reasoning:
            completion += reasoning
        elif reasoning > completion:
            # More than the whole cannot be a part of it, so it is counted nowhere else either.
            completion += reasoning
            total = total + reasoning if total == without else total
    return {
        **tree,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": total,
        "prompt_tokens_details": {**asked, "cached_tokens": cached, "cache_write_tokens": written},
        "completion_tokens_details": {**given, "reasoning_tokens": reasoning},
    }


def with_lifetimes(usage: Usage, tree: Tree) -> Usage:
    """*usage* with what was written to a cache by its lifetime, where the tree tells it: beside the counts, or in them."""
    written = usage.units.get(units.CACHE_WRITE)
    if not written:
        return usage
    asked = branch(tree, "prompt_tokens_details")
    told = next((found for name in _LIFETIMES for place in (asked, tree) if (found := branch(place, name))), {})
    short, long = (count(told.get(f"ephemeral_{name}_input_tokens")) for name in ("5m", "1h"))
    split, _ = apportion(written, [(units.CACHE_WRITE_1H, long), (units.CACHE_WRITE_5M, short)], units.CACHE_WRITE)
    kept = {unit: number for unit, number in usage.units.items() if unit != units.CACHE_WRITE}
    return attrs.evolve(usage, units=kept | split)


def _first(*values: object) -> int | None:
    return next((number for number in map(count, values) if number is not None), None)
