"""What a message used: its usage object taken apart into disjoint units. Pure functions, no text.

Called by the readers in `messages.py`. Never here: bytes, streams, prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lectr_core.dialects.usage import apportion, branch, count, laid_over
from lectr_core.model import units
from lectr_core.model.reading import Share, Terms, Tree, Usage

_CACHED: Final = ("cache_read_input_tokens", "cache_creation_input_tokens")
_OUTPUT_FIELDS: Final = frozenset({"output_tokens", "output_tokens_details"})

# Where nothing is known of a place, or it makes no difference.
_ANYWHERE: Final = frozenset({"global", "not_available"})

_CREDIT: Final = "a fallback credit was redeemed: the provider bills less"

# What is worth a zero: everything else that is 0 says no more than its absence.
_KEPT_AT_ZERO: Final = frozenset({units.INPUT, units.OUTPUT})


def merge(older: Tree, newer: Tree) -> Tree:
    """Lay *newer* over *older*: per field the last value wins, objects are merged inside.

    The last event of a stream gives cumulative totals but lacks the cache lifetimes, tier and speed of the first, so a
    plain replacement would lose them. Since they are cumulative, a prompt that was counted does not turn into 0, as some
    servers of this dialect say in the end; only if all of it came from the cache after all.
    """
    merged = laid_over(older, newer)
    if newer.get("input_tokens") == 0 and any(map(newer.get, _CACHED)):
        return {**merged, "input_tokens": 0}
    return merged


def without_output(tree: Tree) -> Tree:
    """The tree less its output counts: in the first event of a stream they are placeholders, not counts."""
    return {name: value for name, value in tree.items() if name not in _OUTPUT_FIELDS}


def message_usage(tree: Tree, model: str | None = None) -> Usage:
    """Take the usage object of a message apart; *model* is the one that the message names.

    Shapes: input, cache reads and cache writes are additive as sent; thinking is a part of the output. Where the turns are
        told (`iterations`), they are what is billed: also what the totals leave out (compactions), and each at the price of
        its own model (an adviser, a model that stepped in). It adds up where every total that comes with its parts is
        their sum; None where no total does.
    Source: the type `Usage` of the SDK of messages, and `BetaUsage` for iterations and the fallback credit.
    """
    counts, checks = _take_apart(tree)
    entries = [entry for entry in _iterations(tree) if _take_apart(entry)[0]]
    terms: dict[str, Any] = {}  # Any: fields of Terms
    if entries:
        counts, terms = _by_turns(tree, counts, checks, entries, model)
    region = tree.get("inference_geo")
    if isinstance(region, str) and region not in _ANYWHERE:
        terms["region"] = region
    if branch(branch(tree, "fallback_credit"), "status").get("type") == "redeemed":
        terms["doubt"] = _CREDIT
    return Usage(_kept(counts), tree, all(checks) if checks else None, Terms(**terms) if terms else None)


def _by_turns(
    tree: Tree, totals: dict[str, int], checks: list[bool], entries: list[Tree], model: str | None
) -> tuple[dict[str, int], dict[str, Any]]:  # Any: fields of Terms
    """Units of the message's own model, and terms with the shares of others. Adds to *checks*.

    Shapes: the totals are the sum of the turns, compactions and advice left out; of the prompt, they may be the first
        turn's alone. Where the turns are fewer than the totals, some were not told: the totals hold.
    """
    own: dict[str, int] = {}
    turns: dict[str, int] = {}
    shares: dict[str, dict[str, int]] = {}
    prompts: list[int] = []
    first_prompt: int | None = None
    for entry in entries:
        counts, more_checks = _take_apart(entry)
        checks += more_checks
        prompt = units.total(counts, units.INPUT_UNITS)
        kind, of = entry.get("type"), entry.get("model")
        is_own = not isinstance(of, str) or model is None or of == model
        if kind == "advisor_message" and isinstance(of, str):
            is_own = False
        if kind not in ("compaction", "advisor_message"):
            _add(turns, counts)
            first_prompt = prompt if first_prompt is None else first_prompt
        if is_own:
            prompts.append(prompt)
        _add(own if is_own else shares.setdefault(str(of), {}), counts)
    asked, given = (units.total(totals, names) for names in (units.INPUT_UNITS, units.OUTPUT_UNITS))
    turns_asked, turns_given = (units.total(turns, names) for names in (units.INPUT_UNITS, units.OUTPUT_UNITS))
    checks.append(given == turns_given and asked in (turns_asked, first_prompt or 0))
    if turns_given < given or turns_asked < asked:
        own = dict(totals)
        for entry in entries:
            if entry.get("type") == "compaction":
                _add(own, _take_apart(entry)[0])
    else:
        # Only the totals tell of thinking and of tools.
        thinking = min(totals.get(units.REASONING, 0), own.get(units.OUTPUT, 0))
        tools: dict[str, int] = {name: totals[name] for name in (units.WEB_SEARCH, units.WEB_FETCH) if name in totals}
        if thinking:
            own = {**own, units.OUTPUT: own[units.OUTPUT] - thinking, units.REASONING: thinking}
        own |= tools
    terms: dict[str, Any] = {}  # Any: fields of Terms
    if len(prompts) > 1:
        terms["longest_prompt"] = max(prompts)
    if shares:
        terms["shares"] = tuple(Share(name, _kept(counts)) for name, counts in shares.items())
    return own, terms


def _add(sums: dict[str, int], counts: Mapping[str, int]) -> None:
    for name, number in counts.items():
        sums[name] = min(sums.get(name, 0) + number, units.MAX_COUNT)


def _kept(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number or name in _KEPT_AT_ZERO}


def tier_of(tree: Tree) -> str | None:
    """What changes the price beside the model, as reported: a speed that is not the usual one, else the service tier."""
    speed, tier = tree.get("speed"), tree.get("service_tier")
    if isinstance(speed, str) and speed != "standard":
        return speed
    return tier if isinstance(tier, str) else None


def _take_apart(tree: Tree) -> tuple[dict[str, int], list[bool]]:
    """The units of one usage object, and what was found where a total comes with its parts."""
    fresh = tree.get("input_tokens")
    found = {units.INPUT: count(fresh), units.CACHE_READ: count(tree.get("cache_read_input_tokens"))}
    tools = branch(tree, "server_tool_use")
    found[units.WEB_SEARCH] = count(tools.get("web_search_requests"))
    found[units.WEB_FETCH] = count(tools.get("web_fetch_requests"))
    counts = {name: number for name, number in found.items() if number is not None}
    checks = _cache_writes(tree, counts) + _output(tree, counts)
    if counts and fresh is not None and units.INPUT not in counts:
        checks.append(False)  # something that is no count stands where the prompt is counted
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
