"""Units to tokens and money: the rules of docs/explanation/accounting.md, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.cold.account import FREE, UNKNOWN, UNSENT, account, ask, price, round_half_even
from lectr_core.cold.prices import Rates, make_rates
from lectr_core.model import units
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Attempt, Ended
from lectr_core.testing.samples import sample_record

PER_MILLION = {
    units.INPUT: Decimal("2.50"),
    units.CACHE_READ: Decimal("1.25"),
    units.OUTPUT: Decimal("10"),
    units.REASONING: Decimal("10"),
    units.WEB_SEARCH: Decimal("10000"),
}
QUOTE = Quote(
    rates={unit: rate / 1_000_000 for unit, rate in PER_MILLION.items()},
    price_id="acme/acme-1@2026-01-01",
    source="a list 1.0",
    dated="2026-01-01",
    basis="exact",
)


def rates(per_unit: Mapping[str, Decimal] = QUOTE.rates, note: str | None = None) -> Rates:
    return make_rates(attrs.evolve(QUOTE, rates=per_unit, note=note), "acme-1")


def exchange(state: str = "reported", model: str | None = "acme-1", **counts: int) -> Ended:
    reading = Reading(state=state, usage=Usage(counts), model=model)  # type: ignore[arg-type]  # tables hold plain text
    return attrs.evolve(sample_record(1).ended, reading=reading)


def known(_: tuple[PriceQuestion, ...]) -> Rates:
    return rates()


def unknown(_: tuple[PriceQuestion, ...]) -> None:
    return None


def test_reported_usage_is_exact_and_priced_unit_by_unit() -> None:
    found = account(exchange(input=1_200, cache_read=1_000, cache_write_1h=0, output=300, reasoning=20), known)
    assert found.tokens_source == "reported"
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (2_200, 2_200, 2_200)
    assert (found.output_tokens_low, found.output_tokens, found.output_tokens_high) == (320, 320, 320)
    assert (found.cached_input_tokens, found.cache_write_tokens, found.reasoning_tokens) == (1_000, 0, 20)
    assert found.cost_parts_nanousd == {
        "input": 3_000_000,
        "cache_read": 1_250_000,
        "output": 3_000_000,
        "reasoning": 200_000,
    }
    assert found.cost_low_nanousd == found.cost_nanousd == found.cost_high_nanousd == 7_450_000
    assert (found.cost_basis, found.price_note) == ("exact", None)
    assert (found.price_id, found.price_source, found.price_date) == (QUOTE.price_id, "a list 1.0", "2026-01-01")


@pytest.mark.parametrize("state", ["absent", "unreadable"])
def test_where_nothing_was_reported_nothing_is_known(state: str) -> None:
    ended = attrs.evolve(exchange(), reading=Reading(state=state))  # type: ignore[arg-type]  # as above
    assert account(ended, known) == UNKNOWN
    assert UNKNOWN.cost_nanousd is UNKNOWN.input_tokens is UNKNOWN.cost_low_nanousd is None


def test_a_request_that_was_refused_before_it_reached_a_provider_cost_nothing() -> None:
    refused = attrs.evolve(sample_record(1).ended, outcome="lectr_refused", reading=Reading(), attempts=())
    assert account(refused, unknown) == FREE
    assert (FREE.cost_low_nanousd, FREE.cost_nanousd, FREE.cost_high_nanousd) == (0, 0, 0)
    # Known, not unknown: a sum must not lose its upper bound, nor its share of reported counts, by it.
    assert (FREE.tokens_source, FREE.input_tokens_high, FREE.output_tokens_high) == ("reported", 0, 0)
    tried = attrs.evolve(refused, attempts=(Attempt(provider="acme", model=None, status=500, category=None, duration_ns=1),))
    assert account(tried, unknown).cost_nanousd is None


@pytest.mark.parametrize(
    ("outcome", "tries", "is_free"),
    [
        ("upstream_failed", ["refused"], True),
        ("upstream_failed", ["dns", "connect_timeout", "tls", "proxy"], True),
        ("lectr_refused", ["overload"], True),  # no connection became free
        ("upstream_failed", ["stale", "refused"], False),  # the first connection may have carried it
        ("upstream_failed", ["head_timeout"], False),
        ("upstream_failed", ["network"], False),
        ("client_disconnected", ["refused"], False),
        ("interrupted", [], False),
    ],
)
def test_what_no_connection_carried_cost_nothing(outcome: str, tries: list[str], is_free: bool) -> None:
    attempts = tuple(Attempt(provider="acme", model=None, status=None, category=one, duration_ns=1) for one in tries)
    ended = attrs.evolve(sample_record(1).ended, outcome=outcome, status=502, reading=Reading(), attempts=attempts)  # type: ignore[arg-type]  # a table holds plain text
    found = account(ended, known)
    assert (found == UNSENT) is is_free
    assert found.cost_nanousd == (0 if is_free else None)


def test_without_a_price_the_tokens_are_known_and_the_cost_is_not() -> None:
    found = account(exchange(input=5, output=7), unknown)
    assert (found.input_tokens, found.output_tokens, found.cost_nanousd, found.cost_low_nanousd) == (5, 7, None, None)
    assert (found.cost_basis, found.price_note) == ("unknown", "no price book knows the model")


def test_a_token_unit_without_a_rate_leaves_a_lower_bound() -> None:
    found = account(exchange(input=1_000, output_audio=5, invented=2), known)
    assert (found.cost_nanousd, found.cost_low_nanousd, found.cost_high_nanousd) == (None, 2_500_000, None)
    assert (found.cost_basis, found.price_note) == ("unknown", "no rate for invented, output_audio: not in the cost")
    assert found.units["invented"] == 2


def test_a_side_unit_without_a_rate_leaves_the_cost_of_the_tokens() -> None:
    found = account(exchange(input=1_000, web_fetch=1), known)
    assert (found.cost_nanousd, found.cost_low_nanousd, found.cost_high_nanousd) == (2_500_000, 2_500_000, None)
    assert (found.cost_basis, found.price_note) == ("exact", "no rate for web_fetch: not in the cost")
    assert account(exchange(web_fetch=1), known).cost_nanousd is None


def test_tool_calls_cost_but_are_no_tokens() -> None:
    found = account(exchange(input=1_000, web_search=2), known)
    assert (found.input_tokens, found.cost_nanousd) == (1_000, 22_500_000)


def test_audio_that_is_billed_by_its_length_is_no_side_matter() -> None:
    assert account(exchange(audio_seconds=12), known).cost_nanousd is None


def test_nothing_used_costs_nothing_where_the_model_is_known() -> None:
    assert account(exchange(), known).cost_nanousd == 0
    assert account(exchange(), unknown).cost_nanousd is None


@pytest.mark.parametrize("count", [-1, 2**53])
def test_an_impossible_count_is_not_believed(count: int) -> None:
    found = account(exchange(input=count), known)
    assert (found.input_tokens, found.cost_nanousd, found.tokens_source) == (None, None, "unknown")
    assert found.price_note == "the usage that was read holds an impossible count"


def test_counts_that_are_impossible_together_are_not_believed() -> None:
    """A store sums thousands of them in 64 bits."""
    assert account(exchange(input=2**53 - 1, cache_read=1), known).tokens_source == "unknown"


def test_a_cost_beyond_all_reason_is_unknown() -> None:
    found = account(exchange(input=2**53 - 1), known)
    assert (found.input_tokens, found.cost_nanousd, found.cost_low_nanousd) == (2**53 - 1, None, None)


def test_the_model_as_reported_is_asked_first_then_the_one_that_was_sent() -> None:
    ended = exchange(model="acme-1-2026")
    first, second = ask(ended, 100)
    assert first == PriceQuestion("acme", "acme-1-2026", date(2026, 1, 1), None, 100)
    assert second == attrs.evolve(first, model="acme-1")
    assert [question.model for question in ask(exchange(), 0)] == ["acme-1"]


def test_the_one_who_served_is_asked_about() -> None:
    attempts = tuple(
        Attempt(provider=name, model=None, status=200, category=None, duration_ns=1) for name in ("first", "second")
    )
    assert ask(attrs.evolve(exchange(), attempts=attempts), 0)[0].provider == "second"
    nobody = attrs.evolve(exchange(), attempts=(), begun=attrs.evolve(exchange().begun, provider=None))
    assert ask(nobody, 0) == ()
    assert account(nobody, known).cost_nanousd is None


def test_notes_say_what_the_price_could_not() -> None:
    found = price({"input": 1, "odd": 1}, rates(note="half price today"), is_final=True, model="acme-1-2026")
    assert found.note == "half price today; no price for 'acme-1-2026': priced as 'acme-1'; no rate for odd: not in the cost"


@pytest.mark.parametrize(
    ("amount", "scale", "whole"), [(0, 1, 0), (5, 10, 0), (15, 10, 2), (25, 10, 2), (26, 10, 3), (24, 10, 2), (7, 1, 7)]
)
def test_halves_go_to_the_even_side(amount: int, scale: int, whole: int) -> None:
    assert round_half_even(amount, scale) == whole


# So many that the dearest of them stay below what one request can cost.
COUNTS = st.dictionaries(st.sampled_from(sorted(PER_MILLION)), st.integers(0, 10**8))
DECIMALS = st.decimals(min_value=0, max_value=Decimal("0.01"), places=13)


@given(counts=COUNTS, prices=st.fixed_dictionaries(dict.fromkeys(PER_MILLION, DECIMALS)))
def test_the_cost_is_the_exact_sum_rounded_once(counts: dict[str, int], prices: dict[str, Decimal]) -> None:
    found = price(counts, rates(prices), is_final=True, model=None)
    exact = sum((count * Fraction(prices[unit]) * 10**9 for unit, count in counts.items()), Fraction(0))
    assert found.cost == round(exact)
    assert abs(sum(found.parts.values()) - found.cost) <= len(found.parts)
    for unit, part in found.parts.items():
        assert part == int((counts[unit] * prices[unit] * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))
