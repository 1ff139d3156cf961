"""`lectr report`: sums that say how sure they are, in four forms, from the rollup that fits the time."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lectr_sink_sqlite.asking.amounts import amount
from lectr_sink_sqlite.asking.period import Period, moment, period, pieces
from lectr_sink_sqlite.asking.report import report
from lectr_sink_sqlite.asking.shown import seconds, share
from lectr_sink_sqlite.asking.sums import ask, coarsest
from lectr_sink_sqlite.rollup_tables import DAY, GRAINS, HOUR, MINUTE, Grain
from lectr_sink_sqlite.store import Store

from lectr_core import CommandLine, GatewaySettings, OperatorError, Record, Settings

Make = Callable[..., Record]
NOW = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)


@pytest.fixture
def asked(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Asks a database of six requests of now, four days ago and a year ago."""
    now_ns = int(datetime.now(UTC).timestamp() * 10**9)
    day_ns = 86_400 * 10**9
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: now_ns)
    store.open()
    ranged = {"tokens_source": "measured", "cost_low_nanousd": 150_000, "cost_high_nanousd": 200_000}
    unknown = dict.fromkeys(("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd", "input_tokens", "output_tokens"))
    unknown |= dict.fromkeys(("input_tokens_high", "output_tokens_high"))
    store.write(
        [
            make(1, started_ns=now_ns),
            make(2, started_ns=now_ns, feature="chat", **ranged),
            make(3, started_ns=now_ns - 4 * day_ns, feature="chat", duration_ns=9 * 10**9),
            make(4, started_ns=now_ns, provider="groq", tokens_source="unknown", **unknown),
            make(5, started_ns=now_ns, outcome="provider_error", error_category="server", org="other"),
            make(6, started_ns=now_ns - 366 * day_ns),
        ],
        [],
    )
    store.close()
    settings = Settings(GatewaySettings(data=tmp_path), {}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)

    def ask(*arguments: str) -> Result:
        return CliRunner().invoke(click.Group(commands={"report": report}), ["report", *arguments], obj=CommandLine())

    return ask


def document(result: Result) -> dict[str, Any]:  # Any: JSON
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)  # Any: JSON
    return found


def test_sums_by_what_is_asked_the_costliest_first(asked: Callable[..., Result]) -> None:
    found = document(asked("--by", "feature", "--format", "json"))
    assert [(group["feature"], group["requests"], group["cost_nanousd"]) for group in found["groups"]] == [
        ("search", 3, 330_000),
        ("chat", 2, 330_000),
    ]
    assert (found["total"]["requests"], found["total"]["cost_nanousd"]) == (5, 660_000)
    assert found["from"] == "usage_hourly"


def test_a_total_says_its_interval_and_where_its_counts_come_from(asked: Callable[..., Result]) -> None:
    total = document(asked("--by", "", "--where", "feature=chat", "--format", "json"))["total"]
    assert (total["cost_low_nanousd"], total["cost_high_nanousd"]) == (315_000, 365_000)
    assert (total["reported"], total["measured"], total["unknown"]) == (0.5, 0.5, 0.0)
    total = document(asked("--by", "", "--format", "json"))["total"]
    assert (total["cost_high_nanousd"], total["cost_unknown"], total["input_tokens_high"]) == (None, 1, None)
    text = asked("--by", "feature").output
    assert "1 of 5 requests have no known cost" in text
    assert "Which ones, and why: `lectr explore`" in text
    assert "+ 1 ?" in text
    assert "0.00032 – 0.00036" in text


def test_latencies_are_those_of_all_times_together(asked: Callable[..., Result]) -> None:
    (chat,) = (
        group for group in document(asked("--by", "feature", "--format", "json"))["groups"] if group["feature"] == "chat"
    )
    assert chat["p50_ms"] == pytest.approx(1500, rel=0.02)
    assert chat["p95_ms"] == pytest.approx(9000, rel=0.02)
    outcomes = document(asked("--by", "outcome", "--format", "json"))
    assert {group["p50_ms"] for group in outcomes["groups"]} == {None}


def test_the_time_decides_which_rollup_answers(asked: Callable[..., Result]) -> None:
    assert document(asked("--by", "", "--since", "1h", "--format", "json"))["from"] == "usage_minutely"
    year = document(asked("--by", "day", "--since", "400d", "--format", "json"))
    assert (year["from"], year["total"]["requests"], len(year["groups"])) == ("usage_daily", 6, 3)
    by_hour = document(asked("--by", "hour", "--since", "400d", "--format", "json"))
    assert by_hour["from"] == "usage_hourly"
    assert "No request began" in asked("--until", "2001-01-01", "--since", "2000-01-01").output
    assert "No such request began in that time; without --where" in asked("--where", "feature=serach").output


def test_csv_has_plain_numbers_and_nothing_where_nothing_is_known(asked: Callable[..., Result]) -> None:
    rows = list(csv.DictReader(io.StringIO(asked("--by", "provider", "--format", "csv").output)))
    assert [row["provider"] for row in rows] == ["openai", "groq"]
    assert (rows[1]["cost_nanousd"], rows[1]["cost_high_nanousd"], rows[1]["cost_unknown"]) == ("0", "", "1")
    dollars = [[row[name] for name in ("cost_usd", "cost_low_usd", "cost_high_usd")] for row in rows]
    assert dollars == [["0.000660000", "0.000645000", "0.000695000"], ["", "0.000000000", ""]]


def test_a_cost_that_nobody_knows_is_never_shown_as_nothing(asked: Callable[..., Result]) -> None:
    only = ("--by", "provider", "--where", "provider=groq")
    assert "0.0000 +" not in asked(*only).output
    assert " 1 ? " in asked(*only).output
    assert document(asked(*only, "--format", "json"))["total"]["cost_usd"] is None


def test_markdown_is_a_table_with_its_total(asked: Callable[..., Result]) -> None:
    lines = asked("--by", "org,provider", "--format", "md").output.splitlines()
    assert lines[0].startswith("| org | provider | requests |")
    assert lines[1].startswith("| --- | --- | ---: |")
    assert lines[5].startswith("| all |  | 5 |")


def test_groups_beyond_the_most_are_added_up(asked: Callable[..., Result]) -> None:
    found = document(asked("--by", "feature,provider", "--most", "1", "--format", "json"))
    assert [group["requests"] for group in found["groups"]] == [2, 3]
    assert "2 others" in asked("--by", "feature,provider", "--most", "1").output


@pytest.mark.parametrize("asks", [("--by", "feature", "--format", "csv"), ("--by", "hour", "--since", "7d")])
def test_no_group_goes_into_the_others_unasked_where_a_program_or_a_calendar_reads(
    asked: Callable[..., Result], asks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lectr_sink_sqlite.asking.report._MOST", 1)
    assert "others" not in asked(*asks).output
    assert "1 others" in asked("--by", "feature").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--by", "colour"), "colour"),
        (("--where", "feature"), "COLUMN=VALUE"),
        (("--where", "day=1"), "COLUMN=VALUE"),
        (("--where", "feature=a", "--where", "feature=b"), "feature cannot be two things at once"),
        (("--since", "soon"), "7d"),
        (("--since", "1d", "--until", "2d"), "after the beginning"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: Callable[..., Result], arguments: tuple[str, ...], said: str) -> None:
    result = asked(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_without_a_database_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(GatewaySettings(data=tmp_path), {}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)
    result = CliRunner().invoke(click.Group(commands={"report": report}), ["report"], obj=CommandLine())
    assert isinstance(result.exception, OperatorError)
    assert f"no database at {tmp_path / 'lectr.db'}; go where `lectr up` runs, or name its data: lectr --data" in str(
        result.exception
    )


def test_a_period_has_whole_stretches_of_its_rollup() -> None:
    week = period(NOW - timedelta(days=7), NOW)
    assert (week.since, week.until, week.grain) == ("2026-02-25T12:00:00Z", "2026-03-04T13:00:00Z", HOUR)
    month = period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    assert (month.since, month.until, month.grain) == ("2026-02-01", "2026-03-01", DAY)
    hour = period(NOW - timedelta(hours=1), NOW, minutes_since="2026-03-01T00:00:00Z")
    assert (hour.since, hour.until, hour.grain) == ("2026-03-04T11:34:00Z", "2026-03-04T12:35:00Z", MINUTE)
    assert period(NOW - timedelta(hours=1), NOW, minutes_since="2026-03-04T12:00:00Z").grain is HOUR


@pytest.mark.parametrize(
    ("since", "until", "asked"),
    [
        # October in Berlin begins in summer and ends in winter; so does the day of 25 hours, and March has one of 23.
        ("2026-10-01T00:00+02:00", "2026-11-01T00:00+01:00", ("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z")),
        ("2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")),
        ("2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")),
        ("2026-02-01T00:00+05:30", "2026-03-01T00:00+05:30", ("2026-01-31T18:30:00Z", "2026-02-28T18:30:00Z")),
        ("2026-02-01", "2026-02-28T23:00", ("2026-02-01T00:00:00Z", "2026-02-28T23:00:00Z")),
        ("2026-01-31", "2026-03-01", ("2026-01-31", "2026-03-01")),
        ("2027-12-31", "2028-03-01", ("2027-12-31", "2028-03-01")),
    ],
)
def test_an_end_that_was_named_is_kept_to(since: str, until: str, asked: tuple[str, str]) -> None:
    found = period(moment(since, NOW), moment(until, NOW), minutes_since="2026-01-01T00:00:00Z")
    assert (found.since, found.until) == asked
    assert len(pieces(found, DAY)) <= 5, "its middle is read from days"


def test_where_minutes_are_gone_an_end_is_that_of_its_hour() -> None:
    since, until = (moment(f"2026-{month}-01T00:00+05:30", NOW) for month in ("02", "03"))
    found = period(since, until, minutes_since="2026-02-20T00:00:00Z")
    assert (found.since, found.until, found.grain) == ("2026-01-31T18:00:00Z", "2026-02-28T19:00:00Z", HOUR)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("1.5d", NOW - timedelta(hours=36)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:00:00+02:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_length_or_a_date(text: str, at: datetime) -> None:
    assert moment(text, NOW) == at


def test_numbers_for_people_hide_nothing() -> None:
    assert [amount(number) for number in (0, 12, 165_000, 45_600_000, 1_234_567_890_000)] == [
        *("0.0000", "0.000000012", "0.00016", "0.0456", "1,234.57"),
    ]
    assert [share(part) for part in (None, 0.0, 0.0002, 0.25, 0.9999, 1.0)] == [
        *("–", "0 %", "<0.1 %", "25 %", ">99.9 %", "100 %"),
    ]
    assert [seconds(ms) for ms in (None, 0.4, 1500.0)] == ["–", "0.0004", "1.5"]


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("where", [{}, {"feature": "search"}, {"provider": "a", "model": "b"}])
def test_a_question_reads_only_its_time_of_the_rollup(tmp_path: Path, grain: Grain, where: dict[str, str]) -> None:
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: 0)
    store.open()
    plans: list[str] = []

    class Explaining:
        """Answers with nothing, and notes how SQLite would have gone about it."""

        def execute(self, sql: str, values: tuple[str, ...]) -> list[object]:
            plan = store._live.execute(f"EXPLAIN QUERY PLAN {sql}", values)
            plans.append(" ".join(step[3] for step in plan))
            return []

    explaining: Any = Explaining()  # Any: a connection, as far as it is used
    asked = Period("2026-01-01T00:00:00Z", "2026-02-01T01:01:00Z", grain)
    ask(explaining, asked, [grain.at], where)
    assert len(plans) == 2
    for table, plan in zip((grain.usage, grain.latency), plans, strict=True):
        assert f"SEARCH {table} USING PRIMARY KEY ({grain.at}>? AND {grain.at}<?)" in plan
    ask(explaining, asked, ["feature"], where)
    for coarser in GRAINS[GRAINS.index(grain) :]:
        assert f"SEARCH {coarser.usage} USING PRIMARY KEY ({coarser.at}>? AND {coarser.at}<?)" in plans[2]


MINUTES = st.integers(0, 60 * 24 * 40).map(lambda count: datetime(2026, 1, 20, tzinfo=UTC) + timedelta(minutes=count))


@given(st.tuples(MINUTES, MINUTES), st.sampled_from(GRAINS), st.sampled_from(GRAINS))
def test_a_time_in_pieces_is_the_whole_time_once(
    ends: tuple[datetime, datetime], finest: Grain, coarsest_grain: Grain
) -> None:
    since, until = sorted(ends)
    if since == until:
        until += timedelta(minutes=1)
    asked = period(since, until, finest, "2000")
    found = pieces(asked, coarsest_grain)
    moments = [(moment(piece.since, NOW), moment(piece.until, NOW)) for piece in found]
    assert (moments[0][0], moments[-1][1]) == (moment(asked.since, NOW), moment(asked.until, NOW))
    assert all(begin < end for begin, end in moments)
    assert all(one[1] == following[0] for one, following in itertools.pairwise(moments))
    allowed = max(GRAINS.index(asked.grain), GRAINS.index(coarsest_grain))
    assert all(GRAINS.index(asked.grain) <= GRAINS.index(piece.grain) <= allowed for piece in found)


def test_in_pieces_the_sums_are_the_same(tmp_path: Path, make: Make) -> None:
    """Whichever rollups answer: minutes, or hours and days with minutes at the ends."""
    store = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: 0)
    store.open()
    begin_ns = 1_760_000_000 * 10**9
    store.write([make(seq, started_ns=begin_ns + seq * 3_700 * 10**9, feature=f"f{seq % 3}") for seq in range(1, 200)], [])
    asked = Period("2025-10-09T13:07:00Z", "2025-10-15T02:41:00Z", MINUTE)
    coarse, fine = ask(store._live, asked, ["feature"], {}), ask(store._live, asked, ["minute", "feature"], {})
    assert len(pieces(asked, coarsest(["feature"]))) == 5
    assert attrs.evolve(coarse.total, key=()) == attrs.evolve(fine.total, key=())
    assert sum(line.requests for line in coarse.lines) == coarse.total.requests == 130
    store.close()
