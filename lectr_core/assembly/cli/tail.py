"""`lectr tail`: requests as they come, from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lectr_core.assembly.command_line import CommandLine

if TYPE_CHECKING:
    from lectr_core.assembly.follow import Line


@click.command(
    short_help="Show requests as they come.",
    epilog="""\b
Examples:
  lectr tail                            the last 10, then each as it ends
  lectr tail --last 50 --no-follow
  lectr tail --where feature=search --where 'status>=400'
  lectr tail --where 'model=small-*' --where 'duration_ms>5000' --where error_category!=
  lectr tail --json | jq .model
\b
Columns: those of --json.""",
)
@click.option("--last", "-n", type=click.IntRange(0), default=10, show_default=True, help="How many to begin with.")
@click.option("--follow/--no-follow", default=True, show_default=True, help="Wait for more.")
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help="Only these; also != > >= < <=, * and ?; several allowed."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def tail(line: CommandLine, last: int, follow: bool, where: tuple[str, ...], as_json: bool) -> None:
    """Show each request in a line when it is over: who, where, what came of it, how long, how many tokens.

    Reads the journal, where records stand until they are stored and a while beyond. Where that holds fewer than --last, it
    says so; older ones are in the database.
    """
    from lectr_core.assembly.conditions import conditions
    from lectr_core.assembly.follow import Follower, Line

    data = line.settings().gateway.data
    follower = Follower(data / "journal", conditions(where, Line))
    show = _show_json if as_json else _show_line
    if not as_json:
        click.echo(click.style(HEAD, bold=True))
    try:
        begun = follower.newest(last)
        if not data.is_dir():
            told = "go where `lectr up` runs, or name it: lectr --data DIRECTORY tail"
            click.echo(f"there is no directory {str(data)!r} yet; {told}", err=True)
        elif len(begun) < last:
            such = " of that kind" if where else ""
            click.echo(f"the journal holds {len(begun)}{such}; older ones, if any, are stored: lectr explore", err=True)
        for found in begun:
            show(found)
        while follow:
            for found in follower.wait():
                show(found)
    except KeyboardInterrupt:
        return


HEAD = (
    f"{'time':<12} {'org':<12} {'feature':<16} {'provider':<10} {'model':<28} {'status':>6} {'outcome':<19} "
    f"{'ms':>8} {'ttft':>7} {'in':>8} {'out':>7}"
)


def _show_json(found: Line) -> None:
    import json

    import attrs

    click.echo(json.dumps(attrs.asdict(found), ensure_ascii=False))


def _show_line(found: Line) -> None:
    colour = None if found.outcome == "ok" else "yellow" if found.outcome == "client_disconnected" else "red"
    text = (
        f"{found.started_at[11:23]:<12} {_cut(found.org, 12)} {_cut(found.feature, 16)} {_cut(found.provider, 10)} "
        f"{_cut(found.model, 28)} {_number(found.status):>6} {_cut(found.outcome, 19)} {_number(found.duration_ms):>8} "
        f"{_number(found.ttft_ms):>7} {_number(found.input_tokens):>8} {_number(found.output_tokens):>7}"
    )
    click.echo(click.style(text.rstrip(), fg=colour))


def _cut(text: str | None, width: int) -> str:
    shown = "".join(sign if sign.isprintable() else "?" for sign in text or "-")
    return shown.ljust(width) if len(shown) <= width else shown[: width - 1] + "…"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
