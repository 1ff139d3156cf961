"""The command `lectr reprice`: what stored requests cost by the prices that hold now, shown first, applied when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lectr_core import CommandLine

if TYPE_CHECKING:
    from lectr_sink_sqlite.repricing import Change, Seen

WHERE = ("org", "feature", "provider", "model_actual", "model_sent", "price_id", "price_source", "cost_basis")


@click.command(
    short_help="Restate what stored requests cost.",
    epilog="""\b
Examples:
  lectr reprice --since 30d                         what would change
  lectr reprice --since 2026-01-01 --where provider=acme --apply
  lectr reprice --since 7d --where cost_basis=unknown --apply""",
)
@click.option("--since", required=True, help="A length (24h, 7d, 4w) or a date (UTC).")
@click.option("--until", help="The same, not included; absent: now.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help=f"Only these, by {', '.join(WHERE)}; several: all must hold."
)
@click.option("--apply", "applies", is_flag=True, help="Do it; else it is only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def reprice(line: CommandLine, since: str, until: str | None, where: tuple[str, ...], applies: bool, as_json: bool) -> None:
    """Price stored requests again, by your own prices and the list that is installed: old and new cost by model.

    With --apply rows and sums are restated, a gateway may run meanwhile, and the table `repricings` keeps what changed.
    Rows whose old cost their counts and their kept price do not explain are left as they are, and counted.
    """
    import uuid
    from datetime import UTC, datetime
    from itertools import islice

    from lectr_core import Accountant, UsedPrice
    from lectr_sink_sqlite import beside, repricing
    from lectr_sink_sqlite.asking.database import changing, opened, where_of
    from lectr_sink_sqlite.asking.period import moment

    now = datetime.now(UTC)
    try:
        begin, end = (moment(text, now).strftime("%Y-%m-%dT%H:%M:%S") for text in (since, until or "0s"))
    except ValueError as exc:
        raise click.UsageError(str(exc)) from exc
    only = where_of(where, WHERE)
    accountant = Accountant([book for _, book in line.plugins().price_books(line.settings())])
    seen = repricing.Seen()
    found: list[Change] = []
    with opened(line) as reading:
        changes = repricing.changes(reading, begin, end, only, accountant.account, seen)
        if applies:
            run = (str(uuid.uuid4()), now.isoformat(timespec="seconds"), begin, end)
            with changing(line) as writing:
                while part := list(islice(changes, repricing.CHUNK)):
                    repricing.apply(writing, run, part)
                    found += [_light(change) for change in part]
                prices: list[UsedPrice] = list(accountant.used())
                writing.execute("BEGIN IMMEDIATE")
                beside.keep_prices(writing, prices, int(now.timestamp()) * 10**9)
                writing.execute("COMMIT")
        else:
            found = [_light(change) for change in changes]
    click.echo(_document(found, seen, applies) if as_json else _text(found, seen, applies))


def _light(change: Change) -> Change:
    """Without what only writing needs."""
    import attrs

    return attrs.evolve(change, money=(), id="")


def _text(found: list[Change], seen: Seen, applied: bool) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from lectr_sink_sqlite.asking.shown import usd
    from lectr_sink_sqlite.repricing import totals

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in (
        "provider",
        "model",
        "requests",
        "old USD",
        "new USD",
        "difference",
        "unknown before",
        "now",
        "new price of",
    ):
        table.add_column(name, justify="left" if name in ("provider", "model", "new price of") else "right")
    for provider, model, requests, old, new, was, are, source in totals(found):
        difference = ("+" if new > old else "") + usd(new - old)
        before, after = ("?" if unknown == requests else usd(sum_) for unknown, sum_ in ((was, old), (are, new)))
        table.add_row(provider, model, f"{requests:,}", before, after, difference, f"{was:,}", f"{are:,}", source or "–")
    console = Console(highlight=False, markup=False, width=200)
    with console.capture() as captured:
        console.print(table)
    rows = [row.rstrip() for row in captured.get().splitlines()] if found else []
    verb = "restated" if applied else "would be restated (nothing has changed yet; add --apply)"
    unknown = f", {seen.same_unknown:,} have no known cost as before" if seen.same_unknown else ""
    said = [f"{len(found):,} requests {verb}, {seen.same - seen.same_unknown:,} cost what they did{unknown}"]
    said += [f"{count:,} left as they are: {why}" for why, count in sorted(seen.left.items())]
    return "\n".join([*rows, *said])


def _document(found: list[Change], seen: Seen, applied: bool) -> str:
    import json

    from lectr_sink_sqlite.repricing import totals

    names = ("provider", "model", "requests", "old_cost_nanousd", "new_cost_nanousd", "old_cost_unknown", "new_cost_unknown")
    by_model = [dict(zip((*names, "price_source"), numbers, strict=True)) for numbers in totals(found)]
    same = {"same": seen.same, "same_unknown": seen.same_unknown}
    document = {"applied": applied, "requests": len(found), **same, "left": seen.left, "by_model": by_model}
    return json.dumps(document, indent=2, ensure_ascii=False)
