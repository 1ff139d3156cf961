"""What an answer cost by the provider's own account, and which of its tools were called. Pure; no text.

Only of endpoints that are known to bill what they tell: any other's `cost` may be an estimate, or in another currency.
Called by the readers.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import attrs

from lectr_core import NANO, Tree, Usage, branch, count, units, with_terms

_TICKS_PER_NANO: Final = 10
"""One US dollar is 10,000,000,000 ticks. Source: xAI, "Cost tracking"."""

_CALLS: Final = (
    ("server_side_tool_usage_details", "web_search_calls", units.WEB_SEARCH),
    ("server_side_tool_usage_details", "x_search_calls", units.SOCIAL_SEARCH),
    ("server_side_tool_usage_details", "code_interpreter_calls", units.CODE_EXECUTION),
    ("server_side_tool_usage_details", "file_search_calls", units.FILE_SEARCH),
    ("server_tool_use", "web_search_requests", units.WEB_SEARCH),
)

_UNTOLD: Final = (
    ("num_sources_used", "sources that a search read (billed by the source)"),
    ("search_context_size", "a fee for the request, by how much was searched"),
)
"""What says that more was billed than tokens. Known only where the answer tells its cost, too."""


def with_calls(usage: Usage) -> Usage:
    """*usage* with the calls of tools that its tree counts."""
    found = {unit: count(branch(usage.raw, where).get(name)) for where, name, unit in _CALLS if where in usage.raw}
    calls = {unit: number for unit, number in found.items() if number}
    return attrs.evolve(usage, units={**usage.units, **calls}) if calls else usage


def with_cost(usage: Usage, *, is_own_key: bool = False) -> Usage:
    """*usage* with what it cost, where its tree tells. *is_own_key*: the maker bills the caller apart."""
    cost = told_cost(usage.raw, is_own_key=is_own_key)
    if cost is None:
        untold = next((what for name, what in _UNTOLD if usage.raw.get(name)), None)
        return usage if untold is None else with_terms(usage, untold=untold)
    return with_terms(usage, cost_nanousd=cost)


def told_cost(tree: Tree, *, is_own_key: bool = False) -> int | None:
    """The cost that a usage object tells, in nano-dollars; None where it tells none.

    Shapes: `cost_in_usd_ticks` (xAI), `cost.total_cost` (Perplexity), `cost` (OpenRouter; a credit is a dollar), to which
        what the model's maker bills is added where the caller's own key was used.
    """
    ticks = count(tree.get("cost_in_usd_ticks"))
    if ticks is not None:
        return _rounded(Decimal(ticks) / _TICKS_PER_NANO)
    cost = tree.get("cost")
    total = _dollars(cost.get("total_cost") if isinstance(cost, dict) else cost)
    if total is not None and is_own_key:
        upstream = _dollars(branch(tree, "cost_details").get("upstream_inference_cost"))
        total = None if upstream is None else total + upstream
    return None if total is None else _rounded(total * NANO)


def _dollars(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return Decimal(str(value))


def _rounded(nanousd: Decimal) -> int | None:
    whole = int(nanousd.to_integral_value(ROUND_HALF_EVEN))
    return whole if whole <= units.MAX_COUNT else None
