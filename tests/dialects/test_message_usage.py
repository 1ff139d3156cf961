"""The decomposition of a usage object: disjoint, complete, and honest where the numbers disagree."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lectr_core import Terms, Tree, raw_tree, units
from lectr_core.dialects.message_usage import merge, message_usage, tier_of, without_output

numbers = st.integers(0, 10**9)
# A loaded machine draws slowly, which says nothing about the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "server_tool_use",
    "iterations",
    "service_tier",
    "speed",
]
PARTS = ["ephemeral_5m_input_tokens", "thinking_tokens", "web_search_requests", "output_tokens", "input_tokens", "type"]
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["fast", "compaction", "advisor_message"])
objects = st.dictionaries(st.sampled_from(PARTS), leaves, max_size=4)
trees = st.dictionaries(st.sampled_from(FIELDS), leaves | objects | st.lists(objects, max_size=3))


@patient
@given(numbers, numbers, numbers, numbers, numbers, numbers)
def test_parts_sum_to_what_the_provider_reports(fresh: int, read: int, short: int, long: int, visible: int, thinking: int):
    usage = message_usage(
        {
            "input_tokens": fresh,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": short + long,
            "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
            "output_tokens": visible + thinking,
            "output_tokens_details": {"thinking_tokens": thinking},
        }
    )
    assert units.total(usage.units, units.INPUT_UNITS) == fresh + read + short + long
    assert units.total(usage.units, units.OUTPUT_UNITS) == visible + thinking
    assert usage.units.get(units.REASONING, 0) == thinking
    assert usage.adds_up is True


@patient
@given(trees)
def test_any_tree_gives_counts_that_are_counts(tree: Tree):
    for number in message_usage(tree).units.values():
        assert isinstance(number, int)
        assert 0 <= number <= units.MAX_COUNT
    assert tier_of(tree) is None or isinstance(tier_of(tree), str)


@patient
@given(trees)
def test_an_empty_event_changes_nothing(tree: Tree):
    assert merge(tree, {}) == tree
    assert merge(tree, dict.fromkeys(tree)) == tree


def test_writes_of_no_lifetime_have_the_unnamed_one():
    usage = message_usage({"input_tokens": 1, "cache_creation_input_tokens": 9, "output_tokens": 1})
    assert usage.units == {units.INPUT: 1, units.CACHE_WRITE: 9, units.OUTPUT: 1}
    assert usage.adds_up is None


def test_lifetimes_alone_are_counted():
    usage = message_usage({"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 9}})
    assert usage.units == {units.INPUT: 1, units.CACHE_WRITE_1H: 9}


@pytest.mark.parametrize(
    "tree",
    [
        {"cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 9}},
        {"output_tokens": 5, "output_tokens_details": {"thinking_tokens": 9}},
        {"output_tokens": 5, "iterations": [{"type": "advisor_message", "model": "claude-y", "output_tokens": 7}]},
    ],
)
def test_parts_that_do_not_fit_are_told(tree: Tree):
    usage = message_usage(tree)
    assert usage.adds_up is False
    assert sum(usage.units.values()) == 5


@pytest.mark.parametrize(
    ("tree", "tier"),
    [
        ({}, None),
        ({"speed": "fast", "service_tier": "priority"}, "fast"),
        ({"speed": "standard", "service_tier": "batch"}, "batch"),
        ({"speed": None, "service_tier": 7}, None),
    ],
)
def test_the_speed_speaks_before_the_tier(tree: Tree, tier: str | None):
    assert tier_of(tree) == tier


def test_a_placeholder_for_output_is_left_out():
    tree = {"input_tokens": 3, "output_tokens": 1, "output_tokens_details": {"thinking_tokens": 1}}
    assert without_output(tree) == {"input_tokens": 3}


def test_every_turn_of_a_long_loop_counts():
    turns = [{"type": "message", "input_tokens": 100 + turn, "output_tokens": 1} for turn in range(120)]
    tree = {"input_tokens": 100, "output_tokens": 120, "iterations": turns}
    usage = message_usage(raw_tree(msgspec.Raw(msgspec.json.encode(tree))))
    assert usage.units == {units.INPUT: sum(range(100, 220)), units.OUTPUT: 120}
    assert usage.terms == Terms(longest_prompt=219)
    assert usage.adds_up is True
