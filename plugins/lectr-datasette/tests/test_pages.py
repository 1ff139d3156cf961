"""Every page says what the rows say, links to what is behind it, and cannot be broken by what a client named."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lectr_datasette.asking import histograms
from lectr_datasette.asking.query import Query
from lectr_datasette.canned import CANNED, Canned
from lectr_datasette.drawing import template
from lectr_datasette.views import live
from lectr_datasette.views.change import change
from lectr_datasette.views.errors import errors
from lectr_datasette.views.explore import explore, one_of
from lectr_datasette.views.leaks import leaking
from lectr_datasette.views.overview import overview
from lectr_datasette.views.request import request
from lectr_datasette.views.statement import statement_of
from lectr_datasette.views.sure import sure

NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)
Make = Callable[..., Path]
Rows = list[dict[str, Any]]  # Any: SQLite's values
Sampled = Callable[..., dict[str, Any]]  # Any: as above
See = Callable[..., str]
VIEWS = {
    "overview": overview,
    "explore": explore,
    "errors": errors,
    "leaks": leaking,
    "change": change,
    "sure": sure,
    "statement": statement_of,
    **{name: partial(one_of, dimension=name) for name in ("feature", "model", "provider")},
}
WORDS: list[dict[str, str]] = [
    {},
    {"period": "hour"},
    {"period": "7d", "by": "model", "measure": "tokens"},
    {"period": "30d", "by": "org", "measure": "errors", "provider": "alpha", "model": "small-1"},
    {"period": "90d", "feature": "chat <b>", "measure": "requests"},
    {"since": "2026-05-20T10:00", "until": "2026-05-20T15:00", "error_category": "rate_limit", "by": "outcome"},
    {"period": "7d", "feature": "no such", "outcome": "ok"},
    {"since": "not a time", "by": "'; drop table requests", "measure": '"><script>'},
]


def text_of(html: str) -> str:
    """What a reader sees."""
    bare = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(bare).replace("\u00a0", " "))


def figure(html: str, name: str) -> str:
    """A tile's number."""
    found = re.search(rf"<dt>{name}</dt><dd[^>]*>(.*?)</dd>", html, re.DOTALL)
    assert found, name
    return text_of(found.group(1)).strip()


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words.values()) or "as it is")
@pytest.mark.parametrize("name", VIEWS)
def test_every_page_is_made_whatever_the_address_says(database: Make, seen: See, name: str, words: dict[str, str]) -> None:
    html = seen(database(), VIEWS[name], **words)
    assert html.count("<h1>") == 1
    assert "<b>" not in re.sub(r"<b( class=\"[^\"]*\")?>[^<]*</b>", "", html), "a feature's name is escaped"
    assert "<script>" not in html
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", html), "nothing comes from elsewhere"


@pytest.mark.parametrize("name", VIEWS)
def test_every_page_of_an_empty_table_says_what_to_do(database: Make, seen: See, name: str) -> None:
    said = text_of(seen(database(rows=[]), VIEWS[name]))
    assert re.search(r"longer (time|one) above|Nothing failed|No requests? |Nothing in this time|Nothing was asked", said)


@pytest.mark.parametrize(
    ("period", "requests", "failed", "spend"),
    [
        ("hour", "5", "20 %", "≥ $0.022"),
        ("today", "6", "17 %", "≥ $0.022"),
        ("7d", "7", "14 %", "≥ $0.023"),
        ("30d", "8", "12 %", "≥ $0.024"),
    ],
)
def test_the_first_page_says_what_the_rows_say(
    database: Make, seen: See, period: str, requests: str, failed: str, spend: str
) -> None:
    html = seen(database(), overview, period=period)
    assert (figure(html, "Requests"), figure(html, "Failed"), figure(html, "Spend")) == (requests, failed, spend)


def test_what_is_not_known_is_said_first(database: Make, seen: See) -> None:
    said = text_of(seen(database(), overview))
    first = said.index("What these numbers do not know")
    assert first < said.index("Spend") < said.index("By feature")
    assert "2 requests of 6 have no known cost" in said
    assert "3 records were lost" in said
    assert "say no feature" not in said


@pytest.mark.parametrize(
    ("outcomes", "told", "unread"),
    [
        (["provider_error"] * 2, "may be higher than shown. 2 of them ended in an error", False),
        (["ok", "provider_error"], "is higher than shown. 1 of them ended in an error", True),
        (["ok", "ok"], "is higher than shown. Which, and why", True),
    ],
)
def test_errors_without_a_known_cost_are_counted_as_in_a_report_and_told_apart(
    database: Make, seen: See, sampled: Sampled, outcomes: list[str], told: str, unread: bool
) -> None:
    rows = [sampled((5, "a", "p", "m", outcome, 200, 1.0, None, None, None), NOW) for outcome in outcomes]
    said = text_of(seen(database(rows=rows), overview))
    assert f"2 requests of 2 have no known cost: the real spend {told}" in said
    assert ("said nothing of usage" in said) is unread


def test_the_untagged_are_told_how_to_tag(database: Make, seen: See, sampled: Sampled) -> None:
    rows = [sampled((5, "untagged", "alpha", "m", "ok", 200, 1.0, 1, 1, 1_000), NOW) for _ in range(2)]
    said = text_of(seen(database(rows=rows), overview))
    assert "100 % of the requests" in said
    assert "X-Lectr-Feature: search" in said


def test_now_is_held_against_the_same_time_before(database: Make, seen: See, sampled: Sampled) -> None:
    def at(ago: timedelta, count: int) -> Rows:
        minutes = ago / timedelta(minutes=1)
        return [sampled((minutes, "a", "p", "m", "ok", 200, 1.0, 1, 1, 1_000), NOW) for _ in range(count)]

    hour = timedelta(hours=1)
    rows = [*at(hour, 3), *at(25 * hour, 2), *at(20 * hour, 50), *at(7 * 24 * hour + hour, 6), *at(8 * 24 * hour, 1)]
    html = seen(database(rows=rows), overview)
    tile = re.search(r"<dt>Requests</dt>.*?</div>", html, re.DOTALL)
    assert tile
    assert "▲ 50 % on yesterday ▼ 50 % on last week" in text_of(tile.group(0)), "yesterday's later hours do not count"


def test_what_is_recorded_in_part_is_not_compared_with(database: Make, seen: See, sampled: Sampled) -> None:
    def at(ago: timedelta) -> dict[str, Any]:  # Any: SQLite's values
        return sampled((ago / timedelta(minutes=1), "a", "p", "m", "ok", 200, 1.0, 1, 1, 1_000), NOW)

    path = database(rows=[at(timedelta(hours=1)), at(timedelta(hours=30))])
    said = text_of(seen(path, overview))
    assert "yesterday: recorded in part" in said
    assert "last week: nothing" in said
    assert "Records begin 19 May" in text_of(seen(path, change))
    assert "Records begin" not in text_of(seen(path, change, against="last week"))


@pytest.mark.parametrize("name", VIEWS)
def test_what_is_filtered_by_is_said_and_can_be_taken_away(database: Make, seen: See, name: str) -> None:
    html = seen(database(), VIEWS[name], period="7d", org="acme")
    chips = re.search(r'<ul class="chips".*?</ul>', html, re.DOTALL)
    assert chips
    assert "org: acme" in text_of(chips.group(0))
    assert "org=acme" not in chips.group(0)
    assert "acme" in html[: html.index("</title>")]


def test_the_first_page_under_a_filter_shows_requests_that_fit_it(database: Make, seen: See) -> None:
    html = seen(database(), overview, provider="beta")
    newest = html[html.index('id="newest"') : html.index('id="questions"')]
    assert "beta" in newest
    assert "alpha" not in newest
    assert "data-live" not in html


def test_percentiles_are_those_of_answered_requests(database: Make, seen: See) -> None:
    html = seen(database(), overview, period="hour")
    said = text_of(html)
    assert re.search(r"Time to answer (29\d|30\d) ms slowest 5 %: (4\.9\d|5\.0\d) s", said)


def test_every_question_of_a_page_is_linked_and_runs(database: Make, seen: See) -> None:
    asked: list[Query] = []
    html = seen(database(), overview, asked=asked)
    linked = [unescape(link) for link in re.findall(r'href="(/lectr\?sql=[^"]*)"', html)]
    assert len(linked) >= 6
    assert html.count(">CSV<") == html.count(">JSON<") == html.count(">SQL<") == len(linked)


def test_every_chart_has_its_words_and_its_table(database: Make, seen: See) -> None:
    html = seen(database(), partial(one_of, dimension="feature"), feature="search", period="7d")
    charts = html.count("<figure")
    assert charts == 3
    assert html.count('<p class="hidden">') == html.count("As a table") == charts
    assert html.count('<svg viewBox="0 0 1000 200" preserveAspectRatio="none" aria-hidden="true"') == charts


def test_a_page_keeps_its_filters_in_every_link_to_another(database: Make, seen: See) -> None:
    html = seen(database(), explore, period="30d", provider="alpha")
    pages = re.findall(r'<a href="(/-/lectr(?:/(?:errors|leaks|change))?\?[^"]*)"', html)
    assert len(pages) >= 4
    assert all("provider=alpha" in page for page in pages)


def test_times_and_days_are_the_viewers(database: Make, seen: See) -> None:
    html = seen(database(), overview, zone=ZoneInfo("Asia/Kolkata"))
    assert "20 May 20:59:30" in text_of(html).replace(" 20:59:30", " 20:59:30") or "20:59:30" in html
    assert 'data-zone="Asia/Kolkata"' in html
    assert figure(html, "Requests") == "6"


def test_a_request_is_told_from_its_first_to_its_last_moment(database: Make, seen: See) -> None:
    said = text_of(seen(database(), request, id="r0"))
    places = [said.index(word) for word in ("accepted", "decided", "first byte of", "first token of", "end complete")]
    assert places == sorted(places)
    assert "reported by the provider" in said
    assert "$0.0010" in said


def test_failures_are_sorted_by_kind_with_advice(database: Make, seen: See) -> None:
    said = text_of(seen(database(), errors))
    assert "rate limit" in said
    assert "asks to slow down" in said
    assert "alpha" in said


def test_a_cache_that_broke_is_named_with_its_minute_and_its_price(
    database: Make,
    seen: See,
    sampled: Sampled,
) -> None:
    rows = []
    for ago in range(48 * 60, 0, -10):
        row = sampled((ago, "agent", "p", "m", "ok", 200, 1.0, 10_000, 10, 1), NOW)
        cached = 9_000 if ago > 5 * 60 + 12 else 0
        fresh = 10_000 - cached
        row |= {"cached_input_tokens": cached, "cost_nanousd": fresh * 1000 + cached * 100}
        row["units_json"] = f'{{"input": {fresh}, "cache_read": {cached}}}'
        row["cost_parts_json"] = f'{{"input": {fresh * 1000}, "cache_read": {cached * 100}}}'
        rows.append(row)
    said = text_of(seen(database(rows=rows), leaking, period="7d"))
    # 31 requests × 9,000 tokens × 900 nano-dollars, in the 5 hours and 10 minutes since.
    assert "agent: caching broke at 20 May 10:20, +$1.1" in said
    assert "about $0.251 more than otherwise" in said


def test_why_the_cost_changed_sums_to_the_change(database: Make, seen: See) -> None:
    path = database()
    said = text_of(seen(path, change, period="30d"))
    assert "every line sums exactly" in said
    assert "all volume" in said
    wrong = text_of(seen(path, change, before_since="x", before_until="y"))
    assert "could not be read" in wrong


def test_while_nothing_is_stored_the_page_says_what_to_do() -> None:
    html = template.render("empty.html", {"title": "Nothing is stored yet", "says": ""})
    assert "lectr up" in html
    assert "base_url=" in html
    assert "<script" not in html


@pytest.mark.parametrize("query", CANNED, ids=lambda query: query.name)
@pytest.mark.parametrize("days", ["", "30"])
def test_canned_queries_run_and_keep_to_their_days(database: Make, query: Canned, days: str) -> None:
    path = database(datetime.now(UTC))
    store = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    histograms.register(store)
    try:
        found = store.execute(query.sql, {"days": days})
        assert found.description
        plan = " ".join(row[3] for row in store.execute(f"explain query plan {query.sql}", {"days": days}))
        # The view of the newest ones walks the index of times to its own end.
        assert "SCAN requests" not in plan.replace(
            "CO-ROUTINE recent_requests SCAN requests USING INDEX requests_by_time", ""
        )
        assert "SCAN usage" not in plan
    finally:
        store.close()
    assert query.explains.endswith(".")


def test_an_event_is_lines_of_data_and_an_end() -> None:
    assert live.event("newest", "<tr>\n\n</tr>") == "event: newest\ndata: <tr>\ndata: </tr>\n\n"


def test_what_is_in_flight_is_seen_as_such_and_only_while_it_is_told(database: Make, seen: See) -> None:
    path = database()
    with sqlite3.connect(path) as store:
        for id, age in (("f1", "-1 seconds"), ("f2", "-1 hours")):
            store.execute(
                f"""insert into in_flight values (?, '2026-05-20T15:30:00.000Z', null, ?, null, 'p', 'm', '/v1/x', 1, 1500.0,
                strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{age}'))""",
                (id, f"flying-{id}"),
            )
    store.close()
    said = text_of(seen(path, overview))
    assert "flying-f1" in said
    assert "in flight 1.50 s" in said
    assert "flying-f2" not in said
