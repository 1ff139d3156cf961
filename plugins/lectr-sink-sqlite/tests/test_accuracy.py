"""What is kept of measured tokens: the note on the row, and how good predictions are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
from lectr_sink_sqlite.settings import SqliteSettings
from lectr_sink_sqlite.sink import SqliteSink

from lectr_core import Accuracy, Cursor
from lectr_core.testing import sample_record

TOLD = Accuracy(
    provider="acme",
    model="acme-1",
    endpoint="/v1/chat/completions",
    way="output",
    checked=200,
    held=190,
    half_width=0.04,
    error=0.01,
    predicted_tokens=1_010,
    reported_tokens=1_000,
)


async def test_how_well_tokens_are_predicted_is_a_table_that_is_replaced_as_a_whole(tmp_path: Path) -> None:
    sink = SqliteSink(tmp_path / "lectr.db", SqliteSettings())
    await sink.open()
    await sink.keep_accuracy([TOLD, attrs.evolve(TOLD, way="input")])
    await sink.keep_accuracy([TOLD])
    await sink.close()
    with closing(sqlite3.connect(tmp_path / "lectr.db")) as live:
        found = live.execute("SELECT model, way, requests, held, coverage, half_width, error FROM token_accuracy").fetchall()
    assert found == [("acme-1", "output", 200, 190, 0.95, 0.04, 0.01)]


async def test_a_row_says_how_its_tokens_were_worked_out(tmp_path: Path) -> None:
    sink = SqliteSink(tmp_path / "lectr.db", SqliteSettings())
    await sink.open()
    record = sample_record(1)
    account = attrs.evolve(record.account, tokens_source="measured", tokens_note="input = 0.25 * 400 text bytes + 8")
    await sink.write([attrs.evolve(record, account=account)], [Cursor(stream=record.stream)])
    await sink.close()
    with closing(sqlite3.connect(tmp_path / "lectr.db")) as live:
        assert live.execute("SELECT tokens_source, tokens_note FROM requests").fetchall() == [
            ("measured", "input = 0.25 * 400 text bytes + 8")
        ]
        measured, total = live.execute("SELECT sum(tokens_measured), sum(requests) FROM usage_daily").fetchone()
    assert (measured, total) == (1, 1)
