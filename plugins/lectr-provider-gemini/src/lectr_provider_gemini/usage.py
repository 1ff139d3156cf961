"""What an answer used: the provider's usage metadata taken apart into disjoint units. Pure functions, no text.

Called by the readers in `generate.py` and `compatible.py`. Never here: bytes, streams, prices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import attrs

from lectr_core import Tree, Usage, apportion, completion_usage, count, units, with_terms

# Words for a tier or a kind of traffic that say nothing beyond the usual one.
_SILENT: Final = frozenset({"unspecified", "traffic_type_unspecified"})
_TRAFFIC: Final = "on_demand_"

# Media that are billed apart from text. A document is billed as text; what comes later is counted as text until it is known.
_MEDIA: Final = ("IMAGE", "VIDEO", "AUDIO")

_OF_INTERACTIONS: Final = {
    "total_input_tokens": "promptTokenCount",
    "total_cached_tokens": "cachedContentTokenCount",
    "total_output_tokens": "candidatesTokenCount",
    "total_thought_tokens": "thoughtsTokenCount",
    "total_tool_use_tokens": "toolUsePromptTokenCount",
    "total_tokens": "totalTokenCount",
    "input_tokens_by_modality": "promptTokensDetails",
    "cached_tokens_by_modality": "cacheTokensDetails",
    "output_tokens_by_modality": "candidatesTokensDetails",
}
_SEARCHES: Final = {"google_search": units.WEB_SEARCH, "retrieval": units.FILE_SEARCH, "file_search": units.FILE_SEARCH}

_MAPS: Final = "grounding on maps (billed by the answer)"

_BY_ANSWER: Final = re.compile(r"(?:models/)?gemini-[12][.-]")


def usage_of(tree: Tree) -> Usage:
    """Take usage metadata apart.

    Shapes: the prompt includes what was cached; candidates exclude thoughts and tool results. Where the cached part is
        not given by modality, it is taken to be text first. What only the total holds, where no thoughts are told, is
        taken for thoughts: some versions count them nowhere else, and they cost what an answer costs. It does not add up
        all the same, since nobody says so.
    Source: the type `GenerateContentResponseUsageMetadata` of the provider's SDK.
    """
    prompt = count(tree.get("promptTokenCount")) or 0
    # Live answers say "response" where generateContent says "candidates".
    side = "candidates" if "candidatesTokenCount" in tree else "response"
    answer = count(tree.get(f"{side}TokenCount")) or 0
    asked, asked_fits = _prompt(tree, prompt)
    spoken, spoken_fits = _answer(answer, by_modality(tree.get(f"{side}TokensDetails")))
    beside = {
        units.REASONING: count(tree.get("thoughtsTokenCount")) or 0,
        units.INPUT_TOOL: count(tree.get("toolUsePromptTokenCount")) or 0,
    }
    total = count(tree.get("totalTokenCount"))
    adds_up = None if total is None else total == prompt + answer + sum(beside.values())
    if total is not None and adds_up is False and "thoughtsTokenCount" not in tree:
        rest = total - prompt - answer - beside[units.INPUT_TOOL]
        if rest > 0 and prompt and not tree.get("toolUsePromptTokensDetails"):
            beside[units.REASONING] = rest
    return Usage(
        units=asked | spoken | {name: number for name, number in beside.items() if number},
        raw=tree,
        adds_up=adds_up if asked_fits and spoken_fits else False,
    )


def compatible_usage(tree: Tree) -> Usage:
    """Take the usage object of the compatible path apart.

    Shapes: as in the dialect, but for models that think: there the total includes the thoughts and the completion does
        not, so what the total holds beyond prompt and completion is thinking.
    Source: Clarifai/clarifai-python pull request 978 (prompt 20, completion 424, total 1016, seen with this provider).
    """
    usage = completion_usage(tree)
    prompt, completion = count(tree.get("prompt_tokens")), count(tree.get("completion_tokens"))
    total = count(tree.get("total_tokens"))
    if usage.adds_up is not False or prompt is None or total is None or total <= prompt + (completion or 0):
        return usage
    details = tree.get("completion_tokens_details")
    stated = count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    thoughts = total - prompt - (completion or 0)
    if stated not in (None, 0, thoughts):
        return usage
    bare = {name: value for name, value in tree.items() if name != "completion_tokens_details"}
    spoken = completion_usage(bare).units
    return Usage(units={**spoken, units.REASONING: thoughts}, raw=tree, adds_up=True)


def interaction_usage(tree: Tree) -> Usage:
    """Take the usage of an interaction apart: the same counts under other names, and searches by the call.

    Source: the type `interactions.Usage` of the provider's SDK.
    """
    same = {name: tree.get(field) for field, name in _OF_INTERACTIONS.items() if field in tree}
    usage = usage_of(same)
    searches = {
        unit: sum(
            count(entry.get("count")) or 0
            for entry in _entries(tree.get("grounding_tool_count"))
            if str(entry.get("type")).lower() == word
        )
        for word, unit in _SEARCHES.items()
    }
    counts = {**usage.units, **{unit: number for unit, number in searches.items() if number}}
    told = attrs.evolve(usage, units=counts, raw=tree)
    kinds = {str(entry.get("type")).lower() for entry in _entries(tree.get("grounding_tool_count")) if entry.get("count")}
    return with_maps(told) if "google_maps" in kinds else told


def with_searches(usage: Usage, queries: int, model: str | None) -> Usage:
    """*usage* with the web searches that the answer was grounded on.

    Shapes: older models are billed for a grounded answer, whatever the number of *queries*; since the third generation
        each one that is not empty is, and once.
    Source: the provider's price list, "Grounding with Google Search".
    """
    if not queries or (not usage.units and usage.adds_up is None):
        return usage  # searches without any count of the answer's own are no usage
    billed = 1 if model is not None and _BY_ANSWER.match(model) else queries
    return attrs.evolve(usage, units={**usage.units, units.WEB_SEARCH: billed})


def with_maps(usage: Usage) -> Usage:
    """*usage* of an answer that was grounded on maps, which is billed by the prompt and has no count."""
    return with_terms(usage, untold=_MAPS)


def of_partial(usage: Usage) -> Usage:
    """Of an answer that broke off: where a tool has run, the prompt may have grown after the last report."""
    if not usage.units.get(units.INPUT_TOOL) and not usage.units.get(units.WEB_SEARCH):
        return usage
    return with_terms(usage, input_open=True)


def tier_of(tree: Tree) -> str | None:
    """The service tier or kind of traffic, as a price list names it: `flex`, `priority`, `standard`."""
    for name in ("serviceTier", "trafficType"):
        word = tree.get(name)
        if isinstance(word, str) and word.lower() not in _SILENT:
            return word.lower().removeprefix(_TRAFFIC)
    return None


def _entries(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def by_modality(details: object) -> dict[str, int]:
    """Tokens by modality out of a list of `{modality, tokenCount}`; entries that say something else are skipped."""
    found: dict[str, int] = {}
    for entry in _entries(details):
        if isinstance(modality := entry.get("modality"), str):
            name = modality.upper()
            found[name] = found.get(name, 0) + (count(entry.get("tokenCount", entry.get("tokens"))) or 0)
    return found


def _prompt(tree: Tree, prompt: int) -> tuple[dict[str, int], bool]:
    """The prompt's units: the cached part as text or audio, the rest by modality; and whether the parts fitted."""
    said = count(tree.get("cachedContentTokenCount")) or 0
    cached = min(said, prompt)
    whole = by_modality(tree.get("promptTokensDetails"))
    read = by_modality(tree.get("cacheTokensDetails")) or _text_first(cached, prompt, whole)
    fresh = {name: max(whole.get(name, 0) - read.get(name, 0), 0) for name in _MEDIA}
    from_cache, cache_fits = apportion(cached, [(units.CACHE_READ_AUDIO, read.get("AUDIO"))], units.CACHE_READ)
    rest, rest_fits = apportion(
        prompt - cached,
        [
            (units.INPUT_IMAGE, fresh["IMAGE"]),
            (units.INPUT_VIDEO, fresh["VIDEO"]),
            (units.INPUT_AUDIO, fresh["AUDIO"]),
        ],
        units.INPUT,
    )
    return {**from_cache, **rest}, cache_fits and rest_fits and said == cached


def _text_first(cached: int, prompt: int, whole: Mapping[str, int]) -> dict[str, int]:
    """Which media the cached tokens were, where nobody says: text as far as there is any, then images, video, audio."""
    left = cached - max(prompt - sum(whole.get(name, 0) for name in _MEDIA), 0)
    read: dict[str, int] = {}
    for name in _MEDIA:
        read[name] = min(whole.get(name, 0), max(left, 0))
        left -= read[name]
    return read


def _answer(answer: int, spoken: Mapping[str, int]) -> tuple[dict[str, int], bool]:
    """The answer's units by modality, and whether the parts fitted into it."""
    media = (("IMAGE", units.OUTPUT_IMAGE), ("AUDIO", units.OUTPUT_AUDIO), ("VIDEO", units.OUTPUT_VIDEO))
    return apportion(answer, [(unit, spoken.get(name)) for name, unit in media], units.OUTPUT)
