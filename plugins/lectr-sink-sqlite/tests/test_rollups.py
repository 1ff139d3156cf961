"""What the tables of sums and latencies promise: they always equal the rows, and take the place of the older ones whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lectr_sink_sqlite import file, histogram, rollup_tables, schema
from lectr_sink_sqlite.rollup_tables import GRAINS, SUMS, Grain
from lectr_sink_sqlite.rows import COLUMNS, row
from lectr_sink_sqlite.store import Store
from sqlite_utils import Database

from lectr_core import Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000
KEY = ("org", "feature", "provider", "model", "outcome", "error_category")


def store_at(path: Path) -> Store:
    store = Store(path=path, busy_limit_s=0.05, retention_days=0, retention_chunk=10, now_ns=lambda: NOW_NS)
    store.open()
    return store


def asked(path: Path, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(path)) as connection:
        histogram.register(connection)
        return connection.execute(question).fetchall()


def from_rows(path: Path, grain: Grain) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    """What the sums of *grain* should be, asked of the rows themselves."""
    names = ", ".join(SUMS)
    sums = ", ".join(f"sum({name})" for name in SUMS)
    minutes = rollup_tables.BY_MINUTE.format(rows="")
    return asked(
        path,
        f"SELECT at, {', '.join(KEY)}, {sums} FROM (SELECT {grain.cut} AS at, {', '.join(KEY)}, {names} FROM ({minutes})) "
        "GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
    )


def from_rollup(path: Path, grain: Grain) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    return asked(
        path, f"SELECT {grain.at}, {', '.join(KEY)}, {', '.join(SUMS)} FROM {grain.usage} ORDER BY 1, 2, 3, 4, 5, 6, 7"
    )


def durations(path: Path, grain: Grain) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    return asked(path, f"SELECT histogram_sum(duration_json), histogram_sum(ttft_json) FROM {grain.latency}")


RECORDS = st.fixed_dictionaries(
    {
        "outcome": st.sampled_from(["ok", "provider_error", "client_disconnected"]),
        "error_category": st.sampled_from([None, "rate_limit", "server"]),
        "feature": st.sampled_from(["search", "chat"]),
        "org": st.sampled_from([None, "acme"]),
        "tokens_source": st.sampled_from(["reported", "measured", "estimated", "unknown"]),
        "started_ns": st.integers(0, 3 * 86_400).map(lambda second: NOW_NS + second * 10**9),
        # Whole milliseconds, whose sums are exact in any order.
        "duration_ns": st.integers(0, 10**5).map(lambda ms: ms * 10**6),
        "ttft_ns": st.none() | st.integers(0, 10**5).map(lambda ms: ms * 10**6),
        "gateway_ns": st.just(10**6),
        "streamed": st.booleans(),
        "cost_nanousd": st.none() | st.integers(0, 10**9),
        "cost_high_nanousd": st.none() | st.integers(0, 10**9),
        "output_tokens_high": st.none() | st.integers(0, 1000),
        "client_retry": st.sampled_from([None, 0, 2]),
    }
)


@settings(max_examples=25, deadline=None)
@given(
    batches=st.lists(st.lists(st.integers(1, 12), max_size=8), max_size=6),
    changes=st.lists(RECORDS, min_size=12, max_size=12),
)
def test_rollups_always_equal_the_rows(
    tmp_path_factory: pytest.TempPathFactory,
    make: Make,
    batches: list[list[int]],
    changes: Sequence[dict[str, Any]],  # Any: values of any field
) -> None:
    store = store_at(tmp_path_factory.mktemp("rollups") / "lectr.db")
    for batch in batches:
        store.write([make(seq, **changes[seq - 1]) for seq in batch], [])
    for grain in GRAINS:
        assert from_rollup(store.path, grain) == from_rows(store.path, grain)
        (histograms,) = durations(store.path, grain)
        assert (
            histograms
            == asked(
                store.path,
                f"SELECT {', '.join(rollup_tables.HISTOGRAMS.values())} FROM requests WHERE outcome = 'ok'",
            )[0]
        )
    store.close()


def test_every_request_has_one_source_of_its_counts(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    sources = ("reported", "reported", "measured", "estimated", "unknown")
    store.write([make(seq, tokens_source=source) for seq, source in enumerate(sources, 1)], [])
    question = """SELECT requests, tokens_reported, tokens_measured, tokens_estimated, tokens_unknown, tokens_not_reported,
        cost_nanousd, cost_reported_nanousd FROM usage_daily"""
    assert asked(store.path, question) == [(5, 2, 1, 1, 1, 2, 825_000, 330_000)]
    store.close()


def test_a_sum_that_is_full_stays_so_and_holds_up_no_record(tmp_path: Path, make: Make) -> None:
    """Else each batch from then on is refused, and one provider that reports absurd counts has stopped the store for all."""
    store = store_at(tmp_path / "lectr.db")
    for begin in (1, 701, 1_401):
        store.write([make(seq, input_tokens=2**53 - 1) for seq in range(begin, begin + 700)], [])
    assert asked(store.path, "SELECT count(*) FROM requests") == [(2_100,)]
    assert asked(store.path, "SELECT requests, input_tokens FROM usage_daily") == [(2_100, 2**63 - 1)]
    store.close()


def older_file(path: Path, records: Sequence[Record]) -> None:
    """A file as the migrations before 0006 left it, with *records* in it."""
    with closing(file.connect(path, 1.0)) as connection:
        database = Database(connection, execute_plugins=False)
        for migration in schema.migrations.pending(database):
            if migration.name < "0006":
                migration.fn(database)
        database.execute("CREATE TABLE _sqlite_migrations (migration_set TEXT, name TEXT, applied_at TEXT)")
        for migration in schema.migrations._migrations:
            if migration.name < "0006":
                connection.execute(
                    "INSERT INTO _sqlite_migrations VALUES ('lectr_sink_sqlite', ?, '2025-01-01')", (migration.name,)
                )
        there = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('requests')")}
        known = [name for name in COLUMNS if name in there]  # others came later
        values = [dict(zip(COLUMNS, row(record), strict=True)) for record in records]
        connection.executemany(
            f"INSERT INTO requests ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})",
            [[one[name] for name in known] for one in values],
        )


def test_an_older_file_gets_its_finer_rollups_from_its_rows(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "lectr.db"
    older_file(path, [make(seq, started_ns=NOW_NS + seq * 3_000 * 10**9, gateway_ns=10**6) for seq in range(1, 60)])
    store = store_at(path)
    for grain in GRAINS:
        assert from_rollup(path, grain) == from_rows(path, grain)
    store.close()


def test_sums_of_rows_that_are_gone_already_are_taken_over(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "lectr.db"
    older_file(path, [make(1, started_ns=NOW_NS), make(2, started_ns=NOW_NS + 3_600 * 10**9)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO removed VALUES ('s1', 7)")
        key = {"org": "acme", "feature": "search", "provider": "openai", "model": "m", "outcome": "ok"}
        known = {"requests": 5, "errors": 1, "input_tokens": 10, "output_tokens": 20}
        names = [name for (name,) in connection.execute("SELECT name FROM pragma_table_info('usage_hourly')")]
        for hour in ("2025-10-09T07:00:00Z", "2025-10-09T08:00:00Z"):
            values = {"hour": hour} | key | known
            connection.execute(
                f"INSERT INTO usage_hourly ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
                [values.get(name, 0) for name in names],
            )
    store = store_at(path)
    assert asked(path, "SELECT hour, sum(requests), sum(input_tokens) FROM usage_hourly GROUP BY 1") == [
        ("2025-10-09T07:00:00Z", 5, 10),
        ("2025-10-09T08:00:00Z", 5, 10),
        ("2025-10-09T09:00:00Z", 1, 1000),
    ]
    assert asked(path, "SELECT sum(requests), sum(tokens_reported) FROM usage_daily") == [(11, 11)]
    store.close()
