"""What the database keeps beside the records: requests in flight, and the prices that records name."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.sink import SqliteSink
from lectr_sink_sqlite.store import Store

from lectr_core import KeepsPrices, Quote, Record, ShowsInFlight, UsedPrice

Make = Callable[..., Record]
NOW_NS = 1_760_000_010_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(path=tmp_path / "lectr.db", busy_limit_s=0.05, retention_days=0, retention_chunk=1, now_ns=lambda: NOW_NS)
    made.open()
    yield made
    made.close()


def asked(store: Store, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(question).fetchall()


def test_the_sink_says_that_it_wants_to_know(tmp_path: Path) -> None:
    sink = SqliteSink(tmp_path / "lectr.db", SqliteSettings())
    assert isinstance(sink, ShowsInFlight)
    assert isinstance(sink, KeepsPrices)


def test_what_is_in_flight_takes_the_place_of_what_was(store: Store, make: Make) -> None:
    first, second = (make(seq, started_ns=NOW_NS - seq * 10**9).ended.begun for seq in (1, 2))
    store.show_in_flight([first, second])
    found = asked(store, "SELECT feature, model, open_ms, as_of FROM in_flight ORDER BY started_at DESC")
    assert found == [
        ("search", "gpt-4o-mini", 1000.0, "2025-10-09T08:53:30.000Z"),
        ("search", "gpt-4o-mini", 2000.0, "2025-10-09T08:53:30.000Z"),
    ]
    store.show_in_flight([second])
    assert asked(store, "SELECT id FROM in_flight") == [(second.id,)]


def test_a_request_that_is_stored_is_not_in_flight(store: Store, make: Make) -> None:
    record = make()
    store.write([record], [])
    store.show_in_flight([record.ended.begun])
    assert asked(store, "SELECT count(*) FROM in_flight") == [(0,)]


def test_what_an_earlier_process_showed_is_gone_when_the_next_one_opens(store: Store, make: Make) -> None:
    store.show_in_flight([make().ended.begun])
    store.open()
    assert asked(store, "SELECT count(*) FROM in_flight") == [(0,)]


def test_a_name_that_sqlite_cannot_keep_does_no_harm(store: Store, make: Make) -> None:
    store.show_in_flight([make(feature="half \ud800").ended.begun])
    assert asked(store, "SELECT feature FROM in_flight") == [("half ?",)]


def used(rate: str, source: str = "list 1") -> UsedPrice:
    quote = Quote(
        rates={"output": Decimal(rate), "input": Decimal("1e-7")}, price_id="p", source=source, dated=None, basis="exact"
    )
    return UsedPrice("acme", "acme-1", None, quote)


def test_a_price_is_kept_once_exactly_as_it_was_said(store: Store) -> None:
    store.keep_prices([used("0.00000060")])
    store.keep_prices([used("0.0000006"), used("0.0000006", "list 2"), used("0.0000007")])
    found = asked(store, "SELECT source, rates_json, first_used_at FROM prices ORDER BY source, rates_json")
    assert [source for source, _, _ in found] == ["list 1", "list 1", "list 2"]
    assert [json.loads(rates)["output"] for _, rates, _ in found] == ["0.0000006", "0.0000007", "0.0000006"]
    assert json.loads(found[0][1])["input"] == "0.0000001"
    assert found[0][2] == "2025-10-09T08:53:30.000Z"


def test_prices_of_different_variants_stand_side_by_side(store: Store) -> None:
    store.keep_prices([used("1"), attrs.evolve(used("1"), variant="flex")])
    assert asked(store, "SELECT variant FROM prices ORDER BY variant") == [("",), ("flex",)]
