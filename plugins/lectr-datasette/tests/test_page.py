"""The page says what the rows say, whichever table it asks, and nothing a client named can break it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette import charts, words
from lectr_datasette.canned import CANNED, Canned
from lectr_datasette.figures import Layer, Row
from lectr_datasette.page import Page, compose, render, render_waiting
from lectr_datasette.period import periods
from lectr_datasette.questions import Parameters

NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)
Make = Callable[..., Path]


def page_of(path: Path, key: str) -> Page:
    store = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row

    async def ask(sql: str, parameters: Parameters) -> Sequence[Row]:
        return store.execute(sql, parameters).fetchall()

    try:
        return asyncio.run(compose(ask, key, NOW))
    finally:
        store.close()


def html_of(page: Page) -> str:
    return render(page, database="lectr", link=lambda path: path, live=False)


@pytest.mark.parametrize("hourly", [False, True])
@pytest.mark.parametrize(
    ("key", "requests", "failed", "cost", "unknown"),
    [
        ("hour", 5, 1, 22_000_000, 1),
        ("today", 6, 1, 22_000_000, 2),
        ("7d", 7, 1, 23_000_000, 2),
        ("30d", 8, 1, 23_500_000, 2),
    ],
)
def test_sums_are_those_of_the_rows(
    database: Make, hourly: bool, key: str, requests: int, failed: int, cost: int, unknown: int
) -> None:
    page = page_of(database(hourly=hourly), key)
    sums = page.sums
    assert (sums.requests, sums.failed, sums.cost_nanousd, sums.cost_unknown) == (requests, failed, cost, unknown)
    assert {name: sum(group.sums.requests for group in found) for name, found in page.breakdowns.items()} == {
        "feature": requests,
        "model": requests,
        "provider": requests,
    }
    assert sum(sum(layer.values) for layer in page.cost.layers) == cost


def test_hourly_sums_and_rows_make_the_same_page(database: Make, tmp_path: Path) -> None:
    path = database()
    from_rows = {key: html_of(page_of(path, key)) for key in periods(NOW)}
    path.unlink()
    path = database(hourly=True)
    assert {key: html_of(page_of(path, key)) for key in periods(NOW)} == from_rows


def test_speeds_are_nearest_rank_of_answered_requests(database: Make) -> None:
    page = page_of(database(), "hour")
    assert (page.speed.p50_ms, page.speed.p95_ms, page.speed.first_p50_ms) == (300.0, 5000.0, 150.0)
    search = next(group for group in page.breakdowns["feature"] if group.name == "search")
    assert (search.speed.p50_ms, search.speed.p95_ms) == (100.0, 300.0)


def test_what_is_not_known_is_said_first_and_no_bound_is_shown_as_a_sum(database: Make) -> None:
    html = html_of(page_of(database(), "today"))
    assert html.index("Not everything is known") < html.index("By feature")
    assert "2 of 6 requests have no known cost" in html
    assert "≥ $0.022" in html
    assert ">unknown<" in html


def test_a_rejected_request_is_not_called_unknown(database: Make) -> None:
    assert page_of(database(), "hour").sums.cost_unknown == 1


def test_the_stretch_before_ends_at_the_same_moment(database: Make) -> None:
    path = database()
    assert page_of(path, "30d").before.requests == 1
    assert page_of(path, "today").before.requests == 0


def test_names_from_clients_are_escaped(database: Make) -> None:
    html = html_of(page_of(database(), "today"))
    assert "chat <b>" not in html
    assert "chat &lt;b&gt;" in html
    assert "model_actual=large%2F2+%26+co" in html


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(database: Make) -> None:
    for html in (html_of(page_of(database(), "30d")), render_waiting()):
        assert "<script" not in html
        assert "http://" not in html.replace("http://127.0.0.1", "")
        assert "https://" not in html


def test_every_chart_has_a_name_and_a_table(database: Make) -> None:
    html = html_of(page_of(database(), "7d"))
    assert html.count("<svg") == html.count('role="img" aria-label=') == 4
    assert html.count("as a table") == 2


def test_an_unknown_period_is_today(database: Make) -> None:
    assert page_of(database(), "'; drop table requests").period.key == "today"


def test_an_empty_table_makes_a_page(database: Make, tmp_path: Path) -> None:
    path = database()
    with sqlite3.connect(path) as store:
        store.execute("delete from requests")
    store.close()
    page = page_of(path, "7d")
    assert page.sums.requests == 0
    assert "Nothing in this time" in html_of(page)


def test_while_nothing_is_stored_the_page_says_what_to_do() -> None:
    html = render_waiting()
    assert "lectr up" in html
    assert "base_url=" in html


@pytest.mark.parametrize("query", CANNED, ids=lambda query: query.name)
@pytest.mark.parametrize("days", ["", "30"])
def test_canned_queries_run_and_keep_to_their_days(database: Make, query: Canned, days: str) -> None:
    path = database(datetime.now(UTC))
    store = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        found = store.execute(query.sql, {"days": days})
        assert found.description
        plan = " ".join(row[3] for row in store.execute(f"explain query plan {query.sql}", {"days": days}))
        assert "SCAN requests" not in plan
    finally:
        store.close()
    assert query.explains.endswith(".")


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_periods_end_now_and_begin_with_their_first_bar(now: datetime) -> None:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S")
    for period in periods(now).values():
        assert period.since.startswith(period.bars[0])
        assert period.bars == tuple(sorted(set(period.bars)))
        assert len(period.bars) == len(period.labels)
        assert stamp[: period.front] in period.bars
        assert period.before <= period.until <= period.since <= stamp


@given(st.lists(st.floats(1e-9, 1e12) | st.just(0.0), min_size=1, max_size=60))
def test_no_bar_leaves_its_chart(values: list[float]) -> None:
    ceiling = charts.nice_ceiling(max(values))
    assert ceiling >= max(values)
    assert max(values) == 0 or ceiling <= max(values) * 2.01
    svg = charts.stacked([Layer("a", tuple(values))], [str(at) for at in range(len(values))], charts.WIDE, "t", words.count)
    assert svg.count("<rect") == sum(value > 0 for value in values)


@pytest.mark.parametrize(
    ("nanousd", "shown"),
    [
        (0, "$0"),
        (5, "< $0.0000001"),
        (1_234, "$0.0000012"),
        (9_532_000, "$0.0095"),
        (20_400_000, "$0.020"),
        (1_234_567_890, "$1.23"),
        (1_234_567_890_123, "$1,235"),
    ],
)
def test_dollars_in_words(nanousd: int, shown: str) -> None:
    assert words.usd(nanousd) == shown


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(None, "–"), (0.12, "0.1 ms"), (99.6, "100 ms"), (999.7, "1.00 s"), (12_345, "12.3 s"), (600_000, "10.0 min")],
)
def test_durations_in_words(ms: float | None, shown: str) -> None:
    assert words.span(ms) == shown


@pytest.mark.parametrize(
    ("share", "shown"), [(None, "–"), (0.0, "0 %"), (0.0004, "< 0.1 %"), (0.048, "4.8 %"), (0.5, "50 %"), (1.0, "100 %")]
)
def test_shares_in_words(share: float | None, shown: str) -> None:
    assert words.percent(share) == shown


@pytest.mark.parametrize(
    ("now", "before", "shown"),
    [
        (131, 100, "up 31 % on yesterday"),
        (50, 100, "down 50 % on yesterday"),
        (100, 100, "as yesterday"),
        (5, 0, "none yesterday"),
        (5000, 1, "over 10 times yesterday"),
    ],
)
def test_changes_in_words(now: float, before: float, shown: str) -> None:
    assert words.change(now, before, "yesterday") == shown
