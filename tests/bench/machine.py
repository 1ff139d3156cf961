"""What the kernel says: CPU time and memory of processes, on which core they run, and what machine this is.

CPU time is read per thread from `schedstat`, which counts nanoseconds, where `stat` counts ticks of 10 ms. Called by the
measures.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Final

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
DESCRIPTORS: Final = 20_000
"""More than 2,000 streams need on either side."""


def cpu_s(pids: Iterable[int]) -> float:
    """CPU time that processes have used in all their threads, user and kernel. Units: seconds."""
    total_ns = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def rss_bytes(pids: Iterable[int]) -> int:
    """Memory that processes hold, shared pages included."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES for pid in pids)


def family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cores() -> tuple[set[int], set[int]]:
    """A core for the gateways, and those for everything else; the same one where there is no other."""
    # Sorted, so that on a machine with hyperthreads the two are as far apart as its numbering makes them.
    there = sorted(os.sched_getaffinity(1) if os.getuid() == 0 else os.sched_getaffinity(0))
    return {there[0]}, set(there[1:]) or {there[0]}


def pin(pids: Iterable[int], on: set[int]) -> None:
    """Let processes, with every thread they have, run only there."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(task.name), on)


def allow_descriptors() -> None:
    """Let this process, and what it starts, have many open sockets."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def described() -> dict[str, str]:
    """The machine, for the page."""
    facts: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    siblings = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "processor": facts.get("model name", platform.processor() or "unknown"),
        "logical processors": str(os.cpu_count()),
        "threads that share a core with processor 0": siblings.read_text().strip() if siblings.exists() else "unknown",
        "memory": f"{memory_kib / (1 << 20):.0f} GiB",
        "kernel": platform.release(),
        "Python": f"{platform.python_version()} ({platform.python_compiler()})",
    }


def busy_share(before: list[int], after: list[int]) -> float:
    """How much of the machine's CPU time between two `ticks()` was in use or taken by others."""
    gone = [late - early for early, late in zip(before, after, strict=True)]
    return 1 - (gone[3] + gone[4]) / max(1, sum(gone[:8]))


def ticks() -> list[int]:
    """CPU time of the whole machine by kind, as `/proc/stat` has it."""
    return [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
