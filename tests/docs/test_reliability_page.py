"""The page on reliability names tests that exist, and forgets none of those that were written to hold its last part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/-]+\.py)(?:::(\w+))?`", PAGE)))
HOLDING = ("test_disk", "test_store", "test_clock", "test_slow_journal", "test_crash")


def written_in(path: Path) -> set[str]:
    return set(re.findall(r"^(?:(?:async )?def (?=test_)|(?=Test\w+ = ))(\w+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[f"{file}:{test}" for file, test in NAMED])
def test_a_test_that_is_named_exists(file: str, test: str) -> None:
    path = (ROOT if file.startswith("plugins/") else ROOT / "tests") / file
    assert path.is_file(), f"{file} is named and not there"
    found = written_in(path)
    assert found, f"{file} holds no test"
    assert not test or test in found, f"{file} has no {test}"


def test_every_row_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| promise", "| what"))]
    assert len(rows) > 30
    assert not [row for row in rows if ".py" not in row]


def test_what_is_tested_of_loss_is_on_the_page() -> None:
    named = {Path(file).stem for file, _ in NAMED}
    assert named >= set(HOLDING)
    for stem in ("test_disk", "test_store"):
        missing = {test for test in written_in(ROOT / "tests" / "whole" / f"{stem}.py") if test not in PAGE}
        assert not missing
