"""The two ways the demonstration runs: a fixed number of requests, or traffic until Ctrl-C with live numbers.

Each makes the function that `run_up` calls once the gateway accepts connections. Called by the command.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import trio
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from lectr_core import Running
from lectr_provider_echo.demo import summary
from lectr_provider_echo.demo.sending import Tally, send_all, send_for_ever, until_up
from lectr_provider_echo.demo.stage import Stage
from lectr_provider_echo.demo.traffic import samples

Ready = Callable[[Running], Awaitable[int | None]]
DATABASE: Final = "lectr.db"
_REFRESH_S: Final = 1.0
# Title, head, rules, the lines that count what is left out, the sum, and five lines of words: what is higher than the screen
# cannot be drawn anew in its place.
_AROUND: Final = 14


def once(stage: Stage, console: Console, many: int, at_once: int, seed: int) -> Ready:
    """Send exactly *many* requests, *at_once* at a time, then end."""

    async def ready(running: Running) -> int | None:
        if not await until_up(stage.stand_in.url()):
            console.print("the stand-in did not come up", style="red")
            return 1
        began_s = time.monotonic()
        tally = await send_all(running.base_url, running.key, samples(Random(seed), stage.families), many, at_once)
        console.print(f"sent {tally.sent} requests in {time.monotonic() - began_s:.1f} s: {_words(tally)}")
        return 1 if tally.unsent else 0

    return ready


def on_and_on(stage: Stage, console: Console, per_s: float, seed: int) -> Ready:
    """Send *per_s* requests a second until stopped, and show what is stored."""

    async def ready(running: Running) -> int | None:
        if not await until_up(stage.stand_in.url()):
            console.print("the stand-in did not come up", style="red")
            return 1
        console.print(_welcome(running), soft_wrap=True)
        tally, chance = Tally(), Random(seed)
        async with trio.open_nursery() as nursery:
            requests = samples(chance, stage.families)
            nursery.start_soon(send_for_ever, running.base_url, running.key, requests, per_s, chance, tally)
            nursery.start_soon(_show, running, console, tally)
        return None

    return ready


async def _show(running: Running, console: Console, tally: Tally) -> None:
    """Draw the numbers anew every second; where the output is no terminal, a line every ten."""
    database = running.settings.gateway.data / DATABASE
    if not console.is_terminal:
        while True:
            await trio.sleep(10 * _REFRESH_S)
            stored = await trio.to_thread.run_sync(summary.read, database)
            console.print(f"sent {tally.sent}, stored {stored.total.requests}: {_words(tally)}")
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            stored = await trio.to_thread.run_sync(summary.read, database)
            line = Text(f"sent {tally.sent}, stored {stored.total.requests}: {_words(tally)}. Ctrl-C stops.")
            most = groups_that_fit(console.height)
            live.update(Group(summary.table(stored, "stored so far", console.width, most), line), refresh=True)
            await trio.sleep(_REFRESH_S)


def groups_that_fit(height: int) -> int:
    """How many features, and how many models, a screen of *height* lines has room for."""
    return max(2, (height - _AROUND) // 2)


def _words(tally: Tally) -> str:
    parts = [
        (tally.answered, "answered"),
        (tally.refused, "refused"),
        (tally.broken, "broken off"),
        (tally.left, "left early"),
    ]
    if tally.unsent:
        parts.append((tally.unsent, "could not reach the gateway"))
    return ", ".join(f"{many} {word}" for many, word in parts)


def _called() -> str:
    """How this person calls Lectr: by its name, or by a path where the name alone would not be found."""
    return "lectr" if shutil.which("lectr") else shlex.quote(sys.argv[0])


def _welcome(running: Running) -> str:
    explorer = running.urls.get("explorer")
    lines = [
        "",
        f"[bold]Lectr runs[/bold] at {escape(running.base_url)} and sees the sample traffic of an imagined company.",
        f"  key       {escape(running.key)} [dim](for this run only)[/dim]",
    ]
    if explorer:
        lines.append(f"  explorer  [bold]{escape(explorer)}[/bold]")
    command = escape(f"{_called()} --data {shlex.quote(str(running.settings.gateway.data.absolute()))}")
    lines += [
        "",
        "Look on from another terminal, with `report` and `verify` too:",
        f"  {command} tail",
        f"  {command} top",
        "",
        "Send a request of your own; the stand-in answers:",
        f"  curl {escape(running.base_url)}/v1/chat/completions -H 'Authorization: Bearer {escape(running.key)}' \\",
        "    -H 'Content-Type: application/json' -H 'X-Lectr-Feature: mine' \\",
        """    -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hello"}]}'""",
        "",
    ]
    return "\n".join(lines)
