"""What the histograms promise: they add up, and a percentile is at most 2 % off."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_sink_sqlite import histogram
from lectr_sink_sqlite.histogram import FLOOR_MS, LAST, Histogram, added, middle_ms, step_of, upto_ms

DURATIONS = st.lists(st.floats(FLOOR_MS, 10**8), min_size=1, max_size=60)


def of(durations: list[float]) -> Histogram:
    made = Histogram()
    for ms in durations:
        made.take(ms)
    return made


@given(durations=DURATIONS, share=st.floats(0, 1))
def test_a_percentile_is_at_most_two_percent_off(durations: list[float], share: float) -> None:
    rank = min(max(1, math.ceil(share * len(durations))), len(durations))
    assert of(durations).percentile_ms(share) == pytest.approx(sorted(durations)[rank - 1], rel=0.02)


@given(one=DURATIONS, other=DURATIONS)
def test_histograms_of_parts_add_up_to_that_of_the_whole(one: list[float], other: list[float]) -> None:
    whole = of(one + other).text()
    assert added(of(one).text(), of(other).text()) == whole
    assert Histogram((of(one).text(), None, of(other).text())).text() == whole
    assert Histogram((whole,)).count == len(one) + len(other)


def test_steps_lie_end_to_end() -> None:
    assert [step_of(upto_ms(step) * 0.999) for step in range(1, LAST)] == list(range(1, LAST))
    assert [step_of(upto_ms(step) * 1.001) for step in range(1, LAST)] == list(range(2, LAST + 1))
    assert all(upto_ms(step - 1) < middle_ms(step) < upto_ms(step) for step in range(1, LAST + 1))


@pytest.mark.parametrize(("ms", "step"), [(0.0, 0), (-1.0, 0), (FLOOR_MS, 0), (1e30, LAST)])
def test_what_lies_outside_is_counted_at_the_ends(ms: float, step: int) -> None:
    assert step_of(ms) == step


def test_an_empty_histogram_is_nothing() -> None:
    assert Histogram().text() is None
    assert Histogram().percentile_ms(0.5) is None
    assert added(None, None) is None
    assert added(None, "[3,1]") == added("[3,1]", None) == "[3,1]"


def test_sql_has_the_same_functions() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        histogram.register(connection)
        connection.execute("CREATE TABLE t (name TEXT, ms REAL)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [("a", 10.0), ("a", 20.0), ("b", 400.0), ("b", None)])
        (text,) = connection.execute(
            "SELECT histogram_sum(h) FROM (SELECT histogram(ms) AS h FROM t GROUP BY name UNION ALL SELECT NULL)"
        ).fetchone()
        assert text == of([10.0, 20.0, 400.0]).text()
        assert json.loads(text)[0] == step_of(10.0)
        asked = "SELECT histogram_percentile(?1, 0.5), histogram_count(?1), histogram_count(histogram_add(?1, ?1))"
        median, count, double = connection.execute(asked, (text,)).fetchone()
        assert (median, count, double) == (pytest.approx(20.0, rel=0.02), 3, 6)
        nothing = "SELECT histogram(NULL), histogram_sum(NULL), histogram_percentile(NULL, 0.5), histogram_count(NULL)"
        assert connection.execute(nothing).fetchone() == (None, None, None, 0)


@pytest.mark.parametrize("text", ["[2000000000,1]", "[-2000000000,1]", f"[1,{','.join(['0'] * 600)}]"])
def test_steps_that_there_are_not_are_refused_before_they_take_room(text: str) -> None:
    for whole in ("[0,1]", "[5,1]"):
        with pytest.raises(ValueError, match="the steps 0 to 599"):
            histogram.Histogram([whole, text])
        with pytest.raises(ValueError, match="the steps 0 to 599"):
            histogram.added(whole, text)
