"""An answer as text: a table for people, CSV, JSON and Markdown for what comes after. Pure but for the width of the screen.

Every total stands with its interval and with the shares of requests whose counts are reported, measured and unknown. Called
by the command `lectr report`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import attrs

from lectr_core import NANO
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.sums import REST, Answer, Line

NUMBERS: Final = tuple(field.name for field in attrs.fields(Line) if field.name != "key")
DOLLARS: Final = ("cost_usd", "cost_low_usd", "cost_high_usd")
"""What CSV and JSON have beside the nano-dollars, for a spreadsheet; nothing where nothing is known."""
_HEADS: Final = (
    *("requests", "failed", "tokens in", "cached", "tokens out", "cost USD", "from – to USD"),
    *("reported", "measured", "unknown", "p50 s", "p95 s", "first p50 s"),
)


def usd(nanousd: int) -> str:
    """Dollars with as many places as say something."""
    amount = nanousd / NANO
    return (
        f"{amount:,.2f}"
        if abs(amount) >= 100
        else f"{amount:,.4f}"
        if abs(amount) >= 0.01 or not amount
        else format(Decimal(f"{amount:.2g}"), "f")
    )


def cost(line: Line) -> str:
    """What is known of the cost, and of how many requests it is not; where nothing is known, no amount, not even 0."""
    if not line.cost_unknown:
        return usd(line.cost_nanousd)
    missing = f"{line.cost_unknown:,} ?"
    return missing if line.cost_unknown == line.requests else f"{usd(line.cost_nanousd)} + {missing}"


def between(line: Line) -> str:
    """The cost's interval; an open end is one that nobody knows."""
    high = "?" if line.cost_high_nanousd is None else usd(line.cost_high_nanousd)
    if high == usd(line.cost_low_nanousd) == usd(line.cost_nanousd):
        return "exact"
    return f"{usd(line.cost_low_nanousd)} – {high}"


def share(part: float | None) -> str:
    """A share in percent; what is nearly nothing and nearly all is not rounded to it."""
    if part is None:
        return "–"
    percent = part * 100
    if 0 < percent < 0.1:
        return "<0.1 %"
    return ">99.9 %" if 99.9 < percent < 100 else f"{percent:.3g} %"


def seconds(ms: float | None) -> str:
    """Milliseconds as seconds, three digits."""
    return "–" if ms is None else f"{ms / 1000:.3g}"


def cells(line: Line) -> list[str]:
    """What a line says, in the order of the table's heads."""
    cached = line.cached_input_tokens / line.input_tokens if line.input_tokens else None
    return [
        *(f"{line.requests:,}", share(line.errors / line.requests) if line.requests else "–"),
        *(f"{line.input_tokens:,}", share(cached), f"{line.output_tokens:,}"),
        *(cost(line), between(line)),
        *(share(line.reported), share(line.measured), share(line.unknown)),
        *(seconds(line.p50_ms), seconds(line.p95_ms), seconds(line.ttft_p50_ms)),
    ]


def rows(answer: Answer, by: Sequence[str]) -> list[list[str]]:
    """The table's rows, the total last."""
    named = [[*(_name(line, answer, place) for place in range(len(by))), *cells(line)] for line in answer.lines]
    total = ["all", *[""] * (len(by) - 1)] if by else []
    return [*named, [*total, *cells(answer.total)]] if by else [cells(answer.total)]


def _name(line: Line, answer: Answer, place: int) -> str:
    if line.key[0] == REST and answer.rest and line is answer.lines[-1]:
        return f"{answer.rest} others" if place == 0 else ""
    return "".join(sign if sign.isprintable() else "?" for sign in line.key[place]) or "–"


def as_table(answer: Answer, by: Sequence[str], period: Period, width: int | None) -> str:
    """For people. *width*: columns of the screen; None: as wide as it needs."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_footer=False)
    for name in by:
        table.add_column(name, overflow="fold")
    for head in _HEADS:
        table.add_column(head, justify="right", no_wrap=width is None)
    found = rows(answer, by)
    for row in found[:-1]:
        table.add_row(*row)
    if by and found[:-1]:
        table.add_section()
    table.add_row(*found[-1], style="bold")
    console = Console(
        highlight=False, markup=False, width=width or 300, file=io.StringIO(), force_terminal=width is not None
    )
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join([f"{period.since} to {period.until} UTC, from the sums {period.grain.name}", *lines, *legend(answer)])


def legend(answer: Answer) -> list[str]:
    """What is not in the sums, in words."""
    total = answer.total
    said = [] if total.requests else ["No request began in that time; `lectr tail` shows the last ones."]
    if total.cost_unknown:
        said.append(f"{total.cost_unknown:,} of {total.requests:,} requests have no known cost: it is in no sum (+ n ?).")
    if total.unknown:
        said.append("Shares are of requests: counts reported by the provider, measured or estimated, and unknown.")
    return said


def as_markdown(answer: Answer, by: Sequence[str], period: Period) -> str:
    """A table that Markdown understands, for a report or a ticket."""
    heads = [*by, *_HEADS]
    marks = [*["---"] * len(by), *["---:"] * len(_HEADS)]
    lines = [heads, marks, *rows(answer, by)]
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([*body, "", f"{period.since} to {period.until} UTC.", *legend(answer)])


def as_csv(answer: Answer, by: Sequence[str]) -> str:
    """One line a group, plain numbers, empty where unknown; no total, so that a column can be summed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*by, *NUMBERS, *DOLLARS])
    for line in answer.lines if by else [answer.total]:
        numbers = (_plain(getattr(line, name)) for name in NUMBERS)
        writer.writerow([*line.key, *numbers, *("" if sum_ is None else f"{sum_:f}" for sum_ in _dollars(line))])
    return out.getvalue().rstrip("\n")


def as_json(answer: Answer, by: Sequence[str], period: Period) -> str:
    """Everything, with the total."""
    document = {
        "since": period.since,
        "until": period.until,
        "from": period.grain.usage,
        "by": list(by),
        "groups": [dict(zip(by, line.key, strict=True)) | _numbers(line) for line in answer.lines] if by else [],
        "total": _numbers(answer.total),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _numbers(line: Line) -> dict[str, Any]:  # Any: numbers of any kind
    dollars = (None if sum_ is None else float(sum_) for sum_ in _dollars(line))
    return {name: getattr(line, name) for name in NUMBERS} | dict(zip(DOLLARS, dollars, strict=True))


def _dollars(line: Line) -> tuple[Decimal | None, ...]:
    """`DOLLARS`, to the nano-dollar. The cost itself is None where no request of the group has one."""
    known = None if line.cost_unknown and line.cost_unknown == line.requests else line.cost_nanousd
    sums = (known, line.cost_low_nanousd, line.cost_high_nanousd)
    return tuple(None if sum_ is None else Decimal(sum_).scaleb(-9) for sum_ in sums)


def _plain(number: float | None) -> object:
    return "" if number is None else round(number, 6) if isinstance(number, float) else number
