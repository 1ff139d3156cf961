"""The kit passes what keeps its promises and names the promise that is broken: an author has only that message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from decimal import Decimal

import pytest

from lectr_core import (
    PASS,
    Answer,
    Call,
    Cursor,
    DialectProvider,
    Facts,
    PriceQuestion,
    Quote,
    Reading,
    Record,
    Refusal,
    Route,
    Verdict,
)
from lectr_core.testing import (
    Broken,
    Case,
    check_policy,
    check_price_book,
    check_provider,
    check_reader,
    check_sink,
    sample_facts,
    sample_record,
)


def test_samples_differ_by_number_and_stream_and_are_the_same_each_time() -> None:
    ids = {sample_record(seq, stream=stream).ended.begun.id for seq in range(1, 50) for stream in ("stream-a", "stream-b")}
    assert len(ids) == 98
    assert {found[14] for found in ids} == {"7"}
    assert {len(found) for found in ids} == {36}
    assert sample_record(3) == sample_record(3)


class Counter:
    """A reader that counts bytes, and can be told to break a promise."""

    def __init__(self, fault: str = "") -> None:
        self.first_token_seen = fault == "early"
        self.fault = fault
        self.pieces = 0
        self.total = 0

    def feed(self, data: bytes | memoryview) -> None:
        self.pieces += 1
        self.total += len(data)
        if self.fault == "raises" and b"\xff" in bytes(data):
            raise KeyError("usage")

    def finish(self, *, complete: bool) -> Reading:
        if self.fault == "state" and self.total != 4:
            return Reading(state="reported")
        return Reading(deltas=self.pieces if self.fault == "pieces" else self.total)


def test_a_reader_that_keeps_its_promises_passes() -> None:
    check_reader(Counter, b"body", Reading(deltas=4))


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("early", Broken, "before the first byte"),
        ("raises", KeyError, "usage"),
        ("state", Broken, "disagree"),
        ("pieces", Broken, "with empty pieces"),
    ],
)
def test_a_readers_broken_promise_is_named(fault: str, error: type[Exception], message: str) -> None:
    expected = Reading(deltas=1 if fault == "pieces" else 4)
    with pytest.raises(error, match=message):
        check_reader(lambda: Counter(fault), b"body", expected)


def test_a_long_body_is_fed_too() -> None:
    check_reader(Counter, b"x" * 50_000, Reading(deltas=50_000))


class Leaky(DialectProvider):
    """A provider that can be told to break a promise."""

    fault = ""

    def endpoint(self, path: str) -> str:
        return path[:100] if self.fault == "endpoint" else super().endpoint(path)

    def locate(self, call: Call) -> str:
        return call.path if self.fault == "locate" else super().locate(call)

    def classify(self, answer: Answer) -> str | None:
        return "bad" if self.fault == "classify" else super().classify(answer)

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        return answer.fields if self.fault == "headroom" else super().headroom(answer)

    def request_id(self, answer: Answer) -> str | None:
        return answer.field("request-id") if self.fault == "request_id" else super().request_id(answer)

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        return b"no" if self.fault == "refuse" else super().refuse(call, refusal)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("endpoint", "must not hold what a client chose"),
        ("locate", "question mark"),
        ("classify", "no error, yet"),
        ("headroom", "hostile head"),
        ("request_id", "hostile value"),
        ("refuse", "body with the message"),
    ],
)
def test_a_providers_broken_promise_is_named(fault: str, message: str) -> None:
    provider = Leaky("acme", "https://h")
    check_provider(provider)
    provider.fault = fault
    with pytest.raises(Broken, match=message):
        check_provider(provider)


@pytest.mark.parametrize(
    ("title", "text", "message"),
    [
        ("Acme, Python", "base = '{0}', '{1}', 'X-Lectr-Feature'", None),
        ("Acme, Node", "X-Lectr-Feature: {1}", "has no http"),
        ("Acme, Node", "{0} X-Lectr-Feature", "has no lc_key_"),
        ("Acme, Node", "{0} {1}", "has no X-Lectr-Feature"),
        ("Acme, Node", "{{{{ {0} {1} X-Lectr-Feature", "braces left over"),
        ("Acme, Python", "{0} {1} X-Lectr-Feature", "is not what its title says"),
        ("Acme, curl", "curl '{0} {1} X-Lectr-Feature", "is not what its title says"),
    ],
)
def test_what_clients_are_told_to_paste_is_looked_at(title: str, text: str, message: str | None) -> None:
    class Talkative(DialectProvider):
        def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
            return [(title, text.format(base_url, key))]

    with nullcontext() if message is None else pytest.raises(Broken, match=message):
        check_provider(Talkative("acme", "https://h"))


def test_a_case_that_does_not_hold_is_named() -> None:
    provider = DialectProvider("acme", "https://h", families=["acme-"])
    call = Call("POST", "/v1/chat/completions", model="acme-1")
    check_provider(provider, [Case(call=call, target=call.path, claims_model=True, model=None)])
    with pytest.raises(Broken, match="claims_model is True, not False"):
        check_provider(provider, [Case(call=call, claims_model=False)])
    with pytest.raises(Broken, match="must raise ValueError"):
        check_provider(provider, [Case(call=call, refused=ValueError)])


class Rule:
    """A policy made of a function."""

    id = "rule"

    def __init__(self, decide: Callable[[Facts], Verdict], text: str = "because") -> None:
        self.decide = decide
        self.text = text

    def explain(self, facts: Facts) -> str:
        return self.text


def test_a_policys_broken_promise_is_named() -> None:
    routed = Verdict(rule="r", route=Route(model="small"))
    check_policy(Rule(lambda facts: routed if facts.model == "big" else PASS), [(sample_facts(model="big"), routed)])
    with pytest.raises(Broken, match="names no rule"):
        check_policy(Rule(lambda facts: Verdict(route=Route(model="x"))))
    with pytest.raises(Broken, match="both routes and refuses"):
        check_policy(Rule(lambda facts: Verdict("r", Route(model="x"), Refusal(403, "policy_denied", "no"))))
    with pytest.raises(Broken, match="nothing to say"):
        check_policy(Rule(lambda facts: PASS, text=" "))
    turns = iter(range(100))
    with pytest.raises(Broken, match="two verdicts"):
        check_policy(Rule(lambda facts: Verdict(rule=str(next(turns)))))
    with pytest.raises(Broken, match="not Verdict"):
        check_policy(Rule(lambda facts: PASS), [(sample_facts(), routed)])


class Book:
    """A price book with one price."""

    id = "book"

    def __init__(self, quote: Quote | None, *, for_all: bool = False) -> None:
        self._quote = quote
        self._for_all = for_all

    def quote(self, question: PriceQuestion) -> Quote | None:
        return self._quote if self._for_all or question.model == "acme-1" else None


def test_a_price_books_broken_promise_is_named() -> None:
    known = PriceQuestion("acme", "acme-1", date(2026, 1, 1), None, 10)
    flex = PriceQuestion("acme", "acme-1", date(2026, 1, 1), "flex", 10)
    good = Quote({"input": Decimal("0.000001")}, "acme/acme-1@2026", "book 1", "2026-01-01", "exact")
    check_price_book(Book(good), [known])
    with pytest.raises(Broken, match="nobody can know"):
        check_price_book(Book(good, for_all=True), [known])
    with pytest.raises(Broken, match="must know"):
        check_price_book(Book(None), [known])
    with pytest.raises(Broken, match="expected a Decimal"):
        check_price_book(Book(Quote({"input": Decimal("NaN")}, "p", "s", None, "exact")), [known])
    with pytest.raises(Broken, match="must name its price"):
        check_price_book(Book(Quote({}, "", "s", None, "exact")), [known])
    with pytest.raises(Broken, match="answer None instead"):
        check_price_book(Book(Quote({}, "p", "s", None, "unknown")), [known])
    with pytest.raises(Broken, match="variant 'flex' was asked"):
        check_price_book(Book(good), [flex])
    with pytest.raises(ValueError, match="isoformat"):
        check_price_book(Book(Quote({}, "p", "s", "yesterday", "exact")), [known])


class Store:
    """What a sink keeps beyond its life."""

    def __init__(self) -> None:
        self.rows: dict[str, Record] = {}
        self.cursors: dict[str, Cursor] = {}


class MemorySink:
    """A true sink, in memory, that can be told to break a promise."""

    id = "memory"

    def __init__(self, store: Store, fault: str = "") -> None:
        self.store = store
        self.fault = fault

    async def open(self) -> Mapping[str, Cursor]:
        return {} if self.fault == "forgets" else dict(self.store.cursors)

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        for number, record in enumerate(records):
            again = f"#{len(self.store.rows)}" if self.fault == "twice" else ""
            if self.fault != "half" or number < 20:
                self.store.rows[record.ended.begun.id + again] = record
        self.store.cursors |= {cursor.stream: cursor for cursor in cursors}

    async def close(self) -> None:
        return None

    async def cursors(self) -> Mapping[str, Cursor]:
        return dict(self.store.cursors)

    async def count(self) -> Mapping[str, int]:
        streams = [record.stream for record in self.store.rows.values()]
        return {stream: streams.count(stream) for stream in set(streams)}


async def test_a_sink_that_keeps_its_promises_passes() -> None:
    store = Store()
    await check_sink(lambda: MemorySink(store))
    assert len(store.rows) == 453


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("forgets", "must know its cursor"),
        ("twice", "must be stored once"),
        ("half", "two streams must not mix"),
    ],
)
async def test_a_sinks_broken_promise_is_named(fault: str, message: str) -> None:
    store = Store()
    with pytest.raises(Broken, match=message):
        await check_sink(lambda: MemorySink(store, fault))
