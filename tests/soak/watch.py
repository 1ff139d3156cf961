"""Memory and descriptors of every process of a gateway over time, by role and life. Called by `run.py`."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import attrs

from tests.whole.gateway import Gateway

ROLES: Final = {"assembly.worker": "worker", "assembly.cold": "cold"}
WARM_S: Final = 5.0
"""A process counts as warm after this long: caches and pools are filled."""


@attrs.frozen
class Sample:
    """One process at one moment."""

    at_s: float
    rss_bytes: int
    descriptors: int


@attrs.define
class Watch:
    """Looks at all processes again and again."""

    gateway: Gateway
    every_s: float
    began_s: float = attrs.field(factory=time.monotonic)
    lives: dict[tuple[str, int], list[Sample]] = attrs.field(factory=dict)
    """By role and process id."""
    over: threading.Event = attrs.field(factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    _thread: threading.Thread = attrs.field(init=False)

    def _run(self) -> None:
        while not self.over.wait(self.every_s):
            if self.gateway.process is None:
                continue
            try:
                found = self.gateway.pids()
            except (AssertionError, AttributeError):
                continue  # it is being killed or started
            for pid, line in found.items():
                role = next((role for word, role in ROLES.items() if word in line), "supervisor")
                sample = self._sample(pid)
                if sample is not None:
                    self.lives.setdefault((role, pid), []).append(sample)

    def _sample(self, pid: int) -> Sample | None:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            return None
        return Sample(time.monotonic() - self.began_s, pages * 4096, descriptors)

    def table(self) -> list[str]:
        """A Markdown table, a row a life."""
        rows = [
            "| process | life | RSS MiB, first | warm | last | highest | descriptors, first | last | highest |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for (role, _), samples in sorted(self.lives.items(), key=lambda life: (life[0][0], life[1][0].at_s)):
            first, last = samples[0], samples[-1]
            rows.append(
                f"| {role} | {first.at_s:.0f} to {last.at_s:.0f} s | {_mib(first)} | {_mib(warm(samples))} | {_mib(last)} "
                f"| {_mib(max(samples, key=lambda one: one.rss_bytes))} | {first.descriptors} | {last.descriptors} "
                f"| {max(one.descriptors for one in samples)} |"
            )
        return rows

    def growth_bytes(self) -> int:
        """The most that a process grew between being warm and its last sample."""
        return max((samples[-1].rss_bytes - warm(samples).rss_bytes for samples in self.lives.values()), default=0)

    def most_descriptors(self) -> int:
        """The most that any process had open."""
        return max((one.descriptors for samples in self.lives.values() for one in samples), default=0)


def warm(samples: list[Sample]) -> Sample:
    """The first sample of a life that is warm; the last one where it never was."""
    return next((one for one in samples if one.at_s - samples[0].at_s >= WARM_S), samples[-1])


def _mib(sample: Sample) -> str:
    return f"{sample.rss_bytes / (1 << 20):.1f}"
