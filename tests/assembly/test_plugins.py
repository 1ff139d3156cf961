"""A plugin that is wrong is named with its fault, and takes nobody else down."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import attrs
import click
import pytest

from lectr_core import hookimpl
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.errors import OperatorError, PluginError
from lectr_core.model.settings import GatewaySettings, Section, Settings

SETTINGS = Settings(gateway=GatewaySettings(), sections={}, version="0" * 12)


class FakeDistribution:
    def __init__(self, name: str) -> None:
        self.name = name
        self.version = "9.9"


class AllowAll:
    def __init__(self, id: str = "allow-all") -> None:
        self.id = id

    def decide(self, facts: object) -> object:
        return facts

    def explain(self, facts: object) -> str:
        return "everything passes"


@attrs.frozen
class Colours:
    wall: str = "white"
    """Colour of the wall."""


Install = Callable[..., EntryPoint]


def nothing() -> list[object]:
    return []


@pytest.fixture
def install() -> Iterator[Install]:
    """Make a plugin of functions: each becomes a hook of a module that an entry point names."""
    made: list[str] = []

    def make(distribution: str, **functions: Any) -> EntryPoint:  # Any: hooks of any shape
        module = types.ModuleType(f"fake_{distribution.replace('-', '_')}")
        for name, function in functions.items():
            function.__name__ = name
            setattr(module, name, hookimpl(function))
        sys.modules[module.__name__] = module
        made.append(module.__name__)
        point = EntryPoint(distribution.rpartition("-")[2], module.__name__, "lectr")
        vars(point)["dist"] = FakeDistribution(distribution)
        return point

    yield make
    for name in made:
        del sys.modules[name]


def faults_of(plugins: Plugins) -> list[str]:
    return [str(fault) for fault in plugins.faults]


def test_plugins_are_listed_with_kind_and_hooks(install: Install) -> None:
    loaded = load_plugins(
        [
            install("lectr-policy-allow", lectr_policies=lambda settings: [AllowAll()]),
            install("acme-thing", lectr_sinks=nothing),
            install("lectr-board", lectr_companions=nothing),
        ]
    )
    assert [(plugin.distribution, plugin.kind, plugin.hooks, plugin.version) for plugin in loaded.found] == [
        ("acme-thing", "sink", ("lectr_sinks",), "9.9"),
        ("lectr-board", "tool", ("lectr_companions",), "9.9"),
        ("lectr-policy-allow", "policy", ("lectr_policies",), "9.9"),
    ]
    assert loaded.faults == []


def test_offers_come_in_the_order_of_distribution_names(install: Install) -> None:
    loaded = load_plugins(
        [
            install("lectr-policy-b", lectr_policies=lambda settings: [AllowAll("b2"), AllowAll("b1")]),
            install("lectr-policy-a", lectr_policies=lambda: [AllowAll("a")]),
        ]
    )
    assert [(owner, policy.id) for owner, policy in loaded.policies(SETTINGS)] == [
        ("lectr-policy-a", "a"),
        ("lectr-policy-b", "b2"),
        ("lectr-policy-b", "b1"),
    ]


def test_a_plugin_that_cannot_be_imported_is_a_fault_and_the_others_work(install: Install) -> None:
    broken = EntryPoint("gone", "no_such_module_of_ours", "lectr")
    vars(broken)["dist"] = FakeDistribution("lectr-provider-gone")
    loaded = load_plugins([broken, install("lectr-policy-allow", lectr_policies=lambda: [AllowAll()])])
    assert faults_of(loaded) == ["lectr-provider-gone: ModuleNotFoundError: No module named 'no_such_module_of_ours'"]
    assert len(loaded.policies(SETTINGS)) == 1


def test_an_unknown_hook_is_a_fault_that_names_the_nearest(install: Install) -> None:
    loaded = load_plugins([install("lectr-policy-x", lectr_polices=nothing)])
    assert faults_of(loaded) == ["lectr-policy-x: there is no hook 'lectr_polices'; did you mean 'lectr_policies'?"]


def test_an_unknown_argument_is_a_fault(install: Install) -> None:
    loaded = load_plugins([install("lectr-policy-x", lectr_policies=lambda colour: [])])
    assert len(loaded.faults) == 1
    assert "colour" in str(loaded.faults[0])
    assert loaded.policies(SETTINGS) == ()


class Shapeless:
    id = "shapeless"


class Waiting(AllowAll):
    async def decide(self, facts: object) -> object:
        return facts


class Numbered:
    id = "numbered"
    decide = 7
    explain = 7


@pytest.mark.parametrize(
    ("offered", "text"),
    [
        (Shapeless(), "Shapeless is no Policy: it lacks decide, explain"),
        (Waiting(), "Waiting is no Policy: decide must be a plain def"),
        (Numbered(), "Numbered is no Policy: decide cannot be called"),
        (AllowAll("Upper Case"), "AllowAll: id must be lower-case letters, digits, '-' and '_', got 'Upper Case'"),
        (None, "NoneType is no Policy: it lacks decide, explain, id"),
    ],
)
def test_an_object_that_breaks_its_protocol_is_named_with_distribution_and_hook(
    install: Install, offered: object, text: str
) -> None:
    loaded = load_plugins([install("lectr-policy-x", lectr_policies=lambda: [offered])])
    with pytest.raises(PluginError) as caught:
        loaded.policies(SETTINGS)
    assert str(caught.value) == f"lectr-policy-x: lectr_policies: {text}"
    assert [str(fault) for fault in loaded.ask_all(SETTINGS)] == [str(caught.value)]


def test_ids_are_unique_across_and_within_plugins(install: Install) -> None:
    loaded = load_plugins(
        [
            install("lectr-policy-a", lectr_policies=lambda: [AllowAll("same")]),
            install("lectr-policy-b", lectr_policies=lambda: [AllowAll("same"), AllowAll("own"), AllowAll("own")]),
        ]
    )
    assert [fault.text for fault in loaded.ask_all(SETTINGS)] == [
        "'same' exists already, in lectr-policy-a",
        "'own' is offered twice",
    ]


def raising(exc: Exception) -> Callable[[], list[object]]:
    def hook() -> list[object]:
        raise exc

    return hook


def test_a_hook_that_raises_names_its_plugin(install: Install) -> None:
    loaded = load_plugins([install("lectr-policy-x", lectr_policies=raising(ZeroDivisionError("by\nzero")))])
    with pytest.raises(PluginError, match=r"^lectr-policy-x: lectr_policies: ZeroDivisionError: by zero$"):
        loaded.policies(SETTINGS)


def test_what_the_operator_must_mend_comes_through_as_such(install: Install) -> None:
    loaded = load_plugins([install("lectr-policy-x", lectr_policies=raising(OperatorError("set FOO")))])
    with pytest.raises(OperatorError, match=r"^set FOO$"):
        loaded.policies(SETTINGS)
    assert [fault.text for fault in loaded.ask_all(SETTINGS)] == ["set FOO"]


@pytest.mark.parametrize(
    ("section", "text"),
    [
        (Section("Colours", Colours), "section path 'Colours' must be lower-case words joined by dots"),
        (Section("gateway.colours", Colours), "section path 'gateway.colours' belongs to the core"),
        (Section("colours", int), "section 'colours': the schema must be an attrs class"),
        (Section("colours.*", Colours, many=True), "section 'colours.*' cannot be an array of tables and a wildcard"),
        ("colours", "expected a Section, got str"),
    ],
)
def test_wrong_sections_are_refused(install: Install, section: object, text: str) -> None:
    loaded = load_plugins([install("lectr-x", lectr_settings=lambda: [section])])
    with pytest.raises(PluginError) as caught:
        loaded.sections()
    assert str(caught.value) == f"lectr-x: lectr_settings: {text}"


def test_two_plugins_cannot_declare_one_section(install: Install) -> None:
    loaded = load_plugins(
        [
            install("lectr-a", lectr_settings=lambda: [Section("colours", Colours)]),
            install("lectr-b", lectr_settings=lambda: [Section("colours", Colours)]),
        ]
    )
    with pytest.raises(PluginError, match="'colours' exists already, in lectr-a"):
        loaded.sections()


def test_a_plugin_cannot_replace_a_command_and_a_broken_one_does_not_stop_the_others(install: Install) -> None:
    cli = click.Group("lectr")
    own = click.Command("verify")
    cli.add_command(own)

    def replace(cli: click.Group) -> None:
        cli.add_command(click.Command("verify"))

    def add(cli: click.Group) -> None:
        cli.add_command(click.Command("paint"))

    loaded = load_plugins(
        [
            install("lectr-a", lectr_commands=replace),
            install("lectr-b", lectr_commands=lambda cli: 1 / 0),
            install("lectr-c", lectr_commands=add),
        ]
    )
    loaded.add_commands(cli)
    assert cli.commands["verify"] is own
    assert "paint" in cli.commands
    assert faults_of(loaded) == [
        "lectr-a: lectr_commands: the command 'verify' exists already",
        "lectr-b: lectr_commands: ZeroDivisionError: division by zero",
    ]
