"""What `write` promises: exactly once, both or neither, every column as documented."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.sink import SqliteSink
from lectr_sink_sqlite.store import Store
from sqlite_utils import Database

from lectr_core import Account, Cursor, History, OperatorError, PluginError, Reading, Record, Sink

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000


def store_at(path: Path, **changes: Any) -> Store:  # Any: values of any field
    plain: dict[str, Any] = {  # Any: values of any field
        "busy_limit_s": 0.05,
        "retention_days": 0,
        "retention_chunk": 10,
        "now_ns": lambda: NOW_NS,
    }
    return Store(path=path, **plain | changes)


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def rows(path: Path, question: str = "SELECT * FROM requests ORDER BY id") -> list[dict[str, Any]]:  # Any: SQLite's values
    with reading(path) as connection:
        return [dict(found) for found in connection.execute(question)]


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[SqliteSink]:
    made = SqliteSink(tmp_path / "lectr.db", SqliteSettings(), now_ns=lambda: NOW_NS)
    yield made
    await made.close()


async def test_sink_is_a_sink_and_a_history(sink: SqliteSink) -> None:
    assert isinstance(sink, Sink)
    assert isinstance(sink, History)


async def test_a_record_becomes_a_row_with_the_promised_columns(sink: SqliteSink, make: Make) -> None:
    await sink.open()
    await sink.write([make()], [Cursor(stream="s1", highest=1, stored=1)])
    (row,) = rows(sink.path)
    assert row["started_at"] == "2025-10-09T08:53:20.124Z"
    assert (row["org"], row["key_id"], row["feature"], row["task"]) == ("acme", "k1", "search", None)
    assert (row["model_requested"], row["model_sent"], row["model_actual"]) == (
        *("gpt-4o-mini", "gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
    )
    assert (row["status"], row["outcome"], row["streamed"], row["attempts"]) == (200, "ok", 1, 1)
    assert (row["duration_ms"], row["ttfb_ms"], row["ttft_ms"], row["gateway_ms"]) == (1500.0, 200.0, 250.0, 0.15)
    assert (row["input_tokens"], row["output_tokens"], row["cached_input_tokens"]) == (1000, 50, 200)
    assert (row["cost_nanousd"], row["cost_usd"], row["cost_low_usd"], row["cost_high_usd"]) == (165_000, *[0.000165] * 3)
    assert (row["usage_state"], row["usage_check"], row["faithful"], row["finish_reason"]) == ("reported", 1, 1, "stop")
    assert (row["audio_tokens"], row["cache_write_5m_tokens"]) == (0, 0)
    assert json.loads(row["units_json"]) == {"input": 800, "cache_read": 200, "output": 50}
    assert json.loads(row["usage_json"]) == {"prompt_tokens": 1000, "completion_tokens": 50}
    assert json.loads(row["cost_parts_json"]) == {"input": 120_000, "cache_read": 15_000, "output": 30_000}
    assert json.loads(row["attempts_json"])[0]["duration_ns"] == 1_400_000_000
    assert json.loads(row["headroom_json"]) == {"x-ratelimit-remaining-requests": "99"}


async def test_what_is_unknown_is_null_and_never_zero(sink: SqliteSink, make: Make) -> None:
    await sink.open()
    refused = make(reading=Reading(), attempts=(), headroom={}, outcome="lectr_refused", ttfb_ns=None, ttft_ns=None)
    await sink.write([attrs.evolve(refused, account=Account())], [])
    (row,) = rows(sink.path)
    unknown = [
        name for name in row if name.startswith(("cost_", "input_", "output_", "cache", "ttf")) and name != "cost_basis"
    ]
    assert len(unknown) > 15
    assert [name for name in unknown if row[name] is not None] == []
    assert (row["audio_tokens"], row["reasoning_tokens"], row["units_json"], row["model_actual"]) == (None, None, None, None)
    assert (row["tokens_source"], row["cost_basis"], row["attempts"]) == ("unknown", "unknown", 0)
    (hour,) = rows(sink.path, "SELECT * FROM usage_hourly")
    assert (hour["cost_unknown"], hour["tokens_unknown"], hour["errors"], hour["cost_usd"]) == (1, 1, 1, 0.0)


async def test_lifetimes_and_modalities_are_read_from_the_units(sink: SqliteSink, make: Make) -> None:
    units = {
        "cache_write_5m": 3,
        "cache_write_1h": 4,
        "input_audio": 5,
        "cache_read_audio": 6,
        "output_audio": 7,
        "input_image": 8,
    }
    await sink.open()
    await sink.write([make(units=units)], [])
    (row,) = rows(sink.path)
    found = [row[f"{name}_tokens"] for name in ("cache_write_5m", "cache_write_1h", "audio", "image")]
    assert found == [3, 4, 18, 8]


async def test_a_batch_handed_over_twice_is_stored_once_and_counted_once(sink: SqliteSink, make: Make) -> None:
    batch = [make(seq) for seq in range(1, 6)]
    await sink.open()
    await sink.write(batch[:3], [Cursor(stream="s1", highest=3, stored=3)])
    await sink.write(batch, [Cursor(stream="s1", highest=5, stored=5)])
    await sink.write([*batch, batch[0]], [Cursor(stream="s1", highest=5, stored=5)])
    assert len(rows(sink.path)) == 5
    assert rows(sink.path, "SELECT sum(requests) AS n, sum(cost_nanousd) AS c FROM usage_hourly") == [{"n": 5, "c": 825_000}]
    for grain in ("minutely", "hourly", "daily"):
        (found,) = rows(sink.path, f"SELECT duration_json, ttft_json FROM latency_{grain}")
        assert [sum(json.loads(text)[1:]) for text in found.values()] == [5, 5]


async def test_a_sum_says_how_much_of_it_has_no_upper_bound(sink: SqliteSink, make: Make) -> None:
    await sink.open()
    partial = make(2, cost_nanousd=5, cost_low_nanousd=5, cost_high_nanousd=None)
    unknown = make(3, cost_nanousd=None, cost_low_nanousd=7, cost_high_nanousd=None)
    await sink.write([make(1), partial, unknown], [])
    (hour,) = rows(sink.path, "SELECT * FROM usage_hourly")
    assert (hour["requests"], hour["cost_unknown"], hour["cost_unbounded"]) == (3, 1, 1)
    assert (hour["cost_nanousd"], hour["cost_low_nanousd"], hour["cost_high_nanousd"]) == (165_005, 165_012, 165_005)


async def test_a_place_in_a_stream_is_taken_once_even_under_another_id(sink: SqliteSink, make: Make) -> None:
    await sink.open()
    await sink.write([make(1), make(1, id="0199c0de-0000-7000-8000-ffffffffffff")], [])
    assert len(rows(sink.path)) == 1
    assert rows(sink.path, "SELECT sum(requests) AS n FROM usage_hourly") == [{"n": 1}]


async def test_cursors_come_back_and_history_needs_no_open(sink: SqliteSink, make: Make) -> None:
    cursor = Cursor(stream="s1", segment=3, offset=77, highest=2, stored=2, lost=1, finished=True)
    assert await sink.open() == {}
    await sink.write([make(1), make(2)], [cursor, Cursor(stream="s2")])
    assert await sink.open() == {"s1": cursor, "s2": Cursor(stream="s2")}
    asked = SqliteSink(sink.path, SqliteSettings())
    assert await asked.cursors() == {"s1": cursor, "s2": Cursor(stream="s2")}
    assert await asked.count() == {"s1": 2}
    assert await asked.snapshot() == (await asked.cursors(), {"s1": 2})


async def test_asking_a_history_makes_no_file(sink: SqliteSink) -> None:
    assert await sink.cursors() == {}
    assert await sink.count() == {}
    assert await sink.snapshot() == ({}, {})
    assert not sink.path.exists()


async def test_only_the_owner_can_read_the_file(sink: SqliteSink, make: Make) -> None:
    await sink.open()
    await sink.write([make()], [])
    modes = {part.name: stat.S_IMODE(part.stat().st_mode) for part in sink.path.parent.iterdir()}
    assert modes == dict.fromkeys(("lectr.db", "lectr.db-wal", "lectr.db-shm", "lectr.db.lock"), 0o600)


async def test_the_file_is_wal_and_every_table_strict(sink: SqliteSink) -> None:
    await sink.open()
    with reading(sink.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    loose = {"_sqlite_migrations", "sqlite_schema"}
    assert {
        found["name"]
        for found in rows(sink.path, "SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict")
        if found["name"] not in loose | {"sqlite_temp_schema"}
    } == set()


def test_a_batch_that_cannot_be_stored_leaves_nothing(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(1)], [Cursor(stream="s1", stored=1)])
    wrong = make(3, outcome=None)
    with pytest.raises(PluginError, match="outcome"):
        store.write([make(2), wrong], [Cursor(stream="s1", stored=3)])
    assert store.open() == {"s1": Cursor(stream="s1", stored=1)}
    assert len(rows(store.path)) == 1
    assert rows(store.path, "SELECT sum(requests) AS n FROM usage_hourly") == [{"n": 1}]
    store.close()


def test_a_locked_database_is_said_and_the_batch_can_be_written_later(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    with reading(store.path) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperatorError, match="locked"):
            store.write([make(1)], [])
        other.execute("ROLLBACK")
    store.write([make(1)], [])
    assert len(rows(store.path)) == 1
    store.close()


def test_a_full_disk_is_said_and_the_batch_can_be_written_later(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(1)], [Cursor(stream="s1", stored=1)])
    many = [make(seq) for seq in range(1, 400)]
    live = store._live
    (pages,) = live.execute("PRAGMA page_count").fetchone()
    live.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(OperatorError, match="full"):
        store.write(many, [Cursor(stream="s1", stored=399)])
    assert rows(store.path, "SELECT count(*) AS n FROM requests") == [{"n": 1}]
    live.execute("PRAGMA max_page_count = 1000000")
    store.write(many, [Cursor(stream="s1", stored=399)])
    assert rows(store.path, "SELECT sum(requests) AS n FROM usage_hourly") == [{"n": 399}]
    store.close()


def test_values_that_sqlite_cannot_keep_do_not_hold_up_the_batch(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    odd = make(1, max_tokens=10**30, feature="half \ud800", input_tokens=2**70)
    store.write([odd, make(2)], [])
    first, second = rows(store.path)
    assert (first["max_tokens"], first["feature"], first["input_tokens"]) == (None, "half ?", None)
    assert second["input_tokens"] == 1000
    store.close()


def test_writing_before_opening_is_said(tmp_path: Path, make: Make) -> None:
    with pytest.raises(OperatorError, match="not open"):
        store_at(tmp_path / "lectr.db").write([make()], [])


def test_a_directory_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "lectr.db").mkdir()
    with pytest.raises(OperatorError, match="cannot open"):
        store_at(tmp_path / "lectr.db").open()


def test_people_see_generated_columns_in_sqlite_utils(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make()], [])
    with closing(sqlite3.connect(store.path)) as connection:
        (row,) = Database(connection, execute_plugins=False).query("SELECT * FROM requests")
    assert row["cost_usd"] == 0.000165
    store.close()


async def test_two_sinks_do_not_store_in_one_file(tmp_path: Path, make: Make) -> None:
    """Each would take what waits in the other's journal for lost, and its requests in flight for over."""
    first, second = (SqliteSink(tmp_path / "lectr.db", SqliteSettings(), now_ns=lambda: NOW_NS) for _ in range(2))
    await first.open()
    with pytest.raises(OperatorError, match="another gateway stores in"):
        await second.open()
    with pytest.raises(OperatorError, match="is not open"):
        await second.write([make(1)], [])
    await first.write([make(1)], [Cursor(stream="s1", highest=1, stored=1)])
    assert await second.count() == {"s1": 1}, "reading is free"
    assert (tmp_path / "lectr.db.lock").stat().st_mode & 0o777 == 0o600
    await first.close()
    assert (await second.open())["s1"].stored == 1
    await second.close()


async def test_a_row_that_is_refused_is_told_from_a_file_that_takes_nothing(sink: SqliteSink, make: Make) -> None:
    """So that the cold side names the record in one case, and blames none in the other."""
    await sink.open()
    with pytest.raises(PluginError, match="NOT NULL"):
        await sink.write([make(1, outcome=None)], [])
    with closing(sqlite3.connect(sink.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sink._store._live.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(OperatorError, match="locked"):
            await sink.write([make(2)], [])
    await sink.write([make(2)], [])
    assert [row["seq"] for row in rows(sink.path)] == [2]
