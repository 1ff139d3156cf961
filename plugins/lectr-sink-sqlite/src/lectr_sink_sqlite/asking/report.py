"""The command `lectr report`: what requests came to, by whatever is asked, over any time. Options only; reads only."""

from __future__ import annotations

import click

from lectr_core import CommandLine
from lectr_sink_sqlite.asking.amounts import currency_option

_MOST = 50
BY = ("org", "feature", "provider", "model", "outcome", "error_category", "minute", "hour", "day")


@click.command(
    short_help="Sums of cost, tokens, errors and speed.",
    epilog="""\b
Examples:
  lectr report                                      the last 7 days by feature and model
  lectr report --by provider,error_category --since 24h
  lectr report --by day --since 30d --where feature=search --format csv
  lectr report --by org --since 2026-01-01 --until 2026-02-01 --format md
  lectr report --by org --since 30d --currency EUR --allocate""",
)
@click.option("--by", default="feature,model", show_default=True, help=f"Some of: {', '.join(BY)}; '' for one sum.")
@click.option("--since", default="7d", show_default=True, help="A length (90m, 24h, 7d, 4w) or a date (UTC).")
@click.option("--until", help="The same, not included; absent: now.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help=f"Only these, by {', '.join(BY[:6])}; several: all must hold."
)
@click.option(
    "--most",
    type=click.IntRange(1),
    help=f"Groups on lines of their own, the rest in one. [default: {_MOST}; all of them with csv, json, or by time]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "md"]),
    default="table",
    show_default=True,
    help="For people, for a spreadsheet, for a program, for a page.",
)
@currency_option
@click.option("--allocate", is_flag=True, help="Share the fixed cost of provisioned capacity out, by tokens.")
@click.pass_obj
def report(
    line: CommandLine,
    by: str,
    since: str,
    until: str | None,
    where: tuple[str, ...],
    most: int | None,
    form: str,
    currency: str | None,
    allocate: bool,
) -> None:
    """What requests came to: cost, tokens, errors and latencies, with how sure each sum is.

    Asks the sums by minute, hour or day, which stay when rows are removed. A cost that is not known is in no sum; beside
    it stands how many such requests there are. Capacity that is paid for by the hour (`[[money.provisioned]]`) stands below
    on lines of its own: no request's cost has a part of it.
    """
    import shutil
    import sys
    from datetime import UTC, datetime

    from lectr_core import MoneySettings
    from lectr_sink_sqlite.asking import shown
    from lectr_sink_sqlite.asking.amounts import currency_of
    from lectr_sink_sqlite.asking.database import opened, where_of
    from lectr_sink_sqlite.asking.exchange import converted, stretches
    from lectr_sink_sqlite.asking.fixed import fixed, shared_out
    from lectr_sink_sqlite.asking.period import moment, period
    from lectr_sink_sqlite.asking.sums import ask, coarsest

    names = [name.strip() for name in by.split(",") if name.strip()]
    if wrong := next((name for name in names if name not in BY), None):
        raise click.UsageError(f"--by: expected some of {', '.join(BY)}, got {wrong!r}")
    now = datetime.now(UTC)
    settings = line.settings()
    shows = currency_of(settings, currency)
    only = where_of(where, BY[:6])
    if most is None and form in ("table", "md") and not set(BY[6:]) & set(names):
        most = _MOST
    with opened(line) as connection:
        (minutes_since,) = connection.execute("SELECT min(minute) FROM usage_minutely").fetchone()
        try:
            begin, end = moment(since, now), now if until is None else moment(until, now)
            asked = period(begin, end, coarsest(names), minutes_since)
        except ValueError as exc:
            raise click.UsageError(str(exc)) from exc
        answer = ask(connection, asked, names, only, most)
        money = settings.section("money", MoneySettings)
        rates = stretches(money, shows.code, asked)
        beside = fixed(connection, money, asked, now, rates)
        view = shown.View(
            rates=tuple(rate.currency for rate in rates),
            converted=converted(connection, rates, names, only) if len(rates) > 1 else None,
            fixed=beside,
            parts=shared_out(connection, beside, asked, names, only) if allocate else None,
            is_part=bool(only) and not allocate,
        )
    if form == "json":
        click.echo(shown.as_json(answer, names, asked, view))
    elif form == "csv":
        click.echo(shown.as_csv(answer, names, view))
    elif form == "md":
        click.echo(shown.as_markdown(answer, names, asked, view))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(shown.as_table(answer, names, asked, width, view))
