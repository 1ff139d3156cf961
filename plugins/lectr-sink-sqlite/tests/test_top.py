"""`lectr top`: what goes on now, in numbers that add up; keys that sort and drill; one look where there is no terminal."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner
from lectr_sink_sqlite import histogram
from lectr_sink_sqlite.asking.board import SORTS, WINDOWS, Board, draw, ordered
from lectr_sink_sqlite.asking.now import IN_FLIGHT_OLD, Moment, look
from lectr_sink_sqlite.asking.top import CHROME, _keys, split, top
from lectr_sink_sqlite.store import Store
from rich.console import Console

from lectr_core import CommandLine, GatewaySettings, Reading, Record, Settings

Make = Callable[..., Record]
NOW = datetime(2026, 3, 4, 12, 34, 40, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * 10**9
S_NS = 10**9


def exactly(nanousd: int) -> dict[str, int]:
    return dict.fromkeys(("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd"), nanousd)


@pytest.fixture
def store(tmp_path: Path, make: Make) -> Iterator[Store]:
    made = Store(path=tmp_path / "lectr.db", busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=lambda: NOW_NS)
    made.open()
    unknown = dict.fromkeys(("cost_nanousd", "cost_low_nanousd", "cost_high_nanousd"))
    made.write(
        [
            *(make(seq, started_ns=NOW_NS - seq * S_NS, **exactly(10**9)) for seq in range(1, 31)),
            make(
                40, started_ns=NOW_NS - 90 * S_NS, feature="chat", provider="groq", duration_ns=9 * S_NS, **exactly(10**11)
            ),
            make(41, started_ns=NOW_NS, feature="chat", outcome="provider_error", error_category="server", **unknown),
            make(42, started_ns=NOW_NS - 7200 * S_NS, feature="old"),
        ],
        [],
    )
    flying = [make(50 + each, started_ns=NOW_NS - S_NS, feature="slow").ended.begun for each in range(3)]
    made.show_in_flight([*flying, make(60, started_ns=NOW_NS).ended.begun])
    yield made
    made.close()


def moment(store: Store, by: str = "feature", minutes: int = 5, now: datetime = NOW, **where: str) -> Moment:
    with closing(sqlite3.connect(store.path)) as connection:
        histogram.register(connection)
        return look(connection, now, minutes, by, where)


def test_rates_and_costs_are_of_the_time_that_was_looked_at(store: Store) -> None:
    seen = moment(store)
    assert seen.seconds == 340  # from the beginning of a minute
    paces = {pace.name: pace for pace in seen.paces}
    assert set(paces) == {"search", "chat", "slow"}
    assert paces["search"].per_s == pytest.approx(30 / 340)
    assert paces["search"].usd_per_hour == pytest.approx(30 / 340 * 3600)
    assert (paces["chat"].failed, paces["chat"].line.cost_unknown) == (0.5, 1)
    assert seen.total.line.requests == 32
    assert moment(store, minutes=60).total.line.requests == 32


def test_what_is_in_flight_is_there_before_it_is_over(store: Store) -> None:
    paces = {pace.name: pace.in_flight for pace in moment(store).paces}
    assert paces == {"search": 1, "chat": 0, "slow": 3}
    assert moment(store).total.in_flight == 4
    assert moment(store, feature="slow").total.in_flight == 3
    assert moment(store, by="error_category").total.in_flight is None
    late = moment(store, now=NOW + IN_FLIGHT_OLD + timedelta(seconds=2))
    assert late.total.in_flight == 0, "no gateway tells any more"


def test_a_model_stands_in_one_line_whether_its_requests_are_over_or_not(store: Store, make: Make) -> None:
    """What is in flight is known by the name that was sent, what is over by the one that answered."""
    (over,) = {pace.name for pace in moment(store, by="model").paces if pace.line.requests}
    sent = make(70, started_ns=NOW_NS).ended.begun
    assert sent.model_sent != over
    lines = {pace.name: pace.in_flight for pace in moment(store, by="model").paces}
    assert lines == {over: 4}
    assert moment(store, by="feature", model=over).total.in_flight == 4, "and so it is drilled into"
    assert moment(store, by="feature", model=str(sent.model_sent)).total.in_flight == 0
    elsewhere = attrs.evolve(sent, id="x1", provider="azure")
    unheard = attrs.evolve(sent, id="x2", model_sent="new-1")
    store.show_in_flight([sent, elsewhere, unheard])
    lines = {pace.name: pace.in_flight for pace in moment(store, by="model").paces}
    assert lines == {over: 1, sent.model_sent: 1, "new-1": 1}, "of another provider, or never answered: its own"


def test_of_several_names_that_answered_the_newest_holds(store: Store, make: Make) -> None:
    newer = make(80, started_ns=NOW_NS - S_NS)
    newer = attrs.evolve(newer, ended=attrs.evolve(newer.ended, reading=Reading("reported", model="gpt-4o-mini-2027")))
    store.write([newer], [])
    flying = {pace.name: pace.in_flight for pace in moment(store, by="model").paces if pace.in_flight}
    assert flying == {"gpt-4o-mini-2027": 4}


def test_a_cost_that_is_not_nothing_does_not_look_like_it(store: Store, make: Make) -> None:
    """An hour at this pace costs 0.000012 USD: of a thousandth of a cent in five minutes, four places would say 0."""
    store.write([make(90, started_ns=NOW_NS - S_NS, feature="tiny", **exactly(1_020))], [])
    (tiny,) = (pace for pace in moment(store).paces if pace.name == "tiny")
    assert 0 < tiny.usd_per_hour < 0.00005
    console = Console(width=160, highlight=False)
    with console.capture() as captured:
        console.print(draw(Board(), moment(store), 20, is_live=False, width=160))
    (line,) = (text for text in captured.get().splitlines() if "tiny" in text)
    assert "0.0000 " not in line
    assert f"{tiny.usd_per_hour:.6f}" in line


def test_every_sort_puts_the_greatest_first(store: Store) -> None:
    first = {sort: ordered(Board(sort=sort), moment(store))[0].name for sort in SORTS}
    assert first == {"cost": "chat", "rate": "search", "p95": "chat", "failed": "chat", "in flight": "slow"}


def test_keys_choose_sort_and_drill(store: Store) -> None:
    board = Board()
    shown = ordered(board, moment(store))
    assert [board.press(key, shown).by for key in "mpoe"] == ["model", "provider", "org", "error_category"]
    assert board.press("s", shown).sort == "rate"
    down = board.press("down", shown).press("down", shown).press("down", shown)
    assert (down.at, down.press("up", shown).at) == (2, 1)
    inside = board.press("enter", shown)
    assert (inside.where, inside.by) == ((("feature", "chat"),), "model")
    assert inside.press("f", shown).by == "model", "the column drilled into is one value"
    assert inside.press("backspace", shown) == board
    assert board.press("+", shown).press("+", shown).press("+", shown).minutes == WINDOWS[-1]
    assert board.press("-", shown).press("-", shown).minutes == WINDOWS[0]
    assert board.press("q", shown).is_over
    assert board.press("ctrl-c", shown).is_over
    assert board.press("?", shown) == board
    assert board.press("enter", []) == board


def test_drilling_ends_where_nothing_is_left_to_tell_apart(store: Store) -> None:
    board = Board()
    for _ in range(9):
        board = board.press("enter", moment(store).paces)
    assert len(board.where) == 4
    assert board.by not in dict(board.where)


def drawn(board: Board, seen: Moment, most: int = 10, *, is_live: bool = True, width: int = 140) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(draw(board, seen, most, is_live=is_live, width=width))
    return captured.get()


@pytest.mark.parametrize("width", [72, 80, 82, 94, 104, 160])
def test_names_can_be_read_on_any_screen_and_it_fits(store: Store, width: int) -> None:
    seen = moment(store)
    paces = [attrs.evolve(seen.paces[0], name=f"a-model-of-2026-{each:02d}") for each in range(40)]
    text = drawn(Board(), attrs.evolve(seen, paces=paces), most=24 - CHROME, width=width)
    assert "a-model-of-2026-00" in text
    assert len(text.splitlines()) <= 24, "the last line, with the keys, must not leave a screen of 24"
    assert all(len(line) <= width for line in text.splitlines())
    assert ("first s" in text) is (width >= 104)


def test_the_screen_says_how_sure_it_is(store: Store) -> None:
    text = drawn(Board(), moment(store))
    # 130 USD in 340 s; one request's cost is not known, so that this is the least.
    assert "1,376.47 USD/h or more · counts 100 % reported, 0 % measured, 0 % unknown" in text
    known = drawn(Board(), moment(store, feature="search"))
    assert "317.65 USD/h exactly · counts 100 % reported" in known
    wide = moment(store, feature="search")
    between = attrs.evolve(wide.total, usd_per_hour_low=0.5, usd_per_hour_high=2.0)
    assert "0.5000 to 2.00 USD/h ·" in drawn(Board(), attrs.evolve(wide, total=between))
    assert "USD/h ▼" in text
    assert "q quit" in text
    assert "q quit" not in drawn(Board(), moment(store), is_live=False)


def test_the_chosen_line_stays_on_a_small_screen(store: Store) -> None:
    seen = moment(store)
    last = ordered(Board(), seen)[-1].name
    assert last not in drawn(Board(), seen, most=1)
    assert last in drawn(Board(at=2), seen, most=1)


def test_what_comes_from_outside_cannot_write_on_the_screen(store: Store) -> None:
    seen = moment(store)
    evil = attrs.evolve(seen.paces[0], name="\x1b[2J[bold]x")
    text = drawn(Board(), attrs.evolve(seen, paces=[evil]))
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q", ["q"]),
        ("\x1b[A\x1b[Bs", ["up", "down", "s"]),
        ("\r\x7f", ["enter", "backspace"]),
        ("\x1b", ["escape"]),
        ("", []),
    ],
)
def test_keys_are_told_apart(typed: str, keys: list[str]) -> None:
    assert split(typed) == keys


@pytest.fixture
def line(store: Store, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    settings = Settings(GatewaySettings(data=store.path.parent), {}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)
    return CommandLine()


def test_it_ends_with_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, its = os.openpty()
    with open(its, "r+b", buffering=0) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        with _keys() as keys:
            os.write(ours, b"s")
            assert next(keys) == ["s"]
            os.close(ours)
            assert next(keys, None) is None


def test_without_a_terminal_it_looks_once(line: CommandLine) -> None:
    result = CliRunner().invoke(click.Group(commands={"top": top}), ["top", "--minutes", "60"], obj=line)
    assert result.exit_code == 0, result.output
    assert "by feature · the last 60 min" in result.output


def test_json_has_every_number_under_its_name(line: CommandLine) -> None:
    result = CliRunner().invoke(click.Group(commands={"top": top}), ["top", "--json", "--by", "provider"], obj=line)
    document = json.loads(result.output)
    assert (document["by"], document["where"]) == ("provider", {})
    assert document["total"].keys() >= {"in_flight", "per_s", "usd_per_hour", "failed", "p95_ms", "cost_high_nanousd"}
