"""Builds every wheel and tries each plugin where nothing is installed but it and the core: `tox -e alone`.

What passes in a checkout can still lean on a sibling, on a file outside `src` or on a tool for developers; here it cannot.
Arguments: names of plugins to try; none: all. Not a pytest test, because it starts pytest in environments of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

# What a plugin's tests may use beside the plugin's own dependencies.
TEST_TOOLS: Final = ("pytest>=8.3", "pytest-trio>=0.8", "hypothesis>=6.120", "trustme>=1.2")


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command that must succeed. Errors: CalledProcessError."""
    print("$", *(str(part).replace(str(ROOT), ".") for part in command), flush=True)
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


def build(folder: Path, into: Path) -> Path:
    """Build one wheel and look into it."""
    before = set(into.glob("*.whl"))
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", into, cwd=folder)
    (wheel,) = set(into.glob("*.whl")) - before
    names = zipfile.ZipFile(wheel).namelist()
    # A .pth file runs code at every start of Python, whether or not anything is imported.
    assert not [name for name in names if name.endswith(".pth")], wheel.name
    assert [name for name in names if name.endswith("/py.typed")], f"{wheel.name} has no py.typed"
    assert not [name for name in names if "tests" in Path(name).parts], f"{wheel.name} carries tests"
    return wheel


def environment(at: Path, *wheels: Path) -> Path:
    """A new virtual environment with the wheels, what they need and the tools for tests. Returns its `bin`."""
    run("uv", "venv", "-q", "-p", sys.executable, at)
    run("uv", "pip", "install", "-q", "-p", at, *wheels, *TEST_TOOLS)
    return at / "bin"


def test_needs(folder: Path) -> list[str]:
    """What a plugin's tests need beyond that: the dependency group `test`."""
    groups = tomllib.loads((folder / "pyproject.toml").read_text()).get("dependency-groups", {})
    return [str(need) for need in groups.get("test", [])]


def try_plugin(folder: Path, wheel: Path, core: Path, at: Path) -> bool:
    """Run a plugin's tests beside the core wheel. Returns whether they pass."""
    programs = environment(at / "venv", core, wheel)
    if needs := test_needs(folder):
        run("uv", "pip", "install", "-q", "-p", at / "venv", *needs)
    # Only the tests go along: with `src` out of reach, what is tried is what was built.
    shutil.copytree(folder / "tests", at / "tests")
    shutil.copy(folder / "pyproject.toml", at)
    print(f"== {folder.name} alone", flush=True)
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return (
        subprocess.run([programs / "python", "-m", "pytest", "-q", "tests"], cwd=at, env=environ, check=False).returncode
        == 0
    )


def try_core(core: Path, at: Path) -> None:
    """The core alone must say what is missing rather than fall over."""
    programs = environment(at / "venv", core)
    run(programs / "lectr", "--version", cwd=at)
    run(programs / "lectr", "plugins", cwd=at)


def main(wanted: list[str]) -> int:
    """Try what is *wanted*, or everything. Returns an exit code."""
    folders = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
    if unknown := set(wanted) - {folder.name for folder in folders}:
        raise SystemExit(f"no such plugin: {sorted(unknown)}")
    broken = []
    with tempfile.TemporaryDirectory(prefix="lectr-alone-") as name:
        place = Path(name)
        core = build(ROOT, place)
        try_core(core, place / "core")
        for folder in folders:
            if not wanted or folder.name in wanted:
                (place / folder.name).mkdir()
                if not try_plugin(folder, build(folder, place), core, place / folder.name):
                    broken.append(folder.name)
    print("not fit to stand alone:" if broken else "every plugin stands alone", *broken)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
