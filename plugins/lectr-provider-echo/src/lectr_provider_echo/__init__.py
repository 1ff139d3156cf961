"""A stand-in for AI providers, and `lectr demo`. This file says what is plugged in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lectr_core import Companion, Provider, Section, Settings, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.echo]`."""
    from lectr_provider_echo.settings import PATH, EchoSettings

    return [Section(PATH, EchoSettings, help="The stand-in for AI providers on this machine.")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """`echo`."""
    from lectr_core import upstream_of
    from lectr_provider_echo.provider import EchoProvider
    from lectr_provider_echo.settings import PATH, EchoSettings

    chosen = settings.section(PATH, EchoSettings)
    return [EchoProvider(chosen, upstream_of(settings, PATH, chosen, chosen.address).held)]


@hookimpl
def lectr_companions(settings: Settings) -> Iterable[Companion]:
    """The stand-in's process, where the settings ask for it."""
    from lectr_provider_echo.companion import EchoCompanion
    from lectr_provider_echo.settings import PATH, EchoSettings

    chosen = settings.section(PATH, EchoSettings)
    chosen.check()
    return [EchoCompanion(chosen)] if chosen.run else []


@hookimpl
def lectr_commands(cli: click.Group) -> None:
    """`lectr demo`."""
    from lectr_provider_echo.demo.command import demo

    cli.add_command(demo)
