"""What gets plugged in: one section of the settings, one sink, the commands that ask it. Heavy imports stand inside.

Called by Lectr at start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lectr_core import Section, Settings, Sink, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[sink.sqlite]`."""
    from lectr_sink_sqlite.settings import SqliteSettings

    return [Section("sink.sqlite", SqliteSettings, help="Where requests are stored, and for how long.")]


@hookimpl
def lectr_sinks(settings: Settings) -> Iterable[Sink]:
    """One SQLite file; none where it is switched off."""
    from lectr_sink_sqlite.settings import SqliteSettings
    from lectr_sink_sqlite.sink import SqliteSink

    mine = settings.section("sink.sqlite", SqliteSettings)
    if not mine.enabled:
        return []
    return [SqliteSink(mine.path or settings.gateway.data / "lectr.db", mine)]


@hookimpl
def lectr_commands(cli: click.Group) -> None:
    """`lectr report`, `lectr top`, `lectr prices`, `lectr reprice`."""
    from lectr_core import shared_group
    from lectr_sink_sqlite.asking.prices import diff, list_prices
    from lectr_sink_sqlite.asking.report import report
    from lectr_sink_sqlite.asking.reprice import reprice
    from lectr_sink_sqlite.asking.top import top

    cli.add_command(report)
    prices = shared_group(cli, "prices", "Prices: those that records were priced with, and the catalog they come from.")
    prices.add_command(list_prices)
    prices.add_command(diff)
    cli.add_command(reprice)
    cli.add_command(top)
