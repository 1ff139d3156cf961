"""Units: every name is in one group at most, so that adding up never counts a token twice."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.model import units

NAMES = sorted(value for name, value in vars(units).items() if name.isupper() and isinstance(value, str))
TOKENS = units.INPUT_UNITS | units.OUTPUT_UNITS
COUNTS = st.dictionaries(st.sampled_from([*NAMES, "invented_later"]), st.integers(0, units.MAX_COUNT))


def test_each_unit_has_a_name_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES)) == 27


def test_no_token_is_of_the_prompt_and_of_the_answer() -> None:
    assert not units.INPUT_UNITS & units.OUTPUT_UNITS
    assert units.CACHE_READ_UNITS | units.CACHE_WRITE_UNITS <= units.INPUT_UNITS
    assert not units.CACHE_READ_UNITS & units.CACHE_WRITE_UNITS


@pytest.mark.parametrize(
    "name", [units.WEB_SEARCH, units.WEB_FETCH, units.FILE_SEARCH, units.CITATION, units.AUDIO_SECONDS, units.IMAGES]
)
def test_what_is_no_token_is_in_no_token_total(name: str) -> None:
    assert name not in TOKENS


@given(counts=COUNTS)
def test_the_totals_and_the_rest_are_the_whole(counts: dict[str, int]) -> None:
    rest = frozenset(counts) - TOKENS
    parts = [units.total(counts, group) for group in (units.INPUT_UNITS, units.OUTPUT_UNITS, rest)]
    assert sum(parts) == sum(counts.values())
    assert all(not a & b for a, b in combinations((units.INPUT_UNITS, units.OUTPUT_UNITS, rest), 2))


@given(counts=COUNTS)
def test_a_name_that_nobody_counted_adds_nothing(counts: dict[str, int]) -> None:
    assert units.total(counts, frozenset()) == 0
    assert units.total({}, TOKENS) == 0
    assert units.total(counts, TOKENS | {"never counted"}) == units.total(counts, TOKENS)


def test_every_count_is_exact_as_a_double_and_the_next_ones_are_not() -> None:
    """Many readers of JSON make doubles of all numbers."""
    assert int(float(units.MAX_COUNT)) == units.MAX_COUNT
    assert int(float(units.MAX_COUNT + 2)) != units.MAX_COUNT + 2
