"""A connection and its turns as rows: found together, counted once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from lectr_sink_sqlite.store import Store

from lectr_core import Record

Make = Callable[..., Record]
NOTHING = {
    "input_tokens": 0,
    "output_tokens": 0,
    "cost_nanousd": 0,
    "cost_low_nanousd": 0,
    "cost_high_nanousd": 0,
    "units": {},
}


def asked(path: Path, question: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what a question gives
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(question, values).fetchall()


def test_turns_name_their_connection_and_only_they_are_counted(tmp_path: Path, make: Make) -> None:
    store = Store(tmp_path / "lectr.db", 1.0, 0, 100, lambda: 0)
    store.open()
    connection = make(1, status=101, state="in_turns", usage=None, duration_ns=3_600 * 10**9, ttft_ns=None, **NOTHING)
    whose = connection.ended.begun.id
    turns = [make(seq, status=None, connection=whose, duration_ns=10**9, attempts=()) for seq in (2, 3)]
    store.write([connection, *turns], [])
    store.close()
    path = tmp_path / "lectr.db"
    assert asked(path, "SELECT seq FROM requests WHERE connection = ? ORDER BY seq", whose) == [(2,), (3,)]
    (plan,) = asked(path, "EXPLAIN QUERY PLAN SELECT seq FROM requests WHERE connection = ?", whose)
    assert "requests_by_connection" in plan[3]
    sums = ", ".join(
        f"sum({name})" for name in ("requests", "input_tokens", "cost_nanousd", "cost_unknown", "duration_sum_ms")
    )
    assert asked(path, f"SELECT {sums} FROM usage_daily") == [(3, 2000, 330_000, 0, 2000.0)]
    steps = asked(path, "SELECT duration_json FROM latency_daily")
    assert [text.count(",") for (text,) in steps] == [1], "one step, that of both turns, and none for the connection's hour"
