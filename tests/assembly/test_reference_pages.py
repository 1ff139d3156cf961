"""The reference pages of settings and commands say what the code says today."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import attrs
import pytest

from docs.generate import settings as generated

ROOT = Path(__file__).resolve().parents[2]
MISSING = {path.name for path in (ROOT / "plugins").glob("lectr-*")} - {found.name for found in distributions()}


@pytest.mark.skipif(bool(MISSING), reason=f"the pages describe every plugin; not installed: {sorted(MISSING)}")
@pytest.mark.parametrize("name", ["settings", "cli", "values"])
def test_the_page_is_what_the_code_says_today(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / f"docs/generate/{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    page = ROOT / f"docs/reference/{name}.md"
    assert page.read_text() == done.stdout, f"run: python docs/generate/{name}.py > docs/reference/{name}.md"


def test_every_setting_has_a_meaning() -> None:
    silent = [
        f"{section.path}.{attribute.name}"
        for _, section in generated.sections()
        for attribute in attrs.fields(section.schema)
        if not generated.meanings(section.schema).get(attribute.name)
    ]
    assert silent == []
