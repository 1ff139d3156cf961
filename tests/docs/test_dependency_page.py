"""The page on dependencies gives a reason for each one that a distribution asks for, and for none that nobody does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def _names(requirements: list[str]) -> set[str]:
    found = {match.group().lower() for text in requirements if (match := _NAME.match(text))}
    return {name for name in found if name != "lectr" and not name.startswith("lectr-")}


def _section(heading: str) -> str:
    return PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def _of(path: Path) -> set[str]:
    return _names(tomllib.loads(path.read_text())["project"]["dependencies"])


CORE = _of(ROOT / "pyproject.toml")
PLUGINS = {path.parent.name: _of(path) - CORE for path in sorted((ROOT / "plugins").glob("*/pyproject.toml"))}


def test_each_dependency_of_the_core_has_its_reason() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]{10,}", _section("The core"), re.MULTILINE)
    named = {name.strip() for row in rows for name in row.split(",")} - {"package"}
    assert named == CORE


def test_each_dependency_of_a_plugin_beyond_the_cores_has_its_reason() -> None:
    rows = re.findall(r"^\| (lectr-\S+) \| ([^|]+) \| [^|]{10,}", _section("Plugins"), re.MULTILINE)
    named = {plugin: {name.strip() for name in packages.split(",")} for plugin, packages in rows}
    assert named == {plugin: packages for plugin, packages in PLUGINS.items() if packages}


def test_each_tool_of_a_checkout_is_named() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    tools = _names([line for line in lines if line and not line.startswith(("#", "-e"))])
    words = set(re.findall(r"[a-z][a-z0-9-]+", _section("Only to develop").lower()))
    assert tools - words == set()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugins_further_packages_for_its_tests_are_named(plugin: str) -> None:
    document = tomllib.loads((ROOT / "plugins" / plugin / "pyproject.toml").read_text())
    extra = _names(document.get("dependency-groups", {}).get("test", []))
    assert {name for name in extra if name not in PAGE.lower()} == set()
