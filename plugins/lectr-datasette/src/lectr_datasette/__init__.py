"""The explorer: Datasette on Lectr's database. Here is what is plugged into Lectr; in `pages.py`, what into Datasette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lectr_core import Companion, Section, Settings, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[explorer]`."""
    from lectr_datasette.settings import PATH, ExplorerSettings

    return [Section(PATH, ExplorerSettings, help="The explorer: Datasette on Lectr's database.")]


@hookimpl
def lectr_commands(cli: click.Group) -> None:
    """`lectr explore`."""
    from lectr_datasette.command import explore

    cli.add_command(explore)


@hookimpl
def lectr_companions(settings: Settings) -> Iterable[Companion]:
    """The explorer's process."""
    from lectr_core import MoneySettings
    from lectr_datasette.companion import Explorer, database_of
    from lectr_datasette.settings import PATH, ExplorerSettings

    chosen = settings.section(PATH, ExplorerSettings)
    if not chosen.enabled:
        return []
    chosen.check(settings.environ)
    return [Explorer(chosen, database_of(settings), settings.section("money", MoneySettings))]
