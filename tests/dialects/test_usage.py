"""Numbers out of a provider's answer are checked before they are used, and nothing but numbers is kept."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core import apportion, branch, count, numbers, units
from lectr_core.dialects.findings import raw_tree
from lectr_core.dialects.usage import laid_over

COUNTS: list[tuple[object, int | None]] = [
    (0, 0),
    (12, 12),
    (12.0, 12),
    (2**53 - 1, 2**53 - 1),
    (2**53, None),
    (-1, None),
    (-0.0, 0),
    (12.5, None),
    (math.nan, None),
    (math.inf, None),
    (1e300, None),
    (True, None),
    (False, None),
    ("12", None),
    (None, None),
    ([], None),
]


@pytest.mark.parametrize(("value", "expected"), COUNTS)
def test_a_count_is_whole_and_in_range(value: object, expected: int | None) -> None:
    got = count(value)
    assert got == expected
    assert got is None or type(got) is int


def test_numbers_and_words_are_kept_and_nothing_else() -> None:
    tree = {
        "prompt_tokens": 3,
        "prompt_time": 0.25,
        "details": {"cached_tokens": 0, "note": "a sentence is no word", "none": None},
        "service_tier": "default",
        "model": "openai/gpt-oss-120b",
        "flag": True,
        "huge": 2**60,
        "nan": math.nan,
        "a key that is free text": 1,
        "list": [{"modality": "TEXT", "tokenCount": 3}, "é", None],
    }
    assert numbers(tree) == {
        "prompt_tokens": 3,
        "prompt_time": 0.25,
        "details": {"cached_tokens": 0},
        "service_tier": "default",
        "model": "openai/gpt-oss-120b",
        "list": [{"modality": "TEXT", "tokenCount": 3}],
    }


@pytest.mark.parametrize("tree", [None, 3, "x", [1], [{"a": 1}]])
def test_what_is_no_object_is_an_empty_tree(tree: object) -> None:
    assert numbers(tree) == {}


def test_a_tree_is_bounded_in_depth_and_size() -> None:
    deep: dict[str, object] = {"n": 1}
    for _ in range(50):
        deep = {"n": 1, "a": deep}
    assert str(numbers(deep)).count("{") <= 7
    assert len(numbers({f"a{number}": number for number in range(3000)})) <= 2048
    assert len(numbers({"a": list(range(5000))})["a"]) <= 2048


NAMES = st.sampled_from(["prompt_tokens", "details", "cached_tokens", "x", "not a word", "é"])
LEAVES = (
    st.integers(-5, 2**53 + 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([None, True, "a_word", "two words", [], [1]])
)
TREES = st.dictionaries(NAMES, st.integers(0, 99) | st.dictionaries(NAMES, st.integers(0, 99), max_size=4), max_size=4)


@given(TREES | st.dictionaries(NAMES, LEAVES | st.dictionaries(NAMES, LEAVES, max_size=3), max_size=4))
def test_a_tree_is_the_same_whichever_way_it_is_read(usage: dict[str, object]) -> None:
    raw = msgspec.Raw(json.dumps(usage).encode())
    expected = numbers(json.loads(bytes(raw)))
    assert raw_tree(raw) == expected
    assert raw_tree(raw) == expected  # its names are known by now


def test_a_branch_is_an_object_or_empty() -> None:
    assert branch({"a": {"b": 1}}, "a") == {"b": 1}
    assert branch({"a": None}, "a") == {}
    assert branch({"a": [1]}, "a") == {}
    assert branch([], "a") == {}


parts = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.none() | st.integers(0, 100)), max_size=5)


@given(st.integers(0, 200), parts)
def test_parts_and_rest_are_together_what_was_reported(total: int, named: list[tuple[str, int | None]]) -> None:
    split, fits = apportion(total, named, units.INPUT)
    assert sum(split.values()) == total
    assert all(number > 0 for number in split.values())
    assert fits == (sum(number or 0 for _, number in named) <= total)


def test_what_was_counted_does_not_turn_into_nothing() -> None:
    older = {"a": 5, "b": 2, "more": {"c": 3, "d": 4}, "e": 1}
    newer = {"a": 7, "b": 0, "more": {"c": 0, "d": 6, "f": 0}, "e": None, "g": 0}
    assert laid_over(older, newer) == {"a": 7, "b": 2, "more": {"c": 3, "d": 6, "f": 0}, "e": 1, "g": 0}
    assert laid_over({}, newer) == {"a": 7, "b": 0, "more": {"c": 0, "d": 6, "f": 0}, "g": 0}
    assert laid_over(older, {}) == older
