"""The history: the same seed makes the same past, exactly as many requests as asked for, with the incidents in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lectr_provider_echo.history.calendar import DAY_NS, begin
from lectr_provider_echo.history.company import EVENTS, FEATURES
from lectr_provider_echo.history.fill import History, exchanges, fill
from lectr_provider_echo.history.show import days_of

from lectr_core import Accountant, Accuracy, Cursor, Ended, OperatorError, Record

UNTIL_NS = 1_794_960_000 * 10**9  # Wednesday, 2026-11-18 00:00 UTC


def past(requests: int = 4000, days: float = 30, seed: int = 1) -> list[Ended]:
    return list(exchanges(History(days=days, requests=requests, seed=seed, until_ns=UNTIL_NS)))


@pytest.fixture(scope="module")
def month() -> list[Ended]:
    return past(40_000)


@attrs.define
class Kept:
    """A store that remembers what it was given."""

    id: str = "kept"
    records: list[Record] = attrs.field(factory=list)
    stored: dict[str, Cursor] = attrs.field(factory=dict)
    accuracy: list[Accuracy] = attrs.field(factory=list)

    async def keep_accuracy(self, told: Sequence[Accuracy]) -> None:
        self.accuracy = list(told)

    async def open(self) -> Mapping[str, Cursor]:
        return dict(self.stored)

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        self.records += records
        self.stored.update((cursor.stream, cursor) for cursor in cursors)

    async def close(self) -> None:
        pass


@settings(max_examples=20, deadline=None)
@given(many=st.integers(1, 300), days=st.floats(0.05, 40), seed=st.integers(0, 99))
def test_exactly_as_many_as_asked_for_all_within_the_time(many: int, days: float, seed: int) -> None:
    history = History(days=days, requests=many, seed=seed, until_ns=UNTIL_NS)
    begun = [at_ns for at_ns, _ in begin(history.span, many, Random(seed))]
    assert len(begun) == many
    assert begun == sorted(begun)
    assert all(history.span.since_ns <= at_ns < UNTIL_NS for at_ns in begun)
    made = list(exchanges(history))
    assert [one.begun.seq for one in made] == list(range(1, many + 1))
    assert len({one.begun.id for one in made}) == many


def test_same_seed_same_past() -> None:
    assert past(500) == past(500) != past(500, seed=2)


def shares(found: Iterable[str]) -> dict[str, float]:
    counted = Counter(found)
    return {name: count / counted.total() for name, count in counted.items()}


def test_every_feature_and_model_is_there(month: list[Ended]) -> None:
    assert {one.begun.feature for one in month} == {feature.name for feature in FEATURES}
    named = {model for feature in FEATURES for _, _, model in feature.models}
    assert {one.begun.model_requested for one in month} == named | {"gpt-4.1-mini"}
    states = shares(one.reading.state for one in month)
    assert {"reported", "partial", "absent"} <= states.keys()
    outcomes = shares(one.outcome for one in month)
    assert 0.004 < outcomes["client_disconnected"] < 0.03
    assert {"ok", "provider_error", "upstream_failed", "interrupted"} <= outcomes.keys()
    assert any(one.outcome == "upstream_failed" and one.reading.delta_chars for one in month), "some break in the middle"


def test_days_and_hours_have_their_rhythm(month: list[Ended]) -> None:
    office = [one for one in month if one.begun.feature == "classifier"]
    at = [datetime.fromtimestamp(one.begun.started_ns / 10**9, UTC) for one in office]
    by_day = Counter(moment.weekday() for moment in at)
    assert max(by_day[5], by_day[6]) < min(by_day[day] for day in range(5)) / 2
    assert sum(8 <= moment.hour < 18 for moment in at) > 0.75 * len(at)


def test_what_grows_has_grown(month: list[Ended]) -> None:
    middle_ns = UNTIL_NS - 15 * DAY_NS
    halves = [one.begun.started_ns < middle_ns for one in month if one.begun.feature == "chat-assistant"]
    assert sum(halves) < 0.48 * len(halves)


def during(month: list[Ended], number: int) -> list[Ended]:
    event = EVENTS[number]
    span = History(days=30, requests=1, seed=1, until_ns=UNTIL_NS).span
    return [one for one in month if span.has_begun(event, one.begun.started_ns)]


def test_an_outage_looks_like_one(month: list[Ended]) -> None:
    outage = [one for one in during(month, 5) if one.begun.provider == "anthropic"]
    assert len(outage) > 5
    assert shares(one.error_category or "" for one in outage)["overload"] > 0.5
    usual = [one for one in month if one.begun.provider == "anthropic"]
    assert shares(one.error_category or "" for one in usual)[""] > 0.9
    retries = [one.client_retry for one in outage if one.client_retry]
    assert retries, "SDKs try again what was overloaded"


def test_what_is_tried_again_is_the_same_request_again(month: list[Ended]) -> None:
    before: dict[tuple[object, ...], list[Ended]] = {}
    repeats = 0
    for one in month:
        begun = one.begun
        same = (begun.feature, begun.model_requested, begun.streamed, begun.request_bytes)
        if one.client_retry:
            repeats += 1
            # The last of those before it that was its predecessor: it failed, and was over when this one began.
            told = [each for each in before[same] if (each.client_retry or 0) == one.client_retry - 1]
            assert told[-1].outcome != "ok"
            assert told[-1].begun.started_ns + told[-1].duration_ns < begun.started_ns
        before.setdefault(same, []).append(one)
    assert repeats > 100
    assert any(one.client_retry == 2 for one in month)
    late = [one for one in month if one.outcome == "client_disconnected" and one.status is None]
    assert late, "some clients lose their patience"


def test_limits_are_used_up_where_requests_were_refused_for_them(month: list[Ended]) -> None:
    refused = [one for one in month if one.status == 429 and one.begun.provider == "openai"]
    assert {one.headroom["x-ratelimit-remaining-requests"] for one in refused} == {"0"}
    usual = [one for one in month if one.outcome == "ok" and one.begun.provider == "anthropic"]
    left = [int(one.headroom["anthropic-ratelimit-input-tokens-remaining"]) for one in usual]
    assert min(left) < 200_000 < max(left)
    by_night = [int(one.headroom["anthropic-ratelimit-requests-remaining"]) for one in usual if hour_of(one) in (2, 3)]
    by_day = [int(one.headroom["anthropic-ratelimit-requests-remaining"]) for one in usual if hour_of(one) in (10, 14)]
    assert sum(by_night) / len(by_night) > sum(by_day) / len(by_day)
    assert not any(one.headroom for one in month if one.begun.provider == "gemini"), "it says nothing of its limits"


def hour_of(one: Ended) -> int:
    return datetime.fromtimestamp(one.begun.started_ns / 10**9, UTC).hour


def test_a_cache_that_broke_is_written_and_not_read(month: list[Ended]) -> None:
    broken = [one for one in during(month, 6) if one.begun.feature == "support-replies" and one.reading.usage]
    usages = [one.reading.usage.units for one in broken if one.reading.usage is not None]
    assert sum("cache_write_5m" in counts for counts in usages) > 0.8 * len(usages)
    assert not any("cache_read" in counts for counts in usages)


def test_every_record_makes_sense(month: list[Ended]) -> None:
    for one in month:
        if one.outcome == "interrupted":
            assert (one.duration_ns, one.status, one.attempts) == (0, None, ())
            continue
        assert one.duration_ns > 0
        assert one.gateway_ns < one.duration_ns
        if one.ttft_ns is not None:
            assert 0 < one.ttft_ns <= one.duration_ns
        assert (one.error_category is None) == (one.outcome in ("ok", "client_disconnected"))
        assert (one.reading.usage is None) == (one.reading.state == "absent")
        assert (one.reading.finish_reason is None) == (one.outcome != "ok")
        if one.reading.usage is not None:
            assert all(count > 0 for count in one.reading.usage.units.values())
    starts = [one.begun.started_ns for one in month]
    assert all(late - early > -30 * 10**9 for early, late in pairwise(starts)), "nearly in order, as records are"


async def test_it_goes_through_the_sinks_in_batches_with_their_cursors() -> None:
    sink, told = Kept(), list[int]()
    history = History(days=3, requests=7_000, seed=1, until_ns=UNTIL_NS)
    assert await fill(history, [sink], Accountant([], learns=True), told.append) == 7_000
    assert [record.ended for record in sink.records] == list(exchanges(history))
    assert told == [5_000, 7_000]
    measured = [record for record in sink.records if record.account.tokens_source == "measured"]
    assert measured, "what reports nothing is predicted from what did, as by the cold process"
    assert all(record.account.tokens_note for record in measured)
    assert {each.way for each in sink.accuracy} == {"input", "output"}
    checked = sum(each.checked for each in sink.accuracy)
    assert 0.92 < sum(each.held for each in sink.accuracy) / checked < 0.99
    assert sink.stored == {"history-1": Cursor(stream="history-1", highest=7_000, stored=7_000, finished=True)}
    with pytest.raises(OperatorError, match="there already"):
        await fill(history, [sink], Accountant([], learns=True), told.append)


@pytest.mark.parametrize(("length", "days"), [("30d", 30), ("12h", 0.5), ("8W", 56), (" 1.5d ", 1.5)])
def test_a_length_is_read(length: str, days: float) -> None:
    assert days_of(length) == days


@pytest.mark.parametrize("length", ["", "30", "d", "0d", "-3d", "3 months"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="30d"):
        days_of(length)
