"""Signs of life of the processes, and the watchdog that ends a worker, or a cold process, whose loop stands still.

Each says `alive` once a second from its own loop, through the pipe to its supervisor: a full disk stops health files, it
does not stop this. What one life of a process said counts for that life alone. Decides nothing but who hangs; starting a
process again is `child`'s business. Called by `supervisor` and `readiness`.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import trio

from lectr_core.assembly.child import Child

_log = logging.getLogger("lectr.supervisor")

LOOK_EVERY_S: Final = 0.5
LATE_S: Final = 1.0
"""A look that comes this much late says that the supervisor itself stood still: what the others said waits to be heard,
and they may have stood still with it."""
QUIET_S: Final = 5.0
"""Without a word for this long, a worker no longer counts as ready."""
COLD_PATIENCE_S: Final = 60.0
"""For the cold process: nobody waits for it, and what it was doing when it is killed has to be done again."""
START_LIMIT_S: Final = 60.0
"""From a process's start to its first word: plugins are imported, on a busy machine that takes seconds."""


@attrs.define(eq=False)
class Pulse:
    """What is known of one child's present life. Units: seconds of Trio's clock, which a suspended machine stops."""

    name: str
    child: Child
    patience_s: float = 0.0
    """It is given at least this long, whatever the settings give a worker."""
    waiting_bytes: int = attrs.field(init=False, default=0)
    """Of records that the process could not write to its journal."""
    _life: int = attrs.field(init=False, default=0)
    _heard_at: float = attrs.field(init=False, default=0.0)
    _is_ready: bool = attrs.field(init=False, default=False)

    def hear(self, words: Sequence[str], now: float) -> None:
        """Take one answer of the child."""
        if self._life != self.child.starts:
            self._life, self._is_ready, self.waiting_bytes = self.child.starts, False, 0
        self._heard_at = now
        match words:
            case ["ready", *_]:
                self._is_ready = True
            case ["alive", waiting] if waiting.isdecimal():
                self.waiting_bytes = int(waiting)
            case _:
                pass

    @property
    def is_ready(self) -> bool:
        """Whether the present life has said that it is."""
        return self.child.pid is not None and self._life == self.child.starts and self._is_ready

    def silent_s(self, now: float) -> float:
        """Since the last word, or since the present life began; 0 between two lives."""
        if self.child.pid is None:
            return 0.0
        return now - (self._heard_at if self._life == self.child.starts else self.child.began_at)

    def is_beating(self, now: float) -> bool:
        """Whether it is ready and has said so of late."""
        return self.is_ready and self.silent_s(now) <= QUIET_S

    def is_hung(self, now: float, limit_s: float) -> bool:
        """Whether its loop has stood still for longer than *limit_s*, and than its own patience."""
        limit_s = max(limit_s, self.patience_s)
        return self.silent_s(now) > (limit_s if self._life == self.child.starts else max(limit_s, START_LIMIT_S))


async def guard(pulses: Sequence[Pulse], limit_s: Callable[[], float]) -> None:
    """Kill whoever hangs, so that it is started again; the others serve on. Waits: for ever."""
    patient_until = 0.0
    while True:
        asked_at = trio.current_time()
        await trio.sleep(LOOK_EVERY_S)
        now = trio.current_time()
        if now - asked_at > LOOK_EVERY_S + LATE_S:
            patient_until = now + QUIET_S
        if now < patient_until:
            continue
        for pulse in pulses:
            if pulse.is_hung(now, limit_s()):
                _log.error(
                    "%s has said nothing for %.1f s: its loop hangs, so it is killed", pulse.name, pulse.silent_s(now)
                )
                pulse.child.send(signal.SIGKILL)
