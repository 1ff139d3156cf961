"""What `lectr top` shows and how keys change it: a value for the state, a table for the screen. Pure. Called by `top.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import attrs
from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from lectr_core import Currency
from lectr_sink_sqlite.asking.amounts import USD, written
from lectr_sink_sqlite.asking.now import Moment, Pace
from lectr_sink_sqlite.asking.shown import seconds, share

BY: Final = {"f": "feature", "m": "model", "p": "provider", "o": "org", "e": "error_category"}
"""Keys, and what they tell apart."""
WINDOWS: Final = (1, 5, 15, 60)
"""Minutes that can be looked at."""
SORTS: Final[dict[str, Callable[[Pace], float]]] = {
    "cost": lambda pace: pace.usd_per_hour,
    "rate": lambda pace: pace.per_s,
    "p95": lambda pace: pace.line.p95_ms or 0.0,
    "failed": lambda pace: pace.failed,
    "in flight": lambda pace: float(pace.in_flight or 0),
}
_NEXT: Final = {"feature": "model", "org": "feature", "provider": "model", "model": "feature", "error_category": "provider"}
_WIDE: Final = 160
_NEEDS: Final = {"first s": 104, "cost known": 94, "p50 s": 82}
"""How wide a screen must be for these."""
_HELP: Final = "f m p o e by · s sort · ↑ ↓ Enter drill · Backspace back · + - time · q quit"


@attrs.frozen(kw_only=True)
class Board:
    """What is looked at, and where the eye is."""

    by: str = "feature"
    sort: str = "cost"
    minutes: int = 5
    where: tuple[tuple[str, str], ...] = ()
    """What was drilled into, in order: (column, value)."""
    at: int = 0
    """Which line is chosen, from the top."""
    is_over: bool = False
    currency: Currency = USD
    """What amounts are shown in."""
    fixed_per_hour: float = 0.0
    """USD an hour for capacity that is paid for whatever is used of it: beside the requests' cost, not in it."""

    def press(self, key: str, shown: Sequence[Pace]) -> Board:
        """The board after a key; *shown* are the lines as they are on the screen. Unknown keys change nothing."""
        match key:
            case "q" | "ctrl-c":
                return attrs.evolve(self, is_over=True)
            case "s":
                names = list(SORTS)
                return attrs.evolve(self, sort=names[(names.index(self.sort) + 1) % len(names)], at=0)
            case "up" | "k":
                return attrs.evolve(self, at=max(0, self.at - 1))
            case "down" | "j":
                return attrs.evolve(self, at=max(0, min(self.at + 1, len(shown) - 1)))
            case "enter" | "right" if self.at < len(shown):
                return self._drilled(shown[self.at].name)
            case "backspace" | "left" | "escape" if self.where:
                return attrs.evolve(self, by=self.where[-1][0], where=self.where[:-1], at=0)
            case "+" | "-":
                place = WINDOWS.index(self.minutes) + (1 if key == "+" else -1)
                return attrs.evolve(self, minutes=WINDOWS[max(0, min(place, len(WINDOWS) - 1))])
            case _ if key in BY and BY[key] not in dict(self.where):
                return attrs.evolve(self, by=BY[key], at=0)
            case _:
                return self

    def _drilled(self, name: str) -> Board:
        where = (*self.where, (self.by, name))
        known = dict(where)
        left = [_NEXT[self.by], *BY.values()]
        by = next((column for column in left if column not in known), None)
        return self if by is None else attrs.evolve(self, where=where, by=by, at=0)


def ordered(board: Board, moment: Moment) -> list[Pace]:
    """The lines as they stand on the screen: the greatest first, equal ones by name."""
    measure = SORTS[board.sort]
    return sorted(moment.paces, key=lambda pace: (-measure(pace), -pace.line.requests, pace.name))


def draw(board: Board, moment: Moment, most: int, *, is_live: bool, width: int = _WIDE) -> Group:
    """The screen. *most*: lines that fit; *width*: columns of the screen. On a narrow one the less telling numbers go, so
    that names stay readable."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", expand=is_live)
    left_out = {head for head, least in _NEEDS.items() if width < least}
    table.add_column(board.by, overflow="ellipsis", no_wrap=True, ratio=1 if is_live else None)
    per_hour = f"{board.currency.code}/h"
    heads = {"in flight": "in flight", "req/s": "rate", per_hour: "cost", "p50 s": "", "p95 s": "p95", "first s": ""}
    for head, sort in {**heads, "failed": "failed", "cost known": ""}.items():
        if head not in left_out:
            table.add_column(f"{head} ▼" if sort == board.sort else head, justify="right", no_wrap=True)
    paces = ordered(board, moment)
    first = max(0, min(board.at - most + 1, len(paces) - most))
    for place, pace in enumerate(paces[first : first + most], first):
        chosen = is_live and place == board.at
        table.add_row(
            *_cells(pace, left_out, board.currency), style="reverse" if chosen else "red" if pace.failed >= 0.2 else ""
        )
    table.add_section()
    table.add_row(*_cells(moment.total, left_out, board.currency), style="bold")
    path = "".join(f"{' ›' if place else ' ·'} {name}={value or '–'}" for place, (name, value) in enumerate(board.where))
    line = moment.total.line
    counts = f"counts {share(line.reported)} reported, {share(line.measured)} measured, {share(line.unknown)} unknown"
    known = f"{_interval(moment.total, board.currency)} · {counts}" if line.requests else counts
    if board.fixed_per_hour and not board.where:
        known = f"fixed {_amount(board.fixed_per_hour, board.currency)} {per_hour} beside it · {known}"
    # What is looked at stands first: of a long way there, a narrow screen leaves out the end.
    first_text = f"by {board.by} · the last {board.minutes} min · as of {moment.as_of[11:19]} UTC{path}"
    first_line = Text(first_text, style="bold", no_wrap=True, overflow="ellipsis")
    last_lines = [known, _HELP] if is_live else [known]
    # One line each, whatever the width: the screen is as high as it is.
    lines = [Text(text, style="dim", no_wrap=True, overflow="ellipsis") for text in last_lines]
    return Group(first_line, table, *lines)


def _interval(pace: Pace, currency: Currency) -> str:
    """Between what the cost lies, whatever is not known of it."""
    low, code = _amount(pace.usd_per_hour_low, currency), currency.code
    if pace.usd_per_hour_high is None:
        return f"{low} {code}/h or more"
    high = _amount(pace.usd_per_hour_high, currency)
    return f"{low} {code}/h exactly" if low == high else f"{low} to {high} {code}/h"


def _amount(usd: float, currency: Currency) -> str:
    amount = usd / float(currency.usd)
    return f"{amount:,.2f}" if amount >= 1 else written(amount)


def _cells(pace: Pace, left_out: Collection[str], currency: Currency) -> list[str]:
    line = pace.line
    known = None if not line.requests else 1 - line.cost_unknown / line.requests
    return [
        "".join(sign if sign.isprintable() else "?" for sign in pace.name) or "–",
        "–" if pace.in_flight is None else f"{pace.in_flight:,}",
        f"{pace.per_s:,.2f}" if pace.per_s < 100 else f"{pace.per_s:,.0f}",
        "?" if known == 0 else _amount(pace.usd_per_hour, currency),
        *(() if "p50 s" in left_out else (seconds(line.p50_ms),)),
        seconds(line.p95_ms),
        *(() if "first s" in left_out else (seconds(line.ttft_p50_ms),)),
        share(pace.failed),
        *(() if "cost known" in left_out else (share(known),)),
    ]
