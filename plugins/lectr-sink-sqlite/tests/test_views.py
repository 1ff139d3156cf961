"""The narrow views: there after an upgrade too, the newest first, never through all rows, honest where little is known."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from lectr_sink_sqlite import file, meanings, schema
from lectr_sink_sqlite.store import Store
from lectr_sink_sqlite.views import FAILED, NEWEST, VIEWS
from sqlite_utils import Database

from lectr_core import Ended, Record

Make = Callable[..., Record]
S_NS = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
    made.open()
    yield made
    made.close()


def asked(store: Store, question: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(store.path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(question).fetchall()


def plan(store: Store, question: str) -> str:
    return "; ".join(step["detail"] for step in asked(store, f"EXPLAIN QUERY PLAN {question}"))


def test_a_database_of_the_version_before_gets_them_and_keeps_its_rows(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "lectr.db"
    with closing(file.connect(path, 1.0)) as older:
        schema.migrations.apply(Database(older, execute_plugins=False), stop_before="0013_narrow_views")
        before = {name for (name,) in older.execute("SELECT name FROM sqlite_master WHERE type = 'view'")}
    assert before == {"recent_requests", "spend_by_feature_day", "spend_by_model_day"}
    store = Store(path=path, busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
    store.open()
    store.write([make(seq) for seq in range(1, 6)], [])
    assert {row["name"] for row in asked(store, "SELECT name FROM sqlite_master WHERE type = 'view'")} == set(VIEWS)
    assert [row["n"] for row in asked(store, "SELECT count(*) AS n FROM recent_requests")] == [5]
    store.close()


@pytest.mark.parametrize("name", VIEWS)
def test_every_column_of_a_view_is_called_as_in_a_table_or_explained_by_its_own_name(store: Store, name: str) -> None:
    columns = [row["name"] for row in asked(store, f"SELECT name FROM pragma_table_info('{name}')")]
    assert set(columns) <= set(meanings.VIEWS[name])
    assert len(columns) <= 18, "a view is narrow"


@pytest.mark.parametrize("name", VIEWS)
def test_no_view_walks_through_every_request(store: Store, name: str) -> None:
    """Where all of `requests` may be walked, an index gives the order and a limit the end."""
    order = " ORDER BY started_at DESC" if name == "all_requests" else ""
    said = plan(store, f"SELECT * FROM {name}{order} LIMIT 101")
    assert "SCAN requests" not in said.replace("SCAN requests USING INDEX requests_by_time", "")
    if "requests_by_time" in said:
        assert "TEMP B-TREE" not in said
        assert name == "all_requests" or f"LIMIT {NEWEST}" in VIEWS[name]


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("feature = 'a' AND started_at >= '2026'", "requests_by_feature (feature=? AND started_at>?)"),
        ("org = 'a' AND started_at >= '2026'", "requests_by_org (org=? AND started_at>?)"),
        ("outcome = 'a' AND started_at >= '2026'", "requests_by_outcome (outcome=? AND started_at>?)"),
        ("error_category = 'a' AND started_at >= '2026'", "requests_by_error (error_category=? AND started_at>?)"),
        ("started_at >= '2026'", "requests_by_time (started_at>?)"),
    ],
)
def test_conditions_on_all_requests_reach_an_index(store: Store, condition: str, index: str) -> None:
    assert index in plan(store, f"SELECT * FROM all_requests WHERE {condition} ORDER BY started_at DESC LIMIT 101")
    assert "USING COVERING INDEX" in plan(store, f"SELECT count(*) FROM all_requests WHERE {condition}")


def test_the_newest_come_first(store: Store, make: Make) -> None:
    begin_ns = 1_760_000_000 * S_NS
    store.write([make(seq, started_ns=begin_ns + seq * 86_400 * S_NS) for seq in (2, 3, 1)], [])
    assert [row["id"][-1] for row in asked(store, "SELECT id FROM recent_requests")] == ["3", "2", "1"]
    for name in VIEWS:
        if name.endswith("_day"):
            days = [row["day"] for row in asked(store, f"SELECT day FROM {name}")]
            assert days == sorted(days, reverse=True), name


def test_what_counts_as_an_error_is_every_outcome_but_two() -> None:
    known = set(get_args(get_type_hints(Ended)["outcome"]))
    assert set(FAILED) == known - {"ok", "client_disconnected"}


@pytest.mark.parametrize("outcome", FAILED)
def test_every_outcome_that_is_an_error_is_among_the_recent_ones(store: Store, make: Make, outcome: str) -> None:
    store.write([make(1, outcome=outcome, error_category="x"), make(2), make(3, outcome="client_disconnected")], [])
    assert [(row["outcome"], row["error_category"]) for row in asked(store, "SELECT * FROM recent_errors")] == [
        (outcome, "x")
    ]
    assert [row["errors"] for row in asked(store, "SELECT errors FROM usage_daily WHERE errors > 0")] == [1]
    assert [row["errors"] for row in asked(store, "SELECT errors FROM errors_by_model_day")] == [1]


def test_a_sum_has_an_upper_bound_only_while_every_request_in_it_has_one(store: Store, make: Make) -> None:
    question = "SELECT cost_usd, cost_low_usd, cost_high_usd, cost_unknown, requests FROM spend_by_feature_day"
    store.write([make(1, cost_nanousd=2_000, cost_low_nanousd=1_000, cost_high_nanousd=4_000)], [])
    assert [tuple(row) for row in asked(store, question)] == [(2e-6, 1e-6, 4e-6, 0, 1)]
    store.write([make(2, cost_nanousd=2_000, cost_low_nanousd=2_000, cost_high_nanousd=None)], [])
    assert [tuple(row) for row in asked(store, question)] == [(4e-6, 3e-6, None, 0, 2)]
    store.write([make(3, cost_nanousd=None, cost_low_nanousd=0, cost_high_nanousd=None, cost_basis="unknown")], [])
    assert [tuple(row) for row in asked(store, question)] == [(4e-6, 3e-6, None, 1, 3)]


def test_shares_and_means_are_of_what_is_known(store: Store, make: Make) -> None:
    store.write([make(1), make(2, streamed=False, tokens_source="measured")], [])
    (cache,) = asked(store, "SELECT * FROM cache_by_feature_day")
    assert (cache["cached_share"], cache["requests"]) == (0.2, 2)
    (sure,) = asked(store, "SELECT * FROM certainty_by_model_day")
    assert (sure["reported_share"], sure["tokens_measured"]) == (0.5, 1)
    (speed,) = asked(store, "SELECT * FROM speed_by_model_day")
    assert (speed["duration_mean_ms"], speed["ttft_mean_ms"], speed["gateway_mean_ms"]) == (1_500.0, 250.0, 0.15)


def test_only_what_a_running_gateway_told_just_now_is_in_flight(store: Store, make: Make) -> None:
    begun = make(1).ended.begun
    store.show_in_flight([begun])
    assert len(asked(store, "SELECT * FROM in_flight_now")) == 1
    store.now_ns = lambda: time.time_ns() - 60 * S_NS
    store.show_in_flight([begun])
    assert len(asked(store, "SELECT * FROM in_flight")) == 1
    assert asked(store, "SELECT * FROM in_flight_now") == []
