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

from lectr_core import Cursor, Ended, OperatorError, Record

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
    assert 0.005 < shares(one.outcome for one in month)["client_disconnected"] < 0.03


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
    outage = [one for one in during(month, 4) if one.begun.provider == "anthropic"]
    assert len(outage) > 5
    assert shares(one.error_category or "" for one in outage)["overload"] > 0.5
    usual = [one for one in month if one.begun.provider == "anthropic"]
    assert shares(one.error_category or "" for one in usual)[""] > 0.9
    retries = [one.client_retry for one in outage if one.client_retry]
    assert retries, "SDKs try again what was overloaded"


def test_a_cache_that_broke_is_written_and_not_read(month: list[Ended]) -> None:
    broken = [one for one in during(month, 5) if one.begun.feature == "support-replies" and one.reading.usage]
    usages = [one.reading.usage.units for one in broken if one.reading.usage is not None]
    assert sum("cache_write_5m" in counts for counts in usages) > 0.8 * len(usages)
    assert not any("cache_read" in counts for counts in usages)


def test_every_record_makes_sense(month: list[Ended]) -> None:
    for one in month:
        assert one.duration_ns > 0
        assert one.gateway_ns < one.duration_ns
        if one.ttft_ns is not None:
            assert 0 < one.ttft_ns <= one.duration_ns
        assert (one.error_category is None) == (one.outcome in ("ok", "client_disconnected"))
        assert (one.reading.usage is None) == (one.reading.state == "absent")
        if one.reading.usage is not None:
            assert all(count > 0 for count in one.reading.usage.units.values())
    starts = [one.begun.started_ns for one in month]
    assert all(late - early > -30 * 10**9 for early, late in pairwise(starts)), "nearly in order, as records are"


async def test_it_goes_through_the_sinks_in_batches_with_their_cursors() -> None:
    sink, told = Kept(), list[int]()
    history = History(days=3, requests=7_000, seed=1, until_ns=UNTIL_NS)
    assert await fill(history, [sink], [], told.append) == 7_000
    assert [record.ended for record in sink.records] == list(exchanges(history))
    assert told == [5_000, 7_000]
    assert sink.stored == {"history-1": Cursor(stream="history-1", highest=7_000, stored=7_000, finished=True)}
    with pytest.raises(OperatorError, match="there already"):
        await fill(history, [sink], [], told.append)


@pytest.mark.parametrize(("length", "days"), [("30d", 30), ("12h", 0.5), ("8W", 56), (" 1.5d ", 1.5)])
def test_a_length_is_read(length: str, days: float) -> None:
    assert days_of(length) == days


@pytest.mark.parametrize("length", ["", "30", "d", "0d", "-3d", "3 months"])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="30d"):
        days_of(length)
