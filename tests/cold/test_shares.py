"""Answers that several models made, that report their own cost, or that others report again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from lectr_core.cold.account import COUNTED, account
from lectr_core.cold.prices import Rates, make_rates
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Share, Terms, Usage
from lectr_core.model.record import CostBasis, Ended, ModelCost
from lectr_core.testing.samples import sample_record

# USD for a million tokens.
PRICES: Mapping[str, Mapping[str, str]] = {
    "small": {"input": "1", "output": "5", "web_search": "10000"},
    "large": {"input": "5", "output": "25"},
    "large:batch": {"input": "2.5", "output": "12.5"},
    "odd": {"input": "0.0000005", "output": "0.0000005"},
}


def find(questions: tuple[PriceQuestion, ...]) -> Rates | None:
    for question in questions:
        name = question.model + (f":{question.variant}" if question.variant else "")
        if name in PRICES:
            basis: CostBasis = "variant" if question.variant else "exact"
            twice = 2 if question.input_tokens > 200_000 else 1
            rates = {unit: twice * Decimal(rate) / 1_000_000 for unit, rate in PRICES[name].items()}
            quote = Quote(rates, f"acme/{name}@2026-01-01", "a list 1.0", None, basis, limit_tokens=1_000_000)
            return make_rates(quote, question.model)
    return None


def exchange(usage: Usage, model: str | None = "small", state: str = "reported", variant: str | None = None) -> Ended:
    reading = Reading(state=state, usage=usage, model=model, variant=variant)  # type: ignore[arg-type]  # plain text
    ended = sample_record(1).ended
    return attrs.evolve(ended, reading=reading, begun=attrs.evolve(ended.begun, model_sent="small", model_requested="small"))


def test_each_model_has_its_own_price_and_the_sum_is_the_requests() -> None:
    shares = (Share("large", {"input": 100, "output": 10}), Share("large", {"input": 8, "output": 4}, variant="batch"))
    found = account(exchange(Usage({"input": 1_000, "output": 50}, terms=Terms(shares))), find)
    # 1,000×1 + 50×5; 100×5 + 10×25; 8×2.5 + 4×12.5, in millionths of a dollar
    assert [one.cost_nanousd for one in found.by_model] == [1_250_000, 750_000, 70_000]
    assert found.cost_nanousd == found.cost_low_nanousd == found.cost_high_nanousd == 2_070_000
    assert (found.input_tokens, found.output_tokens) == (1_108, 64)
    assert found.units == {"input": 1_108, "output": 64}
    assert found.cost_parts_nanousd == {"input": 1_520_000, "output": 550_000}
    assert (found.cost_basis, found.price_id) == ("variant", "acme/small@2026-01-01")
    assert found.by_model[2] == ModelCost(
        model="large",
        variant="batch",
        units={"input": 8, "output": 4},
        cost_nanousd=70_000,
        cost_basis="variant",
        price_id="acme/large:batch@2026-01-01",
    )


def test_the_sum_of_several_models_is_rounded_once() -> None:
    shares = (Share("odd", {"input": 1}), Share("odd", {"output": 1}))
    found = account(exchange(Usage({"input": 0}, terms=Terms(shares)), model="odd"), find)
    assert [one.cost_nanousd for one in found.by_model] == [0, 0]
    assert found.cost_nanousd == 0
    more = (*shares, Share("odd", {"input": 4_000}))
    assert account(exchange(Usage({}, terms=Terms(more)), model="odd"), find).cost_nanousd == 2


def test_a_model_without_a_price_leaves_the_rest_as_a_lower_bound() -> None:
    shares = (Share("nameless", {"input": 100}),)
    found = account(exchange(Usage({"input": 1_000}, terms=Terms(shares))), find)
    assert (found.cost_nanousd, found.cost_low_nanousd, found.cost_high_nanousd) == (None, 1_000_000, None)
    assert (found.cost_basis, found.input_tokens) == ("unknown", 1_100)
    assert account(exchange(Usage({"input": 1}, terms=Terms((Share(None, {"output": 1}),)))), find).cost_nanousd is None


def test_where_shares_hold_everything_the_answers_own_name_needs_no_price() -> None:
    """A system of several models has a name and no price."""
    found = account(exchange(Usage({}, terms=Terms((Share("large", {"input": 100}),))), model="a system"), find)
    assert (found.cost_nanousd, found.cost_basis, found.by_model) == (500_000, "exact", ())


def test_a_sum_over_many_prompts_has_the_price_of_their_length() -> None:
    counts = {"input": 300_000}
    assert account(exchange(Usage(counts)), find).cost_nanousd == 600_000_000
    assert account(exchange(Usage(counts, terms=Terms(longest_prompt=150_000))), find).cost_nanousd == 300_000_000
    share = Share("small", counts, longest_prompt=1_000)
    assert account(exchange(Usage({}, terms=Terms((share,)))), find).cost_nanousd == 300_000_000


def test_a_cost_that_the_provider_tells_goes_before_the_lists() -> None:
    found = account(exchange(Usage({"input": 1_000}, terms=Terms(cost_nanousd=1_234))), find)
    assert (found.cost_low_nanousd, found.cost_nanousd, found.cost_high_nanousd) == (1_234, 1_234, 1_234)
    assert (found.cost_basis, found.price_source) == ("reported", "the provider's own account")
    assert found.price_id is found.price_note is None
    unlisted = account(exchange(Usage({"input": 1}, terms=Terms(cost_nanousd=9))), lambda _: None)
    assert unlisted.cost_nanousd == 9


def test_the_operators_own_price_goes_before_what_the_provider_tells() -> None:
    own = make_rates(Quote({"input": Decimal(1)}, "own", "lectr.toml", None, "override"), "small")
    found = account(exchange(Usage({"input": 2}, terms=Terms(cost_nanousd=5))), lambda _: own)
    assert (found.cost_nanousd, found.cost_basis) == (2_000_000_000, "override")


def test_a_doubt_makes_a_price_a_fallback() -> None:
    found = account(exchange(Usage({"input": 1}, terms=Terms(doubt="a credit was redeemed"))), find)
    assert (found.cost_basis, found.price_note) == ("fallback", "a credit was redeemed")


def test_a_borrowed_rate_is_said_only_where_it_is_used() -> None:
    quote = Quote(
        dict.fromkeys(("input", "cache_read", "cache_write_1h", "input_audio"), Decimal(1)),
        "acme/one",
        "a list",
        None,
        "exact",
        borrowed={"cache_read": "input rate", "cache_write_1h": "the rate of cache_write", "input_audio": "input rate"},
    )
    one = make_rates(quote, "small")
    plain = account(exchange(Usage({"input": 1})), lambda _: one)
    assert (plain.cost_basis, plain.price_note) == ("exact", None)
    cached = account(exchange(Usage({"cache_read": 1})), lambda _: one)
    assert (cached.cost_basis, cached.price_note) == ("exact", "no rate for cache_read: input rate used")
    kept = account(exchange(Usage({"cache_write_1h": 1})), lambda _: one)
    assert (kept.cost_basis, kept.price_note) == ("fallback", "no rate for cache_write_1h: the rate of cache_write used")
    spoken = account(exchange(Usage({"input_audio": 1})), lambda _: one)
    assert (spoken.cost_basis, spoken.price_note) == ("fallback", "no rate for input_audio: input rate used")


def test_what_several_answers_report_is_counted_with_the_first() -> None:
    ended = exchange(Usage({"input": 5}, terms=Terms(once="resp_1")))
    asked = []

    def is_first(name: str, record: str, started_ns: int) -> bool:
        asked.append((name, record, started_ns))
        return len(asked) == 1

    assert account(ended, find, is_first).cost_nanousd == 5_000
    assert account(ended, find, is_first) == COUNTED
    assert asked == [("acme resp_1", ended.begun.id, ended.begun.started_ns)] * 2
    partial = attrs.evolve(ended, reading=attrs.evolve(ended.reading, state="partial"))
    assert account(partial, find, is_first).input_tokens == 5
    assert len(asked) == 2, "what broke off counts nothing for others"


def test_an_impossible_count_in_a_share_is_not_believed() -> None:
    found = account(exchange(Usage({"input": 1}, terms=Terms((Share("large", {"input": -1}),)))), find)
    assert (found.input_tokens, found.cost_nanousd) == (None, None)
