"""How sure it is: where counts come from, whether intervals hold, on every page that shows what nobody reported."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette.asking import headroom as ask_headroom
from lectr_datasette.reckoning.accuracy import FEW, Held, by_way, lines
from lectr_datasette.reckoning.headroom import over_time
from lectr_datasette.reckoning.sums import Sums
from lectr_datasette.views.explore import one_of
from lectr_datasette.views.leaks import leaking
from lectr_datasette.views.overview import overview
from lectr_datasette.views.request import request
from lectr_datasette.views.sure import sure

Make = Callable[..., Path]
See = Callable[..., str]
Row = dict[str, Any]  # Any: SQLite's values
Sampled = Callable[..., Row]
NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)
MEASURED = ("search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000)


def told(way: str, requests: int, held: int, width: float = 0.1) -> Row:
    """A row of the table."""
    of = {"provider": "alpha", "model": "small-1", "endpoint": "/v1/chat/completions", "way": way, "requests": requests}
    more = {"held": held, "half_width": width, "error": 0.02, "predicted_tokens": 1010, "reported_tokens": 1000}
    return {**of, **more, "as_of": "2026-05-20T15:00:00.000Z"}


def of_rows(*rows: Row) -> list[Held]:
    return lines(rows)


def measured(sampled: Sampled, **other: object) -> Row:
    """A row whose counts nobody reported."""
    bounds = {"input_tokens_low": 90, "input_tokens_high": 110, "output_tokens_low": 8, "output_tokens_high": 12}
    cost = {"cost_low_nanousd": 900_000, "cost_high_nanousd": 1_200_000}
    row = sampled((5, *MEASURED), NOW)
    return {**row, "tokens_source": "measured", "usage_state": "absent", **bounds, **cost, **other}


def keep(path: Path, *rows: Row) -> None:
    with closing(sqlite3.connect(path)) as store, store:
        for row in rows:
            names = ", ".join(row)
            store.execute(f"insert into token_accuracy ({names}) values ({', '.join('?' * len(row))})", [*row.values()])


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_sentence_is_on_the_page_and_wherever_something_is_measured(database: Make, seen: See, sampled: Sampled) -> None:
    path = database(rows=[measured(sampled), sampled((7, *MEASURED), NOW)])
    keep(path, told("input", 12_031, 11_478, 0.08), told("output", 12_031, 11_430, 0.04))
    for view, words in ((sure, {}), (overview, {}), (leaking, {}), (one_feature, {"feature": "search"})):
        said = text_of(seen(path, view, period="hour", **words))
        assert "95 % intervals held 95.0 % of 12,031 answers; median half-width 4.0 %" in said
        assert "95 % intervals held 95.4 % of 12,031 prompts; median half-width 8.0 %" in said
        assert re.search(r"50 % reported .*50 % measured", said) or view is sure
    html = seen(path, request, id="r0")
    assert '/-/lectr/sure?provider=alpha">measured' in html
    assert "of this model" in html


async def one_feature(visit: Any) -> str:  # Any: as `see` makes it
    return await one_of(visit, "feature")


def test_where_everything_is_reported_nothing_is_said_of_intervals(database: Make, seen: See, sampled: Sampled) -> None:
    path = database(rows=[sampled((7, *MEASURED), NOW)])
    keep(path, told("input", 1000, 950))
    said = text_of(seen(path, overview, period="hour"))
    assert "100 % reported" in said
    assert "intervals held" not in said


def test_bounds_stand_under_every_cost_that_is_not_exact(database: Make, seen: See, sampled: Sampled) -> None:
    path = database(rows=[measured(sampled), sampled((7, *MEASURED), NOW)])
    said = text_of(seen(path, overview, period="hour"))
    assert said.count("$0.0019 to $0.0022") >= 3, "by feature, by model, by provider"
    assert "between $0.0019 and $0.0022" in said
    assert "at least at most" in said, "a chart's table has them too"


@pytest.mark.parametrize("view", [sure, overview, leaking, one_feature])
def test_a_database_that_tells_nothing_of_accuracy_has_its_pages(
    database: Make,
    seen: See,
    sampled: Sampled,
    view: Callable[..., Any],  # Any: SQLite's values
) -> None:
    path = database(rows=[measured(sampled)])
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("drop table token_accuracy")
    assert "intervals held" not in seen(path, view, period="hour", feature="search")


def test_a_model_leads_to_its_other_names(database: Make, seen: See, sampled: Sampled) -> None:
    async def model(visit: Any) -> str:  # Any: as above
        return await one_of(visit, "model")

    def row(ago: float, name: str, outcome: str = "ok", status: int = 200) -> Row:
        return {**sampled((ago, "search", "alpha", name, outcome, status, 20.0, 10, 1, 1000), NOW)}

    failed = row(5, "small-1", "provider_error", 500)
    rows = [failed, row(4, "small-1-2026-01-31"), row(3, "small-1-mini"), row(2, "small-1-20260131")]
    path = database(rows=rows)
    for name, others in (("small-1", {"small-1-2026-01-31", "small-1-20260131"}), ("small-1-mini", set())):
        html = seen(path, model, period="hour", model=name, provider="alpha")
        note = re.search(r'<p class="note">Failures stand.*?</p>', html, re.DOTALL)
        assert set(re.findall(r"\bmodel=(small[^&\"]*)", note.group(0) if note else "")) == others


def test_an_empty_time_says_what_to_do(database: Make, seen: See) -> None:
    said = text_of(seen(database(rows=[]), sure, period="hour"))
    assert "Nothing was compared yet" in said
    assert "Nothing was asked in this time" in said


@pytest.mark.parametrize(
    ("requests", "held", "verdict"),
    [(FEW - 1, 50, "few"), (10_000, 9_500, "good"), (10_000, 9_300, "narrow"), (10_000, 9_900, "wide"), (200, 184, "good")],
)
def test_a_coverage_is_held_against_what_chance_would_do(requests: int, held: int, verdict: str) -> None:
    (one,) = of_rows(told("output", requests, held))
    assert one.verdict == verdict


def test_what_has_no_tokens_is_no_success() -> None:
    nothing = {**told("output", 5000, 5000, 0.0), "predicted_tokens": 0, "reported_tokens": 0}
    assert of_rows(nothing) == []


@given(st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 2)), min_size=1, max_size=20))
def test_lines_add_up_and_a_median_lies_among_them(some: list[tuple[int, float, float]]) -> None:
    found = of_rows(*(told("input", count, int(count * share), width) for count, share, width in some))
    (whole,) = by_way(found)
    assert (whole.requests, whole.held) == (sum(one.requests for one in found), sum(one.held for one in found))
    assert min(one.half_width for one in found) <= whole.half_width <= max(one.half_width for one in found)
    assert min(one.coverage for one in found) - 1e-9 <= whole.coverage <= max(one.coverage for one in found) + 1e-9


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4))
def test_shares_of_sources_sum_to_one(counts: list[int]) -> None:
    names = ("tokens_reported", "tokens_measured", "tokens_estimated", "tokens_unknown")
    shares = Sums(**dict(zip(names, counts, strict=True))).shares
    assert sum(share for _, _, share in shares) == pytest.approx(1 if any(counts) else 0)
    assert all(count for _, count, _ in shares)


def test_room_is_the_least_of_each_stretch() -> None:
    def row(slot: int, left: int) -> Row:
        said = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": str(left), "x-other": "1"}
        return {"slot": slot, "headroom_json": json.dumps(said)}

    (line,) = over_time([row(0, 80), row(0, 20), row(2, 100), {"slot": 1, "headroom_json": "{}"}], 3)
    assert line.name == "requests"
    assert line.values[0] == 0.2
    assert line.values[1] != line.values[1], "where nothing is known, there is a gap"
    assert line.values[2] == 1.0


def test_room_over_time_is_on_a_providers_page(database: Make, seen: See, sampled: Sampled) -> None:
    headers = {"x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "250"}
    rows = [{**sampled((ago, *MEASURED), NOW), "headroom_json": json.dumps(headers)} for ago in (50, 30, 5)]

    async def provider(visit: Any) -> str:  # Any: as above
        return await one_of(visit, "provider")

    path = database(rows=rows)
    html = seen(path, provider, period="hour", provider="alpha")
    assert "Room left in rate limits" in html
    assert "25 %" in text_of(html)
    ends = ask_headroom.slots(NOW - timedelta(hours=1), NOW)
    with closing(sqlite3.connect(path)) as store:
        query = ask_headroom.sample("alpha", ends)
        slots = [row[0] for row in store.execute(query.sql, dict(query.parameters))]
    assert slots == sorted(slots)
    assert len(set(slots)) == 3


@given(st.integers(1, 200_000))
def test_stretches_cover_the_time(minutes: int) -> None:
    since = NOW - timedelta(minutes=minutes)
    ends = ask_headroom.slots(since, NOW)
    assert (ends[0], len(ends) <= ask_headroom.SLOTS + 1) == (since, True)
    assert abs(ends[-1] - NOW) < timedelta(seconds=1)
    assert ends == sorted(set(ends))
