"""What a request may have cost that did not end well: a certain least, and a most where a ceiling is known."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs
import pytest

from lectr_core.cold.account import COUNTED, IN_TURNS, OPEN, REFUSED, UNBILLED, account
from lectr_core.cold.bounds import LIMITED, NO_CHOICES, NO_LIMIT, SEVERAL
from lectr_core.cold.prices import Rates, make_rates
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Terms, Usage
from lectr_core.model.record import NOTHING, Account, Ended
from lectr_core.testing.samples import sample_record

RATES: Mapping[str, Decimal] = {
    "input": Decimal("0.000001"),
    "cache_write_1h": Decimal("0.000002"),
    "output": Decimal("0.000005"),
    "web_search": Decimal("0.01"),
}
LONG = {name: 2 * rate for name, rate in RATES.items()}


def quote(rates: Mapping[str, Decimal] = RATES, limit: int | None = 100_000) -> Quote:
    return Quote(rates, "acme/acme-1@2026-01-01", "a list 1.0", "2026-01-01", "exact", limit_tokens=limit)


def known(questions: tuple[PriceQuestion, ...]) -> Rates:
    """The sample asks for 256 tokens at most. Prompts over 50,000 tokens cost twice as much."""
    return make_rates(quote(LONG if questions[0].input_tokens > 50_000 else RATES), "acme-1")


def unlimited(_: tuple[PriceQuestion, ...]) -> Rates:
    return make_rates(quote(limit=None), "acme-1")


def unknown(_: tuple[PriceQuestion, ...]) -> None:
    return None


def ended(state: str = "absent", usage: Usage | None = None, outcome: str = "client_disconnected", **more: object) -> Ended:
    reading = Reading(state=state, usage=usage, model="acme-1")  # type: ignore[arg-type]  # tables hold plain text
    changed = {"outcome": outcome, "reading": reading, **more}
    return attrs.evolve(sample_record(1).ended, **changed)  # type: ignore[arg-type]  # as above


def without_max_tokens(one: Ended) -> Ended:
    return attrs.evolve(one, begun=attrs.evolve(one.begun, max_tokens=None))


@pytest.mark.parametrize("state", ["absent", "unreadable"])
@pytest.mark.parametrize("outcome", ["provider_error", "client_disconnected", "upstream_failed", "interrupted"])
def test_what_failed_without_a_report_has_bounds_and_no_guess(state: str, outcome: str) -> None:
    found = account(ended(state, outcome=outcome, status=500), known)
    assert (found.input_tokens, found.output_tokens, found.cost_nanousd, found.tokens_source) == (
        None,
        None,
        None,
        "unknown",
    )
    assert (found.input_tokens_low, found.output_tokens_low, found.cost_low_nanousd) == (0, 0, 0)
    assert (found.input_tokens_high, found.output_tokens_high) == (100_000, 256)
    # 100,000 × 4 USD a million (the dearest input: a cache write in a long prompt) + 256 × 10 USD a million
    assert found.cost_high_nanousd == 100_000 * 4_000 + 256 * 10_000
    assert found.price_note == LIMITED
    assert found.cost_basis == "unknown"


def test_without_max_tokens_the_models_own_limit_is_the_ceiling() -> None:
    found = account(without_max_tokens(ended()), known)
    assert (found.input_tokens_high, found.output_tokens_high) == (100_000, 100_000)


@pytest.mark.parametrize("find", [unlimited, unknown])
def test_where_no_limit_is_known_there_is_no_upper_bound_and_the_note_says_so(find: object) -> None:
    found = account(ended(), find)  # type: ignore[arg-type]  # either of the two above
    assert (found.input_tokens_high, found.output_tokens_high, found.cost_high_nanousd) == (None, 256, None)
    assert (found.cost_low_nanousd, found.price_note) == (0, NO_LIMIT)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 413, 429])
def test_what_a_provider_refused_cost_nothing(status: int) -> None:
    assert account(ended(outcome="provider_error", status=status), known) == REFUSED
    assert REFUSED.cost_nanousd == REFUSED.cost_high_nanousd == REFUSED.input_tokens == 0


def test_what_a_provider_failed_at_may_have_cost_something() -> None:
    assert account(ended(outcome="provider_error", status=500), known).cost_nanousd is None


def test_a_report_that_broke_off_is_the_least_and_max_tokens_the_most() -> None:
    found = account(ended("partial", Usage({"input": 1_000, "output": 10})), known)
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (1_000, 1_000, 1_000)
    assert (found.output_tokens_low, found.output_tokens, found.output_tokens_high) == (10, 10, 256)
    # 1,000 × 1 + 10 × 5 USD a million; 246 more × 10 (the dearest output of all lengths)
    assert (found.cost_low_nanousd, found.cost_nanousd, found.cost_high_nanousd) == (1_050_000, 1_050_000, 3_510_000)
    assert found.price_note == LIMITED


def test_where_a_tool_may_have_added_to_the_prompt_only_the_model_limits_it() -> None:
    usage = Usage({"input": 1_000, "output": 10}, terms=Terms(input_open=True))
    found = account(ended("partial", usage), known)
    assert (found.input_tokens_high, found.output_tokens_high, found.cost_high_nanousd) == (100_000, None, None)
    assert found.price_note == "no upper bound: what came after the last report is not known"


def test_a_ceiling_below_what_was_reported_is_none() -> None:
    found = account(ended("partial", Usage({"input": 1, "output": 300})), known)
    assert (found.output_tokens, found.output_tokens_high, found.cost_high_nanousd) == (300, None, None)


def test_an_upper_bound_needs_every_rate() -> None:
    found = account(ended("partial", Usage({"input": 1, "invented": 1})), known)
    assert (found.cost_nanousd, found.cost_low_nanousd, found.cost_high_nanousd) == (None, 1_000, None)


def test_low_is_never_above_high() -> None:
    for given in (0, 1, 255, 256):
        found = account(ended("partial", Usage({"input": 7, "output": given})), known)
        assert found.cost_low_nanousd is not None
        assert found.cost_high_nanousd is not None
        assert found.cost_low_nanousd <= found.cost_high_nanousd
        assert found.output_tokens_high == 256


def asking_for(choices: int | None, one: Ended) -> Ended:
    return attrs.evolve(one, begun=attrs.evolve(one.begun, choices=choices))


def test_each_of_several_answers_may_be_as_long_as_was_asked_for() -> None:
    found = account(asking_for(4, ended()), known)
    # The prompt once: 100,000 × 4 USD a million; four answers of 256 × 10.
    assert (found.input_tokens_high, found.output_tokens_high) == (100_000, 1_024)
    assert found.cost_high_nanousd == 100_000 * 4_000 + 1_024 * 10_000
    assert found.price_note == SEVERAL.format(4)
    assert account(asking_for(4, without_max_tokens(ended())), known).output_tokens_high == 400_000
    assert account(asking_for(4, ended()), unlimited).output_tokens_high == 1_024
    broken_off = account(asking_for(4, ended("partial", Usage({"input": 1_000, "output": 300}))), known)
    assert (broken_off.output_tokens_low, broken_off.output_tokens_high) == (300, 1_024)


def test_answers_of_which_nobody_knows_how_many_have_no_upper_bound() -> None:
    found = account(asking_for(None, ended()), known)
    assert (found.input_tokens_high, found.output_tokens_high, found.cost_high_nanousd) == (100_000, None, None)
    assert found.price_note == NO_CHOICES


@pytest.mark.parametrize(("choices", "expected"), [(2**52, None), (4_000_000, None), (0, 256), (-3, 256)])
def test_a_senseless_number_of_answers_is_no_ceiling(choices: int, expected: int | None) -> None:
    assert account(asking_for(choices, ended()), known).output_tokens_high == expected


@pytest.mark.parametrize("max_tokens", [-1, 0, 10**15 - 1, 2**60])
def test_a_senseless_max_tokens_is_no_ceiling(max_tokens: int) -> None:
    one = ended()
    found = account(attrs.evolve(one, begun=attrs.evolve(one.begun, max_tokens=max_tokens)), known)
    assert found.output_tokens_high == 100_000


@pytest.mark.parametrize(("state", "expected"), [("unbilled", UNBILLED), ("open", OPEN), ("in_turns", IN_TURNS)])
def test_requests_of_other_kinds_say_what_they_are(state: str, expected: Account) -> None:
    assert account(ended(state, outcome="ok"), known) == expected


def test_an_open_request_is_unknown_and_one_that_is_not_billed_is_free() -> None:
    assert (OPEN.cost_nanousd, OPEN.cost_low_nanousd, OPEN.cost_high_nanousd) == (None, 0, None)
    assert (UNBILLED.cost_nanousd, UNBILLED.input_tokens_high, UNBILLED.tokens_source) == (0, 0, "reported")
    assert len({one.price_note for one in (NOTHING, UNBILLED, REFUSED, COUNTED)}) == 4
