"""Waiting: one epoll for every socket of a worker, one Trio task that listens to it. Called by `link.py` and `gateway.py`.

Each connection's task sleeps at one *spot* until anything happens on any of its sockets, its deadline passes, or the
gateway wants it to end. Sockets are registered once, edge-triggered, so that a wait costs no system call, and a client
that hangs up wakes the task even while it waits for the provider. Measured per request on one core: 38 µs of waiting so,
47 with `trio.lowlevel.wait_readable`, 63 with SocketStream; a cancel scope for the deadline would add 19, a nursery to
watch the client 67.

Why nothing is missed (I1): an edge is only needed by a task that found its socket empty or full. A task sleeps only after
`would block`, or after a read that emptied the socket and with no edge since (`Link.stirred`); between that and the sleep no
other code runs, so every later edge finds it asleep, or is noted at the link for when it reads next.
"""

from __future__ import annotations

import contextlib
import math
import select
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import trio

if TYPE_CHECKING:
    from lectr_core.hot.link import Link

# How late a deadline may be noticed. Limits are seconds to minutes; a sweep over 2,000 sleepers takes 0.2 ms.
SWEEP_S: Final = 0.25

# Requests, or reads of 64 KiB, that one connection may have in a row: under 1 ms of the loop's time.
MAX_TURNS: Final = 4

# Chunks in one read that make it a long one: as many take 1 ms to walk, and 64 KiB can hold ten times as many.
MANY_PIECES: Final = 1024

_EVENTS: Final = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_GONE: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Late(Exception):
    """A spot's deadline passed. Whoever set the deadline knows what it was for."""


class Spot:
    """Where one task sleeps. Shared by the links of one exchange."""

    __slots__ = ("deadline", "ending", "reactor", "scope", "task", "turns")

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.task: trio.lowlevel.Task | None = None
        self.deadline = math.inf
        """When sleeping becomes `Late`: on the reactor's clock, in seconds."""
        self.ending = False
        """The gateway wants this connection to end now."""
        self.turns = 0
        self.scope: trio.CancelScope | None = None
        """What to cancel if the client hangs up, or must end, while its task waits for something else than a link."""
        reactor.spots.add(self)

    def limit(self, seconds: float) -> None:
        """From now on, sleeping beyond *seconds* raises `Late`. The clock is the last sweep's: at most SWEEP_S old."""
        self.deadline = self.reactor.now + seconds

    def worked(self) -> None:
        """What was just done took long: the others are next, as soon as `share` is called."""
        self.turns = MAX_TURNS

    async def share(self) -> None:
        """After some turns without sleep, let the others run: a peer that is always ready must not keep the loop to itself.

        Waits: for one round of the loop, now and then. Errors: ConnectionEnding. Cancel: as at any checkpoint.
        """
        self.turns += 1
        if self.turns >= MAX_TURNS:
            self.turns = 0
            await trio.lowlevel.checkpoint()
            if self.ending:
                raise ConnectionEnding

    async def sleep(self) -> None:
        """Sleep until something happens on one of the links.

        Waits: on the links of this spot; may wake for nothing, so the caller tries and sleeps again.
        Errors: Late; ConnectionEnding.
        Cancel: nothing is left behind.
        """
        if self.ending:
            raise ConnectionEnding
        self.turns = 0
        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)
        if self.ending:
            raise ConnectionEnding
        if self.deadline <= self.reactor.now:
            raise Late

    def wake(self) -> None:
        """Let the sleeper look again, if there is one."""
        task = self.task
        if task is not None:
            self.task = None
            trio.lowlevel.reschedule(task)

    def end(self) -> None:
        """Make the sleeper, now or later, raise ConnectionEnding."""
        self.ending = True
        if self.scope is not None:
            self.scope.cancel()
        self.wake()

    def leave(self) -> None:
        """Nobody will sleep here again."""
        self.reactor.spots.discard(self)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


class ConnectionEnding(Exception):
    """The gateway is shutting down and this connection's time is over."""


class _Early(trio.abc.Instrument):
    """Called by Trio between its wait and the tasks it then runs: who is woken here runs in this round of its loop, not in
    the next one. A round is a system call and a dozen Python calls, and a request waits at least twice.
    """

    def __init__(self, hand_out: Callable[[], None]) -> None:
        self._hand_out = hand_out
        self.came = False

    def after_io_wait(self, timeout: float) -> None:
        """See `trio.abc.Instrument`."""
        self.came = True
        self._hand_out()


class Reactor:
    """One a worker: knows every open link, and which spots somebody sleeps at."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._links: dict[int, Link] = {}
        self.spots: set[Spot] = set()
        self.now = trio.current_time()

    def add(self, link: Link) -> None:
        """Watch a link from now on."""
        self._epoll.register(link.fd, _EVENTS)
        self._links[link.fd] = link

    def remove(self, link: Link) -> None:
        """Stop watching; call before the socket is closed."""
        if self._links.get(link.fd) is link:
            del self._links[link.fd]
            self._epoll.unregister(link.fd)

    def close(self) -> None:
        """Let go of the epoll itself; no link may be open any more."""
        self._epoll.close()

    def __len__(self) -> int:
        return len(self._links)

    async def run(self) -> None:
        """Wake whoever has something to do.

        Waits: on the sockets, for ever. Cancel: the links stay open and are not watched any more.
        """
        early = _Early(self._hand_out)
        trio.lowlevel.add_instrument(early)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sweep)
                while True:
                    # Here is only what Trio's own wait ends for: what happened is handed out before this task runs.
                    await trio.lowlevel.wait_readable(self._epoll.fileno())
                    if not early.came:
                        self._hand_out()
                    early.came = False
        finally:
            with contextlib.suppress(KeyError):  # it failed, and Trio has removed it
                trio.lowlevel.remove_instrument(early)

    def _hand_out(self) -> None:
        for fd, happened in self._epoll.poll(0, 512):
            link = self._links.get(fd)
            if link is None:
                continue
            if happened & _GONE:
                link.hung_up = link.stirred = True
                if link.spot.scope is not None:
                    link.spot.scope.cancel()
            if happened & select.EPOLLIN:
                link.stirred = True
            link.spot.wake()

    async def _sweep(self) -> None:
        while True:
            await trio.sleep(SWEEP_S)
            self.now = now = trio.current_time()
            for spot in [spot for spot in self.spots if spot.deadline <= now]:
                spot.wake()


__all__ = ["MANY_PIECES", "MAX_TURNS", "ConnectionEnding", "Late", "Reactor", "Spot"]
