"""A soak: mixed traffic with faults while processes are killed at random moments, then the sum. Called by `__main__.py`.

Every request whose whole answer a client saw must be one row, and no request may be two; `lectr verify` must agree.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from tests.soak.traffic import Traffic
from tests.soak.watch import ROLES, Watch
from tests.whole.gateway import Gateway, as_json, gateway, until

GROWTH_BYTES: Final = 32 << 20
"""Of a warm process. The cold one fills SQLite's page cache (16 MiB; 20 were seen), then stays; others do not grow."""
MOST_DESCRIPTORS: Final = 200
SUMS: Final = ("accepted", "stored", "waiting", "in_flight", "lost", "missing", "damaged")
VICTIMS: Final = ("worker", "cold", "supervisor", "worker")
"""Who is killed, each as often as the others, a worker twice as often."""
SETTLE_S: Final = 60.0
"""For the cold side to store the rest once traffic has ended."""


@attrs.frozen
class Result:
    """What came of a soak."""

    asked: int
    finished: int
    missing: int
    double: int
    kills: Counter[str]
    outcomes: Counter[str]
    verified: bool
    proof: dict[str, Any]  # Any: JSON
    watch: Watch
    lasted_s: float
    seed: int

    @property
    def is_good(self) -> bool:
        """Whether nothing is missing, double or unproved, and no process grew or kept descriptors."""
        is_flat = self.watch.growth_bytes() < GROWTH_BYTES and self.watch.most_descriptors() < MOST_DESCRIPTORS
        return not self.missing and not self.double and self.verified and is_flat

    def told(self) -> str:
        """The report, in Markdown."""
        outcomes = ", ".join(f"{name}: {count}" for name, count in sorted(self.outcomes.items()))
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items())) or "none"
        sinks = "; ".join(
            ", ".join(
                f"{name} {sink[name]}"
                for name in ("accepted", "stored", "waiting", "in_flight", "lost", "missing", "damaged")
            )
            for sink in self.proof.get("sinks", [])
        )
        rate = self.asked / self.lasted_s
        return "\n".join(
            [
                f"{self.asked} requests in {self.lasted_s:.0f} s, {rate:.0f} a second, seed {self.seed}; kill -9: {kills}",
                f"clients saw {self.finished} whole answers; missing rows {self.missing}, double rows {self.double}",
                f"lectr verify: {'content' if self.verified else 'NOT content'} ({sinks})",
                f"growth of memory when warm: {self.watch.growth_bytes() / (1 << 20):.1f} MiB; most descriptors "
                f"{self.watch.most_descriptors()}",
                f"outcomes: {outcomes}",
                "",
                *self.watch.table(),
            ]
        )


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """Run the stand-in for as long as the block lasts. Gives its address."""
    command = [sys.executable, str(Path(__file__).with_name("provider.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def soak(place: Path, *, lasts_s: float, rate: float, kills: int, seed: int) -> Result:
    """Run it. Units: *rate* is requests a second; *kills* is how many processes are killed, at random moments."""
    chance = random.Random(seed)
    killed: Counter[str] = Counter()
    with provider() as url, gateway(place, url, held=True) as running:
        began_s = time.monotonic()
        with Watch(running, max(0.5, lasts_s / 600)) as watch, Traffic(running, rate, seed) as traffic:
            victims = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
            chance.shuffle(victims)
            moments_s = sorted(chance.uniform(0.05, 0.9) * lasts_s for _ in victims)
            for who, at_s in zip(victims, moments_s, strict=True):
                time.sleep(max(0.0, began_s + at_s - time.monotonic()))
                killed[who] += kill(running, who)
            time.sleep(max(0.0, began_s + lasts_s - time.monotonic()))
        lasted_s = time.monotonic() - began_s
        finished = traffic.finished
        proof = settled(running)
        rows = Counter(features(running))
    return Result(
        asked=traffic.outcomes.total(),
        finished=len(finished),
        missing=len(finished - set(rows)),
        double=sum(1 for count in rows.values() if count > 1),
        kills=killed,
        outcomes=traffic.outcomes,
        verified=proof.returncode == 0,
        proof=as_json(proof.stdout),
        watch=watch,
        lasted_s=lasted_s,
        seed=seed,
    )


def settled(running: Gateway) -> subprocess.CompletedProcess[str]:
    """Wait until all that was accepted is stored, or patience runs out. Returns the last `lectr verify --json`."""
    end_s = time.monotonic() + SETTLE_S
    while True:
        proof = running.lectr("verify", "--json", check=False)
        sinks = as_json(proof.stdout)["sinks"]
        if not any(sink["waiting"] or sink["in_flight"] for sink in sinks) or time.monotonic() > end_s:
            return proof
        time.sleep(0.5)


def features(running: Gateway) -> list[str]:
    """The feature of every row that a soak's client made."""
    with contextlib.closing(sqlite3.connect(f"file:{running.data / 'lectr.db'}?mode=ro", uri=True, timeout=30)) as db:
        return [row[0] for row in db.execute("select feature from requests where feature like 'soak-%'")]


def kill(running: Gateway, who: str) -> int:
    """Kill a process as the kernel would. The supervisor takes all others with it, and is started again by us."""
    assert running.process is not None
    if who == "supervisor":
        before = running.pids()
        running.process.kill()
        running.process.wait()
        until(lambda: not any(_runs(pid) for pid in before), what="no process is left behind")
        running.start()
        return 1
    word = next(word for word, role in ROLES.items() if role == who)
    pid = until(lambda: next((pid for pid, line in running.pids().items() if word in line), None), what=f"a {who} runs")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return 1


def _runs(pid: int) -> bool:
    """Whether it lives, zombies apart."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False
