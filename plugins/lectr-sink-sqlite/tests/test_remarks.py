"""What the sink says before it becomes a loss, and the write-ahead log, which it keeps short beside readers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from lectr_sink_sqlite import file, remarks
from lectr_sink_sqlite.retention import DAY_NS
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.sink import SqliteSink
from lectr_sink_sqlite.store import SWEEP_EVERY_NS, Store

from lectr_core import OperatorError, Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    moments = iter(range(NOW_NS, NOW_NS + 1_000 * SWEEP_EVERY_NS, SWEEP_EVERY_NS))
    made = Store(
        path=tmp_path / "lectr.db", busy_limit_s=0.05, retention_days=0, retention_chunk=50, now_ns=lambda: next(moments)
    )
    made.open()
    yield made
    made.close()


def said(store: Store, **settings: int) -> list[str]:
    return remarks.remarks(store.path, SqliteSettings(**settings), NOW_NS)  # type: ignore[arg-type]  # numbers alone


def reading(store: Store) -> sqlite3.Connection:
    """Somebody who looks at the database as it is now, until told to stop."""
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM requests").fetchone()
    return other


def test_a_log_does_not_grow_for_ever_where_one_reader_begins_before_another_ends(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite itself begins its log anew only where nobody reads: beside pages that are open all day, never."""
    monkeypatch.setattr(file, "WAL_KEEP_BYTES", 300_000)
    readers = [reading(store)]
    longest = 0
    for begin in range(1, 2_001, 100):
        store.write([make(seq) for seq in range(begin, begin + 100)], [])
        readers.append(reading(store))
        readers.pop(0).close()
        # The one that is left goes on to the next page while the log is begun anew.
        store._live.set_trace_callback(lambda told: readers[0].close() if "wal_checkpoint" in told else None)
        store.tend()
        store._live.set_trace_callback(None)
        longest = max(longest, file.log_bytes(store.path))
    readers[0].close()
    assert longest < 1_500_000
    assert store._live.execute("SELECT count(*) FROM requests").fetchone() == (2_000,)


def test_a_reader_that_does_not_let_go_of_the_log_stops_nothing_and_is_told_of(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(file, "WAL_KEEP_BYTES", 10_000)
    monkeypatch.setattr(file, "LOG_WAIT_S", 0.01)
    monkeypatch.setattr(remarks, "LOG_WARN_BYTES", 40_000)
    store.tend()
    assert said(store) == []
    with closing(reading(store)):
        for begin in range(1, 500, 100):
            store.write([make(seq) for seq in range(begin, begin + 100)], [])
            store.tend()
        (line,) = said(store)
    assert "another process does not let go of it" in caplog.text
    assert line.startswith("lectr.db-wal holds")
    assert "keeps a transaction on the database open" in line
    (busy_ms,) = store._live.execute("PRAGMA busy_timeout").fetchone()
    assert busy_ms == 50, "a lock is waited for as long as the settings say"
    store.tend()
    assert file.log_bytes(store.path) == 0
    assert said(store) == []


def test_rows_that_should_be_gone_are_told_of(store: Store, make: Make) -> None:
    store.write([make(1, started_ns=NOW_NS - 3 * DAY_NS)], [])
    assert said(store) == said(store, retention_days=3) == []
    (line,) = said(store, retention_days=2)
    assert line.startswith("rows since 2025-10-06 are there, and retention_days is 2")


def test_a_cap_that_sums_alone_fill_is_told_of(store: Store, make: Make) -> None:
    store.write([make(1, started_ns=NOW_NS - DAY_NS)], [])
    assert said(store, max_bytes=1) == [], "there are rows that can still go"
    store._live.execute("DELETE FROM requests")
    (line,) = said(store, max_bytes=1)
    assert "sums alone take" in line
    assert said(store, max_bytes=10**9) == []


def test_names_without_number_are_told_of_as_long_as_they_come(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remarks, "MANY_SUMS", 50)
    store.write([make(seq, feature=f"request-{seq}", started_ns=NOW_NS - 9 * DAY_NS) for seq in range(1, 61)], [])
    assert said(store) == [], "that was last week"
    store.write([make(seq, feature=f"request-{seq}", started_ns=NOW_NS - DAY_NS) for seq in range(101, 161)], [])
    (line,) = said(store)
    assert line.startswith("60 sums on 2025-10-08, of 60 features, 1 models and 1 orgs")


async def test_the_sink_is_asked_and_makes_no_file(tmp_path: Path) -> None:
    sink = SqliteSink(tmp_path / "lectr.db", SqliteSettings())
    assert await sink.remarks() == []
    assert not sink.path.exists()
    sqlite3.connect(sink.path).execute("CREATE TABLE mine (x)").connection.close()
    assert await sink.remarks() == []
    sink.path.write_bytes(b"no database " * 500)
    with pytest.raises(OperatorError, match="cannot read"):
        await sink.remarks()
