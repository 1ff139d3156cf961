"""The command `lectr explore`: the explorer alone, in the foreground. Called by the command line."""

from __future__ import annotations

import click

from lectr_core import CommandLine


@click.command()
@click.option("--data", metavar="DIR", help="The data directory, if not the one of the settings.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen.")
@click.option("--open", "opens", is_flag=True, default=None, help="Open the page in a browser.")
@click.pass_context
def explore(context: click.Context, data: str | None, listen: str | None, opens: bool | None) -> None:
    """Look at what is stored: Datasette on the database.

    Works while the gateway runs and when it does not, and waits for a database that does not exist yet.
    """
    import os
    import sys
    from contextlib import suppress

    from lectr_core import MoneySettings
    from lectr_datasette.companion import Explorer, database_of
    from lectr_datasette.settings import PATH, ExplorerSettings

    line = context.find_object(CommandLine) or CommandLine()
    settings = line.settings(gateway__data=data, explorer__listen=listen, explorer__open=opens)
    chosen = settings.section(PATH, ExplorerSettings)
    chosen.check(settings.environ)
    chosen.check_free()
    database = database_of(settings)
    with suppress(FileNotFoundError):
        database.open("rb").close()  # another user's: said here, in one line, and not by the pages
    explorer = Explorer(chosen, database, settings.section("money", MoneySettings))
    click.echo(f"explorer: {explorer.url()}  (Ctrl-C stops it)")
    command = [*explorer.command(), *(["--open"] if chosen.open else [])]
    sys.stdout.flush()
    # This very process becomes the explorer: whoever stops it, a service manager too, stops it and not a parent of it.
    os.execve(command[0], command, {**os.environ, **explorer.environ()})
