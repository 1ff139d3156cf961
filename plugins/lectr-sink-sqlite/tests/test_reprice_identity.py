"""Whatever the accounting prices, `lectr reprice` prices identically: every kind of record, from any prices to any."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result
from lectr_sink_sqlite import repricing
from lectr_sink_sqlite.asking.reprice import reprice
from lectr_sink_sqlite.rollup_tables import GRAINS, SUMS
from lectr_sink_sqlite.rows import COLUMNS, row
from lectr_sink_sqlite.store import Store

from lectr_core import (
    Accountant,
    Attempt,
    Begun,
    CommandLine,
    Cursor,
    Ended,
    PriceQuestion,
    Quote,
    Reading,
    Record,
    Share,
    Terms,
    Usage,
)

UNITS = ("input", "cache_read", "cache_write", "output", "reasoning")
START_NS = 1_760_000_000_000_000_000


@attrs.define
class Book:
    """A rate for every unit of the models it knows; more for long prompts, half for batches, more in a region."""

    rate: str = "0.000001"
    source: str = "list 1"
    models: tuple[str, ...] = ("m-1", "m-2", "m-3")
    long: int = 100_000
    limit: int | None = 200_000
    searches: bool = False
    basis: Any = "exact"  # Any: a literal
    id: str = "book"

    def quote(self, question: PriceQuestion) -> Quote | None:
        if question.model not in self.models:
            return None
        factor = Decimal(2 if question.input_tokens > self.long else 1) * (2 if question.region else 1)
        factor *= Decimal("0.5") if question.variant == "batch" else 1
        each = {unit: Decimal(self.rate) * factor * place for place, unit in enumerate(UNITS, 1)}
        if self.searches:
            each["web_search"] = Decimal("0.01")
        return Quote(
            rates=each,
            price_id=f"{question.model}:{question.variant}@{factor}",
            source=self.source,
            dated="2025-10-01",
            basis=self.basis,
            limit_tokens=self.limit,
        )


BOOKS = {
    "nothing": (),
    "cheap": (Book(),),
    "dear": (Book("0.0000037", "list 2", long=5_000, limit=64_000),),
    "unlimited": (Book("0.000002", "list 3", ("m-1", "m-9"), limit=None, searches=True, basis="fallback"),),
    "own": (Book("0.0000000123", "lectr.toml", ("m-1",), basis="override"), Book()),
    "provisioned": (Book("0", "lectr.toml", ("m-1",), limit=None, basis="provisioned"), Book()),
}


def exchange(seq: int, reading: Reading, **changes: Any) -> Ended:  # Any: values of any field
    names = {field.name for field in attrs.fields(Begun)}
    begun = Begun(
        **{
            "seq": seq,
            "id": f"0199c0de-0000-7000-8000-{seq:012d}",
            "started_ns": START_NS + seq * 37 * 10**9,
            "config_version": "abc",
            "method": "POST",
            "endpoint": "/v1/chat/completions",
            "org": "acme",
            "feature": f"f{seq % 3}",
            "provider": "openai",
            "model_requested": reading.model or "m-1",
            "model_sent": reading.model or "m-1",
            "streamed": True,
            "request_bytes": 4_000,
            **{name: value for name, value in changes.items() if name in names},
        }
    )
    attempt = Attempt(provider="openai", model="m-1", status=200, category=None, duration_ns=1)
    ended = Ended(begun=begun, outcome="ok", ended_by="completed", status=200, duration_ns=10**9, attempts=(attempt,))
    rest = {name: value for name, value in changes.items() if name not in names}
    return attrs.evolve(ended, reading=reading, request_bytes=begun.request_bytes, **rest)


Kind = Callable[[int, random.Random], Ended]


def _told(chance: random.Random, **more: Any) -> Reading:  # Any: values of any field
    taken = chance.randint(10, 12_000)
    counts = {"input": taken, "cache_read": chance.choice([0, taken // 3]), "output": chance.randint(1, 3_000)}
    usage = more.pop("usage", None) or Usage(counts, {"prompt_tokens": taken}, True)
    return Reading(state="reported", usage=usage, model=more.pop("model", "m-1"), **more)


def _with(chance: random.Random, counts: dict[str, int] | None = None, **terms: Any) -> Reading:  # Any: as above
    base = _told(chance).usage
    assert base is not None
    return _told(chance, usage=attrs.evolve(base, units=counts or base.units, terms=Terms(**terms)))


def _silent(chance: random.Random, model: str = "m-1") -> Reading:
    return Reading(state="absent", model=model, deltas=40, delta_chars=chance.randint(200, 4_000))


KINDS: dict[str, Kind] = {
    "reported": lambda seq, chance: exchange(seq, _told(chance)),
    "unknown price": lambda seq, chance: exchange(seq, _told(chance, model="m-unknown")),
    "priced by one alone": lambda seq, chance: exchange(seq, _told(chance, model="m-9")),
    "batch": lambda seq, chance: exchange(seq, _told(chance, variant="batch")),
    "long": lambda seq, chance: exchange(seq, _with(chance, {"input": 150_000, "output": 10})),
    "several prompts": lambda seq, chance: exchange(
        seq, _with(chance, {"input": 150_000, "output": 10}, longest_prompt=4_000)
    ),
    "in a region": lambda seq, chance: exchange(seq, _with(chance, region="us")),
    "told cost": lambda seq, chance: exchange(seq, _with(chance, cost_nanousd=4_321)),
    "doubt": lambda seq, chance: exchange(seq, _with(chance, doubt="a credit may apply")),
    "several models": lambda seq, chance: exchange(
        seq,
        _with(
            chance,
            shares=(
                Share("m-2", {"input": 900, "output": 90}, "batch", 400),
                Share("m-9", {"input": 7}),
                Share(None, {"output": 3}),
            ),
        ),
    ),
    "shares of known models": lambda seq, chance: exchange(
        seq, _with(chance, {"input": 5}, shares=(Share("m-2", {"input": 150_000, "output": 90}),))
    ),
    "searched": lambda seq, chance: exchange(seq, _with(chance, {"input": 50, "output": 5, "web_search": 2})),
    "measured": lambda seq, chance: exchange(seq, _silent(chance)),
    "estimated": lambda seq, chance: exchange(seq, _silent(chance, "m-2"), max_tokens=chance.choice([None, 50_000])),
    "estimated without a price": lambda seq, chance: exchange(seq, _silent(chance, "m-unknown")),
    "cut off": lambda seq, chance: exchange(
        seq, _silent(chance), outcome="client_disconnected", ended_by="client_gone", max_tokens=chance.choice([None, 9_000])
    ),
    "cut off, several answers": lambda seq, chance: exchange(
        seq, _silent(chance), outcome="client_disconnected", ended_by="client_gone", max_tokens=9_000, choices=3
    ),
    "broken off": lambda seq, chance: exchange(
        seq,
        attrs.evolve(_told(chance, usage=Usage({"input": 800, "output": 1})), state="partial", delta_chars=4_000),
        outcome="upstream_failed",
        max_tokens=chance.choice([None, 20_000]),
    ),
    "broken off in a tool's turn": lambda seq, chance: exchange(
        seq, attrs.evolve(_with(chance, input_open=True), state="partial"), outcome="upstream_failed"
    ),
    "nothing seen": lambda seq, chance: exchange(
        seq, Reading(), outcome="interrupted", max_tokens=chance.choice([None, 700]), choices=2
    ),
    "refused": lambda seq, _: exchange(seq, Reading(), outcome="provider_error", status=429),
    "refused by the gateway": lambda seq, _: exchange(seq, Reading(), outcome="lectr_refused", status=401, attempts=()),
    "not billed": lambda seq, _: exchange(seq, Reading(state="unbilled")),
    "open": lambda seq, _: exchange(seq, Reading(state="open")),
    "closed": lambda seq, _: exchange(seq, Reading(state="closed")),
    "impossible": lambda seq, chance: exchange(seq, _told(chance, usage=Usage({"input": -4}))),
    "no counts": lambda seq, _: exchange(seq, Reading(state="reported"), request_bytes=0),
    "zero": lambda seq, chance: exchange(seq, _told(chance, usage=Usage({}, {"prompt_tokens": 0}))),
}


def everything(each: int = 4, first: int = 60) -> Iterator[Ended]:
    """*first* usual requests, from which something can be learnt, and then *each* of every kind, mixed."""
    chance = random.Random(7)
    for seq in range(1, first + 1):
        yield KINDS["reported"](seq, chance)
    kinds = [kind for kind in KINDS for _ in range(each)]
    chance.shuffle(kinds)
    for seq, kind in enumerate(kinds, first + 1):
        yield attrs.evolve(ended := KINDS[kind](seq, chance), begun=attrs.evolve(ended.begun, task=kind))


TIMES = ("--since", "2025-10-01", "--until", "2025-11-01")
PAIRS = [(old, new) for old in BOOKS for new in BOOKS if old != new]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repricing, "_SELECT", repricing._SELECT.replace("LIMIT 2000", "LIMIT 50"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: START_NS)
    made.open()
    yield made
    made.close()


def accounted(books: Sequence[Book]) -> tuple[list[Record], Accountant]:
    """As the cold process would have stored them with these prices; what it predicts does not depend on them."""
    accountant = Accountant(books, learns=True)
    return [accountant.record("s1", ended) for ended in everything()], accountant


def fill(store: Store, books: Sequence[Book]) -> None:
    records, accountant = accounted(books)
    store.write(records, [Cursor(stream="s1", stored=len(records))])
    store.keep_prices(accountant.used())


def call(*arguments: str) -> Result:
    return CliRunner().invoke(reprice, arguments, obj=CommandLine(), standalone_mode=False)


def asked(store: Store, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(question).fetchall()


def rows(store: Store) -> list[dict[str, Any]]:  # Any: SQLite's values
    found = asked(store, f"SELECT {', '.join(COLUMNS)} FROM requests ORDER BY seq")
    return [dict(zip(COLUMNS, one, strict=True)) for one in found]


def as_stored(records: Sequence[Record]) -> list[dict[str, Any]]:  # Any: SQLite's values
    return [dict(zip(COLUMNS, row(record), strict=True)) for record in records]


def rollups_equal_the_rows(store: Store) -> None:
    """Not in sum alone: each line of each rollup is what its own rows come to."""
    key = """org, feature, coalesce(provider, ''), coalesce(model_actual, model_sent, model_requested, ''), outcome,
        coalesce(error_category, '')"""
    sums = ", ".join(sql for name, sql in SUMS.items() if not name.endswith("_ms"))
    names = ", ".join(name for name in SUMS if not name.endswith("_ms"))
    cuts = ("substr(started_at, 1, 16) || ':00Z'", "substr(started_at, 1, 13) || ':00:00Z'", "substr(started_at, 1, 10)")
    for grain, cut in zip(GRAINS, cuts, strict=True):
        kept = asked(
            store, f"SELECT {grain.at}, org, feature, provider, model, outcome, error_category, {names} FROM {grain.usage}"
        )
        made = asked(store, f"SELECT {cut} AS at, {key}, {sums} FROM requests GROUP BY 1, 2, 3, 4, 5, 6, 7")
        assert sorted(kept) == sorted(made)


def test_the_kinds_are_what_they_are_called() -> None:
    records, _ = accounted(BOOKS["cheap"])
    found = {record.ended.begun.task: record.account for record in records if record.ended.begun.task}
    assert found.keys() == KINDS.keys()
    sources = {kind: found[kind].tokens_source for kind in ("measured", "estimated", "broken off", "refused", "open")}
    assert sources == {
        "measured": "measured",
        "estimated": "estimated",
        "broken off": "measured",
        "refused": "reported",
        "open": "unknown",
    }
    assert [len(found[kind].by_model) for kind in ("several models", "shares of known models")] == [4, 2]
    assert found["told cost"].cost_basis == "reported"
    for kind in ("measured", "estimated", "broken off"):
        low, cost, high = found[kind].cost_low_nanousd, found[kind].cost_nanousd, found[kind].cost_high_nanousd
        assert low is not None
        assert cost is not None
        assert high is None or low <= cost <= high


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_repriced_it_is_stored_as_if_it_had_been_priced_so_at_once(
    store: Store, installed: SimpleNamespace, old: str, new: str
) -> None:
    fill(store, BOOKS[old])
    installed.books = BOOKS[new]
    shown = json.loads(call(*TIMES, "--json").output)
    done = json.loads(call(*TIMES, "--apply", "--json").output)
    assert done == shown | {"applied": True}
    assert done["left"] == {}
    expected = as_stored(accounted(BOOKS[new])[0])
    assert rows(store) == expected
    assert done["requests"] + done["same"] == len(expected)
    rollups_equal_the_rows(store)
    sums = asked(store, "SELECT sum(requests), sum(new_cost_nanousd) - sum(old_cost_nanousd) FROM repricings")
    before = sum(one["cost_nanousd"] or 0 for one in as_stored(accounted(BOOKS[old])[0]))
    after = sum(one["cost_nanousd"] or 0 for one in expected)
    assert sums == [(done["requests"], after - before)]
    kept = asked(store, f"SELECT {', '.join(repricing.BOUNDS)} FROM repricings ORDER BY provider, model, price_source")
    assert kept == [tuple(line[name] for name in repricing.BOUNDS) for line in done["by_model"]]
    again = json.loads(call(*TIMES, "--apply", "--json").output)
    assert (again["requests"], again["same"]) == (0, len(expected))


def test_every_price_that_a_row_names_is_kept(store: Store, installed: SimpleNamespace) -> None:
    fill(store, BOOKS["cheap"])
    installed.books = BOOKS["dear"]
    call(*TIMES, "--apply")
    missing = """SELECT price_id, price_source FROM requests WHERE price_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM prices WHERE price_id = requests.price_id AND source = requests.price_source)"""
    assert asked(store, missing) == []


@pytest.mark.parametrize("after", [0, 1, 3])
def test_stopped_in_the_middle_nothing_is_lost_and_the_same_command_goes_on(
    store: Store, installed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    fill(store, BOOKS["cheap"])
    installed.books = BOOKS["dear"]
    applied: Callable[..., None] = repricing.apply
    done = 0

    def apply(*arguments: Any) -> None:  # Any: as they come
        nonlocal done
        if done == after:
            raise KeyboardInterrupt
        done += 1
        applied(*arguments)

    monkeypatch.setattr(repricing, "apply", apply)
    stopped = call(*TIMES, "--apply")
    assert stopped.return_value == 130
    assert "run the same command again to go on" in stopped.output
    assert len({one["price_source"] for one in rows(store) if one["price_source"]}) <= 3
    rollups_equal_the_rows(store)
    monkeypatch.setattr(repricing, "apply", applied)
    assert call(*TIMES, "--apply").return_value == 0
    assert rows(store) == as_stored(accounted(BOOKS["dear"])[0])
    rollups_equal_the_rows(store)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # idle threads of other tests: the child needs none
@pytest.mark.parametrize("chunk", [0, 1, 3])
def test_killed_within_a_chunk_it_leaves_rows_and_sums_that_agree(
    store: Store, installed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    fill(store, BOOKS["cheap"])
    store.close()
    installed.books = BOOKS["dear"]
    child = os.fork()
    if child == 0:
        chunks = 0

        def die(*_: object) -> None:  # within the transaction; as `kill -9` does, no handler runs
            nonlocal chunks
            chunks += 1
            if chunks > chunk:
                os._exit(9)

        monkeypatch.setattr("lectr_sink_sqlite.beside.keep_prices", die)
        call(*TIMES, "--apply")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9
    changed = sum(old != new for old, new in zip(rows(store), as_stored(accounted(BOOKS["cheap"])[0]), strict=True))
    assert 0 <= changed <= chunk * 50
    rollups_equal_the_rows(store)
    assert call(*TIMES, "--apply").return_value == 0
    assert rows(store) == as_stored(accounted(BOOKS["dear"])[0])
    rollups_equal_the_rows(store)


def test_a_chunk_that_cannot_be_written_changes_nothing_of_itself(store: Store, installed: SimpleNamespace) -> None:
    fill(store, BOOKS["cheap"])
    installed.books = BOOKS["dear"]
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON repricings BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    before = rows(store)
    result = call(*TIMES, "--apply")
    assert "disk full" in str(result.exception)
    assert rows(store) == before
    rollups_equal_the_rows(store)
