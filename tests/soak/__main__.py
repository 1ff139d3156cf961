"""`python -m tests.soak --minutes 30 --rate 300`: a long run with faults, and its report.

Exit code 1 where something is missing, double or unproved, or where a process grew.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.run import soak


def main() -> int:
    """Run a soak as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="A long run with faults, and its report.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second")
    parser.add_argument("--kills", type=int, default=20, help="processes killed at random moments")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lectr-soak-") as place:
        result = soak(Path(place), lasts_s=asked.minutes * 60, rate=asked.rate, kills=asked.kills, seed=asked.seed)
    print(result.told())
    return 0 if result.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
