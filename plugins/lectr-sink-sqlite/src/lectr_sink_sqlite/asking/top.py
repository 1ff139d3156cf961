"""The command `lectr top`: what goes on now, on a screen that follows keys; once, where there is no terminal."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from lectr_core import CommandLine
from lectr_sink_sqlite.asking.amounts import currency_option

if TYPE_CHECKING:
    from rich.console import Console

    from lectr_sink_sqlite.asking.board import Board

BY = ("feature", "model", "provider", "org", "error_category")
# What is over is stored within a fifth of a second, and is to be seen within one: a look costs some milliseconds.
_EVERY_S: Final = 0.5
CHROME: Final = 9
"""Lines of the screen that are not groups: heads, sums, help."""
_KEYS: Final = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1b": "escape",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "ctrl-c",
}


@click.command(
    short_help="What goes on now, live.",
    epilog="""\b
Examples:
  lectr top
  lectr top --by model --where feature=search
  lectr top --once                      one look, for a log or a script
  lectr top --json | jq '.groups[] | select(.failed > 0.05)'
\b
Keys: f m p o e tell apart by feature, model, provider, org, error category; s sorts; arrows and Enter drill,
Backspace goes back; + and - change the time; q ends.""",
)
@click.option("--by", type=click.Choice(BY), default="feature", show_default=True, help="What to tell apart.")
@click.option("--minutes", type=click.Choice(["1", "5", "15", "60"]), default="5", show_default=True, help="How far back.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help=f"Only these, by {', '.join(BY)}; several: all must hold."
)
@click.option("--once", is_flag=True, help="Look once and end; so it is too where the output is no terminal.")
@currency_option
@click.option("--json", "as_json", is_flag=True, help="Look once and print JSON.")
@click.pass_obj
def top(
    line: CommandLine, by: str, minutes: str, where: tuple[str, ...], once: bool, currency: str | None, as_json: bool
) -> None:
    """Requests in flight, rate, cost an hour, latencies and failures of the last minutes, by feature, model or provider."""
    from datetime import UTC, datetime

    from rich.console import Console

    from lectr_core import NANO, MoneySettings
    from lectr_sink_sqlite.asking.amounts import currency_of
    from lectr_sink_sqlite.asking.board import Board
    from lectr_sink_sqlite.asking.database import opened, where_of
    from lectr_sink_sqlite.asking.fixed import fixed_per_hour

    settings = line.settings()
    board = Board(
        by=by,
        minutes=int(minutes),
        where=tuple(where_of(where, BY).items()),
        currency=currency_of(settings, currency),
        fixed_per_hour=fixed_per_hour(settings.section("money", MoneySettings), datetime.now(UTC)) / NANO,
    )
    with opened(line) as connection:
        if as_json:
            click.echo(_document(connection, board))
        elif once or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _once(connection, board, Console(highlight=False, width=None if sys.stdout.isatty() else 160))
        else:
            _live(connection, board, Console(highlight=False))


def _once(connection: sqlite3.Connection, board: Board, console: Console) -> None:
    from datetime import UTC, datetime

    from lectr_sink_sqlite.asking.board import draw
    from lectr_sink_sqlite.asking.now import look

    moment = look(connection, datetime.now(UTC), board.minutes, board.by, dict(board.where))
    with console.capture() as captured:
        console.print(draw(board, moment, len(moment.paces), is_live=False, width=console.width))
    for text in captured.get().splitlines():
        click.echo(text.rstrip())


def _document(connection: sqlite3.Connection, board: Board) -> str:
    import json
    from datetime import UTC, datetime

    import attrs

    from lectr_sink_sqlite.asking.board import ordered
    from lectr_sink_sqlite.asking.now import Pace, look

    def said(pace: Pace) -> dict[str, object]:
        numbers = attrs.asdict(pace.line, filter=lambda field, _: field.name != "key")
        own = {
            "in_flight": pace.in_flight,
            "per_s": pace.per_s,
            "usd_per_hour": pace.usd_per_hour,
            "usd_per_hour_low": pace.usd_per_hour_low,
            "usd_per_hour_high": pace.usd_per_hour_high,
            "failed": pace.failed,
        }
        return {board.by: pace.name} | own | numbers

    moment = look(connection, datetime.now(UTC), board.minutes, board.by, dict(board.where))
    total = {name: value for name, value in said(moment.total).items() if name != board.by}
    groups = [said(pace) for pace in ordered(board, moment)]
    document = {"as_of": moment.as_of, "seconds": moment.seconds, "by": board.by, "where": dict(board.where)}
    document["fixed_usd_per_hour"] = board.fixed_per_hour
    return json.dumps(document | {"groups": groups, "total": total}, indent=2, ensure_ascii=False)


def _live(connection: sqlite3.Connection, board: Board, console: Console) -> None:
    """Draw twice a second, and at once after a key, until `q` or Ctrl-C."""
    from datetime import UTC, datetime

    from rich.live import Live

    from lectr_sink_sqlite.asking.board import draw, ordered
    from lectr_sink_sqlite.asking.now import look

    with _keys() as keys, Live(console=console, auto_refresh=False, screen=True) as live:
        while not board.is_over:
            moment = look(connection, datetime.now(UTC), board.minutes, board.by, dict(board.where))
            most = max(1, console.height - CHROME)
            live.update(draw(board, moment, most, is_live=True, width=console.width), refresh=True)
            for key in next(keys, ["q"]):  # the terminal is gone: nobody looks any more
                board = board.press(key, ordered(board, moment))


@contextmanager
def _keys() -> Iterator[Iterator[list[str]]]:
    """Keys as they are pressed, without Enter, until the terminal ends; a step waits half a second at most. The terminal is
    as before afterwards.
    """
    import contextlib
    import os
    import select
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> Iterator[list[str]]:
        while True:
            ready, _, _ = select.select([descriptor], [], [], _EVERY_S)
            if not ready:
                yield []
                continue
            try:
                typed = os.read(descriptor, 64)
            except OSError:
                return
            if not typed:
                return
            yield split(typed.decode(errors="replace"))

    tty.setcbreak(descriptor)
    try:
        yield pressed()
    except KeyboardInterrupt:
        return
    finally:
        with contextlib.suppress(termios.error):  # it is gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def split(typed: str) -> list[str]:
    """What a terminal sent, as names of keys."""
    keys = []
    while typed:
        code = next((code for code in sorted(_KEYS, key=len, reverse=True) if typed.startswith(code)), typed[0])
        keys.append(_KEYS.get(code, code))
        typed = typed[len(code) :]
    return keys
