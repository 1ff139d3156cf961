"""Stretches of time: every minute is in exactly one step and one piece of the sums, wherever the viewer is."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lectr_datasette.asking import period as periods
from lectr_datasette.asking import scope, sums
from lectr_datasette.asking.cover import DAILY, HOURLY, MINUTELY, cover, of_grain

ZONES = [UTC, *map(ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"))]
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(list(periods.KEYS)))
def test_steps_follow_one_another_to_now(now: datetime, zone: ZoneInfo, key: str) -> None:
    found = periods.named(key, now, zone)
    assert found.starts[0] == found.since < found.until <= found.full + timedelta(minutes=1)
    assert list(found.starts) == sorted(set(found.starts))
    assert found.since <= now < found.until
    assert len(found.labels()) == len(found.starts) <= 121
    assert found.step_at(now) == max(at for at, start in enumerate(found.starts) if start <= now)
    for before in found.before:
        assert before.until - before.since == found.until - found.since
        assert before.until < found.until


@given(MOMENTS, st.sampled_from(ZONES), st.sampled_from(list(periods.KEYS)))
@example(datetime(2024, 4, 8, tzinfo=UTC), ZoneInfo("Australia/Lord_Howe"), "7d")  # clocks went back by half an hour
def test_steps_can_be_added_up_from_the_sums_they_ask(now: datetime, zone: ZoneInfo, key: str) -> None:
    found = periods.named(key, now, zone)
    grain = sums.step_grain(found)
    for start in found.starts:
        assert grain.moment(grain.text(start)) == start, "no row of the sums is in two steps"


@given(MOMENTS, st.sampled_from(ZONES))
def test_a_month_is_the_calendars_in_utc(now: datetime, zone: ZoneInfo) -> None:
    this, last = list(periods.choices(now))[-2:]
    going, over = periods.named(this, now, zone), periods.named(last, now, zone)
    assert over.since.day == going.since.day == 1
    assert over.until == over.full == going.since <= now < going.until <= going.full
    assert over.day_zone is UTC
    assert going.day_zone is UTC
    assert going.before[0].since == over.since
    assert going.before[0].until <= over.until
    assert over.before[0].until == over.since
    assert sums.step_grain(over) is DAILY
    assert len(over.starts) == (over.until - over.since).days


@pytest.mark.parametrize("key", ["2026-06", "2026-13", "1999-01", "2026-5"])
def test_no_month_and_one_to_come_are_the_usual_time(key: str) -> None:
    assert periods.named(key, NOW, UTC).key == periods.DEFAULT


@given(MOMENTS, st.timedeltas(timedelta(minutes=1), timedelta(days=100)))
def test_the_pieces_are_the_stretch(since: datetime, length: timedelta) -> None:
    since = since.replace(second=0, microsecond=0)
    until = since + timedelta(minutes=length // timedelta(minutes=1))
    pieces = cover(since, until)
    assert pieces[0].since == since
    assert pieces[-1].until == until
    assert all(left.until == right.since for left, right in itertools.pairwise(pieces))
    for piece in pieces:
        for end in (piece.since, piece.until):
            assert piece.grain.moment(piece.grain.text(end)) == end
    rows = sum((piece.until - piece.since) // piece.grain.length for piece in pieces)
    assert rows <= length / timedelta(days=1) + 46 + 118


def test_where_minutes_are_gone_ends_are_rounded_to_the_hour() -> None:
    since, until = datetime(2026, 1, 1, 10, 20, tzinfo=UTC), datetime(2026, 1, 1, 15, 40, tzinfo=UTC)
    pieces = cover(since, until, minutes_since=datetime(2026, 2, 1, tzinfo=UTC))
    assert [(piece.grain, piece.since.hour, piece.until.hour) for piece in pieces] == [(HOURLY, 10, 15)]


def test_a_piece_of_one_grain_is_rounded_outwards() -> None:
    piece = of_grain(datetime(2026, 1, 1, 10, 20, tzinfo=UTC), datetime(2026, 1, 2, 0, 0, tzinfo=UTC), DAILY)
    assert (piece.since.isoformat(), piece.until.isoformat()) == ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")


def test_today_begins_at_the_viewers_midnight() -> None:
    found = periods.named("today", NOW, ZoneInfo("Asia/Kolkata"))
    assert found.since == datetime(2026, 5, 19, 18, 30, tzinfo=UTC)
    assert found.labels()[:2] == ["00:00", "01:00"]
    assert sums.step_grain(found) is MINUTELY


def test_a_day_of_a_change_to_summer_time_has_23_hours() -> None:
    now = datetime(2026, 3, 29, 20, 0, tzinfo=UTC)
    assert len(periods.named("today", now, ZoneInfo("Europe/Berlin")).starts) == 23


@pytest.mark.parametrize(
    ("since", "until", "step"),
    [
        ("2026-05-20T10:00", "2026-05-20T11:00", "minute"),
        ("2026-05-20T10:00", "2026-05-20T20:00", "10 minutes"),
        ("2026-05-01", "2026-05-04", "hour"),
        ("2026-05-01", "2026-07-01", "day"),
        ("2025-05-01", "2026-05-01", "week"),
    ],
)
def test_a_chosen_time_is_cut_to_be_read(since: str, until: str, step: str) -> None:
    found = scope.read({"since": since, "until": until}, NOW, UTC)
    assert (found.period.key, found.period.step, found.problem) == ("custom", step, None)


@pytest.mark.parametrize(
    "words",
    [
        {"since": "yesterday"},
        {"since": "2026-05-20", "until": "2026-05-19"},
        {"since": "0001-01-01", "until": "9999-12-31"},
        {"since": "2026-01-01T00:00+24:59", "until": "x"},
    ],
)
def test_a_time_that_cannot_be_read_is_said_and_the_usual_one_is_shown(words: dict[str, str]) -> None:
    found = scope.read(words, NOW, UTC)
    assert found.period.key == periods.DEFAULT
    assert found.problem


WORDS = st.fixed_dictionaries(
    {},
    optional={
        "period": st.sampled_from([*periods.KEYS, "nonsense"]),
        "feature": st.text(min_size=1),
        "provider": st.text(min_size=1),
        "outcome": st.text(),
        "by": st.sampled_from(["model", "org", "'; drop table requests"]),
        "measure": st.sampled_from(["tokens", "?"]),
        "since": st.sampled_from(["2026-05-01", "2026-05-03T10:20"]),
        "until": st.sampled_from(["2026-05-19", "2026-05-18T00:11"]),
    },
)


@given(WORDS)
def test_an_address_says_all_that_is_shown(words: dict[str, str]) -> None:
    found = scope.read(words, NOW, UTC)
    assert scope.read(dict(found.words()), NOW, UTC) == found


def test_a_change_of_the_address_takes_away_what_it_replaces() -> None:
    found = scope.read({"since": "2026-05-01", "until": "2026-05-02", "feature": "a"}, NOW, UTC)
    assert dict(found.words(period="7d")) == {"period": "7d", "feature": "a"}
    assert "feature" not in dict(found.words(feature=None))
    short = scope.read({"period": "7d"}, NOW, UTC)
    assert dict(short.words(since="2026-05-01")) == {"since": "2026-05-01"}


@pytest.mark.parametrize("name", [None, "", "Nowhere/City", "../../etc/passwd", "x" * 1000, "\0"])
def test_a_zone_that_is_none_is_utc(name: str | None) -> None:
    assert scope.zone_of(name) is UTC
