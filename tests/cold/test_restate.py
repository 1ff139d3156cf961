"""Priced again, a record is what it would have been if the other prices had held from the beginning: every kind of it."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectr_core.cold.account import COUNTED, IMPOSSIBLE, account
from lectr_core.cold.calibration import Prediction, Way
from lectr_core.cold.conformal import Interval
from lectr_core.cold.measure import complete, measure
from lectr_core.cold.prices import PriceDesk
from lectr_core.cold.restate import restate
from lectr_core.model.price import PriceQuestion, Quote
from lectr_core.model.reading import Reading, Share, Terms, Usage, UsageState
from lectr_core.model.record import Account, Attempt, Begun, CostBasis, Ended, TokensSource

UNITS = ("input", "cache_read", "cache_write", "output", "reasoning", "output_audio", "web_search")
MODELS = ("m-1", "m-2", "m-unknown")


@attrs.define
class Book:
    """Rates by model, dearer for long prompts, half for batches; perhaps without a limit, perhaps the operator's own."""

    rates: dict[str, dict[str, Decimal]]
    limit: int | None
    long: int
    basis: CostBasis
    id: str = "book"

    def quote(self, question: PriceQuestion) -> Quote | None:
        rates = self.rates.get(question.model)
        if rates is None:
            return None
        factor = Decimal(2 if question.input_tokens > self.long else 1)
        if question.variant == "batch":
            factor /= 2
        return Quote(
            rates={unit: rate * factor for unit, rate in rates.items()},
            price_id=f"{question.model}:{question.variant}@{self.long}",
            source=f"list {self.limit}",
            dated=None,
            basis=self.basis,
            note="in a region" if question.region else None,
            borrowed={"output_audio": "output rate"},
            limit_tokens=self.limit,
        )


@attrs.frozen
class Predicts:
    """What a calibration might say."""

    intervals: dict[str, Interval]
    sources: dict[str, TokensSource]
    cached: float
    is_known: bool

    def predict(self, ended: Ended, way: Way) -> Prediction:
        return Prediction(self.intervals[way], self.sources[way], f"{way}: by {ended.begun.seq}", self.cached)

    def knows(self, ended: Ended, way: Way) -> bool:
        return self.is_known and ended.begun.seq > 0 and bool(way)


def interval(numbers: list[int]) -> Interval:
    return Interval(*sorted(numbers))


counts = st.integers(0, 300_000)
rates = st.dictionaries(
    st.sampled_from(UNITS), st.decimals("0", "0.01", places=9, allow_nan=False, allow_infinity=False), min_size=1
)
books = st.builds(
    Book,
    rates=st.fixed_dictionaries({}, optional={"m-1": rates, "m-2": rates}) | st.fixed_dictionaries({"m-1": rates}),
    limit=st.none() | st.integers(1, 400_000),
    long=st.sampled_from([1_000, 128_000, 10**9]),
    basis=st.sampled_from(["exact", "fallback", "override", "provisioned"]),
)
sources = st.sampled_from(["measured", "estimated"])
predictions = st.builds(
    Predicts,
    intervals=st.fixed_dictionaries(
        {way: st.lists(counts, min_size=3, max_size=3).map(interval) for way in ("input", "output")}
    ),
    sources=st.fixed_dictionaries({"input": sources, "output": sources}),
    cached=st.floats(0, 1),
    is_known=st.booleans(),
)
taken = st.dictionaries(st.sampled_from(UNITS), counts)
variants = st.sampled_from([None, "batch", "flex"])
shares = st.builds(
    Share, model=st.sampled_from([None, *MODELS]), units=taken, variant=variants, longest_prompt=st.none() | counts
)
terms = st.none() | st.builds(
    Terms,
    shares=st.lists(shares, max_size=2).map(tuple),
    longest_prompt=st.none() | counts,
    region=st.sampled_from([None, "us"]),
    cost_nanousd=st.none() | st.integers(0, 10**9),
    doubt=st.sampled_from([None, "a credit may apply"]),
    input_open=st.booleans(),
    once=st.sampled_from([None, "response r1"]),
)
readings = st.builds(
    Reading,
    state=st.sampled_from(["reported", "partial", "absent", "unreadable", "open", "closed", "unbilled", "in_turns"]),
    usage=st.none() | st.builds(Usage, units=taken | st.just({"input": -1}), terms=terms),
    model=st.sampled_from([None, *MODELS]),
    variant=variants,
    delta_chars=st.sampled_from([0, 500]),
)
begins = st.builds(
    Begun,
    seq=st.integers(0, 1),
    id=st.just("r1"),
    started_ns=st.just(1_760_000_000_000_000_000),
    config_version=st.just(""),
    method=st.just("POST"),
    endpoint=st.just("/v1/chat/completions"),
    provider=st.sampled_from([None, "acme"]),
    model_sent=st.sampled_from([None, *MODELS]),
    max_tokens=st.none() | st.integers(0, 100_000),
    request_bytes=st.sampled_from([0, 900]),
    connection=st.sampled_from([None, None, None, "c1"]),
)
exchanges = st.builds(
    Ended,
    begun=begins,
    outcome=st.sampled_from(
        ["ok", "ok", "provider_error", "lectr_refused", "client_disconnected", "upstream_failed", "interrupted"]
    ),
    ended_by=st.just("completed"),
    status=st.sampled_from([None, 200, 200, 429, 500]),
    reading=readings,
    attempts=st.sampled_from([(), (Attempt(provider="acme", model="m-1", status=200, category=None, duration_ns=1),)]),
)


def _silent(ended: Ended, state: UsageState) -> Ended:
    """An answer of which text was seen, and no counts or only some: what is predicted."""
    reading = attrs.evolve(ended.reading, state=state, delta_chars=500)
    begun = attrs.evolve(ended.begun, request_bytes=900, connection=None, provider="acme", model_sent="m-1")
    return attrs.evolve(ended, begun=begun, status=200, reading=reading)


silent = st.builds(_silent, exchanges, st.sampled_from(["absent", "absent", "partial"]))


def accounted(ended: Ended, book: Book, known: Predicts, *, is_first: bool) -> Account:
    """As a delivery does it."""
    find = PriceDesk([book]).find
    found = account(ended, find)
    usage = ended.reading.usage
    told_by_many = usage is not None and usage.terms is not None and usage.terms.once is not None
    if told_by_many and not is_first and ended.reading.state == "reported" and found != IMPOSSIBLE:
        found = COUNTED
    if found.tokens_source == "unknown":
        return measure(ended, found, find, known)
    return complete(ended, found, find, known) if ended.reading.state == "partial" else found


@settings(max_examples=600, deadline=None)
@given(exchanges | silent, books, books, predictions, st.booleans())
def test_restated_it_is_what_it_would_have_been(ended: Ended, old: Book, new: Book, known: Predicts, is_first: bool) -> None:
    before = accounted(ended, old, known, is_first=is_first)
    after = restate(ended, before, PriceDesk([new]).find)
    assert after == accounted(ended, new, known, is_first=is_first)
    assert restate(ended, after, PriceDesk([new]).find) == after
    assert restate(ended, after, PriceDesk([old]).find) == before


@pytest.mark.parametrize("kind", ["reported", "measured", "estimated", "partial", "counted", "refused", "unknown price"])
def test_every_kind_comes_up(kind: str) -> None:
    """So that the property above is not one of empty accounts."""
    price = Book({"m-1": dict.fromkeys(UNITS, Decimal("0.000001"))}, 200_000, 10**9, "exact")
    known = Predicts(
        {"input": Interval(90, 100, 110), "output": Interval(40, 50, 60)},
        {"input": "measured", "output": "measured"},
        0.1,
        True,
    )
    begun = Begun(
        seq=1, id="r1", started_ns=1, config_version="", method="POST", endpoint="/", provider="acme", model_sent="m-1",
        request_bytes=900,
    )  # fmt: skip
    told = Reading(state="reported", usage=Usage({"input": 10, "output": 5}), model="m-1", delta_chars=200)
    ended = Ended(begun=begun, outcome="ok", ended_by="completed", status=200, reading=told)
    silent = attrs.evolve(ended, reading=attrs.evolve(told, state="absent", usage=None))
    again = attrs.evolve(ended, reading=attrs.evolve(told, usage=Usage({"input": 10}, terms=Terms(once="r"))))
    cases: dict[str, tuple[Ended, Book, Predicts, int | None]] = {
        "reported": (ended, price, known, 15_000),
        "measured": (silent, price, known, 150_000),
        "estimated": (silent, price, attrs.evolve(known, sources={"input": "measured", "output": "estimated"}), 150_000),
        "partial": (attrs.evolve(ended, reading=attrs.evolve(told, state="partial")), price, known, 60_000),
        "counted": (again, price, known, 0),
        "refused": (attrs.evolve(silent, outcome="provider_error", status=429), price, known, 0),
        "unknown price": (ended, attrs.evolve(price, rates={}), known, None),
    }
    exchange, old, predicted, cost = cases[kind]
    before = accounted(exchange, old, predicted, is_first=kind != "counted")
    assert before.cost_nanousd == cost
    if kind == "counted":
        assert before == COUNTED
    if kind in ("measured", "estimated"):
        assert before.tokens_source == kind
        assert (before.cost_low_nanousd or 0) < (before.cost_nanousd or 0) < (before.cost_high_nanousd or 0)
    dearer = attrs.evolve(price, rates={"m-1": dict.fromkeys(UNITS, Decimal("0.000002"))})
    after = restate(exchange, before, PriceDesk([dearer]).find)
    expected = 30_000 if kind == "unknown price" else None if cost is None else cost * 2
    assert after.cost_nanousd == expected


def test_what_a_record_closes_stays_closed_by_it() -> None:
    price = Book({"m-1": dict.fromkeys(UNITS, Decimal("0.000001"))}, 200_000, 10**9, "exact")
    begun = Begun(seq=1, id="r", started_ns=1, config_version="", method="", endpoint="", provider="acme", model_sent="m-1")
    told = Reading(state="reported", usage=Usage({"input": 10}), model="m-1")
    ended = Ended(begun=begun, outcome="ok", ended_by="completed", status=200, reading=told)
    before = attrs.evolve(account(ended, PriceDesk([price]).find), closes=("r0",))
    assert restate(ended, before, PriceDesk([price]).find) == before
