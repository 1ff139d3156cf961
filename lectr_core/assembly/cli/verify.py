"""`lectr verify`: is every request accounted for?"""

from __future__ import annotations

import click

from lectr_core.assembly.command_line import CommandLine


@click.command(
    short_help="Prove that no record is missing or double.",
    epilog="""\b
accepted = stored + waiting + in flight + lost, for each sink and each worker's life.
Exit code 1 where the sum does not come out, where a sink lost what it held, where no sink can be asked, or, with --strict,
where something was lost or a line of the journal was damaged.""",
)
@click.option("--strict", is_flag=True, help="Declared losses and damaged lines count as a failure too.")
@click.option("--streams", is_flag=True, help="Show each worker's life on its own line.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(line: CommandLine, strict: bool, streams: bool, as_json: bool) -> int:
    """Prove that no record is missing or double, by counting journal and sinks. May run beside a gateway at work."""
    import trio

    from lectr_core.assembly.cli.show import mark, show_json, show_table
    from lectr_core.cold.verify import FORGOTTEN, Proof, prove
    from lectr_core.errors import OperatorError
    from lectr_core.journal.finished import FINISHED

    settings = line.settings()
    if not settings.gateway.data.is_dir():
        told = "go where `lectr up` runs, or name it: lectr --data DIRECTORY verify"
        raise OperatorError(f"gateway.data: there is no directory {str(settings.gateway.data)!r}; {told}")
    sinks = [sink for _, sink in line.plugins().sinks(settings)]
    proof: Proof = trio.run(prove, settings.gateway.data / "journal", sinks)
    proved = bool(proof.sinks) and proof.is_balanced
    good = proved and not (strict and any(sink.lost or sink.damaged for sink in proof.sinks))
    names = ("accepted", "stored", "waiting", "in_flight", "lost", "missing", "damaged")
    if as_json:
        show_json(
            {
                "balanced": proved,
                "sinks": [
                    {"sink": sink.sink, "balanced": sink.is_balanced, "fault": sink.fault, "gaps": sink.gaps}
                    | {"forgotten": sink.forgotten}
                    | {name: getattr(sink, name) for name in names}
                    | {
                        "streams": [
                            {"stream": stream.stream, "balanced": stream.is_balanced}
                            | {name: getattr(stream, name) for name in (*names, "claimed")}
                            for stream in sink.streams
                        ]
                    }
                    for sink in proof.sinks
                ],
                "cannot_be_asked": list(proof.silent),
            }
        )
        return 0 if good else 1
    columns = ("sink", "stream", "accepted", "stored", "waiting", "in flight", "lost", "missing", "damaged")
    rows: list[tuple[object, ...]] = []
    for sink in proof.sinks:
        shown = sink.streams if streams else ()
        rows += [(sink.sink, stream.stream, *(getattr(stream, name) for name in names)) for stream in shown]
        rows.append((sink.sink, "all", *(getattr(sink, name) for name in names)))
    if rows:
        show_table(columns, rows, right=columns[2:])
    for sink in proof.sinks:
        if sink.fault is not None:
            click.echo(f"{mark('fail')} {sink.sink} cannot be asked: {sink.fault}")
        if sink.forgotten:
            what = f"{sink.sink} had stored {sink.forgotten} records that are not in it any more: {FORGOTTEN}"
            click.echo(f"{mark('fail')} {what}; if that was meant, remove {settings.gateway.data / 'journal' / FINISHED}")
        for gap in sink.gaps:
            click.echo(f"{mark('fail')} {sink.sink}: {gap}")
    for name in proof.silent:
        click.echo(f"{mark('skip')} {name} cannot say what it holds")
    if not proof.sinks:
        click.echo(f"{mark('warn')} no sink that could be asked is installed: nothing is proved")
    elif proof.is_balanced:
        lost, damaged = sum(sink.lost for sink in proof.sinks), sum(sink.damaged for sink in proof.sinks)
        but = (f"; {lost} lost" if lost else "") + (f"; {damaged} damaged lines" if damaged else "")
        click.echo(f"{mark('warn' if but else 'ok')} every request is accounted for{but}")
    else:
        click.echo(f"{mark('fail')} it does not balance")
    return 0 if good else 1
