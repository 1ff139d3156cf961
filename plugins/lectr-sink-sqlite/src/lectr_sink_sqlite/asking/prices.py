"""`lectr prices` and `lectr prices diff`: the prices that records were priced with, and how those of today differ.

Changes nothing. `lectr prices update` is the price plugin's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs
import click

from lectr_core import CommandLine, Currency
from lectr_sink_sqlite.asking.amounts import currency_option

if TYPE_CHECKING:
    from lectr_core import PriceBook, Quote

MILLION: Final = 1_000_000
NONE: Final = "no price was used yet: requests with a known model appear here within a second"
_NEWEST: Final = """SELECT provider, model, variant, price_id, source, dated, basis, rates_json, note, first_used_at
FROM prices ORDER BY provider, model, variant, first_used_at"""
_SHOWN: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


@attrs.frozen
class Price:
    """One price as it was kept."""

    provider: str
    model: str
    variant: str
    price_id: str
    source: str
    dated: str | None
    basis: str
    rates: dict[str, Decimal]
    """USD for one unit."""
    note: str | None
    first_used_at: str


@attrs.frozen
class Difference:
    """A rate that is another one today."""

    provider: str
    model: str
    variant: str
    unit: str
    kept: Decimal | None
    """USD for one; None: there was no rate."""
    today: Decimal | None
    """USD for one; None: there is no rate."""
    source: str
    """Whose rate it is today."""


@click.command(
    "list",
    short_help="Prices that records were priced with.",
    epilog="""\b
Examples:
  lectr prices                          the catalog in use, and what records were priced with
  lectr prices list --json              with all rates, also of rarer units
\b
A price that is not known, or may not be the right one, says so in its basis; lectr.toml takes prices of your own.""",
)
@click.option("--diff", "differs", is_flag=True, hidden=True)
@currency_option
@click.option("--all", "shows_all", is_flag=True, help="Those that newer ones took the place of, too; so it is with --json.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: USD for one token.")
@click.pass_context
def list_prices(context: click.Context, differs: bool, currency: str | None, shows_all: bool, as_json: bool) -> int:
    """Show the catalog in use and the prices that records were priced with last, for a million tokens."""
    from datetime import UTC, datetime

    from lectr_sink_sqlite.asking.amounts import currency_of
    from lectr_sink_sqlite.asking.database import opened

    if differs:
        return int(context.invoke(diff, as_json=as_json))
    line: CommandLine = context.obj
    shows = currency_of(line.settings(), currency)
    books = [book for _, book in line.plugins().price_books(line.settings())]
    if not as_json:
        for told in _catalogs(books):
            click.echo(f"catalog in use: {told}")
    with opened(line) as connection:
        kept = list(read(connection))
    if as_json:
        click.echo(_as_json([attrs.asdict(price) for price in kept]))
        return 0
    last = newest(kept, books, datetime.now(UTC).date())
    shown = kept if shows_all else [price for _, several in last for price in several]
    click.echo(_list(shown, shows))
    if len(shown) < len(kept):
        click.echo(f"{len(kept) - len(shown):,} older prices of the same models: --all shows them")
    return 0


@click.command(
    short_help="Prices that are other ones today.",
    epilog="""\b
Examples:
  lectr prices diff
  lectr prices diff || lectr reprice --since 30d
\b
Exit code 1 where any differs.""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def diff(line: CommandLine, as_json: bool) -> int:
    """Compare the prices that records were priced with to those of today: your own, and the catalog in use."""
    from datetime import UTC, datetime

    from lectr_sink_sqlite.asking.database import opened

    with opened(line) as connection:
        kept = list(read(connection))
    books = [book for _, book in line.plugins().price_books(line.settings())]
    found = list(differences(kept, books, datetime.now(UTC).date()))
    if as_json:
        click.echo(_as_json([attrs.asdict(one) for one in found]))
    elif found:
        click.echo(_differences(found))
        click.echo("`lectr reprice --since 30d` shows what stored requests would cost with today's prices")
    else:
        click.echo(f"{len(kept):,} prices hold today as they did when they were used" if kept else NONE)
    return 1 if found else 0


def _catalogs(books: Sequence[PriceBook]) -> list[str]:
    from lectr_core import PriceCatalog

    return [book.told() for book in books if isinstance(book, PriceCatalog)]


def read(connection: sqlite3.Connection) -> Iterator[Price]:
    """Every price that was kept. Errors: sqlite3.Error."""
    import json

    for row in connection.execute(_NEWEST):
        kept = Price(*row)
        yield attrs.evolve(kept, rates={unit: Decimal(rate) for unit, rate in json.loads(row[7]).items()})


def newest(kept: Sequence[Price], books: Sequence[PriceBook], today: date) -> Iterator[tuple[Quote | None, Sequence[Price]]]:
    """Of each model and variant what a short prompt is priced with today, and what its records were priced with last.

    Shapes: the prices of one source: several, where they depend on the length. That of today's, where it was used, else the
    one that was used first the latest: a catalog that was taken back is in use again, though it is not new.
    """
    from lectr_core import PriceQuestion

    by_model: dict[tuple[str, str, str], list[Price]] = {}
    for price in kept:
        by_model.setdefault((price.provider, price.model, price.variant), []).append(price)
    for (provider, model, variant), several in by_model.items():
        question = PriceQuestion(provider, model, today, variant or None, 0)
        quote = next((quote for quote in (book.quote(question) for book in books) if quote is not None), None)
        sources = {price.source for price in several}
        last = quote.source if quote is not None and quote.source in sources else several[-1].source
        yield quote, [price for price in several if price.source == last]


def differences(kept: Sequence[Price], books: Sequence[PriceBook], today: date) -> Iterator[Difference]:
    """What a short prompt of each model would be priced with today, against the price kept for it last."""
    for quote, several in newest(kept, books, today):
        now = dict(quote.rates) if quote is not None else {}
        # A price may depend on the prompt's length: it is the same if any of those of its source is.
        if any(price.rates == now for price in several):
            continue
        # Of the operator's own, the last is what was written last; else the cheapest is that of a short prompt.
        is_own = several[-1].basis == "override"
        first = several[-1] if is_own else min(several, key=lambda price: price.rates.get("input", Decimal(0)))
        before = first.rates
        for unit in sorted(before.keys() | now.keys()):
            if before.get(unit) != now.get(unit):
                source = quote.source if quote is not None else "no price"
                kept_usd, today_usd = before.get(unit), now.get(unit)
                yield Difference(first.provider, first.model, first.variant, unit, kept_usd, today_usd, source)


def per_million(rate: Decimal | None, currency: Currency | None = None) -> str:
    """The price of a million, without needless places; in USD as it was said, in another currency to six digits."""
    if rate is None:
        return "–"
    if currency is None or currency.since is None:
        return format((rate * MILLION).normalize(), "f")
    return f"{float(rate * MILLION / currency.usd):.6g}"


def _list(kept: Sequence[Price], currency: Currency) -> str:
    heads = ("provider", "model", "variant", "basis", "source", "dated", *_SHOWN, "first used")
    rows = [
        (
            *(price.provider, price.model, price.variant, price.basis, price.source, price.dated or "–"),
            *(per_million(price.rates.get(unit), currency) for unit in _SHOWN),
            price.first_used_at[:10],
        )
        for price in kept
    ]
    rate = f": {currency.told()}" if currency.since is not None else ""
    told = (
        f"{currency.code} for a million tokens{rate}. Basis: how well it fits; `fallback` may not be the right one. "
        "--json: all rates."
    )
    return f"{_table(heads, rows, _SHOWN)}\n{told}" if rows else NONE


def _differences(found: Sequence[Difference]) -> str:
    heads = ("provider", "model", "variant", "unit", "kept", "today", "by", "today's source")
    rows = [
        (
            *(one.provider, one.model, one.variant, one.unit, per_million(one.kept), per_million(one.today)),
            f"{float(one.today / one.kept - 1):+.0%}" if one.kept and one.today is not None else "–",
            one.source,
        )
        for one in found
        if one.unit in _SHOWN
    ]
    more = len(found) - len(rows)
    said = [_table(heads, rows, ("kept", "today", "by")), "USD for a million tokens."] if rows else []
    return "\n".join([*said, *([f"{more:,} rates of rarer units differ too; --json shows all"] if more else [])])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False, width=240)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(text.rstrip() for text in captured.get().splitlines())


def _as_json(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
