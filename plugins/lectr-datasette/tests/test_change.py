"""Why a cost changed: the causes sum to the change to the nano-dollar, whatever came before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lectr_datasette.reckoning.change import CAUSES, Use, explain, gathered, together
from lectr_datasette.reckoning.rates import rates
from lectr_datasette.views.change import change

COUNTS = st.integers(0, 10**9)


@st.composite
def uses(draw: st.DrawFn) -> list[Use]:
    """One time's uses: each feature and model at most once."""
    made = []
    for feature, model in draw(st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=6)):
        requests = draw(st.integers(1, 10**6))
        taken = draw(COUNTS)
        cached = draw(st.integers(0, taken))
        made.append(
            Use(
                feature=feature,
                model=model,
                requests=requests,
                retries=draw(st.integers(0, requests)),
                input_tokens=taken,
                cached_tokens=cached,
                written_tokens=draw(st.integers(0, taken - cached)),
                output_tokens=draw(COUNTS),
                cost_nanousd=draw(st.integers(0, 10**15)),
            )
        )
    return made


PRICES = st.dictionaries(
    st.sampled_from("xyz"),
    st.dictionaries(st.sampled_from(["input", "cache_read", "cache_write", "output"]), st.floats(0.01, 1e6)),
)


@settings(max_examples=200)
@given(uses(), uses(), PRICES, PRICES)
def test_the_causes_sum_to_the_change_exactly(before: list[Use], after: list[Use], then: dict, now: dict) -> None:  # type: ignore[type-arg]  # as drawn
    found = explain(before, after, (then, now))
    assert {line.feature for line in found} == {use.feature for use in (*before, *after)}
    for line in found:
        assert tuple(line.causes) == CAUSES
        assert sum(line.causes.values()) == line.change_nanousd
        assert line.after_nanousd == sum(use.cost_nanousd for use in after if use.feature == line.feature)
    whole = together(found)
    costs = sum(use.cost_nanousd for use in after) - sum(use.cost_nanousd for use in before)
    assert sum(whole.causes.values()) == whole.change_nanousd == costs


@given(uses(), uses(), st.integers(0, 3))
def test_what_is_gathered_is_as_much_and_sums_to_the_change(before: list[Use], after: list[Use], most: int) -> None:
    then, now, others = gathered(before, after, most)
    assert {use.feature for use in (*then, *now)} <= {"", *"abc"}
    assert others != 1
    for some, all_of in ((then, before), (now, after)):
        for name in ("requests", "retries", "input_tokens", "cost_nanousd"):
            assert sum(getattr(use, name) for use in some) == sum(getattr(use, name) for use in all_of)
    whole, apart = together(explain(then, now)), together(explain(before, after))
    assert whole.change_nanousd == apart.change_nanousd == sum(whole.causes.values())
    own = {use.feature for use in (*then, *now)} - {""}
    assert len(own) <= most or not others


@given(uses(), uses(), PRICES)
def test_looking_back_says_the_same_with_the_other_sign(before: list[Use], after: list[Use], prices: dict) -> None:  # type: ignore[type-arg]  # as drawn
    there = {line.feature: line for line in explain(before, after, (prices, prices))}
    back = {line.feature: line for line in explain(after, before, (prices, prices))}
    for feature, line in there.items():
        size = max(line.before_nanousd, line.after_nanousd, *(abs(amount) for amount in line.causes.values()))
        for cause in CAUSES:
            assert line.causes[cause] == pytest.approx(-back[feature].causes[cause], abs=2 + size * 1e-9)


@given(uses())
def test_nothing_changed_is_nothing(same: list[Use]) -> None:
    for line in explain(same, same):
        assert all(abs(amount) <= 1 for amount in line.causes.values())


BASE = Use(
    feature="a",
    model="x",
    requests=100,
    retries=0,
    input_tokens=100_000,
    cached_tokens=50_000,
    written_tokens=0,
    output_tokens=10_000,
    cost_nanousd=50_000 * 1000 + 50_000 * 100 + 10_000 * 4000,
)
RATES = {
    "x": {"input": 1000.0, "cache_read": 100.0, "output": 4000.0},
    "y": {"input": 2000.0, "cache_read": 200.0, "output": 8000.0},
}


def double(use: Use) -> Use:
    names = ("requests", "input_tokens", "cached_tokens", "written_tokens", "output_tokens", "cost_nanousd", "retries")
    return attrs.evolve(use, **{name: 2 * getattr(use, name) for name in names})


def only(before: list[Use], after: list[Use]) -> dict[str, int]:
    """The causes that are not nothing."""
    (line,) = explain(before, after, (RATES, RATES))
    return {cause: amount for cause, amount in line.causes.items() if abs(amount) > 1}


def test_twice_the_requests_is_volume() -> None:
    assert only([BASE], [double(BASE)]) == {"volume": BASE.cost_nanousd}


def test_longer_answers_are_tokens() -> None:
    longer = attrs.evolve(BASE, output_tokens=20_000, cost_nanousd=BASE.cost_nanousd + 10_000 * 4000)
    assert only([BASE], [longer]) == {"tokens": 40_000_000}


def test_a_dearer_model_is_mix() -> None:
    half = attrs.evolve(
        BASE,
        requests=50,
        input_tokens=50_000,
        cached_tokens=25_000,
        output_tokens=5_000,
        cost_nanousd=BASE.cost_nanousd // 2,
    )
    dear = attrs.evolve(half, model="y", cost_nanousd=BASE.cost_nanousd)
    assert only([BASE], [half, dear]) == {"mix": BASE.cost_nanousd // 2}


def test_a_rise_is_price() -> None:
    assert only([BASE], [attrs.evolve(BASE, cost_nanousd=BASE.cost_nanousd + 1_000_000)]) == {"price": 1_000_000}


def test_a_cache_that_breaks_is_cache() -> None:
    cold = attrs.evolve(BASE, cached_tokens=0, cost_nanousd=BASE.cost_nanousd + 50_000 * 900)
    assert only([BASE], [cold]) == {"cache": 45_000_000}


def test_repeats_are_retries() -> None:
    again = attrs.evolve(double(BASE), retries=100)
    assert only([BASE], [again]) == {"retries": BASE.cost_nanousd}


def test_a_new_feature_is_all_volume() -> None:
    assert only([], [BASE]) == {"volume": BASE.cost_nanousd}
    assert only([BASE], []) == {"volume": -BASE.cost_nanousd}


def test_prices_are_read_from_the_parts_of_costs() -> None:
    row: dict[str, str | None] = {
        "provider": "p",
        "model": "m",
        "units_json": '{"input": 10, "output": 5, "reasoning": 5, "input_audio": 9}',
    }
    rows: list[dict[str, str | None]] = [
        {**row, "cost_parts_json": '{"input": 100, "output": 50, "reasoning": 150}'},
        {**row, "cost_parts_json": None},
    ]
    assert rates(rows) == {("p", "m"): {"input": 10.0, "output": 20.0}}


def test_what_is_in_no_amount_is_counted_as_on_the_other_pages(
    database: Callable[..., Path], seen: Callable[..., str]
) -> None:
    said = re.sub(r"<[^>]*>", "", seen(database(), change, period="today")).replace("\u00a0", " ")
    assert "0 requests before and 2 requests after whose cost is not known" in said
    assert "not known of 2 requests" in said
