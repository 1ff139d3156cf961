"""Values of the hot path are values: compared and hashed by what they hold, changed only by making a new one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from lectr_core import Call, Facts, Origin, Secret

ORIGIN = Origin("https", "a.test", 443)


def test_values_are_compared_and_hashed_by_what_they_hold() -> None:
    assert Origin("https", "a.test", 443) == ORIGIN
    assert {ORIGIN: 1}[Origin("https", "a.test", 443)] == 1
    assert attrs.evolve(ORIGIN, port=1) != ORIGIN
    assert Secret(b"a") != Secret(b"a")  # secrets are never compared by chance


@pytest.mark.parametrize("kind", [Call, Facts, Origin])
def test_values_have_no_room_for_other_attributes(kind: type) -> None:
    assert "__slots__" in vars(kind)
    assert "__dict__" not in vars(kind)


@pytest.mark.slow
def test_type_checkers_refuse_to_change_a_value(tmp_path: Path) -> None:
    code = tmp_path / "change.py"
    code.write_text("from lectr_core import Origin\nOrigin('http', 'a', 1).port = 2\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), str(code)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert 'Property "port" defined in "Origin" is read-only' in done.stdout, done.stdout + done.stderr
