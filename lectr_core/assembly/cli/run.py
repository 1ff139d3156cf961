"""`lectr up` and `lectr serve`: start a gateway in the foreground and say how to use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lectr_core.assembly.command_line import CommandLine
from lectr_core.ports import TellsHow

if TYPE_CHECKING:
    from lectr_core.assembly.supervisor import Supervisor
    from lectr_core.assembly.up import FirstKey


def _options(command: Any) -> Any:  # Any: click's decorators are not typed for a function on its way to a command
    for option in (
        click.option("--listen", "-l", multiple=True, metavar="ADDRESS", help="host:port or unix:/path; several allowed."),
        click.option("--workers", "-w", metavar="N", help="Worker processes, or 'auto'."),
        click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data directory (gateway.data)."),
    ):
        command = option(command)
    return command


@click.command(
    short_help="Run the whole thing on this machine.",
    epilog="""\b
Examples:
  lectr up
  lectr up --listen 127.0.0.1:9000 --data ~/lectr
  lectr --config production.toml up --workers auto
\b
Ctrl-C stops in order: open requests finish, everything is stored. Once more: at once.""",
)
@_options
@click.option("--lines/--no-lines", default=None, help="Print what to paste into a client.  [default: with a new key]")
@click.pass_obj
def up(line: CommandLine, listen: tuple[str, ...], workers: str | None, data: Path | None, lines: bool | None) -> int:
    """Run the whole thing on this machine: gateway, cold path and explorer.

    Needs no settings. In an empty directory it makes lectr-data/ with a first key, and prints the key once.
    """
    return _run(line, listen, workers, data, with_companions=True, lines=lines)


@click.command(
    short_help="Run gateway and cold path, as a service does.",
    epilog="""\b
Examples:
  lectr serve --listen 0.0.0.0:8420 --workers auto
  lectr serve --listen unix:/run/lectr/gateway.sock""",
)
@_options
@click.pass_obj
def serve(line: CommandLine, listen: tuple[str, ...], workers: str | None, data: Path | None) -> int:
    """Run gateway and cold path only, as a service does. Makes no key."""
    return _run(line, listen, workers, data, with_companions=False, lines=False)


def _run(
    line: CommandLine,
    listen: tuple[str, ...],
    workers: str | None,
    data: Path | None,
    *,
    with_companions: bool,
    lines: bool | None,
) -> int:
    import os

    from lectr_core.assembly import up as ups
    from lectr_core.assembly.reload import Watch
    from lectr_core.assembly.settings import Loaded, find_file

    def read() -> Loaded:
        return line.read(
            gateway__listen=list(listen) or None,
            gateway__workers=int(workers) if workers is not None and workers.isdecimal() else workers,
            gateway__data=str(data) if data is not None else None,
        )

    async def ready(supervisor: Supervisor, key: FirstKey | None) -> None:
        click.echo(greeting(supervisor, key, bool(key) if lines is None else lines))

    watch = Watch(lambda: find_file(line.config, os.environ))
    loaded = read()
    return ups.start(
        line.plugins(),
        loaded,
        ready=ready,
        key_for=ups.first_key if with_companions and loaded.settings.gateway.auth == "keys" else ups.no_key,
        with_companions=with_companions,
        reread=read,
        watch=watch,
    )


def greeting(supervisor: Supervisor, key: FirstKey | None, lines: bool) -> str:
    """All that a person needs to begin."""
    from lectr_core.assembly.keys import read_book
    from lectr_core.assembly.up import running

    gateway = supervisor.settings.gateway
    told = running(supervisor, key)
    addresses = ", ".join(str(address) for address in supervisor.doors.addresses)
    # What to paste first: of what is longer than the screen, the end is what stays in sight.
    out = [""]
    if lines:
        for _, provider in supervisor.plugins.providers(supervisor.settings):
            out += snippets(provider, told.base_url, told.key or "YOUR_LECTR_KEY")
    out.append(f"  gateway   {told.base_url}" + (f"   ({addresses})" if len(gateway.listen) > 1 else ""))
    out += [f"  {name:<9} {url}" for name, url in told.urls.items()]
    out.append(f"  data      {supervisor.data}")
    works = sum(not holder.revoked for holder in read_book(supervisor.data).ring().holders.values())
    if gateway.auth == "none":
        out.append('  key       none is needed (auth = "none", loopback only)')
    elif key is not None:
        out += [
            f"  key       {key.secret}",
            "            note it now: it is shown this once; `lectr keys create` makes another",
        ]
    elif not works:
        out.append("  key       there is none yet; make one with: lectr keys create --org acme --name first")
    else:
        out.append(f"  keys      {works:,} in force, each shown when it was made; `lectr keys create` makes another")
    out += ["", *_ways(supervisor), *_missing(supervisor)]
    if told.urls or lines:
        out += [
            "  next      `lectr tail` shows requests as they come, `lectr report` what they cost,",
            "            `lectr doctor` what is wrong; Ctrl-C stops",
            "",
        ]
    return "\n".join(out)


def _ways(supervisor: Supervisor) -> list[str]:
    """How providers are reached; nothing where each goes straight and nobody could expect otherwise."""
    from lectr_core.assembly.egress import told, unused_variables, ways_of

    providers = [
        provider for _, provider in supervisor.plugins.providers(supervisor.settings) if provider.origin is not None
    ]
    if not providers:
        return []
    rows = list(told(ways_of(supervisor.settings, providers)))
    if unused := unused_variables(supervisor.settings):
        names = ", ".join(f"${name}" for name in unused)
        rows.append(f'{names} set, and not used (gateway.proxy = "env" would)')
    return [*(f"  {'egress' if not at else '':<9} {row}" for at, row in enumerate(rows)), ""]


def snippets(provider: object, base_url: str, key: str) -> list[str]:
    """What to paste, in the words of the provider's own plugin, where it has any."""
    if not isinstance(provider, TellsHow):
        return []
    try:
        told = [(str(title), str(text)) for title, text in provider.quickstart(base_url, key)]
    except Exception as exc:  # noqa: BLE001 - a plugin may raise anything, and the gateway runs
        return [f"  plugin fault: {type(provider).__name__}.quickstart: {type(exc).__name__}: {exc}", ""]
    out = []
    for title, text in told:
        out += [
            f"  ── {title} ".ljust(72, "─"),
            "",
            *(f"  {row}".rstrip() for row in text.strip("\n").splitlines()),
            "",
        ]
    return out


def _missing(supervisor: Supervisor) -> list[str]:
    """What is not installed, and what does not work without it."""
    plugins, settings = supervisor.plugins, supervisor.settings
    hooks = {hook for plugin in plugins.found for hook in plugin.hooks}
    out = []
    if not plugins.providers(settings):
        out.append("  no provider plugin is installed: every request is refused (try: lectr install provider-NAME)")
    if "lectr_sinks" not in hooks:
        out.append("  no sink plugin is installed: records stay in the journal (try: lectr install sink-sqlite)")
    if "lectr_price_books" not in hooks:
        out.append("  no price plugin is installed: costs are unknown (try: lectr install prices-genai)")
    out += [f"  plugin fault: {fault}" for fault in plugins.faults]
    return [*out, ""] if out else []
