"""How commands show things: a table for people, JSON for scripts, a mark for good and bad. Called by commands.

rich is imported when a table is really drawn: it costs more than most commands do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "fail": ("✗", "red"), "skip": ("-", "bright_black")}
# Piped output is read by programs and people with wide windows; rich would else assume 80 columns and fold.
PIPED_WIDTH = 220
# As many columns of the screen a word gets at least, before lines are broken; a longer one goes on in the next line.
LEAST_WORD = 12


def show_json(value: Any) -> None:  # Any: whatever JSON can hold
    """One document of JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """A table on standard output; columns in *right* are aligned as numbers, and never cut: where the screen has no room for
    them it breaks the lines."""
    import shutil

    from rich import box
    from rich.console import Console
    from rich.table import Table

    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    screen = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPED_WIDTH
    needs = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    is_tight = sum(needs) + 3 * len(columns) > screen
    least = [need if name in right else min(need, LEAST_WORD) for name, need in zip(columns, needs, strict=True)]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0) if is_tight else (0, 1), header_style="bold")
    for column in columns:
        number = column in right
        table.add_column(column, justify="right" if number else "left", no_wrap=number, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console = Console(highlight=False, markup=False, width=max(screen, sum(least) + 2 * len(columns)))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def mark(level: str) -> str:
    """A coloured sign for `ok`, `warn`, `fail`, `skip`."""
    sign, colour = MARKS[level]
    return click.style(sign, fg=colour, bold=True)
