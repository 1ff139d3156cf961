"""`lectr config`: is the configuration valid, and what is it?"""

from __future__ import annotations

from pathlib import Path

import click

from lectr_core.assembly.command_line import CommandLine


@click.group(short_help="Check and show the settings.")
def config() -> None:
    """Check and show the settings. `docs/reference/settings.md` lists all of them."""


@config.command(
    epilog="""\b
Examples:
  lectr config check                    the file that `lectr up` would read
  lectr config check new.toml && cp new.toml lectr.toml"""
)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def check(line: CommandLine, file: Path | None) -> None:
    """Check the settings, FILE's or those in force here. Every fault is told at once; exit code 2 if there are any."""
    from lectr_core.assembly import versions

    if file is not None:
        line.config = file
    loaded = line.read()
    versions.build(line.plugins(), loaded.settings)
    click.echo(f"{loaded.file or 'defaults'}: valid, version {loaded.settings.version}")


@config.command(short_help="Show the settings as they hold.")
@click.option("--all", "everything", is_flag=True, help="Also what is left at its default.")
@click.pass_obj
def show(line: CommandLine, everything: bool) -> None:
    """Show the settings as they hold: file, environment and flags together."""
    loaded = line.read()
    click.echo(f"# {loaded.file or 'no settings file'}, version {loaded.settings.version}")
    for path, origin in sorted(loaded.origins.items()):
        click.echo(f"# {path} comes from {origin}")
    if everything:
        from lectr_core.assembly.settings import complete

        click.echo(complete(loaded.settings), nl=False)
    else:
        click.echo(loaded.text, nl=False)
