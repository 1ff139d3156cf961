"""Runs mypy over the whole repository: the core, the tests and the docs at once, then each plugin where it would be read.

A plugin is checked from its own `src`, because two plugins may have modules of one name. Called by `tox -e types`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

# A test may leave its table's columns unannotated: the table says what they are.
OF_TESTS: Final = ("--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls", "--allow-untyped-decorators")


def check(*targets: str, sources: Path | None = None) -> bool:
    """Run mypy on *targets*, paths below the repository. Returns whether it found nothing."""
    environ = os.environ if sources is None else {**os.environ, "MYPYPATH": str(sources)}
    print("mypy", *targets, flush=True)
    return subprocess.run([sys.executable, "-m", "mypy", *targets], cwd=ROOT, env=environ, check=False).returncode == 0


def main() -> int:
    """Check everything, and say of all of it whether it is right."""
    fine = check("lectr_core", "docs")
    fine = check(*OF_TESTS, "tests") and fine
    for folder in sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")):
        for name, options in (("src", ()), ("tests", OF_TESTS), ("bench", OF_TESTS)):
            if any((folder / name).rglob("*.py")):
                fine = check(*options, f"plugins/{folder.name}/{name}", sources=folder / "src") and fine
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
