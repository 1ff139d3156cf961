"""Numbers, charts and addresses: what is drawn is what the numbers say, and nothing a client named can break it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from math import nan
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette.asking import scope
from lectr_datasette.asking.query import Query
from lectr_datasette.drawing import words
from lectr_datasette.drawing.chart import HEIGHT, Band, areas, lines
from lectr_datasette.drawing.links import Links
from lectr_datasette.drawing.scale import by_powers, linear, nice_ceiling
from lectr_datasette.reckoning.sums import OTHERS, Layer, by_step, layers

NOW = datetime(2026, 5, 20, 15, 30, tzinfo=UTC)


def drawn(values: list[float], band: Band | None = None) -> str:
    labels = [str(at) for at in range(len(values))]
    return str(areas([Layer("a", tuple(values))], labels, title="t", unit="u", words=words.count, band=band).svg)


@given(st.lists(st.floats(1e-9, 1e12) | st.just(0.0), min_size=1, max_size=60))
def test_nothing_leaves_its_chart(values: list[float]) -> None:
    ceiling = nice_ceiling(max(values))
    assert ceiling >= max(values)
    assert max(values) == 0 or ceiling <= max(values) * 2.01
    heights = [float(y) for y in re.findall(r"[ML][\d.]+,([\d.-]+)", drawn(values))]
    assert all(-0.1 <= y <= HEIGHT + 0.1 for y in heights)


@given(st.integers(1, 10**9))
def test_counts_have_whole_numbers_beside_them_and_no_two_alike(highest: int) -> None:
    marks = [value for value, _ in linear(highest, of_counts=True).marks()]
    assert marks[-1] >= highest
    assert all(value == int(value) for value in marks)
    assert len(set(marks)) == 5


@given(st.floats(1e-6, 1e9))
def test_dollars_beside_a_chart_have_as_many_digits_and_differ(highest: float) -> None:
    said = [words.axis_usd(value, step) for value, step in linear(highest * words.NANO).marks()]
    assert len(set(said)) == 5
    assert len({len(each.partition(".")[2]) for each in said}) == 1


def test_what_is_far_apart_is_drawn_by_powers_of_ten() -> None:
    scale = by_powers(200, 14_000)
    assert [value for value, _ in scale.marks()] == [100, 1_000, 10_000, 100_000]
    assert scale.share(100) == 0
    assert scale.share(100_000) == 1
    assert [value for value, _ in by_powers(5, 5).marks()] == [1, 3, 10]
    assert by_powers(0, 0).marks() == []


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([f"19:{minute:02}" for minute in range(60)], ["19:00", "19:10", "19:20", "19:30", "19:40", "19:50"]),
        ([f"{18 + at // 60}:{at % 60:02}" for at in range(43, 103)], ["18:50", "19:00", "19:10", "19:20", "19:30", "19:40"]),
        ([f"{hour:02}:00" for hour in range(24)], [f"{hour:02}:00" for hour in range(0, 24, 3)]),
        (["1 May", "2 May"], ["1 May", "2 May"]),
        ([], []),
    ],
    ids=["an hour", "the last hour", "a day", "two days", "nothing"],
)
def test_times_under_a_chart_are_round(labels: list[str], shown: list[str]) -> None:
    chart = areas([], labels, title="t", unit="u", words=words.count)
    assert [label for _, label, _ in chart.under] == shown


def test_a_step_that_is_not_over_says_so() -> None:
    chart = areas([Layer("a", (1.0, 2.0))], ["mon", "tue"], title="t", unit="u", words=words.count, unfinished=1)
    assert str(chart.svg).count('class="veil" x="500.0"') == 1
    assert [hint.splitlines()[0] for hint in chart.hints] == ["mon", "tue, so far"]


def test_bounds_are_drawn_only_where_they_say_something() -> None:
    sure = Band(low=(1, 2), high=(1, 2), open=(False, False))
    wide = Band(low=(1, 2), high=(1, 4), open=(False, True))
    far = Band(low=(1, 2), high=(1, 400), open=(False, False))
    assert "whisker" not in drawn([1, 2], sure)
    assert drawn([1, 2], wide).count('class="whisker open"') == 1
    assert drawn([1, 2], far).count('class="whisker open"') == 1, "what is out of sight has no end"
    near = attrs.evolve(far, high=(1, 2.3))
    assert drawn([1, 2], near).count('class="whisker"') == 1


def test_a_gap_in_a_line_is_a_gap() -> None:
    chart = lines([Layer("a", (1.0, nan, 2.0, 3.0))], list("abcd"), title="t", unit="u", words=words.span)
    (path,) = re.findall(r'class="line l1" d="([^"]*)"', str(chart.svg))
    assert (path.count("M"), path.count("L")) == (2, 1)
    assert chart.hints[1] == "b: nothing"


def test_a_chart_says_itself_in_words() -> None:
    made = [Layer("<x>", (1.0, 5.0)), Layer(OTHERS, (0.0, 1.0))]
    chart = areas(made, ["mon", "tue"], title="Requests", unit="u", words=words.count)
    assert chart.says == "Requests, 2 steps from mon to tue; most at tue: 6. <x>, all others."
    assert (chart.colour(0), chart.colour(1)) == ("s1", "s0")
    nothing = areas([], ["mon"], title="Requests", unit="u", words=words.count)
    assert nothing.says == "Requests: nothing in this time."


@given(st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(-1, 5), st.integers(0, 100)), max_size=50))
def test_layers_hold_every_value_once(rows: list[tuple[str, int, int]]) -> None:
    made = [{"name": name, "n": value} for name, _, value in rows]
    places = [at for _, at, _ in rows]
    found = layers(made, places, 5, "n", sorted({name for name, *_ in rows}), most=3)
    whole = by_step(made, places, 5, "n")
    assert [sum(layer.values[at] for layer in found) for at in range(5)] == list(whole)
    assert len(found) <= 4


LINKS = Links(lambda path: f"/base{path}", "lec tr")


def test_an_address_leads_to_the_sql_with_its_parameters() -> None:
    query = Query("select 1 where :feature = 'a&b'", {"feature": "x&y=1"})
    there = urlsplit(LINKS.sql(query, ".csv"))
    assert there.path == "/base/lec%20tr.csv"
    assert parse_qs(there.query)["sql"] == [query.sql]
    assert parse_qs(there.query)["feature"] == ["x&y=1"]


def test_an_address_keeps_the_scope() -> None:
    of = scope.read({"period": "7d", "feature": "a b"}, NOW, UTC)
    assert LINKS.page("model", of, model="m/1") == "/base/-/lectr/model?period=7d&feature=a+b&model=m%2F1"
    assert "started_at__gte=2026-05-14T00%3A00%3A00" in LINKS.rows(of)
    assert "day__gte=2026-05-14&day__lt=2026-05-21" in LINKS.sums(of)


@pytest.mark.parametrize(
    ("nanousd", "shown"),
    [
        (0, "$0"),
        (5, "< $0.0000001"),
        (1_234, "$0.0000012"),
        (9_532_000, "$0.0095"),
        (20_400_000, "$0.020"),
        (1_234_567_890, "$1.23"),
        (1_234_567_890_123, "$1,234.57"),
        (1_234_567_890_123_456, "$1,234,568"),
        (-1_234_567_890, "−$1.23"),
        (None, "unknown"),
    ],
)
def test_dollars_in_words(nanousd: int | None, shown: str) -> None:
    assert words.usd(nanousd) == shown


def test_amounts_of_a_column_have_as_many_digits_as_its_largest() -> None:
    shown = [words.usd_as(each, 56_090_000_000) for each in (56_090_000_000, 635_000_000, 4_000_000, 0, None)]
    assert [said(each) for each in shown] == ["$56.09", "$0.64", "< $0.01", "$0", "unknown"]
    assert words.usd_as(635_000_000, 635_000_000) == "$0.635"
    assert [said(words.signed_as(each, 10**10)) for each in (8_870_000_000, -40_000_000, -1)] == ["+$8.87", "−$0.04", "≈ 0"]


def said(text: str) -> str:
    return text.replace(words.NO_BREAK, " ")


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, "–"), (0.12, "0.1 ms"), (99.6, "100 ms"), (999.7, "1.00 s"), (12_345, "12.3 s"), (600_000, "10.0 min")],
)
def test_durations_in_words(ms: float | None, shown: str) -> None:
    assert said(words.span(ms)) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [(None, "–"), (0.0, "0 %"), (0.0004, "< 0.1 %"), (0.048, "4.8 %"), (0.5, "50 %"), (0.9999, "> 99 %"), (1.0, "100 %")],
)
def test_shares_in_words(share: float | None, shown: str) -> None:
    assert said(words.percent(share)) == shown


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [(131, 100, "▲ 31 %"), (50, 100, "▼ 50 %"), (100, 100, "± 0 %"), (5, 0, ""), (5000, 1, "▲ over 10×"), (None, 1, "")],
)
def test_trends_in_words(now: float | None, before: float, shown: str) -> None:
    assert said(words.trend(now, before)) == shown


def test_times_are_the_viewers() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    assert words.clock("2026-05-20T20:00:00.123Z", zone) == "21 May 01:30:00"
    assert words.time_of_day("2026-05-20T20:00:00.123Z", zone) == "01:30:00"
    assert words.clock("no time", zone) == words.clock(None, zone) == "–"


@pytest.mark.parametrize(
    ("since", "until", "shown"),
    [
        ("2026-10-01T00:00", "2026-11-01T00:00", "1 to 31 Oct 2026"),
        ("2026-05-20T00:00", "2026-05-21T00:00", "20 May 2026"),
        ("2025-12-30T00:00", "2026-01-02T00:00", "30 Dec 2025 to 1 Jan 2026"),
        ("2026-04-30T00:00", "2026-05-02T00:00", "30 Apr to 1 May 2026"),
        ("2026-05-20T09:00", "2026-05-20T10:30", "20 May 2026, 09:00 to 10:30"),
        ("2026-05-19T09:00", "2026-05-20T10:30", "19 May 09:00 to 20 May 2026 10:30"),
    ],
)
def test_stretches_in_words(since: str, until: str, shown: str) -> None:
    ends = [datetime.fromisoformat(end).replace(tzinfo=UTC) for end in (since, until)]
    assert words.stretch(ends[0], ends[1], UTC) == shown


def test_one_is_one() -> None:
    assert said(words.plural(1, "request")) == "1 request"
    assert said(words.plural(2, "request")) == "2 requests"
    assert said(words.signed_usd(1_000_000_000)) == "+$1.00"
