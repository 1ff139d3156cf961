"""The command `lectr prices update`: another catalog, shown against the one in use, then taken whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from lectr_core import CommandLine

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from lectr_prices_genai.difference import Change, Difference
    from lectr_prices_genai.taken import Taken

_MOST: Final = 40
"""Lines of the table without --all."""
_MILLION: Final = 1_000_000


@click.command(
    short_help="Take newer prices: the package's, a file's, or the published ones.",
    epilog="""\b
Examples:
  lectr prices update                   the installed package's own list (after: pip install -U genai-prices)
  lectr prices update --dry-run         only show what would change
  lectr prices update --from data.json  a file in the format that genai-prices publishes
  lectr prices update --fetch           the published list; the only way that asks the network
\b
The way back to the package's own list is the first one. What is stored keeps its price: `lectr prices diff` compares,
`lectr reprice --since 30d` shows what it would cost now.""",
)
@click.option(
    "--from", "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Take the prices of this file."
)
@click.option(
    "--fetch", "fetches", is_flag=True, help="Fetch what the project publishes. Nothing else here asks the network."
)
@click.option("--dated", type=click.DateTime(["%Y-%m-%d"]), help="The file's day (UTC); absent: when it was last changed.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--all", "shows_all", is_flag=True, help=f"Show all that changes, not the first {_MOST} lines.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def update(
    line: CommandLine,
    file: Path | None,
    fetches: bool,
    dated: datetime | None,
    dry_run: bool,
    shows_all: bool,
    as_json: bool,
) -> None:
    """Take another catalog of prices, after showing what changes. Your own prices in lectr.toml still go before it.

    It is checked as a whole and kept in the data directory. A gateway that runs takes it up within a second; each record
    names the catalog it was priced with.
    """
    from datetime import UTC, datetime

    from lectr_prices_genai import taken
    from lectr_prices_genai.difference import compare
    from lectr_prices_genai.settings import PricesSettings

    if file is not None and fetches:
        raise click.UsageError("expected --from or --fetch, got both")
    if dated is not None and file is None:
        raise click.UsageError("--dated goes with --from: what the package or the project says has a date of its own")
    now = datetime.now(UTC)
    settings = line.settings()
    path = taken.path_in(settings.gateway.data)
    url = settings.section("prices", PricesSettings).fetch_url if fetches else None
    new = offered(now, file=file, dated=dated, url=url)
    old = taken.in_use(path).catalog
    difference = compare(old, new.catalog, now.date())
    if not dry_run:
        taken.write(path, new)
    if as_json:
        click.echo(_document(old.told(), new, difference, taken=not dry_run))
        return
    click.echo(f"in use so far: {old.told()}\n{'offered' if dry_run else 'now'}: {new.catalog.told()}\n")
    for text in [*_shown(difference, None if shows_all else _MOST), *_left_out(new)]:
        click.echo(text)
    if dry_run:
        click.echo("nothing has changed yet: the same command without --dry-run takes it")
    else:
        click.echo(f"kept in {path}; requests are priced with it from now on, also by a gateway that runs")
        click.echo("stored requests keep their price: `lectr prices diff` compares, `lectr reprice --since 30d` restates")


def offered(now: datetime, *, file: Path | None, dated: datetime | None, url: str | None) -> Taken:
    """The catalog that is to be taken: of a file, of an address, else of the package. Errors: OperatorError."""
    from hashlib import sha256

    from lectr_core import OperatorError
    from lectr_prices_genai.catalog import VERSION, Catalog, installed
    from lectr_prices_genai.reading import parse
    from lectr_prices_genai.taken import Taken

    taken_at = now.isoformat(timespec="seconds")
    if file is None and url is None:
        return Taken(catalog=installed(), taken_at=taken_at, package=VERSION)
    if file is not None:
        try:
            data, changed = file.read_bytes(), file.stat().st_mtime
        except OSError as exc:
            raise OperatorError(f"cannot read {file}: {exc.strerror}") from exc
        day = dated.date() if dated is not None else now.fromtimestamp(changed, now.tzinfo).date()
        name, origin = str(file), f"file {file.name}"
    else:
        from lectr_prices_genai.asking.fetch import fetch

        assert url is not None, "either a file or an address, or the package"
        data, day = fetch(url), now.date()
        name, origin = url, "as published"
    mark = sha256(data).hexdigest()[:12]
    catalog = Catalog(f"genai-prices {origin} {mark}", day.isoformat(), mark, parse(data, name))
    return Taken(catalog=catalog, taken_at=taken_at)


def _shown(difference: Difference, most: int | None) -> list[str]:
    counts = {kind: difference.models(kind) for kind in ("changed", "new", "gone")}
    said = (
        f"models with other prices: {counts['changed']:,}, new: {counts['new']:,}, gone: {counts['gone']:,}, "
        f"as they were: {difference.same:,}"
    )
    changes = sorted(difference.changes, key=lambda one: ("changed", "gone", "new").index(one.kind))
    if not changes:
        return [said]
    more = len(changes) - len(changes if most is None else changes[:most])
    lines = _table(changes if most is None else changes[:most])
    hidden = [f"and {more:,} lines more: --all shows them"] if more else []
    return [*lines, "USD for a million tokens (for a million searches, seconds …).", *hidden, said]


def _table(changes: Sequence[Change]) -> list[str]:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in ("", "provider", "model", "unit", "old", "new", "by"):
        table.add_column(head, justify="right" if head in ("old", "new", "by") else "left", no_wrap=True)
    for one in changes:
        by = "–"
        if one.old_usd and one.new_usd is not None:
            by = f"{float(one.new_usd / one.old_usd - 1):+.0%}"
        table.add_row(one.kind, one.provider, one.model, one.unit, _usd(one.old_usd), _usd(one.new_usd), by)
    console = Console(highlight=False, markup=False, width=200)
    with console.capture() as captured:
        console.print(table)
    return [text.rstrip() for text in captured.get().splitlines()]


def _usd(rate: Decimal | None) -> str:
    return "–" if rate is None else format((rate * _MILLION).normalize(), "f")


def _left_out(new: Taken) -> list[str]:
    from lectr_prices_genai.reading import unknown_keys

    unknown = unknown_keys(new.catalog.providers)
    if not unknown:
        return []
    named = ", ".join(f"{key} ({count:,} models)" for key, count in unknown.items())
    return [f"left out, since the installed genai-prices does not know them: {named}; a newer package may"]


def _document(old: str, new: Taken, difference: Difference, *, taken: bool) -> str:
    import json

    import attrs

    document = {
        "taken": taken,
        "old": old,
        "new": new.catalog.told(),
        "source": new.catalog.source,
        "dated": new.catalog.dated,
        "models": {kind: difference.models(kind) for kind in ("changed", "new", "gone")} | {"same": difference.same},
        "changes": [attrs.asdict(one) for one in difference.changes],
    }
    return json.dumps(document, indent=2, ensure_ascii=False, default=str)
