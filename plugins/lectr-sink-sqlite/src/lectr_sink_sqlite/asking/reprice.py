"""The command `lectr reprice`: what stored requests cost by the prices that hold now, shown first, applied when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import click

from lectr_core import CommandLine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime

    from lectr_core import Accountant
    from lectr_sink_sqlite import repricing
    from lectr_sink_sqlite.repricing import Seen, Total, Totals

WHERE = ("org", "feature", "provider", "model_actual", "model_sent", "price_id", "price_source", "cost_basis")
EXIT_STOPPED = 130
"""What a shell expects of a command that Ctrl-C ended."""


@attrs.define
class Result:
    """What a run came to, as far as it went."""

    seen: Seen
    totals: Totals
    is_whole: bool = True
    """False: it was stopped before the end."""

    @property
    def requests(self) -> int:
        return sum(total.requests for total in self.totals.values())


@click.command(
    short_help="Restate what stored requests cost.",
    epilog="""\b
Examples:
  lectr reprice --since 30d                         what would change; changes nothing
  lectr reprice --since 30d --apply                 change it
  lectr reprice --since 2026-01-01 --where provider=acme --apply
  lectr reprice --since 7d --where cost_basis=unknown --apply
\b
Prices come from lectr.toml and the catalog (`lectr prices update`). Stopped with Ctrl-C or killed, what was restated stays;
the same command goes on from there. What was restated stands in the table `repricings`.""",
)
@click.option("--since", required=True, help="A length (24h, 7d, 4w) or a date (UTC).")
@click.option("--until", help="The same, not included; absent: now.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help=f"Only these, by {', '.join(WHERE)}; several: all must hold."
)
@click.option("--apply", "applies", is_flag=True, help="Do it; else it is only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def reprice(line: CommandLine, since: str, until: str | None, where: tuple[str, ...], applies: bool, as_json: bool) -> int:
    """Price stored requests again, by your own prices and the catalog in use: old and new cost by model.

    Counts of tokens stay; costs, their bounds and the price's name become what they would have been with today's prices,
    each of the request's own day. With --apply rows and sums are restated together; a gateway may run meanwhile.
    """
    from datetime import UTC, datetime

    from lectr_core import Accountant
    from lectr_sink_sqlite.asking.database import where_of
    from lectr_sink_sqlite.asking.period import moment

    now = datetime.now(UTC)
    try:
        begin, end = (moment(text, now).strftime("%Y-%m-%dT%H:%M:%S") for text in (since, until or "0s"))
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    if begin >= end:
        raise click.UsageError(f"expected an end after the beginning, got {begin} to {end}")
    only = where_of(where, WHERE)
    accountant = Accountant([book for _, book in line.plugins().price_books(line.settings())])
    result = _run(line, accountant, now, (begin, end), only, applies=applies)
    click.echo(_document(result, applies) if as_json else _text(result, applies))
    return 0 if result.is_whole else EXIT_STOPPED


def _run(
    line: CommandLine,
    accountant: Accountant,
    now: datetime,
    times: tuple[str, str],
    only: dict[str, str],
    *,
    applies: bool,
) -> Result:
    """Go through the rows. Ctrl-C ends it between two chunks; what was applied stays."""
    from contextlib import ExitStack

    from lectr_sink_sqlite import repricing
    from lectr_sink_sqlite.asking.database import changing, opened
    from lectr_sink_sqlite.asking.progress import Progress

    result = Result(repricing.Seen(), {})
    with ExitStack() as held:
        reading = held.enter_context(opened(line))
        keep = _keeper(held.enter_context(changing(line)), accountant, now, times) if applies else None
        progress = held.enter_context(Progress(repricing.count(reading, *times, only), "requests looked at"))
        try:
            for part in repricing.changes(reading, *times, only, accountant.restate, result.seen):
                if keep is not None and part:
                    keep(part)
                repricing.add_up(result.totals, part)
                progress.at(result.seen.looked_at)
        except KeyboardInterrupt:
            result.is_whole = False
    return result


def _keeper(
    writing: sqlite3.Connection, accountant: Accountant, now: datetime, times: tuple[str, str]
) -> Callable[[list[repricing.Change]], None]:
    """What applies one chunk after the other, all as one run. Prices are kept with the rows that name them."""
    import uuid

    from lectr_sink_sqlite import repricing

    run = (str(uuid.uuid4()), now.isoformat(timespec="seconds"), *times)
    kept = 0

    def keep(part: list[repricing.Change]) -> None:
        nonlocal kept
        prices = accountant.used()
        repricing.apply(writing, run, part, prices[kept:], int(now.timestamp()) * 10**9)
        kept = len(prices)

    return keep


def _text(result: Result, applied: bool) -> str:
    seen = result.seen
    if not seen.looked_at and result.is_whole:
        return "no stored request began in that time, or fits --where: nothing to price again"
    verb = "restated" if applied else "would be restated (nothing has changed yet; add --apply)"
    unknown = f", {seen.same_unknown:,} have no known cost as before" if seen.same_unknown else ""
    said = [f"{result.requests:,} requests {verb}, {seen.same - seen.same_unknown:,} are as they were{unknown}"]
    same_cost = sum(total.same_cost for total in result.totals.values())
    if same_cost:
        said.append(f"{same_cost:,} of those cost what they did: only the name of their price, or a bound, is another one")
    said += [f"{count:,} left as they are: {why}" for why, count in sorted(seen.left.items())]
    if not result.is_whole:
        went = "what is restated is stored, with its sums; run the same command again to go on" if applied else "no matter"
        said.append(f"stopped after {seen.looked_at:,} requests: {went}")
    return "\n".join([*_table(result.totals), *said])


def _table(totals: Totals) -> list[str]:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from lectr_sink_sqlite.asking.amounts import amount

    if not totals:
        return []
    names = ("provider", "model", "new price of", "requests", "old USD", "from – to", "new USD", "from – to", "by USD")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in (*names, "unknown before", "now"):
        table.add_column(name, justify="left" if name in names[:3] else "right", no_wrap=True)

    def between(cost: int, low: int, high: int | None) -> str:
        most = "?" if high is None else amount(high)
        return "exact" if amount(low) == most == amount(cost) else f"{amount(low)} – {most}"

    def numbers(total: Total) -> list[str]:
        before = "?" if total.old_unknown == total.requests else amount(total.old)
        after = "?" if total.new_unknown == total.requests else amount(total.new)
        change = ("+" if total.new > total.old else "") + amount(total.new - total.old)
        return [
            *(f"{total.requests:,}", before, between(total.old, total.old_low, total.old_high)),
            *(after, between(total.new, total.new_low, total.new_high), change),
            *(f"{total.old_unknown:,}", f"{total.new_unknown:,}"),
        ]

    differ = {key: total for key, total in totals.items() if total.same_cost < total.requests}
    for (provider, model, source), total in sorted(differ.items(), key=lambda one: -abs(one[1].new - one[1].old)):
        table.add_row(provider, model, source or "–", *numbers(total))
    others = _all({key: total for key, total in totals.items() if key not in differ})
    if others.requests:
        table.add_row("(cost the same)", f"{len(totals) - len(differ):,} others", "", *numbers(others))
    table.add_section()
    table.add_row("all", "", "", *numbers(_all(totals)), style="bold")
    console = Console(highlight=False, markup=False, width=240)
    with console.capture() as captured:
        console.print(table)
    return [row.rstrip() for row in captured.get().splitlines()]


def _all(totals: Totals) -> Total:
    from lectr_sink_sqlite.repricing import Total

    whole = Total()
    for total in totals.values():
        whole.join(total)
    return whole


def _document(result: Result, applied: bool) -> str:
    import json

    by_model = [
        {
            "provider": provider,
            "model": model,
            "requests": total.requests,
            "same_cost": total.same_cost,
            "old_cost_nanousd": total.old,
            "new_cost_nanousd": total.new,
            "old_cost_low_nanousd": total.old_low,
            "old_cost_high_nanousd": total.old_high,
            "new_cost_low_nanousd": total.new_low,
            "new_cost_high_nanousd": total.new_high,
            "old_cost_unknown": total.old_unknown,
            "new_cost_unknown": total.new_unknown,
            "price_source": source,
        }
        for (provider, model, source), total in sorted(result.totals.items())
    ]
    seen = result.seen
    document = {
        "applied": applied,
        "whole": result.is_whole,
        "looked_at": seen.looked_at,
        "requests": result.requests,
        "same": seen.same,
        "same_unknown": seen.same_unknown,
        "left": seen.left,
        "by_model": by_model,
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
