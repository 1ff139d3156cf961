"""What closing promises: an open row is counted with the row that told its result, once, and the rollups follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lectr_sink_sqlite import histogram
from lectr_sink_sqlite.rollup_tables import BY_MINUTE, GRAINS, SUMS
from lectr_sink_sqlite.store import Store

from lectr_core import Account, Reading, Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000
OPEN: dict[str, Any] = {  # Any: values of any field
    **{field.name: field.default for field in Account.__attrs_attrs__ if field.name not in ("units", "cost_parts_nanousd")},
    "units": {},
    "cost_parts_nanousd": {},
    "input_tokens_low": 0,
    "output_tokens_low": 0,
    "cost_low_nanousd": 0,
    "reading": Reading("open", answer_id="resp_1"),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=0.05, retention_days=0, retention_chunk=10, now_ns=lambda: NOW_NS)
    store.open()
    yield store
    store.close()


def asked(store: Store, question: str) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        histogram.register(connection)
        return connection.execute(question).fetchall()


def is_true(store: Store) -> bool:
    """Whether every rollup is what its rows say."""
    names = ", ".join(f"sum({name})" for name in SUMS)
    (of_rows,) = asked(store, f"SELECT {names} FROM ({BY_MINUTE.format(rows='')})")
    return all(asked(store, f"SELECT {names} FROM {grain.usage}") == [of_rows] for grain in GRAINS)


ROW = (
    "SELECT usage_state, tokens_source, input_tokens, cost_nanousd, cost_high_nanousd, tokens_note FROM requests ORDER BY id"
)
TOTAL = """SELECT sum(requests), sum(cost_unknown), sum(tokens_unknown), sum(tokens_reported), sum(cost_nanousd)
FROM usage_daily"""


@pytest.mark.parametrize("together", [True, False])
def test_an_open_row_is_closed_by_the_row_that_counts_it(store: Store, make: Make, together: bool) -> None:
    begun = make(1, **OPEN)
    told = make(2, closes=(begun.ended.begun.id,))
    for batch in [[begun, told]] if together else [[begun], [told]]:
        if batch == [told]:
            assert asked(store, TOTAL) == [(1, 1, 1, 0, 0)]
        store.write(batch, [])
    note = f"counted with request {told.ended.begun.id}"
    assert asked(store, ROW) == [
        ("closed", "reported", 0, 0, 0, note),
        ("reported", "reported", 1000, 165_000, 165_000, None),
    ]
    assert asked(store, TOTAL) == [(2, 0, 0, 2, 165_000)]
    assert is_true(store)


def test_a_row_is_closed_once_however_often_it_is_named(store: Store, make: Make) -> None:
    begun = make(1, **OPEN)
    store.write([begun], [])
    for seq in (2, 2, 3):
        store.write([make(seq, closes=(begun.ended.begun.id, "unheard of"))], [])
    assert asked(store, ROW)[0][-1] == f"counted with request {make(2).ended.begun.id}"
    assert asked(store, TOTAL) == [(3, 0, 0, 3, 330_000)]
    assert is_true(store)


def test_a_row_that_has_a_cost_is_left_alone(store: Store, make: Make) -> None:
    done = make(1)
    store.write([done, make(2, closes=(done.ended.begun.id,))], [])
    assert [row[:4] for row in asked(store, ROW)] == [("reported", "reported", 1000, 165_000)] * 2
    assert is_true(store)
