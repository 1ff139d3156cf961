"""The decomposition of usage metadata: disjoint, complete, and honest where the numbers disagree."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lectr_provider_gemini.usage import by_modality, compatible_usage, tier_of, usage_of

from lectr_core import Tree, units

# A loaded machine draws slowly, which says nothing about the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

MODALITIES = ("TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")
tokens = st.integers(0, 10**9)
modal = st.fixed_dictionaries(dict.fromkeys(MODALITIES, tokens))

FIELDS = ["promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "responseTokenCount", "thoughtsTokenCount"]
FIELDS += ["toolUsePromptTokenCount", "totalTokenCount", "serviceTier", "trafficType"]
DETAILS = ["promptTokensDetails", "cacheTokensDetails", "candidatesTokensDetails"]
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["FLEX", "AUDIO"])
entries = st.dictionaries(st.sampled_from(["modality", "tokenCount"]), leaves, max_size=2)
trees = st.dictionaries(st.sampled_from(FIELDS), leaves) | st.dictionaries(
    st.sampled_from(FIELDS + DETAILS), leaves | st.lists(entries | leaves, max_size=3)
)


def details(by_name: dict[str, int]) -> list[Tree]:
    return [{"modality": name, "tokenCount": number} for name, number in by_name.items()]


@patient
@given(modal, modal, modal, tokens, tokens)
def test_parts_sum_to_what_the_provider_reports(
    fresh: dict[str, int], cached: dict[str, int], spoken: dict[str, int], thoughts: int, tool: int
):
    prompt = {name: fresh[name] + cached[name] for name in MODALITIES}
    total = sum(prompt.values()) + sum(spoken.values()) + thoughts + tool
    usage = usage_of(
        {
            "promptTokenCount": sum(prompt.values()),
            "cachedContentTokenCount": sum(cached.values()),
            "candidatesTokenCount": sum(spoken.values()),
            "thoughtsTokenCount": thoughts,
            "toolUsePromptTokenCount": tool,
            "totalTokenCount": total,
            "promptTokensDetails": details(prompt),
            "cacheTokensDetails": details(cached),
            "candidatesTokensDetails": details(spoken),
        }
    )
    assert sum(usage.units.values()) == total
    assert usage.adds_up is True
    assert usage.units.get(units.INPUT_AUDIO, 0) == fresh["AUDIO"]
    assert usage.units.get(units.CACHE_READ_AUDIO, 0) == cached["AUDIO"]
    assert usage.units.get(units.INPUT, 0) == fresh["TEXT"] + fresh["DOCUMENT"]
    assert usage.units.get(units.OUTPUT_IMAGE, 0) == spoken["IMAGE"]


@patient
@given(modal, st.data())
def test_cached_tokens_of_no_modality_are_text_first(prompt: dict[str, int], data: st.DataObject):
    total = sum(prompt.values())
    cached = data.draw(st.integers(0, total))
    tree = {"promptTokenCount": total, "cachedContentTokenCount": cached, "promptTokensDetails": details(prompt)}
    usage = usage_of(tree)
    text = prompt["TEXT"] + prompt["DOCUMENT"]
    assert units.total(usage.units, units.CACHE_READ_UNITS) == cached
    assert units.total(usage.units, units.INPUT_UNITS) == total
    assert usage.units.get(units.INPUT, 0) == max(text - cached, 0)
    assert usage.adds_up is None


@patient
@given(trees)
def test_any_tree_gives_counts_that_are_counts(tree: Tree):
    for number in usage_of(tree).units.values():
        assert isinstance(number, int)
        assert 0 <= number <= units.MAX_COUNT
    assert tier_of(tree) is None or isinstance(tier_of(tree), str)


@pytest.mark.parametrize(
    "tree",
    [
        {"promptTokenCount": 5, "cachedContentTokenCount": 9},
        {"promptTokenCount": 5, "promptTokensDetails": details({"AUDIO": 9})},
        {"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 0, "totalTokenCount": 9},
        {"candidatesTokenCount": 5, "candidatesTokensDetails": details({"IMAGE": 9})},
    ],
)
def test_parts_that_do_not_fit_are_told(tree: Tree):
    usage = usage_of(tree)
    assert usage.adds_up is False
    assert sum(usage.units.values()) == 5


def test_what_only_the_total_holds_is_thinking_and_does_not_add_up():
    usage = usage_of({"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 9})
    assert usage.units == {units.INPUT: 3, units.OUTPUT: 2, units.REASONING: 4}
    assert usage.adds_up is False


def test_modalities_are_added_by_name_and_strange_entries_are_skipped():
    entries = [{"modality": "audio", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 3}, {"modality": 7}, "x"]
    assert by_modality(entries) == {"AUDIO": 5}
    assert by_modality({"AUDIO": 5}) == {}


@pytest.mark.parametrize(
    ("tree", "tier"),
    [
        ({}, None),
        ({"serviceTier": "unspecified"}, None),
        ({"serviceTier": "PRIORITY"}, "priority"),
        ({"trafficType": "ON_DEMAND"}, "on_demand"),
        ({"trafficType": "ON_DEMAND_FLEX"}, "flex"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
    ],
)
def test_the_tier_has_the_price_lists_name(tree: Tree, tier: str | None):
    assert tier_of(tree) == tier


@pytest.mark.parametrize(
    ("usage", "counted", "fits"),
    [
        ((20, 30, 50, None), {units.INPUT: 20, units.OUTPUT: 30}, True),
        ((20, 30, 50, 10), {units.INPUT: 20, units.OUTPUT: 20, units.REASONING: 10}, True),
        ((21, 0, 81, 60), {units.INPUT: 21, units.REASONING: 60}, True),
        ((20, 30, 90, 40), {units.INPUT: 20, units.OUTPUT: 30, units.REASONING: 40}, True),
        ((20, 30, 90, None), {units.INPUT: 20, units.OUTPUT: 30, units.REASONING: 40}, True),
        ((20, 30, 90, 7), {units.INPUT: 20, units.OUTPUT: 23, units.REASONING: 7}, False),
        ((20, 30, 40, None), {units.INPUT: 20, units.OUTPUT: 30}, False),
    ],
)
def test_thoughts_beyond_the_completion_are_counted_once(usage, counted: dict[str, int], fits: bool):
    prompt, completion, total, thoughts = usage
    tree = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    if thoughts is not None:
        tree["completion_tokens_details"] = {"reasoning_tokens": thoughts}
    found = compatible_usage(tree)
    assert (dict(found.units), found.adds_up) == (counted, fits)
