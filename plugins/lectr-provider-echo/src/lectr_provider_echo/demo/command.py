"""The command `lectr demo`. Options and the order of things; the work is done by its neighbours."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lectr_core import CommandLine, OperatorError

if TYPE_CHECKING:
    from rich.console import Console


def _length(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`--history` in days."""
    from lectr_provider_echo.history.show import days_of

    try:
        return None if value is None else days_of(value)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


# Of the summary where nobody says how wide the paper is: a log of a build, a file.
_PAPER_WIDTH = 110


@click.command(
    short_help="See it work, without a key and without a network.",
    epilog="""\b
Examples:
  lectr demo                                        traffic until Ctrl-C; prints how to look on
  lectr demo --history 30d                          with a month of a company's past
  lectr demo --once 200                             200 requests, what they came to, and the proof that none is missing
  lectr demo --history 90d --data months --only-history
\b
What was kept with --data is looked at with `lectr --data months report` and the like.""",
)
@click.option("--once", "many", type=click.IntRange(1), metavar="N", help="Send N requests, print a summary, and end.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the data here; else it is thrown away.")
@click.option("--listen", metavar="HOST:PORT", help="Where the gateway listens.")
@click.option("--rate", type=click.FloatRange(0.1, 200), default=4.0, show_default=True, help="Requests a second.")
@click.option("--at-once", type=click.IntRange(1, 256), default=8, show_default=True, help="With --once: open requests.")
@click.option("--speed", type=click.FloatRange(0.1), help="Times as fast as real providers. [default: 1; with --once 25]")
@click.option("--errors", type=click.FloatRange(0, 1), default=0.04, show_default=True, help="Share that fails.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same requests and answers.")
@click.option("--history", metavar="LENGTH", callback=_length, help="Begin with a past of that length: 30d, 12h, 8w.")
@click.option("--requests", type=int, metavar="N", help="With --history: how many. [default: 2000 a day]")
@click.option("--only-history", is_flag=True, help="With --history and --data: end when it is written.")
@click.pass_context
def demo(
    context: click.Context,
    many: int | None,
    data: Path | None,
    listen: str | None,
    rate: float,
    at_once: int,
    speed: float | None,
    errors: float,
    seed: int,
    history: float | None,
    requests: int | None,
    only_history: bool,
) -> None:
    """See Lectr work: a gateway, a stand-in for the providers, sample traffic.

    Needs no key, no network and no configuration, and touches none.
    """
    from rich.console import Console

    from lectr_core import run_up
    from lectr_provider_echo.demo import acts, summary
    from lectr_provider_echo.demo.stage import CREDENTIAL, CREDENTIAL_VARIABLE, set_stage

    if (requests is not None or only_history) and history is None:
        raise click.UsageError("--requests and --only-history go with --history")
    if only_history and (data is None or many is not None):
        raise click.UsageError("--only-history needs --data, and no --once: else nothing would be left to look at")
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PAPER_WIDTH)
    if data is not None and history is not None and only_history:
        _write_history(console, data, history, requests, seed)
        console.print(f"look at it with: lectr --data {data} explore")
        context.exit(verify(context, data))
    explorer = many is None and _is_installed("lectr_datasette")
    listen = listen or (None if many is None else "127.0.0.1:0")
    speed = speed or (1.0 if many is None else 25.0)
    stage = set_stage(speed=speed, seed=seed, errors=errors, listen=listen, explorer=explorer)
    if not stage.families or not _is_installed("lectr_sink_sqlite"):
        raise OperatorError(
            "the demo needs a provider and a store; run: lectr install lectr-provider-openai lectr-sink-sqlite"
        )
    ready = acts.on_and_on(stage, console, rate, seed) if many is None else acts.once(stage, console, many, at_once, seed)
    os.environ[CREDENTIAL_VARIABLE] = CREDENTIAL
    with tempfile.TemporaryDirectory(prefix="lectr-demo-") as passing:
        kept = data if data is not None else Path(passing)
        if history is not None:
            _write_history(console, kept, history, requests, seed)
        before = 0 if many is None else _stored(kept)
        code = run_up(stage.document, data=kept, ready=ready, companions=[stage.stand_in], explorer=explorer)
        if many is not None:
            fast = f"; the stand-in answered {speed:g} times as fast as a provider" if speed != 1 else ""
            code = max(code, _conclude(context, console, kept, many, before, fast))
        else:
            console.print(
                summary.table(
                    summary.read(kept / acts.DATABASE), "stored; what was under way at the end was cut off", console.width
                )
            )
        if data is not None:
            console.print(f"the data is in {data}; look at it with: lectr --data {data} explore")
    context.exit(code)


def _is_installed(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None


def _stored(data: Path) -> int:
    from lectr_provider_echo.demo import acts, summary

    return summary.count(data / acts.DATABASE)


def _conclude(context: click.Context, console: Console, data: Path, many: int, before: int, remark: str) -> int:
    """Print what is stored and what `lectr verify` says of it. Returns the exit code."""
    from lectr_provider_echo.demo import acts, summary

    found = summary.read(data / acts.DATABASE)
    console.print(summary.table(found, f"{found.total.requests} requests stored{remark}", console.width))
    stored = _stored(data) - before
    if stored != many:
        console.print(f"of {many} requests {stored} are stored; were they stopped before their end?", style="red")
        return 1
    return verify(context, data)


def _write_history(console: Console, data: Path, days: float, requests: int | None, seed: int) -> None:
    """Put a past into *data*, with no settings but the defaults."""
    from lectr_provider_echo.history.show import tell

    with tempfile.NamedTemporaryFile(suffix=".toml") as empty:
        tell(console, _plain(Path(empty.name), data), days, requests, seed)


def _plain(empty: Path, data: Path) -> CommandLine:
    """The command line of an operator who says nothing but where the data is. *empty* is a settings file without words."""
    return CommandLine(config=empty, flags={"gateway.data": str(data)})


def verify(context: click.Context, data: Path) -> int:
    """Run `lectr verify` on *data*, with no settings but the defaults. Returns its exit code."""
    root = context.find_root()
    command = root.command.get_command(root, "verify") if isinstance(root.command, click.Group) else None
    if command is None:
        raise OperatorError("this installation has no command 'verify'")
    try:
        with tempfile.NamedTemporaryFile(suffix=".toml") as empty:
            line = _plain(Path(empty.name), data)
            with command.make_context("verify", [], parent=root, obj=line) as inner:
                result = command.invoke(inner)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return result if isinstance(result, int) else 0
