"""Kept connections to providers, a short list per origin; nothing is shared between origins. Called by `forward.py`.

A list is used from its warm end, so that surplus connections grow old and are dropped. Taking one looks at two flags that
the reactor sets, not at the socket, and never at other connections: the cost does not grow with their number.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final

import attrs
import trio

from lectr_core.hot.connect import Connector
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.reactor import Reactor, Spot
from lectr_core.model.egress import Place

# The provider may have closed it a moment ago, and the reactor has not told yet. Asking the socket itself costs 1 µs, and
# is needed only where a connection stood idle for about as long as a provider keeps one.
LOOK_AFTER_S: Final = 1.0


class NoTurn(Exception):
    """All connections that may be open to a place stayed in use."""


@attrs.define(eq=False)
class Turn:
    """One request's place in the queue."""

    came: trio.Event = attrs.field(factory=trio.Event)
    link: Link | None = None
    """What it gets; None: leave to open one."""


@attrs.define
class Pool:
    """Idle connections by place."""

    connector: Connector
    reactor: Reactor
    idle_limit_s: float
    most: int = 1 << 30
    """Connections open to one place at once, in use or kept."""
    wait_limit_s: float = 10.0
    """For a turn, where that many are in use."""
    _idle: dict[Place, list[Link]] = attrs.field(factory=dict)
    _nobody: Spot = attrs.field(init=False)
    _open: dict[Place, int] = attrs.field(factory=dict)
    _queues: dict[Place, deque[Turn]] = attrs.field(factory=dict)
    """I1: where somebody waits, nothing is kept: what becomes free goes to whoever has waited longest."""
    opened: int = 0
    """Connections opened so far."""
    waited: int = 0
    """Requests that had to wait for their turn so far."""
    stale: int = 0
    """Kept connections that a provider closed as a request was written on them, so far."""

    def __attrs_post_init__(self) -> None:
        self._nobody = Spot(self.reactor)

    def take(self, place: Place, spot: Spot) -> Link | None:
        """A kept connection on which nothing has happened since, or None."""
        idle = self._idle.get(place)
        while idle:
            link = idle.pop()
            if self._is_sound(link):
                link.spot = spot
                return link
            link.close()
        return None

    async def open(self, place: Place, spot: Spot) -> Link:
        """A connection where `take` found none: a new one, or the next that becomes free where no more may be opened.

        Waits: for a turn, at most wait_limit_s, in the order of coming; then see Connector.open.
        Errors: NoTurn; Unreachable.
        Cancel: the turn, if it had come, goes to the next.
        """
        in_use = self._open.get(place, 0)
        if in_use >= self.most:
            link = await self._turn(place)
            if link is not None and self._is_sound(link):
                link.spot = spot
                return link
            if link is not None:
                link.at_close = None  # the place it took is ours now
                link.close()
        else:
            self._open[place] = in_use + 1
        try:
            self.opened += 1
            link = await self.connector.open(place, spot)
        except BaseException:
            self._free(place)
            raise
        link.at_close = partial(self._free, place)
        return link

    async def _turn(self, place: Place) -> Link | None:
        """Wait in the queue. A connection that was given back, or None: one may be opened."""
        turn = Turn()
        queue = self._queues.setdefault(place, deque())
        queue.append(turn)
        self.waited += 1
        try:
            with trio.fail_after(self.wait_limit_s):
                await turn.came.wait()
        except trio.TooSlowError as error:
            self._leave_queue(place, turn)
            raise NoTurn from error
        except BaseException:
            self._leave_queue(place, turn)
            raise
        return turn.link

    def _leave_queue(self, place: Place, turn: Turn) -> None:
        if not turn.came.is_set():
            self._queues[place].remove(turn)
            self._tidy_queue(place)
        elif turn.link is not None:
            self.give_back(place, turn.link)
        else:
            self._free(place)

    def _next_turn(self, place: Place) -> Turn | None:
        queue = self._queues.get(place)
        if queue is None:
            return None
        turn = queue.popleft()
        self._tidy_queue(place)
        return turn

    def _tidy_queue(self, place: Place) -> None:
        if not self._queues[place]:
            del self._queues[place]

    def _free(self, place: Place) -> None:
        """A connection is closed, or was not opened: whoever waits may open one instead."""
        turn = self._next_turn(place)
        if turn is not None:
            turn.came.set()
        elif self._open[place] > 1:
            self._open[place] -= 1
        else:
            del self._open[place]

    def give_back(self, place: Place, link: Link) -> None:
        """Keep a connection whose last exchange ended cleanly, with nothing left over in either direction."""
        link.used_at = self.reactor.now
        if not self._is_sound(link):
            link.close()
            return
        link.spot = self._nobody
        turn = self._next_turn(place) if self._queues else None
        if turn is not None:
            turn.link = link
            turn.came.set()
            return
        self._idle.setdefault(place, []).append(link)

    def drop_old(self) -> None:
        """Close what has been idle for too long or was closed by the provider. Called now and then."""
        for place, idle in list(self._idle.items()):
            kept = []
            for link in idle:
                if self._is_sound(link):
                    kept.append(link)
                else:
                    link.close()
            if kept:
                self._idle[place] = kept
            else:
                del self._idle[place]

    def _is_sound(self, link: Link) -> bool:
        if link.hung_up or link.used_at + self.idle_limit_s < self.reactor.now:
            return False
        if link.stirred or link.used_at + LOOK_AFTER_S < self.reactor.now:
            # TLS may have sent a session ticket: then there is nothing to read. Any byte of content belongs to nobody's
            # request: the connection is poisoned.
            link.stirred = True
            try:
                return link.recv_now() is None
            except Broken:
                return False
        return True

    def close(self) -> None:
        """Close every kept connection."""
        for idle in self._idle.values():
            for link in idle:
                link.close()
        self._idle.clear()
        self._nobody.leave()

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn now."""
        return sum(map(len, self._queues.values()))

    def __len__(self) -> int:
        return sum(len(idle) for idle in self._idle.values())
