"""The gate: whether a request still costs what it did. `python -m tests.bench.gate`; exit code 1 where it costs more.

CPU time per request is divided by that of a fixed piece of pure Python which runs at the same time on the same core, so that
whatever disturbs one disturbs the other. The middle one of a few rounds counts, and only what is over the bound in every
attempt fails. `--prove` also runs a gateway in which a plugin wastes 50 µs, and fails where that passes.
"""

from __future__ import annotations

import argparse
import inspect
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import attrs

from tests.bench import machine, measures, yardstick
from tests.bench.plugins import with_plugins, write_plugin
from tests.bench.subjects import Subject, provider

# Three times three attempts on a machine where ten processes wanted two processors said 98 to 125 yards, the least of three
# 98 to 107; with the waste 132 to 152.
BOUND_YARDS: Final = 120.0
ATTEMPTS: Final = 3
ROUNDS: Final = 5
REQUESTS: Final = 1_500
WASTED_YARDS: Final = 24
"""About 50 µs where a yard is 2.1 µs, as where the bound was set; elsewhere as many as that comes to there."""

WASTE: Final = '''"""A policy that does nothing but take time."""

from __future__ import annotations

from lectr_core import PASS, hookimpl

{work}

class Waste:
    """Decides nothing, slowly."""

    id = "waste"

    def decide(self, facts):
        work({times})
        return PASS

    def explain(self, facts):
        return "wastes time"


@hookimpl
def lectr_policies(settings):
    return [Waste()]
'''


@attrs.frozen
class Cost:
    """What one attempt found. Units: CPU µs."""

    request_us: float
    yard_us: float

    @property
    def yards(self) -> float:
        """The cost of a request in yards."""
        return self.request_us / self.yard_us


def attempt(subject: Subject) -> Cost:
    """Measure requests and the yardstick at the same time on the same core, so that whatever disturbs disturbs both."""
    costs = []
    for _ in range(ROUNDS):
        command = [sys.executable, yardstick.__file__]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            machine.pin([process.pid], machine.cores()[0])
            request_us = measures.cpu_us(subject, subject.request(measures.SMALL), REQUESTS)
            said, _ = process.communicate()
        costs.append(Cost(request_us, float(said)))
    return sorted(costs, key=lambda cost: cost.yards)[ROUNDS // 2]


def passes(waste: bool, bound_yards: float) -> bool:
    """Whether a gateway stays within the bound, in any attempt."""
    with tempfile.TemporaryDirectory(prefix="lectr-gate-") as folder, provider() as upstream:
        place = Path(folder)
        site = place / "site"
        site.mkdir()
        if waste:
            source = (
                f"HEAD = {yardstick.HEAD!r}\n\n\n{inspect.getsource(yardstick.Field)}\n\n{inspect.getsource(yardstick.work)}"
            )
            write_plugin(site, "waste", WASTE.format(work=source, times=WASTED_YARDS))
        with with_plugins(place / "lectr", upstream, site) as subject:
            subject.settle()
            measures.cpu_us(subject, subject.request(measures.SMALL), 500)
            for _ in range(ATTEMPTS):
                cost = attempt(subject)
                print(
                    f"{'with' if waste else 'without'} waste: {cost.request_us:.0f} µs a request, "
                    f"{cost.yards:.1f} yards of {cost.yard_us:.2f} µs; the bound is {bound_yards:.1f}",
                    flush=True,
                )
                if cost.yards <= bound_yards:
                    return True
    return False


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gate", description=__doc__.split("\n\n")[0])
    parser.add_argument("--bound", type=float, default=BOUND_YARDS, help="of a request, in pieces of the fixed work")
    parser.add_argument("--waste", action="store_true", help="with a plugin that wastes 50 µs")
    parser.add_argument("--prove", action="store_true", help="also show that the gate notices 50 µs of waste")
    asked = parser.parse_args()
    machine.allow_descriptors()
    os.sched_setaffinity(0, machine.cores()[1])
    if not passes(asked.waste, asked.bound):
        print("a request costs more than the bound allows")
        return 1
    if asked.prove and passes(True, asked.bound):
        print("the gate lets 50 µs of waste pass: the bound is too high for what a request costs now; lower it")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
