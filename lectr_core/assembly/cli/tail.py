"""`lectr tail`: requests as they come, from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from lectr_core.assembly.command_line import CommandLine

if TYPE_CHECKING:
    from lectr_core.assembly.follow import Line

Form = tuple[tuple[str, int], ...]


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
Columns to filter by: those of --json. A narrow screen shows fewer; a pipe has the whole line.""",
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
    import shutil
    import sys

    from lectr_core.assembly.conditions import conditions
    from lectr_core.assembly.follow import Follower, Line

    data = line.settings().gateway.data
    follower = Follower(data / "journal", conditions(where, Line))
    form = form_for(shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
    show = _show_json if as_json else lambda found: click.echo(drawn(found, form))
    if not as_json:
        click.echo(click.style(_head(form), bold=True))
    try:
        begun = follower.newest(last)
        if not data.is_dir():
            told = "go where `lectr up` runs, or name it: lectr --data DIRECTORY tail"
            click.echo(f"there is no directory {str(data)!r} yet; {told}", err=True)
        elif len(begun) < last:
            such = " of that kind" if where else ""
            kept = f"the journal holds {len(begun)}{such}" if begun else f"no request{such} is in the journal"
            click.echo(f"{kept}; older ones, if any, are stored: lectr report, lectr explore", err=True)
        for found in begun:
            show(found)
        while follow:
            for found in follower.wait():
                show(found)
    except KeyboardInterrupt:
        return


_WIDE: Final = (
    *(("time", 12), ("org", 12), ("feature", 16), ("provider", 10), ("model", 28), ("status", 6), ("outcome", 19)),
    *(("ms", 8), ("ttft", 7), ("in", 8), ("out", 7)),
)
_FORMS: Final = (
    (*_WIDE, ("why", 24)),
    _WIDE,
    tuple(column for column in _WIDE if column[0] not in ("org", "ttft")),
    (("time", 8), ("feature", 16), ("model", 16), ("ended", 13), ("ms", 6), ("in", 7), ("out", 6)),
    (("time", 8), ("feature", 14), ("model", 14), ("ended", 13), ("ms", 6)),
)
"""What a line shows, by how wide the screen is: columns and their widths. The first that fits is taken, else the last."""
_RIGHT: Final = ("status", "ms", "ttft", "in", "out")


def form_for(width: int | None) -> Form:
    """The columns for a screen of *width*; where the output is no screen (None), all."""
    fitting = (form for form in _FORMS if width is None or sum(size + 1 for _, size in form) - 1 <= width)
    return next(fitting, _FORMS[-1])


def _head(form: Form) -> str:
    return " ".join(name.rjust(size) if name in _RIGHT else name.ljust(size) for name, size in form).rstrip()


def _show_json(found: Line) -> None:
    import json

    import attrs

    click.echo(json.dumps(attrs.asdict(found), ensure_ascii=False))


def drawn(found: Line, form: Form) -> str:
    """One request in one line."""
    colour = None if found.outcome == "ok" else "yellow" if found.outcome == "client_disconnected" else "red"
    cells = {
        "time": found.started_at[11:23][: dict(form)["time"]],
        "org": found.org,
        "feature": found.feature,
        "provider": found.provider,
        "model": found.model,
        "status": _number(found.status),
        "outcome": found.outcome,
        "ended": _ended(found),
        "why": found.error_code or found.error_category or " ",
        "ms": _number(found.duration_ms),
        "ttft": _number(found.ttft_ms),
        "in": _number(found.input_tokens),
        "out": _number(found.output_tokens),
    }
    shown = ((cells[name] or "-").rjust(size) if name in _RIGHT else _cut(cells[name], size) for name, size in form)
    return click.style(" ".join(shown).rstrip(), fg=colour)


def _ended(found: Line) -> str:
    """Status and outcome, where there is no room for both."""
    status = _number(found.status)
    return {"ok": status, "provider_error": f"error {status}"}.get(found.outcome, found.outcome)


def _cut(text: str | None, width: int) -> str:
    shown = "".join(sign if sign.isprintable() else "?" for sign in text or "-")
    return shown.ljust(width) if len(shown) <= width else shown[: width - 1] + "…"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
