"""The gate: whether a request still costs what it did. `python -m tests.bench.gate`; exit code 1 where it costs more.

CPU time per request is divided by that of a fixed piece of pure Python which runs at the same time on the same core, so that
whatever disturbs one disturbs the other. The middle one of a few rounds counts, and only what is over the bound in every
attempt fails. `--prove` also runs a gateway in which a plugin wastes 50 µs, the two in turn, and fails where that takes no
more than the bound leaves room for.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from tests.bench import machine, measures, yardstick
from tests.bench.plugins import with_plugins, write_plugin
from tests.bench.subjects import Subject, provider

# On a machine that little else used, a request was 75 to 86 yards, with the waste 107 to 110. Where five to ten processes
# want two processors it is more of them; the least of three attempts counts.
USUAL_YARDS: Final = 90.0
ROOM: Final = 1.1
BOUND_YARDS: Final = USUAL_YARDS * ROOM
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

    def __str__(self) -> str:
        return f"{self.request_us:.0f} µs a request, {self.yards:.0f} yards of {self.yard_us:.2f} µs"


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


@contextlib.contextmanager
def started(place: Path, upstream: int, *, waste: bool) -> Iterator[Subject]:
    """A gateway that is warm, with or without the plugin that wastes time."""
    site = place / "site"
    site.mkdir(parents=True)
    if waste:
        source = (
            f"HEAD = {yardstick.HEAD!r}\n\n\n{inspect.getsource(yardstick.Field)}\n\n{inspect.getsource(yardstick.work)}"
        )
        write_plugin(site, "waste", WASTE.format(work=source, times=WASTED_YARDS))
    with with_plugins(place / "lectr", upstream, site) as subject:
        subject.settle()
        measures.cpu_us(subject, subject.request(measures.SMALL), 500)
        yield subject


def passes(subject: Subject, bound_yards: float) -> bool:
    """Whether a gateway stays within the bound, in any attempt."""
    for _ in range(ATTEMPTS):
        cost = attempt(subject)
        print(f"{cost}; the bound is {bound_yards:.0f}", flush=True)
        if cost.yards <= bound_yards:
            return True
    print("a request costs more than the bound allows")
    return False


def is_noticed(subject: Subject, wasteful: Subject) -> bool:
    """Whether the waste takes more than the bound leaves room for, in the middle one of a few pairs."""
    times = []
    for _ in range(ATTEMPTS):
        plain, more = attempt(subject), attempt(wasteful)
        times.append(more.yards / plain.yards)
        print(f"with 50 µs of waste: {more}; without: {plain}; {times[-1]:.2f} times as much", flush=True)
    if sorted(times)[ATTEMPTS // 2] > ROOM:
        return True
    print("the gate would not notice 50 µs of waste here")
    return False


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gate", description=__doc__.split("\n\n")[0])
    parser.add_argument("--bound", type=float, default=BOUND_YARDS, help="of a request, in pieces of the fixed work")
    parser.add_argument("--waste", action="store_true", help="with a plugin that wastes 50 µs")
    parser.add_argument("--prove", action="store_true", help="also show that 50 µs of waste are noticed")
    asked = parser.parse_args()
    machine.allow_descriptors()
    os.sched_setaffinity(0, machine.cores()[1])
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lectr-gate-")))
        upstream = stack.enter_context(provider())
        subject = stack.enter_context(started(place / "one", upstream, waste=asked.waste))
        if not passes(subject, asked.bound):
            return 1
        if asked.prove:
            return 0 if is_noticed(subject, stack.enter_context(started(place / "other", upstream, waste=True))) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
