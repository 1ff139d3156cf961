"""The hooks, their docstrings and their page say the same, and the page is current."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

import pytest

from docs.generate import hooks as generated
from tests.architecture.source import PLUGINS, ROOT, text_of

PAGE: Final = ROOT / "docs/reference/hooks.md"
HOOKS: Final = generated.hooks()


def test_the_page_is_what_the_code_says_today() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "docs/generate/hooks.py")], capture_output=True, text=True, check=True)
    assert text_of(PAGE) == done.stdout, "run: python docs/generate/hooks.py > docs/reference/hooks.md"


@pytest.mark.parametrize(("name", "spec"), HOOKS, ids=[name for name, _ in HOOKS])
def test_a_hook_has_a_heading_with_its_signature(name: str, spec: Callable[..., object]) -> None:
    assert f"## `{generated.signature(name, spec)}`\n" in text_of(PAGE)


@pytest.mark.parametrize(("name", "spec"), HOOKS, ids=[name for name, _ in HOOKS])
def test_a_hooks_docstring_has_its_five_labels_and_a_real_example(name: str, spec: Callable[..., object]) -> None:
    said = generated.labels(spec)
    assert tuple(said) == generated.LABELS
    assert all(said.values())
    example = said["Since"].partition("Example: plugins/")[2].rstrip(".")
    source = "".join(text_of(path) for path in (PLUGINS / example).glob("src/*/__init__.py"))
    assert f"def {name}(" in source, f"{example} does not implement {name}"


def test_there_are_hooks_to_look_at() -> None:
    assert [name for name, _ in HOOKS][:3] == ["lectr_settings", "lectr_commands", "lectr_providers"]
