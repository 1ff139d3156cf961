"""Removing a plugin removes what it offers and nothing else: each of those in `plugins/`, and all providers at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

import click
import pytest

from lectr_core.assembly import versions
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.assembly.settings import declared, settle
from lectr_core.model.settings import Settings

FOLDERS: Final = sorted(Path(__file__).resolve().parents[2].glob("plugins/*/pyproject.toml"))
NAMES: Final = [tomllib.loads(folder.read_text())["project"]["name"] for folder in FOLDERS]
POINTS: Final = [point for point in entry_points(group="lectr") if point.dist is not None and point.dist.name in NAMES]

Offer = tuple[str, str, str]
"""Distribution, hook, what is offered."""


def offers(points: Iterable[EntryPoint], data: Path) -> tuple[set[Offer], Plugins]:
    """Everything that the plugins offer, with the settings that hold where there is no file."""
    plugins = load_plugins(points)
    settings = defaults(plugins, data)
    assert not plugins.faults
    assert not plugins.ask_all(settings)
    cli = click.Group()
    plugins.add_commands(cli)
    assert not plugins.faults
    asked: dict[str, Iterable[tuple[str, Any]]] = {  # Any: whatever each hook offers
        "lectr_providers": plugins.providers(settings),
        "lectr_policies": plugins.policies(settings),
        "lectr_price_books": plugins.price_books(settings),
        "lectr_sinks": plugins.sinks(settings),
        "lectr_companions": plugins.companions(settings),
    }
    found = {(owner, hook, thing.id) for hook, things in asked.items() for owner, thing in things}
    found |= {(owner, "lectr_settings", section.path) for owner, section in plugins.sections()}
    found |= {(owner_of(command, plugins), "lectr_commands", name) for name, command in commands_of(cli)}
    return found, plugins


def commands_of(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Every command by its words; a group has its function from whoever made it, a shared one has none."""
    for name, command in group.commands.items():
        if command.callback is not None:
            yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {rest}", below) for rest, below in commands_of(command))


def defaults(plugins: Plugins, data: Path) -> Settings:
    return settle({"gateway": {"data": str(data)}}, declared(plugins), environ={}).settings


def owner_of(command: click.Command, plugins: Plugins) -> str:
    """The distribution whose module a command's function is in."""
    module = getattr(command.callback, "__module__", "").partition(".")[0]
    return next(plugin.distribution for plugin in plugins.found if plugin.distribution.replace("-", "_") == module)


def test_every_plugin_of_the_repository_is_installed_here() -> None:
    assert sorted(point.dist.name for point in POINTS if point.dist is not None) == NAMES


@pytest.mark.parametrize("removed", NAMES)
def test_removing_a_plugin_removes_what_it_offers_and_nothing_else(removed: str, tmp_path: Path) -> None:
    everything, _ = offers(POINTS, tmp_path)
    left, plugins = offers([point for point in POINTS if point.dist is not None and point.dist.name != removed], tmp_path)
    assert left == {offer for offer in everything if offer[0] != removed}
    assert everything - left, "what can be removed without a trace does nothing"
    assert removed not in {plugin.distribution for plugin in plugins.found}


def test_a_gateway_without_a_provider_can_be_built(tmp_path: Path) -> None:
    points = [point for point in POINTS if point.dist is not None and not point.dist.name.startswith("lectr-provider-")]
    plugins = load_plugins(points)
    assert versions.build(plugins, defaults(plugins, tmp_path)) == ({}, ())
