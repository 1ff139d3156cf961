"""Whether the gateway can serve and record at this moment, and what is missing where it cannot, in short words.

Changes nothing but one small file, which it writes to see that the journal's disk takes one, and removes. Called by the
supervisor, for `admin` and for the service manager.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio

from lectr_core.assembly.health import FOLDER
from lectr_core.assembly.pulse import Pulse
from lectr_core.journal.layout import FILE_MODE

PROBE_BYTES: Final = 4096
"""One block: a disk that is full to the last byte does not take it."""
PROBE_LIMIT_S: Final = 2.0
"""For the disk to take the probe; one that is slower cannot carry a journal."""
PROBE_EVERY_S: Final = 1.0
COLD_QUIET_S: Final = 15.0
"""The cold side renews its health file every second."""


@attrs.define(eq=False)
class Readiness:
    """Asks all that has to be in order."""

    data: Path
    workers: Sequence[Pulse]
    cold: Pulse
    state: Callable[[], str]
    """Of the supervisor: `starting`, `serving`, `draining`."""
    _probed_at: float = attrs.field(init=False, default=float("-inf"))
    _disk: tuple[str, ...] = attrs.field(init=False, default=())
    # One thread at most hangs at a disk that hangs.
    _one: trio.CapacityLimiter = attrs.field(init=False, factory=lambda: trio.CapacityLimiter(1))
    _lock: trio.Lock = attrs.field(init=False, factory=trio.Lock)

    def is_alive(self) -> bool:
        """Whether some worker is; while it starts or stops nobody asks for more than the supervisor's own loop."""
        now = trio.current_time()
        return self.state() != "serving" or any(worker.is_beating(now) for worker in self.workers)

    async def reasons(self) -> tuple[str, ...]:
        """Why it is not ready; empty where it is. Waits: for the disk, PROBE_LIMIT_S at most. Cancel: nothing is left."""
        if (state := self.state()) != "serving":
            return (state,)
        now = trio.current_time()
        found = []
        if not any(worker.is_beating(now) for worker in self.workers):
            found.append("no_worker_ready")
        if not self.cold.is_ready:
            found.append("cold_side_down")
        if any(worker.is_ready and worker.waiting_bytes for worker in self.workers):
            found.append("records_wait")
        for word in await self._disk_reasons():
            if word != "cold_side_silent" or self.cold.is_ready:
                found.append(word)
        return tuple(found)

    async def _disk_reasons(self) -> tuple[str, ...]:
        async with self._lock:
            if trio.current_time() - self._probed_at < PROBE_EVERY_S:
                return self._disk
            answer: tuple[str, ...] = ("journal_not_writable",)
            with trio.move_on_after(PROBE_LIMIT_S):
                answer = await trio.to_thread.run_sync(
                    partial(look_at_disk, self.data, time.time()), abandon_on_cancel=True, limiter=self._one
                )
            self._disk, self._probed_at = answer, trio.current_time()
            return answer


def look_at_disk(data: Path, now_s: float) -> tuple[str, ...]:
    """What the disk says. *now_s*: wall clock, seconds since 1970. Waits: for the disk."""
    found = []
    if not can_write(data / "journal"):
        found.append("journal_not_writable")
    try:
        if now_s - (data / FOLDER / "cold.json").stat().st_mtime > COLD_QUIET_S:
            found.append("cold_side_silent")
    except OSError:
        found.append("cold_side_silent")
    return tuple(found)


def can_write(folder: Path) -> bool:
    """Whether a small file can be made and filled there. It is gone afterwards."""
    probe = folder / f".probe.{os.getpid()}"
    try:
        opened = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        try:
            return os.write(opened, bytes(PROBE_BYTES)) == PROBE_BYTES
        finally:
            os.close(opened)
            os.unlink(probe)
    except OSError:
        return False
