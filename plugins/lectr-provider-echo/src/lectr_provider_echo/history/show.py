"""Filling a data directory with a history, for a person who waits: which sinks and prices, a bar, a last line.

Called by the command `lectr demo`. What is written is `fill.py`'s business.
"""

from __future__ import annotations

import re
import time
from typing import Final

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lectr_core import Accountant, CommandLine, OperatorError
from lectr_provider_echo.history.calendar import DAY_NS
from lectr_provider_echo.history.fill import History, fill

A_DAY: Final = 2_000
"""Requests a day where nobody says how many in all."""
_UNITS: Final = {"h": 1 / 24, "d": 1.0, "w": 7.0}
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)([hdw])")
_MINUTE_NS: Final = 60 * 10**9
_TENTHS: Final = 10


def days_of(length: str) -> float:
    """`30d`, `12h`, `8w` in days. Errors: ValueError where it is none of these."""
    found = _LENGTH.fullmatch(length.strip().lower())
    if found is None or not float(found[1]):
        raise ValueError(f"expected a length like 30d, 12h or 8w, got {length!r}")
    return float(found[1]) * _UNITS[found[2]]


def tell(console: Console, line: CommandLine, days: float, requests: int | None, seed: int) -> int:
    """Write a history that ends a minute ago, and say so as it goes. Returns how many requests it has.

    Errors: OperatorError where no store is installed, or it has this history already.
    """
    settings = line.settings()
    sinks = [sink for _, sink in line.plugins().sinks(settings)]
    books = [book for _, book in line.plugins().price_books(settings)]
    if not sinks:
        raise OperatorError("a history needs a store; run: lectr install sink-sqlite")
    until_ns = time.time_ns() - _MINUTE_NS
    history = History(days=days, requests=requests or max(1, int(days * A_DAY)), seed=seed, until_ns=until_ns)
    began_s = time.monotonic()
    accountant = Accountant(books, learns=True)
    with _Bar(console, history.requests) as bar:
        stored = trio.run(fill, history, sinks, accountant, bar.show)
    # So that the gateway knows tomorrow what this past taught of tokens.
    accountant.keep(settings.gateway.data)
    took_s = time.monotonic() - began_s
    first = time.strftime("%Y-%m-%d %H:%M", time.gmtime((until_ns - int(days * DAY_NS)) / 10**9))
    console.print(f"stored {stored:,} requests since {first} UTC in {took_s:.1f} s, {stored / took_s:,.0f} a second")
    return stored


class _Bar:
    """A bar on a terminal, a line for every tenth elsewhere."""

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total, self._tenth = console, total, 0
        columns = (TextColumn("writing a history"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> _Bar:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def show(self, stored: int) -> None:
        """So many are stored."""
        self._progress.update(self._task, completed=stored)
        tenth = stored * _TENTHS // self._total
        if not self._console.is_terminal and tenth > self._tenth:
            self._tenth = tenth
            self._console.print(f"{stored:,} of {self._total:,} requests written")
