"""An answer as text: a table for people, CSV, JSON and Markdown for what comes after. Pure but for the width of the screen.

Every total stands with its interval and with the shares of requests whose counts are reported, measured and unknown. Called
by the command `lectr report`.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import attrs

from lectr_core import Currency
from lectr_sink_sqlite.asking.amounts import USD, amount, exactly
from lectr_sink_sqlite.asking.exchange import NOTHING, Amounts
from lectr_sink_sqlite.asking.fixed import NO_PART, Fixed, Part, joined
from lectr_sink_sqlite.asking.narrow import left_out
from lectr_sink_sqlite.asking.period import Period
from lectr_sink_sqlite.asking.sums import REST, Answer, Line

NUMBERS: Final = tuple(field.name for field in attrs.fields(Line) if field.name != "key")
_AMOUNTS: Final = ("cost", "cost_low", "cost_high")
"""What CSV and JSON have beside the nano-dollars, for a spreadsheet; nothing where nothing is known."""


@attrs.frozen(kw_only=True)
class View:
    """How an answer is shown, and what stands beside it."""

    rates: Sequence[Currency] = (USD,)
    """The currency, with each rate that holds in that time, in order."""
    converted: Mapping[tuple[str, ...], Amounts] | None = None
    """What each group cost in it, where there are several rates; else all is at the one."""
    fixed: Sequence[Fixed] = ()
    """What capacity cost that is paid for by the hour: beside the sums, not in them."""
    parts: Mapping[tuple[str, ...], Part] | None = None
    """Each group's part of it, where it is shared out."""
    is_part: bool = False
    """Whether only some requests were asked for, so that the whole fixed cost is not theirs."""

    @property
    def currency(self) -> Currency:
        """What amounts are shown in, at the last of its rates."""
        return self.rates[-1]

    @property
    def heads(self) -> tuple[str, ...]:
        """Of a table's columns."""
        code = self.currency.code
        shared = [] if self.parts is None else [f"fixed {code}"]
        return (
            *("requests", "failed", "tokens in", "cached", "tokens out", f"cost {code}", f"from – to {code}", *shared),
            *("reported", "measured", "unknown", "p50 s", "p95 s", "first p50 s"),
        )

    def part(self, line: Line, answer: Answer) -> Part:
        """A line's part of the fixed cost."""
        parts = self.parts or {}
        if line is answer.total:
            return joined(parts.values())
        if line.key[:1] == (REST,) and answer.rest:
            own = {one.key for one in answer.lines}
            return joined(part for key, part in parts.items() if key not in own)
        return parts.get(line.key, NO_PART)

    def amounts(self, line: Line, answer: Answer) -> Amounts:
        """A line's cost in the currency."""
        if self.converted is None:
            return Amounts.of(self.currency, *line.costs)
        if line is answer.total:
            return sum(self.converted.values(), NOTHING)
        if line.key[:1] == (REST,) and answer.rest:
            own = {one.key for one in answer.lines}
            return sum((amounts for key, amounts in self.converted.items() if key not in own), NOTHING)
        return self.converted.get(line.key, NOTHING)

    def told(self) -> str | None:
        """For people: at which rates amounts were converted; None for USD."""
        if len(self.rates) == 1:
            told = self.currency.told()
            return None if told is None else f"Amounts are in {told}."
        rates = ", ".join(f"{rate.usd} from {rate.since}" for rate in self.rates[1:])
        first = f"{self.rates[0].usd} USD for one until then, {rates}"
        return f"Amounts are in {self.currency.code}, each day's at your own rate of that day: {first}; stored in USD."


PLAIN: Final = View()


def cost(line: Line, amounts: Amounts) -> str:
    """What is known of the cost, and of how many requests it is not; where nothing is known, no amount, not even 0."""
    if not line.cost_unknown:
        return amount(amounts.cost)
    missing = f"{line.cost_unknown:,} ?"
    return missing if line.cost_unknown == line.requests else f"{amount(amounts.cost)} + {missing}"


def between(amounts: Amounts) -> str:
    """The cost's interval; an open end is one that nobody knows."""
    high, low = "?" if amounts.high is None else amount(amounts.high), amount(amounts.low)
    return "exact" if high == low == amount(amounts.cost) else f"{low} – {high}"


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


def cells(line: Line, answer: Answer, view: View) -> list[str]:
    """What a line says, in the order of the table's heads."""
    amounts = view.amounts(line, answer)
    shared = [] if view.parts is None else [amount(view.part(line, answer)[1])]
    cached = line.cached_input_tokens / line.input_tokens if line.input_tokens else None
    return [
        *(f"{line.requests:,}", share(line.errors / line.requests) if line.requests else "–"),
        *(f"{line.input_tokens:,}", share(cached), f"{line.output_tokens:,}"),
        *(cost(line, amounts), between(amounts), *shared),
        *(share(line.reported), share(line.measured), share(line.unknown)),
        *(seconds(line.p50_ms), seconds(line.p95_ms), seconds(line.ttft_p50_ms)),
    ]


def rows(answer: Answer, by: Sequence[str], view: View) -> list[list[str]]:
    """The table's rows, the total last."""
    named = [
        [*(_name(line, answer, place) for place in range(len(by))), *cells(line, answer, view)] for line in answer.lines
    ]
    total = ["all", *[""] * (len(by) - 1)] if by else []
    summed = cells(answer.total, answer, view)
    return [*named, [*total, *summed]] if by else [summed]


def _name(line: Line, answer: Answer, place: int) -> str:
    if line.key[0] == REST and answer.rest and line is answer.lines[-1]:
        return f"{answer.rest} others" if place == 0 else ""
    return "".join(sign if sign.isprintable() else "?" for sign in line.key[place]) or "–"


def as_table(answer: Answer, by: Sequence[str], period: Period, width: int | None, view: View = PLAIN) -> str:
    """For people. *width*: columns of the screen; None: as wide as it needs."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads, found = [*by, *view.heads], rows(answer, by, view)
    gone, least = left_out(heads, found, len(by), width) if width else ([], 300)
    padding = (0, 1, 0, 0) if gone else (0, 1)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=padding, header_style="bold", show_footer=False)
    for place, head in enumerate(heads):
        if head not in gone:
            is_name = place < len(by)
            table.add_column(head, justify="left" if is_name else "right", no_wrap=not is_name, overflow="fold")
    for row in found:
        if by and found[:-1] and row is found[-1]:
            table.add_section()
        kept = (cell for head, cell in zip(heads, row, strict=True) if head not in gone)
        table.add_row(*kept, style="bold" if row is found[-1] else None)
    console = Console(
        highlight=False, markup=False, width=max(width or 0, least), file=io.StringIO(), force_terminal=width is not None
    )
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    first = f"{period.since} to {period.until} UTC, from the sums by the {period.grain.at}"
    told = f"No room on this screen for: {', '.join(gone)}. A wider one has them, and so has --format csv."
    return "\n".join([first, *lines, *legend(answer, view), *([told] if gone else [])])


def legend(answer: Answer, view: View) -> list[str]:
    """What is not in the sums, in words."""
    total = answer.total
    said = []
    if not total.requests:
        found_no = "No such request began in that time; without --where there may be others."
        said.append(found_no if view.is_part else "No request began in that time; `lectr tail` shows the last ones.")
    if total.cost_unknown:
        said += [
            f"{total.cost_unknown:,} of {total.requests:,} requests have no known cost: it is in no sum (+ n ?).",
            "Which ones, and why: `lectr explore`, or the column price_note of their rows.",
        ]
    if total.unknown:
        said.append("Shares are of requests: counts reported by the provider, measured or estimated, and unknown.")
    if told := view.told():
        said.append(told)
    return [*said, *_beside(answer, view)]


def _beside(answer: Answer, view: View) -> list[str]:
    """The fixed costs, each on a line of its own, and what they come to with the others."""
    if not view.fixed:
        told = "Nothing to share out: no capacity was paid for in that time; declare it in [[money.provisioned]]."
        return [told] if view.parts is not None else []
    code = view.currency.code
    if view.is_part:
        return [
            "Fixed cost of provisioned capacity is one of the whole: not shown with --where but as a part, by --allocate."
        ]
    said = [f"Fixed cost, not in the sums above ({code}):"]
    for one in view.fixed:
        each = one.shown_per_million
        used = f"{one.requests:,} requests" if one.requests else "no request named it"
        if each is not None:
            used += f", {one.input_tokens + one.output_tokens:,} tokens: {amount(each)} {code} a million"
        what = f"{one.name} ({one.provider}/{one.model}): {one.units} × {one.price}, {one.hours:,.1f} h"
        said.append(f"  {what}: {amount(one.cost_shown)}; {used}")
    total, whole = answer.total, sum((one.cost_shown for one in view.fixed), Fraction(0))
    unsure = f", and {total.cost_unknown:,} requests of unknown cost" if total.cost_unknown else ""
    used_up = view.amounts(total, answer).cost
    said.append(f"  fixed {amount(whole)} + by use {amount(used_up)} = {amount(whole + used_up)} {code}{unsure}")
    if any(not one.requests for one in view.fixed):
        said.append("  what ran there before it was declared names it after `lectr reprice --since ... --apply`")
    if view.parts is not None:
        shared = view.part(total, answer)[1]
        said.append(f"  shared out by tokens: {amount(shared)}; in no part: {amount(max(Fraction(0), whole - shared))}")
    return said


def as_markdown(answer: Answer, by: Sequence[str], period: Period, view: View = PLAIN) -> str:
    """A table that Markdown understands, for a report or a ticket."""
    heads = [*by, *view.heads]
    marks = [*["---"] * len(by), *["---:"] * len(view.heads)]
    lines = [heads, marks, *rows(answer, by, view)]
    body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
    return "\n".join([*body, "", f"{period.since} to {period.until} UTC.", *legend(answer, view)])


def as_csv(answer: Answer, by: Sequence[str], view: View = PLAIN) -> str:
    """One line a group, plain numbers, empty where unknown; no total, so that a column can be summed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [*NUMBERS, *_amounts(answer.total, answer, view)]
    writer.writerow([*by, *names])
    for line in answer.lines if by else [answer.total]:
        numbers = (_plain(getattr(line, name)) for name in NUMBERS)
        amounts = (
            f"{sum_:f}" if isinstance(sum_, Decimal) else _plain(sum_) for sum_ in _amounts(line, answer, view).values()
        )
        writer.writerow([*line.key, *numbers, *amounts])
    return out.getvalue().rstrip("\n")


def as_json(answer: Answer, by: Sequence[str], period: Period, view: View = PLAIN) -> str:
    """Everything, with the total."""

    def numbers(line: Line) -> dict[str, Any]:  # Any: numbers of any kind
        amounts = _amounts(line, answer, view).items()
        return {name: getattr(line, name) for name in NUMBERS} | {
            name: float(sum_) if isinstance(sum_, Decimal) else sum_ for name, sum_ in amounts
        }

    def beside(one: Fixed) -> dict[str, Any]:  # Any: as above
        told = attrs.asdict(one, filter=lambda field, _: field.name != "cost_shown")
        return told | {name: float(sum_) for name, sum_ in _both("cost", one.cost_nanousd, one.cost_shown, view).items()}

    document = {
        "since": period.since,
        "until": period.until,
        "from": period.grain.usage,
        "by": list(by),
        "currency": {
            "code": view.currency.code,
            "usd": str(view.currency.usd) if len(view.rates) == 1 else None,
            "since": view.currency.since if len(view.rates) == 1 else None,
            "rates": [{"usd": str(rate.usd), "since": rate.since} for rate in view.rates],
        },
        "groups": [dict(zip(by, line.key, strict=True)) | numbers(line) for line in answer.lines] if by else [],
        "total": numbers(answer.total),
        "fixed": [beside(one) for one in view.fixed if not view.is_part],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)


def _amounts(line: Line, answer: Answer, view: View) -> dict[str, Decimal | int | None]:
    """`cost_usd` and its bounds, to the nano-dollar, and the same in the currency shown; a part of the fixed cost, where it
    is shared out. The cost itself is None where no request of the group has one."""
    is_known = not line.cost_unknown or line.cost_unknown != line.requests
    found: dict[str, Decimal | int | None] = {}
    currencies = [(USD, Amounts.of(USD, *line.costs))]
    if view.currency != USD:
        currencies.append((view.currency, view.amounts(line, answer)))
    for currency, amounts in currencies:
        code = currency.code.lower()
        for name, sum_ in zip(_AMOUNTS, (amounts.cost if is_known else None, amounts.low, amounts.high), strict=True):
            found[f"{name}_{code}"] = None if sum_ is None else exactly(sum_)
    if view.parts is not None:
        part = view.part(line, answer)
        found |= {"fixed_nanousd": part[0], **_both("fixed", part[0], Fraction(part[1]), view)}
    return found


def _both(name: str, nanousd: int, shown: Fraction, view: View) -> dict[str, Decimal]:
    """An amount in USD, and in the currency shown."""
    found = {f"{name}_usd": exactly(Fraction(nanousd))}
    return found if view.currency == USD else found | {f"{name}_{view.currency.code.lower()}": exactly(shown)}


def _plain(number: float | None) -> object:
    return "" if number is None else round(number, 6) if isinstance(number, float) else number
