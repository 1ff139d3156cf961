"""A small database as the SQLite sink makes it, with its sums."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

import pytest
from lectr_datasette.asking import histograms
from lectr_datasette.asking.query import Query, Row
from lectr_datasette.drawing.links import Links
from lectr_datasette.views.visit import Visit

NOW: Final = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)
STATEMENTS, _, FILL = (Path(__file__).with_name("as_stored.sql").read_text()).partition("-- fill\n")

_ALWAYS: Final = {
    "endpoint": "/v1/chat/completions",
    "method": "POST",
    "ended_by": "completed",
    "streamed": 1,
    "attempts": 1,
    "gateway_ms": 0.1,
    "provider_unknown": 0,
    "request_bytes": 1000,
    "response_bytes": 2000,
    "feature_cut": 0,
    "config_version": "000000000000",
    "deltas": 5,
    "delta_chars": 20,
    "stream": "stream-a",
}

# (minutes ago, feature, provider, model, outcome, status, duration ms, tokens in, tokens out, nano-dollars)
Sample = tuple[float, str, str, str, str, int, float, int | None, int | None, int | None]
SAMPLES: Final[list[Sample]] = [
    (1, "search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000),
    (2, "search", "alpha", "small-1", "ok", 200, 300.0, 100, 10, 1_000_000),
    (3, "search", "alpha", "small-1", "provider_error", 429, 20.0, 0, 0, 0),
    (30, "chat <b>", "beta", "large/2 & co", "ok", 200, 4000.0, 5000, 200, 20_000_000),
    (50, "chat <b>", "beta", "large/2 & co", "ok", 200, 5000.0, None, None, None),
    (200, "chat <b>", "beta", "unpriced", "ok", 200, 2000.0, 50, 50, None),
    (3 * 1440, "search", "alpha", "small-1", "ok", 200, 200.0, 100, 10, 1_000_000),
    (20 * 1440, "search", "alpha", "small-1", "client_disconnected", 200, 200.0, 100, 1, 500_000),
    (40 * 1440, "search", "alpha", "small-1", "ok", 200, 200.0, 100, 10, 9_000_000),
]


class Histogram:
    """The sink's aggregate `histogram`, as its format says."""

    def __init__(self) -> None:
        self.counts = [0] * histograms.STEPS

    def step(self, ms: float | None) -> None:
        if ms is not None:
            step = (
                0
                if ms <= histograms.FLOOR_MS
                else math.ceil(math.log(ms / histograms.FLOOR_MS) / math.log(histograms.RATIO))
            )
            self.counts[step] += 1

    def finalize(self) -> str | None:
        return histograms.text_of(self.counts)


def row_of(sample: Sample, now: datetime) -> dict[str, Any]:  # Any: SQLite's values
    """A row of `requests`, without what follows from its place."""
    ago, feature, provider, model, outcome, status, took, taken, given, cost = sample
    failed = outcome == "provider_error"
    return {
        **_ALWAYS,
        "started_at": (now - timedelta(minutes=ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "feature": feature,
        "provider": provider,
        "model_requested": model,
        "model_sent": model,
        "model_actual": None if failed else model,
        "status": status,
        "outcome": outcome,
        "duration_ms": took,
        "ttfb_ms": took / 4,
        "ttft_ms": took / 2,
        "input_tokens": taken,
        "input_tokens_low": taken,
        "input_tokens_high": taken,
        "output_tokens": given,
        "output_tokens_low": given,
        "output_tokens_high": given,
        "cached_input_tokens": 0 if taken else None,
        "cost_nanousd": cost,
        "cost_low_nanousd": cost or 0,
        "cost_high_nanousd": cost,
        "cost_basis": "exact" if cost else "unknown",
        "cost_parts_json": json.dumps({"input": cost}) if cost else None,
        "units_json": json.dumps({"input": taken, "output": given}) if taken else None,
        "tokens_source": "reported" if taken else "unknown",
        "usage_state": "reported" if taken else "absent",
        "error_category": "rate_limit" if failed else None,
        "error_source": "provider" if failed else None,
    }


def fill(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:  # Any: SQLite's values
    """Make the database at *path*, with sums of its *rows*."""
    with closing(sqlite3.connect(path)) as store:
        histograms.register(store)
        store.create_aggregate("histogram", 1, Histogram)  # type: ignore[arg-type]  # typeshed knows no NULL in step
        store.executescript(STATEMENTS)
        for at, row in enumerate(rows):
            values = {"id": f"r{at}", "seq": at + 1, **row}
            names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
            store.execute(f"insert into requests ({names}) values ({marks})", values)
        store.executescript(FILL)
        store.execute("insert into cursors values ('stream-a', '{\"lost\": 3, \"damaged\": 0}')")
        store.commit()


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    """Makes `lectr.db` in a directory of its own."""

    def make(now: datetime = NOW, rows: Iterable[Mapping[str, Any]] | None = None) -> Path:  # Any: as above
        path = tmp_path / "lectr.db"
        fill(path, [row_of(sample, now) for sample in SAMPLES] if rows is None else rows)
        return path

    return make


def see(
    path: Path,
    view: Callable[[Visit], Coroutine[Any, Any, str | None]],  # Any: what nobody sends
    *,
    now: datetime = NOW,
    zone: tzinfo = UTC,
    asked: list[Query] | None = None,
    **words: str,
) -> str:
    """A page as HTML, straight from the file. *asked* takes its questions."""
    store = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row
    histograms.register(store)

    async def ask(query: Query) -> Sequence[Row]:
        if asked is not None:
            asked.append(query)
        return store.execute(query.sql, dict(query.parameters)).fetchall()

    links = Links(lambda path: path, "lectr")
    try:
        visit = Visit(ask=ask, links=links, words=words, zone=zone, zone_name=str(zone), now=now)
        html: str | None = asyncio.run(view(visit))
    finally:
        store.close()
    assert html is not None
    return html


@pytest.fixture
def seen() -> Callable[..., str]:
    """`see`, for tests that cannot import this file."""
    return see


@pytest.fixture
def sampled() -> Callable[..., dict[str, Any]]:  # Any: as above
    """`row_of`, likewise."""
    return row_of
