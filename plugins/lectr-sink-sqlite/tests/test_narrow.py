"""Tables on narrow screens: numbers are whole or not there, and what is not there is named."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_sink_sqlite.asking.narrow import LESS_TELLING, left_out
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.shown import PLAIN, as_table, cells
from lectr_sink_sqlite.asking.sums import Answer, Line
from lectr_sink_sqlite.rollup_tables import HOUR

PERIOD = Period("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", HOUR)


def line(*key: str) -> Line:
    numbers = {field.name: 1_234_567 for field in attrs.fields(Line) if field.name != "key"}
    costs = {"cost_nanousd": 10**12, "cost_low_nanousd": 9 * 10**11, "cost_high_nanousd": 2 * 10**12, "cost_unknown": 3}
    one = Line(key=key, **{**numbers, "requests": 2_000_000, **costs})
    return attrs.evolve(one, reported=0.9, measured=0.06, unknown=0.04, p50_ms=1234.0, p95_ms=5678.0, ttft_p50_ms=432.1)


ANSWER = Answer(
    lines=[line("checkout-assistant-of-the-shop", "a-model-with-a-long-name-2026-01-01"), line("chat", "small")],
    rest=0,
    total=line(),
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 240])
def test_a_number_is_shown_whole_or_not_at_all(width: int) -> None:
    text = as_table(ANSWER, ["feature", "model"], PERIOD, width)
    assert "…" not in text
    shown = [head for head in PLAIN.heads if f"{head}" in text.splitlines()[2]]
    assert {"cost USD", "from – to USD"} <= set(shown)
    everything = dict(zip(PLAIN.heads, cells(ANSWER.lines[1], ANSWER, PLAIN), strict=True))
    (chat,) = [row for row in text.splitlines() if row.startswith((" chat ", "\x1b[1m chat "))]
    for head in shown:
        assert everything[head] in chat
    gone = [head for head in PLAIN.heads if head not in shown]
    told = text.splitlines()[-1]
    assert told.startswith("No room on this screen") == bool(gone)
    assert all(head in told for head in gone)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_the_table_is_wider_than_the_screen(width: int) -> None:
    table = as_table(ANSWER, ["feature"], PERIOD, width).splitlines()[1:-4]
    assert max(len(row.replace("\x1b[1m", "").replace("\x1b[0m", "")) for row in table) <= width


def test_a_wide_screen_and_a_pipe_have_all() -> None:
    for width in (240, None):
        text = as_table(ANSWER, ["feature", "model"], PERIOD, width)
        assert all(head in text for head in PLAIN.heads)
        assert "No room" not in text
        assert "checkout-assistant-of-the-shop   a-model-with-a-long-name-2026-01-01" in text


@given(st.lists(st.integers(1, 30), min_size=13, max_size=13), st.integers(1, 300))
def test_what_tells_less_goes_first_and_only_as_much_as_must(needs: list[int], width: int) -> None:
    heads = ["feature", *PLAIN.heads][:14]
    rows = [["x" * need for need in (5, *needs)]]
    gone, least = left_out(heads, rows, 1, width)
    assert set(gone) == set([head for head in LESS_TELLING if head in heads][: len(gone)])
    more, wider = left_out(heads, rows, 1, width + 1)
    assert len(more) <= len(gone)
    assert least <= width or len(gone) == sum(head in heads for head in LESS_TELLING)
    assert wider >= least
