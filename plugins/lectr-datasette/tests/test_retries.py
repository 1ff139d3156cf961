"""Which requests are the same one, sent again: what is linked, and what must not be."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette.reckoning.retries import LONGEST_PAUSE, chain_of, chains
from lectr_datasette.views.leaks import leaking
from lectr_datasette.views.request import request

Make = Callable[..., Path]
See = Callable[..., str]
Row = dict[str, Any]  # Any: SQLite's values
Sampled = Callable[..., Row]
NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)


def sent(id: str, at_s: float, retry: int = 0, outcome: str = "provider_error", **other: object) -> Row:
    """A row as the questions bring it. Units: seconds after noon."""
    at = NOW.replace(hour=12, minute=0, second=0) + timedelta(seconds=at_s)
    of = {
        "id": id,
        "started_at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        "duration_ms": 500.0,
        "client_retry": retry or None,
        "outcome": outcome,
        "cost_nanousd": None,
    }
    same = {"org": "a", "key_id": "k", "feature": "f", "model_requested": "m", "endpoint": "/e", "request_bytes": 100}
    return {**of, **same, "streamed": 0, "max_tokens": None, **other}


def ids(rows: list[Row]) -> list[list[str]]:
    return [[each.row["id"] for each in chain.tries] for chain in chains(rows)]


def test_tries_are_linked_in_their_order_whatever_the_order_of_rows() -> None:
    rows = [sent("a", 0), sent("b", 2, 1), sent("c", 5, 2, "ok")]
    assert ids(rows) == ids(rows[::-1]) == [["a", "b", "c"]]
    chain = chain_of("b", rows)
    assert chain is not None
    assert (chain.last["id"], chain.starts_unseen, chain.took) == ("c", False, timedelta(seconds=5.5))


@pytest.mark.parametrize(
    "first",
    [
        sent("a", 0, outcome="ok"),
        sent("a", 0, request_bytes=101),
        sent("a", 0, feature="g"),
        sent("a", 0, key_id="other"),
        sent("a", 0, duration_ms=3_000.0),
        sent("a", 0, 1),
        sent("a", 2 - LONGEST_PAUSE.total_seconds() - 1),
    ],
    ids=["answered", "another size", "another feature", "another key", "not over yet", "not the try before", "too long ago"],
)
def test_what_is_not_surely_alike_is_not_linked(first: Row) -> None:
    chain = chain_of("b", [first, sent("b", 2, 1, "ok")])
    assert chain is not None
    assert [each.row["id"] for each in chain.tries] == ["b"]
    assert chain.starts_unseen, "and it is said that the first one is not known"


def test_a_request_sent_once_has_no_chain() -> None:
    assert chains([sent("a", 0), sent("b", 1, outcome="ok")]) == []


def test_what_the_tries_before_cost_is_told_from_what_is_not_known() -> None:
    left = sent("a", 0, outcome="client_disconnected", cost_nanousd=7)
    (chain,) = chains([left, sent("b", 2, 1, "ok", cost_nanousd=9)])
    assert (chain.paid_nanousd, chain.paid_unknown) == (7, False)
    (chain,) = chains([{**left, "cost_nanousd": None}, sent("b", 2, 1, "ok")])
    assert (chain.paid_nanousd, chain.paid_unknown) == (0, True)
    (chain,) = chains([sent("a", 0), sent("b", 2, 1, "ok")])
    assert not chain.paid_unknown, "what was turned away costs nothing"


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 3), st.booleans(), st.integers(1, 3)), max_size=40))
def test_no_request_is_in_two_chains_and_each_goes_forward(some: list[tuple[int, int, bool, int]]) -> None:
    rows = [
        sent(f"r{at}", begun, retry, "ok" if is_ok else "provider_error", request_bytes=size)
        for at, (begun, retry, is_ok, size) in enumerate(some)
    ]
    seen_ids: list[str] = []
    for chain in chains(rows):
        seen_ids += [each.row["id"] for each in chain.tries]
        numbers = [each.number for each in chain.tries]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert all(early.row["outcome"] != "ok" for early in chain.tries[:-1])
    assert len(seen_ids) == len(set(seen_ids))
    repeats = {row["id"] for row in rows if row["client_retry"]}
    assert repeats <= set(seen_ids)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_pages_lead_from_one_try_to_the_other(database: Make, seen: See, sampled: Sampled) -> None:
    first = sampled((5.0, "search", "alpha", "small-1", "provider_error", 429, 20.0, None, None, None), NOW)
    again = sampled((4.9, "search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000), NOW)
    alone = sampled((3.0, "search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000), NOW)
    path = database(rows=[first, {**again, "client_retry": 1}, alone])
    for id, other in (("r0", "r1"), ("r1", "r0")):
        html = seen(path, request, id=id)
        assert "Sent 2 times" in html
        assert "probably the same request" in html
        assert f"request?id={other}" in html
    assert "probably the same request" not in seen(path, request, id="r2")
    html = seen(path, leaking, period="hour")
    assert html.count('href="/-/lectr/request?id=r0"') >= 1
    assert "rate limit 429 → ok" in text_of(html)


def test_a_try_whose_first_is_gone_says_so(database: Make, seen: See, sampled: Sampled) -> None:
    again = sampled((4.9, "search", "alpha", "small-1", "ok", 200, 100.0, 100, 10, 1_000_000), NOW)
    path = database(rows=[{**again, "client_retry": 2}])
    assert "not found" in text_of(seen(path, request, id="r0"))
    assert "first not found" in text_of(seen(path, leaking, period="hour"))
