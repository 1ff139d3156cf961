"""What goes when it is old or too much: the oldest rows first, minutes by their own days, hours and days never."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
from lectr_sink_sqlite import history, retention
from lectr_sink_sqlite.retention import DAY_NS
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.store import SWEEP_EVERY_NS, Store

from lectr_core import Cursor, Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000


@attrs.define
class Clock:
    """A wall clock that stands still until it is moved."""

    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., Store]]:
    made: list[Store] = []

    def make_one(**limits: int) -> Store:
        for other in made:
            other.close()
        plain = {"retention_days": 0, "retention_chunk": 50} | limits
        made.append(Store(path=tmp_path / "lectr.db", busy_limit_s=0.05, now_ns=clock, **plain))
        made[-1].open()
        return made[-1]

    yield make_one
    for store in made:
        store.close()


def fill(store: Store, make: Make, count: int, days: int = 10) -> None:
    """*count* rows, the first of them *days* ago."""
    begin_ns = NOW_NS - days * DAY_NS
    records = [make(seq, started_ns=begin_ns + seq * days * DAY_NS // (count + 1)) for seq in range(1, count + 1)]
    store.write(records, [Cursor(stream="s1", highest=count, stored=count)])


def asked(store: Store, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(question).fetchall()


def sweep_all(store: Store) -> int:
    total = 0
    while done := store.sweep():
        total += done
    return total


def test_beyond_its_size_the_oldest_rows_go_until_it_fits(make_store: Callable[..., Store], make: Make) -> None:
    store = make_store()
    fill(store, make, 2_000)
    full = retention.used_bytes(store._live)
    store = make_store(max_bytes=full * 2 // 3)
    sweep_all(store)
    assert full // 2 < retention.used_bytes(store._live) <= full * 2 // 3
    (left,) = asked(store, "SELECT count(*), min(seq), max(seq) FROM requests")
    assert left == (left[0], 2_001 - left[0], 2_000), "the newest are there"
    assert history.counts(store.path, 1.0) == {"s1": 2_000}
    assert asked(store, "SELECT sum(requests) FROM usage_hourly") == [(2_000,)]
    assert asked(store, "SELECT sum(requests) FROM usage_daily") == [(2_000,)]


def test_a_limit_that_nothing_fits_in_leaves_the_sums(make_store: Callable[..., Store], make: Make) -> None:
    store = make_store(max_bytes=1)
    fill(store, make, 300)
    sweep_all(store)
    assert asked(store, "SELECT count(*) FROM requests") == [(0,)]
    assert asked(store, "SELECT sum(requests) FROM usage_daily") == [(300,)]


def test_minutes_go_by_their_own_days_and_nothing_else_does(make_store: Callable[..., Store], make: Make) -> None:
    store = make_store(minutes_days=3)
    fill(store, make, 500)
    before = asked(store, "SELECT count(*) FROM usage_hourly") + asked(store, "SELECT count(*) FROM latency_daily")
    sweep_all(store)
    for table in ("usage_minutely", "latency_minutely"):
        ((first, count),) = asked(store, f"SELECT min(minute), count(*) FROM {table}")
        assert first >= "2025-10-06T08:53:00Z"
        assert 140 <= count <= 155
    assert asked(store, "SELECT count(*) FROM requests") == [(500,)]
    assert asked(store, "SELECT count(*) FROM usage_hourly") + asked(store, "SELECT count(*) FROM latency_daily") == before


def test_a_minute_with_more_groups_than_a_chunk_goes_as_a_whole(make_store: Callable[..., Store], make: Make) -> None:
    store = make_store(minutes_days=3, retention_chunk=5)
    old_ns = NOW_NS - 9 * DAY_NS
    store.write([make(seq, feature=f"f{seq}", started_ns=old_ns) for seq in range(1, 30)], [])
    sweep_all(store)
    assert asked(store, "SELECT count(*) FROM usage_minutely") == [(0,)]


def test_it_looks_once_a_minute(make_store: Callable[..., Store], make: Make, clock: Clock) -> None:
    store = make_store(retention_days=5, retention_chunk=1_000)
    fill(store, make, 100)
    assert sweep_all(store) > 0
    store.write([make(200, started_ns=NOW_NS - 8 * DAY_NS)], [])
    assert store.sweep() == 0
    clock.now_ns += SWEEP_EVERY_NS
    assert store.sweep() == 1


def test_a_clock_that_was_set_back_does_not_stop_it(make_store: Callable[..., Store], make: Make, clock: Clock) -> None:
    """Else nothing is removed until the clock is where it was: a year, if it was a year off."""
    store = make_store(retention_days=5, retention_chunk=1_000)
    clock.now_ns = NOW_NS + 365 * DAY_NS
    assert store.sweep() == 0
    clock.now_ns = NOW_NS
    fill(store, make, 100)
    assert sweep_all(store) > 0


def test_what_cannot_be_removed_now_holds_up_no_record(
    make_store: Callable[..., Store], make: Make, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(retention_days=5, retention_chunk=1_000)
    fill(store, make, 100)
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.sweep() == 0
        assert store.sweep() == 0
        assert [record.levelname for record in caplog.records] == ["WARNING"], "once a minute, not with each batch"
        other.execute("ROLLBACK")
    clock.now_ns += SWEEP_EVERY_NS
    assert store.sweep() > 0


def test_minutes_go_too_where_a_limit_is_not_reached_without_rows_but_for_the_last_hour(
    make_store: Callable[..., Store], make: Make
) -> None:
    store = make_store(max_bytes=1)
    fill(store, make, 300)
    store.write([make(400, started_ns=NOW_NS - 60 * 10**9)], [])
    sweep_all(store)
    assert asked(store, "SELECT minute, requests FROM usage_minutely") == [
        ("2025-10-09T08:05:00Z", 1),
        ("2025-10-09T08:52:00Z", 1),
    ]
    assert asked(store, "SELECT sum(requests) FROM usage_hourly") == [(301,)]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("retention_days", 0, 36_500),
        ("minutes_days", 0, 36_500),
        ("max_bytes", 0, 2**63 - 1),
        ("retention_chunk", 1, 100_000),
        ("busy_limit_s", 0.0, 50.0),
    ],
)
def test_limits_that_make_no_sense_are_refused_before_they_remove_anything(name: str, least: float, most: float) -> None:
    """Of rows of before year 1 no time can be written, and a limit below 0 would remove everything there is."""
    for fine in (least, most):
        SqliteSettings(**{name: fine})  # type: ignore[arg-type]  # one at a time
    for wrong in (least - 1, most + 1, float("nan")):
        with pytest.raises(ValueError, match=f"{name}: expected {least:_} to {most:_}, got"):
            SqliteSettings(**{name: wrong})  # type: ignore[arg-type]  # as above


def test_the_oldest_row_that_the_longest_limit_keeps_has_a_time(make_store: Callable[..., Store], make: Make) -> None:
    store = make_store(retention_days=36_500, minutes_days=36_500)
    fill(store, make, 10)
    assert store.sweep() == 0


def test_room_is_given_back_while_it_works(
    make_store: Callable[..., Store], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_SLACK_PAGES", 20)
    monkeypatch.setattr(retention, "VACUUM_PAGES", 10)
    store = make_store()
    fill(store, make, 2_000)
    store.close()
    full = store.path.stat().st_size
    store = make_store(retention_days=1)
    sweep_all(store)
    store.write([make(3_000, started_ns=NOW_NS)], [])
    store.close()
    assert store.path.stat().st_size < full / 2
    assert asked(store, "PRAGMA integrity_check") == [("ok",)]


def test_a_step_gives_back_as_many_pages_as_it_says(
    make_store: Callable[..., Store], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page a step would take days over a large file."""
    monkeypatch.setattr(retention, "_SLACK_PAGES", 20)
    monkeypatch.setattr(retention, "VACUUM_PAGES", 100)
    store = make_store()
    fill(store, make, 2_000)
    store._live.execute("DELETE FROM requests")
    nothing = retention.Retention(days=0, minutes_days=0, max_bytes=0, chunk=1)
    assert retention.step(store._live, nothing, NOW_NS) == 100


def test_limits_are_reached_while_writes_go_on_a_little_after_each(
    make_store: Callable[..., Store], make: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a write waits for is one chunk or some pages, however much there is to remove; readers are never shut out."""
    monkeypatch.setattr(retention, "_SLACK_PAGES", 50)
    monkeypatch.setattr(retention, "VACUUM_PAGES", 40)
    store = make_store()
    fill(store, make, 3_000, days=30)
    full = retention.used_bytes(store._live)
    limit = full * 2 // 3
    store = make_store(retention_days=25, minutes_days=10, max_bytes=limit, retention_chunk=100)
    (kept,) = asked(store, "SELECT count(*) FROM usage_hourly")
    with closing(sqlite3.connect(store.path)) as reader:
        quiet = batches = 0
        while quiet < 3:
            batches += 1
            (pages,) = reader.execute("PRAGMA page_count").fetchone()
            (before,) = reader.execute("SELECT count(*) FROM requests").fetchone()
            store.write([make(3_000 + batches * 20 + seq, stream="s2", started_ns=NOW_NS) for seq in range(20)], [])
            done = store.sweep()
            quiet = 0 if done else quiet + 1
            clock.now_ns += SWEEP_EVERY_NS if not done else 0
            (after,) = reader.execute("SELECT count(*) FROM requests").fetchone()
            assert before + 20 - after <= 100
            assert pages - reader.execute("PRAGMA page_count").fetchone()[0] <= 40 + 2  # the pages that map these
            assert batches < 500, "more goes away than comes"
        assert reader.execute("SELECT sum(requests) FROM usage_daily").fetchone() == (3_000 + 20 * batches,)
        assert reader.execute("SELECT count(*) FROM usage_hourly").fetchone()[0] >= kept[0]
        (oldest,) = reader.execute("SELECT min(started_at) FROM requests").fetchone()
        assert reader.execute("SELECT min(minute) FROM usage_minutely").fetchone()[0] >= "2025-09-29"
    assert oldest > "2025-09-14"
    assert retention.used_bytes(store._live) <= limit
    assert history.counts(store.path, 1.0) == {"s1": 3_000, "s2": 20 * batches}
    assert asked(store, "PRAGMA integrity_check") == [("ok",)]


def test_a_file_of_an_older_version_is_not_shrunk_but_used_again(
    make_store: Callable[..., Store], make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_SLACK_PAGES", 20)
    with closing(sqlite3.connect(tmp_path / "lectr.db")) as older:
        older.execute("PRAGMA auto_vacuum = NONE")
        older.execute("CREATE TABLE anything (x)")
        older.commit()
    store = make_store(retention_days=1)
    fill(store, make, 500)
    sweep_all(store)
    assert asked(store, "PRAGMA auto_vacuum") == [(0,)]
    assert asked(store, "SELECT count(*) FROM requests") == [(50,)]
