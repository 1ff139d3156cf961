"""What systemd gives a service and wants to hear from it: readiness, reloads, a watchdog, listening sockets.

Pure Python on the documented protocols (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)); where their variables are
not set, nothing happens. Whoever runs the gateway in another way loses nothing. Called by `up` and `supervisor`.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

import attrs
import trio

from lectr_core.errors import OperatorError

_log = logging.getLogger("lectr.supervisor")

VARIABLES: Final = frozenset(
    {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}
)
"""For the main process alone: no child is told."""
FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START."""
SEND_LIMIT_S: Final = 0.25
"""For the manager's queue to take a message. It is far from full, unless the manager itself hangs."""


@attrs.define(eq=False)
class Service:
    """The way to the service manager."""

    address: str | None = None
    """Of its socket; `@` begins an abstract one. None: there is no manager that listens."""
    watchdog_s: float | None = None
    """How often it has to hear from us at least, in seconds; None: it does not watch."""

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Service:
        """As the environment of process *pid* says."""
        address = environ.get("NOTIFY_SOCKET") or None
        if address is not None and address[0] not in "/@":
            _log.warning("NOTIFY_SOCKET is neither a path nor an abstract name: nobody is notified")
            address = None
        period = environ.get("WATCHDOG_USEC", "")
        is_watched = address is not None and environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        if not is_watched or not period.isdecimal() or int(period) == 0:
            return cls(address)
        return cls(address, int(period) / 1e6)

    def tell(self, *lines: str) -> bool:
        """Send one message. Returns whether it was taken; that it was not is no reason to stop."""
        if self.address is None:
            return False
        place = "\0" + self.address[1:] if self.address[0] == "@" else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
                opened.settimeout(SEND_LIMIT_S)
                opened.sendto("\n".join(lines).encode(), place)
        except OSError as exc:
            _log.warning("the service manager was not told %s: %s", lines[0], exc.strerror or exc)
            return False
        return True

    def ready(self, status: str) -> None:
        """Everything works, at the start or after a reload."""
        self.tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` has to follow."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self.tell("STOPPING=1", "STATUS=draining")

    async def ping(self, is_alive: Callable[[], bool]) -> None:
        """Keep the manager's watchdog quiet as long as *is_alive*. Waits: for ever, where there is one."""
        if self.watchdog_s is None:
            return
        while True:
            if is_alive():
                self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_s / 3)


def take_descriptors(environ: MutableMapping[str, str], pid: int) -> tuple[int, ...]:
    """The listening sockets that were handed to process *pid*; empty where none were. They are handed over once.

    Errors: OperatorError where the variables are meant for this process and make no sense.
    """
    if environ.get("LISTEN_PID") != str(pid):
        return ()
    count = environ.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environ.pop(name, None)
    if not count.isdecimal() or int(count) > os.sysconf("SC_OPEN_MAX"):
        raise OperatorError("LISTEN_FDS: expected a number of sockets")
    return tuple(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count)))
