"""What pages make of rows: leaks, caches, one request's line, room in rate limits."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette.reckoning import exchange, leaks
from lectr_datasette.reckoning.cache import Point, Use, broke, fell, rose
from lectr_datasette.reckoning.headroom import rooms


def points(*shares: float) -> list[Point]:
    return [Point(f"{at:03}", 1000, round(share * 1000)) for at, share in enumerate(shares)]


@pytest.mark.parametrize(
    ("shares", "at", "until"),
    [
        ([0.8] * 10 + [0.0] * 5, "010", None),
        ([0.8, 0.7, 0.75, 0.8] * 4 + [0.1, 0.0] * 2 + [0.8] * 9, "016", "020"),
        ([0.6] * 20 + [0.2] * 3, "020", None),
    ],
)
def test_a_cache_that_broke_is_found_where_it_did(shares: list[float], at: str, until: str | None) -> None:
    found = broke(points(*shares))
    assert found is not None
    assert (found.at, found.until) == (at, until)
    assert found.tokens_lost == pytest.approx(found.input_tokens * (found.before - found.after))


@pytest.mark.parametrize(
    "shares", [[], [0.5], [0.8] * 30, [0.0] * 10, [0.1] * 10 + [0.0] * 10, [0.0] * 10 + [0.8] * 10, [0.8, 0.6] * 10]
)
def test_a_cache_that_did_not_break_is_left_alone(shares: list[float]) -> None:
    assert broke(points(*shares)) is None


@given(st.lists(st.floats(0.85, 1), min_size=1, max_size=20), st.lists(st.floats(0, 0.1), min_size=1, max_size=20))
def test_the_moment_parts_good_from_bad(good: list[float], bad: list[float]) -> None:
    assert fell(points(*good, *bad)) == f"{len(good):03}"
    assert rose(points(*bad, *good)) == f"{len(bad):03}"


def test_what_only_gets_better_never_fell() -> None:
    assert fell(points(0.1, 0.2, 0.9)) is None
    assert rose(points(0.9, 0.2, 0.1)) is None


def test_written_and_hardly_read_is_in_vain() -> None:
    assert Use("a", "p", "m", 10, 1000, 50, 400).in_vain
    assert not Use("a", "p", "m", 10, 1000, 500, 100).in_vain
    assert not Use("a", "p", "m", 10, 1000, 5, 0).in_vain, "where writing costs nothing, nothing is lost"


def summed(feature: str, outcome: str, requests: int, cost: int, **more: int) -> dict[str, Any]:  # Any: SQLite's values
    of = {"tokens_unknown": 0, "cost_unknown": 0, "client_retries": 0, **more}
    return {
        "feature": feature,
        "provider": "p",
        "model": "m",
        "outcome": outcome,
        "requests": requests,
        "cost_nanousd": cost,
        **of,
    }


def test_waste_is_what_was_paid_and_nobody_had() -> None:
    rows = [
        summed("a", "ok", 100, 1000, client_retries=10),
        summed("a", "client_disconnected", 5, 50, cost_unknown=2),
        summed("a", "upstream_failed", 3, 30),
        summed("b", "provider_error", 9, 0),
        summed("c", "ok", 7, 70),
    ]
    (found,) = leaks.waste(rows)
    assert (found.feature, found.left, found.left_unknown, found.known_nanousd, found.retries) == ("a", 5, 2, 80, 10)
    assert found.retries_nanousd == pytest.approx(100)


def test_hidden_usage_is_taken_to_be_like_the_known() -> None:
    rows = [
        summed("a", "ok", 100, 900, tokens_unknown=10, cost_unknown=10),
        summed("b", "ok", 5, 0, tokens_unknown=5, cost_unknown=5),
        summed("c", "provider_error", 5, 0, tokens_unknown=5, cost_unknown=5),
    ]
    first, second = leaks.hidden(rows)
    assert (first.feature, first.requests, first.of, first.about_nanousd) == ("a", 10, 100, 100)
    assert (second.feature, second.about_nanousd) == ("b", None)


def answers(feature: str, ceiling: int | None, *taken: int) -> list[dict[str, Any]]:  # Any: SQLite's values
    of = {"feature": feature, "model": "m", "outcome": "ok", "max_tokens": ceiling}
    return [{**of, "output_tokens": each} for each in taken]


def test_a_ceiling_far_above_all_answers_is_found() -> None:
    rows = [*answers("labels", 4096, *[3] * 30), *answers("chat", 1000, *[100] * 29, 900), *answers("few", 4096, 1)]
    rows += answers("none", None, *[3] * 30)
    (found,) = leaks.ceilings(rows)
    assert (found.feature, found.max_tokens, found.longest, found.answers) == ("labels", 4096, 3, 30)


REQUEST: dict[str, Any] = {  # Any: SQLite's values
    "method": "POST",
    "endpoint": "/v1/x",
    "request_bytes": 10,
    "response_bytes": 20,
    "status": 200,
    "outcome": "ok",
    "ended_by": "completed",
    "streamed": 1,
    "duration_ms": 1000.0,
    "gateway_ms": 1.0,
    "ttfb_ms": 300.0,
    "ttft_ms": 400.0,
    "provider": "p",
    "provider_detected": None,
    "provider_unknown": 0,
    "model_requested": "m",
    "model_sent": "m",
    "rule": None,
    "error_code": None,
    "error_category": None,
    "attempts_json": None,
    "units_json": '{"output": 5, "input": 10, "web_search": 1}',
    "cost_parts_json": '{"input": 20000, "output": 30000}',
}
TIMES = st.none() | st.floats(0, 1e7)


@given(st.floats(0, 1e7), st.floats(0, 1e7), TIMES, TIMES, st.sampled_from([0, 1]))
def test_the_stretches_of_a_request_are_all_of_its_time(
    took: float, gateway: float, byte: float | None, token: float | None, streamed: int
) -> None:
    times = {"duration_ms": took, "gateway_ms": gateway, "ttfb_ms": byte, "ttft_ms": token, "streamed": streamed}
    spans = exchange.spans({**REQUEST, **times})
    assert spans[0].since_ms == 0
    assert spans[-1].until_ms == took
    assert all(left.until_ms == right.since_ms for left, right in itertools.pairwise(spans))
    assert all(span.length_ms >= 0 for span in spans)


def test_moments_say_what_happened_in_its_order() -> None:
    tries = [
        {"provider": "p", "model": "m", "status": 529, "category": "overload", "duration_ns": 200_000_000},
        {"provider": "q", "model": "n", "status": 200, "category": None, "duration_ns": 799_000_000},
    ]
    row = {**REQUEST, "attempts_json": json.dumps(tries), "provider": "q", "model_sent": "n", "rule": "fallback"}
    found = exchange.moments(row)
    assert [moment.name for moment in found] == [
        *("accepted", "decided", "attempt 1", "attempt 2", "first byte", "first token", "end")
    ]
    assert found[1].says == "m → q, n, by fallback"
    assert (found[2].kind, found[3].at_ms) == ("bad", 201.0)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "to p, m; no rule changed it"),
        ({"provider_unknown": 1}, "to p, m; no rule changed it; nothing spoke for a provider, so the default was used"),
        ({"outcome": "lectr_refused", "error_code": "limit_reached", "rule": "team"}, "refused by team: limit_reached"),
        ({"provider_detected": "z", "rule": "eu"}, "m → p, m, by eu"),
    ],
)
def test_the_decision_is_said(more: dict[str, Any], says: str) -> None:  # Any: SQLite's values
    assert exchange.moments({**REQUEST, **more})[1].says == says


def test_parts_have_their_cost_or_say_that_it_is_unknown() -> None:
    assert [(part.unit, part.amount, part.cost_nanousd, part.usd_a_million) for part in exchange.parts(REQUEST)] == [
        ("input", 10, 20000, 2.0),
        ("output", 5, 30000, 6.0),
        ("web_search", 1, None, None),
    ]
    assert exchange.parts({"units_json": None, "cost_parts_json": "{"}) == []


def test_a_tree_becomes_lines() -> None:
    assert exchange.flat({"a": 1, "b": {"c": [2, {"d": 3}]}}) == [("a", 1), ("b.c[0]", 2), ("b.c[1].d", 3)]


def test_room_is_what_is_left_now_and_what_was_the_least() -> None:
    def row(provider: str, at: str, **headers: str) -> dict[str, str]:
        return {"provider": provider, "started_at": at, "headroom_json": json.dumps(headers)}

    found = rooms(
        [
            row("p", "3", **{"x-ratelimit-remaining-requests": "90", "x-ratelimit-limit-requests": "100"}),
            row("p", "2", **{"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "1s"}),
            row("a", "1", **{"anthropic-ratelimit-input-tokens-remaining": "7"}),
        ]
    )
    assert [(room.provider, room.name, room.left, room.least, room.limit) for room in found] == [
        ("a", "input tokens", 7, 7, None),
        ("p", "requests", 90, 5, 100),
    ]
    assert (found[1].share, found[1].least_share, found[0].share) == (0.9, 0.05, None)
