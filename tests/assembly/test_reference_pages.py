"""The reference pages of settings and commands say what the code says today."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import attrs
import click
import pytest

from docs.generate import settings as generated
from lectr_core.assembly.cli.entry import make

ROOT = Path(__file__).resolve().parents[2]
MISSING = {path.name for path in (ROOT / "plugins").glob("lectr-*")} - {found.name for found in distributions()}


@pytest.mark.skipif(bool(MISSING), reason=f"the pages describe every plugin; not installed: {sorted(MISSING)}")
@pytest.mark.parametrize("name", ["settings", "cli", "values"])
def test_the_page_is_what_the_code_says_today(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / f"docs/generate/{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    page = ROOT / f"docs/reference/{name}.md"
    assert page.read_text() == done.stdout, f"run: python docs/generate/{name}.py > docs/reference/{name}.md"


@pytest.mark.skipif(bool(MISSING), reason=f"each plugin has commands of its own; not installed: {sorted(MISSING)}")
def test_no_commands_line_in_the_help_is_cut_off() -> None:
    def cut(group: click.Group) -> list[str]:
        inner = [name for command in group.commands.values() if isinstance(command, click.Group) for name in cut(command)]
        room = 80 - 6 - max(map(len, group.commands))
        return [name for name, command in group.commands.items() if command.get_short_help_str(room).endswith("...")] + inner

    assert cut(make()[0]) == []


def test_every_setting_has_a_meaning() -> None:
    silent = [
        f"{section.path}.{attribute.name}"
        for _, section in generated.sections()
        for attribute in attrs.fields(section.schema)
        if not generated.meanings(section.schema).get(attribute.name)
    ]
    assert silent == []
