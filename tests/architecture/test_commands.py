"""The two commands of the README are those that run on every change, letter for letter."""

from __future__ import annotations

import re
from typing import Final

from tests.architecture.source import ROOT, text_of

README: Final = text_of(ROOT / "README.md")
RUN: Final = text_of(ROOT / ".ci/run")


def test_the_readmes_commands_are_the_ones_that_are_tried() -> None:
    tried = [line for line in RUN.splitlines() if line.startswith("python3 -m venv ")]
    assert len(tried) == 2
    for line in tried:
        plain = re.sub(r" --once \d+$", "", line)
        assert plain in README.splitlines(), f"the README does not say: {plain}"
