"""What a message used: the provider's usage object taken apart into disjoint units. Pure functions, no text.

Called by the readers in `messages.py`. Never here: bytes, streams, prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lectr_core import Tree, Usage, apportion, branch, count, units

_OUTPUT_FIELDS: Final = frozenset({"output_tokens", "output_tokens_details"})

# What is worth a zero: everything else that is 0 says no more than its absence.
_KEPT_AT_ZERO: Final = frozenset({units.INPUT, units.OUTPUT})


def merge(older: Tree, newer: Tree) -> Tree:
    """Lay *newer* over *older*: per field the last value wins, objects are merged inside.

    The last event of a stream gives cumulative totals but lacks the cache lifetimes, tier and speed of the first, so a
    plain replacement would lose them.
    """
    merged: dict[str, Any] = dict(older)  # Any: a tree of numbers
    for name, value in newer.items():
        before = merged.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            merged[name] = merge(before, value)
        elif value is not None:
            merged[name] = value
    return merged


def without_output(tree: Tree) -> Tree:
    """The tree less its output counts: in the first event of a stream they are placeholders, not counts."""
    return {name: value for name, value in tree.items() if name not in _OUTPUT_FIELDS}


def usage_of(tree: Tree) -> Usage:
    """Take the usage object of a message apart.

    Shapes: input, cache reads and cache writes are additive as sent; thinking is a part of the output. It adds up where
        every total that comes with its parts is their sum; None where no total does.
    Source: the type `Usage` of the provider's SDK, and `BetaUsage` for iterations.
    """
    counts, checks = _take_apart(tree)
    for entry in _iterations(tree):
        if entry.get("type") == "compaction":
            # The provider says that these are not in the totals above, so adding them counts nothing twice.
            more, more_checks = _take_apart(entry)
            for name, number in more.items():
                counts[name] = min(counts.get(name, 0) + number, units.MAX_COUNT)
            checks += more_checks
        elif entry.get("type") == "advisor_message":
            # Another model's tokens: they have no place among this model's units, but must not be overlooked.
            checks.append(False)
    kept = {name: number for name, number in counts.items() if number or name in _KEPT_AT_ZERO}
    return Usage(units=kept, raw=tree, adds_up=all(checks) if checks else None)


def tier_of(tree: Tree) -> str | None:
    """What changes the price beside the model, as reported: a speed that is not the usual one, else the service tier."""
    speed, tier = tree.get("speed"), tree.get("service_tier")
    if isinstance(speed, str) and speed != "standard":
        return speed
    return tier if isinstance(tier, str) else None


def _take_apart(tree: Tree) -> tuple[dict[str, int], list[bool]]:
    """The units of one usage object, and what was found where a total comes with its parts."""
    found = {units.INPUT: count(tree.get("input_tokens")), units.CACHE_READ: count(tree.get("cache_read_input_tokens"))}
    tools = branch(tree, "server_tool_use")
    found[units.WEB_SEARCH] = count(tools.get("web_search_requests"))
    found[units.WEB_FETCH] = count(tools.get("web_fetch_requests"))
    counts = {name: number for name, number in found.items() if number is not None}
    checks = _cache_writes(tree, counts) + _output(tree, counts)
    return counts, checks


def _cache_writes(tree: Tree, counts: dict[str, int]) -> list[bool]:
    """Cache writes by lifetime; what the total holds beyond the lifetimes named has an unnamed one."""
    written = count(tree.get("cache_creation_input_tokens"))
    lifetimes = branch(tree, "cache_creation")
    parts = [
        (units.CACHE_WRITE_5M, count(lifetimes.get("ephemeral_5m_input_tokens"))),
        (units.CACHE_WRITE_1H, count(lifetimes.get("ephemeral_1h_input_tokens"))),
    ]
    named = sum(number or 0 for _, number in parts)
    total = named if written is None else written
    split, fits = apportion(total, parts, units.CACHE_WRITE)
    counts.update(split)
    return [fits] if lifetimes and written is not None else []


def _output(tree: Tree, counts: dict[str, int]) -> list[bool]:
    """Visible output and thinking; the total includes both."""
    output = count(tree.get("output_tokens"))
    if output is None:
        return []
    thinking = count(branch(tree, "output_tokens_details").get("thinking_tokens"))
    split, fits = apportion(output, [(units.REASONING, thinking)], units.OUTPUT)
    counts.update({units.OUTPUT: 0, **split})
    return [fits] if thinking is not None else []


def _iterations(tree: Tree) -> Iterator[Tree]:
    entries = tree.get("iterations")
    if isinstance(entries, list):
        yield from (entry for entry in entries if isinstance(entry, dict))
