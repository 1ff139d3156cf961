"""Sums and percentiles while rows come late and twice, are removed, and the file is opened again: all that came counts."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lectr_sink_sqlite import histogram, history
from lectr_sink_sqlite.histogram import RATIO, upto_ms
from lectr_sink_sqlite.retention import DAY_NS
from lectr_sink_sqlite.store import SWEEP_EVERY_NS, Store

from lectr_core import Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000

# Up to twenty days late, or ahead of the clock; and what a clock says that was never set, or set to another century.
MOMENTS = st.integers(-20 * 24, 48).map(lambda hours: NOW_NS + hours * 3_600 * 10**9) | st.sampled_from(
    [0, 1, -(10**18), 4_102_444_800 * 10**9]
)


def asked(store: Store, question: str, *values: object) -> list[tuple[Any, ...]]:  # Any: SQLite's values
    with closing(sqlite3.connect(store.path)) as connection:
        histogram.register(connection)
        return connection.execute(question, values).fetchall()


@settings(max_examples=25, deadline=None)
@given(
    moments=st.lists(MOMENTS, min_size=20, max_size=20),
    steps=st.lists(st.lists(st.integers(1, 20), max_size=8) | st.sampled_from(["sweep", "open"]), max_size=8),
    limits=st.fixed_dictionaries({"retention_days": st.integers(0, 12), "max_bytes": st.sampled_from([0, 1, 10**9])}),
)
def test_sums_hold_all_that_ever_came_whatever_was_removed_since(
    tmp_path_factory: pytest.TempPathFactory,
    make: Make,
    moments: list[int],
    steps: list[list[int] | str],
    limits: dict[str, int],
) -> None:
    clock = [NOW_NS]
    place = tmp_path_factory.mktemp("over-time") / "lectr.db"
    store = Store(path=place, busy_limit_s=0.05, retention_chunk=3, minutes_days=5, now_ns=lambda: clock[0], **limits)
    store.open()
    came: set[int] = set()
    for step in steps:
        if step == "open":
            store.open()
        elif step == "sweep":
            clock[0] += SWEEP_EVERY_NS
            while store.sweep():
                pass
        elif isinstance(step, list):
            # Where its row is gone, nothing but the journal's cursor says that a record was here: it does not come twice.
            gone = came - {seq for (seq,) in asked(store, "SELECT seq FROM requests")}
            batch = [seq for seq in step if seq not in gone]
            store.write([make(seq, started_ns=moments[seq - 1], cost_nanousd=seq) for seq in batch], [])
            came.update(batch)
        for table in ("usage_hourly", "usage_daily"):
            found = asked(store, f"SELECT coalesce(sum(requests), 0), coalesce(sum(cost_nanousd), 0) FROM {table}")
            assert found == [(len(came), sum(came))]
        assert sum(history.counts(place, 1.0).values()) == len(came)
    store.close()


# Where a step ends, one value over and over, two far apart, a long tail: what histograms are bad at.
BORDERS = st.integers(1, 400).flatmap(lambda step: st.sampled_from([upto_ms(step), upto_ms(step) * (1 + 1e-12)]))
SPREADS = st.lists(BORDERS | st.floats(0.02, 10**6), min_size=1, max_size=40) | st.tuples(
    st.floats(0.02, 10**6), st.floats(0.02, 10**6), st.integers(1, 30), st.integers(1, 30)
).map(lambda two: [two[0]] * two[2] + [two[1]] * two[3])


@settings(max_examples=25, deadline=None)
@given(durations=SPREADS, share=st.floats(0, 1), cuts=st.integers(1, 5))
def test_percentiles_of_sums_over_batches_minutes_and_models_are_at_most_two_percent_off(
    tmp_path_factory: pytest.TempPathFactory, make: Make, durations: list[float], share: float, cuts: int
) -> None:
    path = tmp_path_factory.mktemp("percentiles") / "lectr.db"
    store = Store(path=path, busy_limit_s=0.05, retention_days=0, retention_chunk=3, now_ns=lambda: NOW_NS)
    store.open()
    records = [
        make(seq, duration_ns=round(ms * 10**6), feature=f"f{seq % 3}", started_ns=NOW_NS + seq * DAY_NS // 50)
        for seq, ms in enumerate(durations, 1)
    ]
    for cut in range(cuts):
        store.write(records[cut::cuts], [])
    true = sorted(round(ms * 10**6) / 10**6 for ms in durations)[
        min(max(1, math.ceil(share * len(durations))), len(durations)) - 1
    ]
    for table in ("latency_minutely", "latency_hourly", "latency_daily"):
        ((found,),) = asked(store, f"SELECT histogram_percentile(histogram_sum(duration_json), ?) FROM {table}", share)
        assert found == pytest.approx(true, rel=math.sqrt(RATIO) - 1 + 1e-9)
    store.close()
