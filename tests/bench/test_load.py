"""The bench's own clients and provider: what they count is what was sent, so that a figure can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.load import clients
from tests.bench.measures import EVENTS, SMALL, body, quantile
from tests.bench.provider import ANSWER_BODY, LARGE_BODY, event
from tests.bench.results import Results, ratio, spread
from tests.bench.results import load as load_results
from tests.bench.subjects import DIRECT, Subject, provider


@pytest.fixture(scope="module")
def direct() -> Iterator[Subject]:
    with provider() as port:
        yield Subject(DIRECT, port)


@pytest.mark.parametrize("sent", [SMALL, body("large"), body("small", prompt_bytes=300_000)], ids=["small", "down", "up"])
def test_every_request_is_answered_and_counted(direct, sent):
    with clients(direct.port) as them:
        seen = them.closed_loop(direct.request(sent), 21, 8)
        assert len(seen.took_ns) == len(seen.done_at) == 21
        assert len(them.idle) == len(them.lines) == 8
        assert not seen.late_ns


@pytest.mark.parametrize("pause_ms", [0, 1])
def test_every_event_is_seen_and_says_when_it_was_sent(direct, pause_ms):
    with clients(direct.port) as them:
        seen = them.closed_loop(direct.request(body(f"events-{EVENTS}-{pause_ms}")), 4, 2)
    assert len(seen.first_ns) == 4
    assert len(seen.late_ns) == 4 * (EVENTS - 3), "all but the last three carry a time"
    assert all(late_ns >= 0 for late_ns in seen.late_ns)


def test_streams_that_are_held_stay_open(direct):
    with clients(direct.port) as them:
        them.hold(direct.request(body("events-9-600000")), 5)
        assert not them.idle
        assert len(them.lines) == 5


def test_answers_are_of_the_sizes_that_the_page_says():
    assert 500 < len(ANSWER_BODY) < 700
    assert 1_000_000 < len(LARGE_BODY) < 1_100_000
    assert event(1).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


def test_a_ratio_is_taken_round_by_round():
    """A round in which everything took twice as long says the same as the others."""
    assert ratio([10, 20, 11], [5, 10, 5.5]) == 2.0
    assert ratio([1, 2], [0, 0]) is None
    assert ratio([], []) is None


def test_spread_is_the_middle_half():
    assert spread([1, 2, 3, 4, 100]) == (2, 4)
    assert spread([3, 1, 2]) == (1, 3), "of a few samples all of them"


def test_a_quantile_of_nothing_is_no_figure():
    assert quantile([5, 1, 9, 7], 0.5) == 7
    assert quantile([5], 0.99) == 5
    with pytest.raises(ValueError, match="nothing was seen"):
        quantile([], 0.5)


def test_results_are_read_as_they_were_written(tmp_path):
    made = Results(machine={"kernel": "6"}, rounds=2, missing={"a": "b"}, busy=[0.1])
    made.add("Lectr", {"small": 100.0, "large": 2.0})
    made.add("Lectr", {"small": 101.0})
    made.add_point("rules", "500", 99.5)
    made.save(tmp_path / "results.json")
    assert load_results(tmp_path / "results.json") == made
    assert made.of("small", "Lectr") == [100.0, 101.0]
    assert made.of("small", "Envoy") == []
