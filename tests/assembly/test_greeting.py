"""What `lectr up` says: all that is needed to begin, with what is needed first where the eye is, at the end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from lectr_core import GatewaySettings, Settings
from lectr_core.assembly.cli.run import greeting
from lectr_core.assembly.keys import create_key
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.up import FirstKey


@attrs.frozen
class Explorer:
    id: str = "explorer"

    def url(self) -> str:
        return "http://127.0.0.1:8421/"


class Provider:
    origin = None

    def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
        return [("Python", f"client = Client(base_url={base_url!r}, key={key!r})")]


@attrs.frozen
class Installed:
    """Plugins, as far as they are asked."""

    found: tuple[Any, ...] = ()  # Any: no plugin is looked at
    faults: tuple[str, ...] = ()

    def providers(self, _: Settings) -> list[tuple[str, Provider]]:
        return [("lectr-provider-acme", Provider())]


def supervisor_of(data: Path, *companions: Explorer) -> Any:  # Any: a supervisor, as far as it is asked
    doors = SimpleNamespace(addresses=["127.0.0.1:8420"])
    settings = Settings(GatewaySettings(data=data), {}, "abc")
    return SimpleNamespace(
        settings=settings,
        doors=doors,
        data=data,
        plugins=Installed(),
        companions=companions,
        base_url="http://127.0.0.1:8420",
    )


def test_the_key_stands_below_what_is_to_be_pasted(tmp_path: Path) -> None:
    """What is longer than the screen shows its end."""
    key, secret = create_key(tmp_path, "default", "first")
    said = greeting(supervisor_of(tmp_path, Explorer()), FirstKey(key, secret), True)
    assert secret in said.splitlines()[3], "in what is to be pasted"
    last = said.splitlines()[-12:]
    assert [row for row in last if row.startswith("  key ")] == [f"  key       {secret}"]
    assert "  explorer  http://127.0.0.1:8421/" in last
    assert "Ctrl-C stops" in said


def test_who_has_keys_is_told_how_many_and_how_to_get_another(tmp_path: Path) -> None:
    create_key(tmp_path, "default", "first")
    said = greeting(supervisor_of(tmp_path, Explorer()), None, False)
    assert "  keys      1 in force, each shown when it was made; `lectr keys create` makes another" in said
    assert "lc_key_" not in said


@pytest.mark.parametrize("companions", [(), (Explorer(),)])
def test_a_service_is_told_no_more_than_where_it_is(tmp_path: Path, companions: tuple[Explorer, ...]) -> None:
    said = greeting(supervisor_of(tmp_path, *companions), None, False)
    assert "lectr keys create --org acme --name first" in said
    assert ("Ctrl-C stops" in said) == bool(companions)


def test_no_plugin_at_all_is_said_with_what_to_install(tmp_path: Path) -> None:
    bare = supervisor_of(tmp_path)
    bare.plugins = load_plugins([])
    said = greeting(bare, None, False)
    for what in ("no provider plugin", "no sink plugin", "no price plugin"):
        assert what in said
    assert said.count("lectr install") == 3
