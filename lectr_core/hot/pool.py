"""Kept connections to providers, a short list per origin; nothing is shared between origins. Called by `forward.py`.

A list is used from its warm end, so that surplus connections grow old and are dropped. Taking one looks at two flags that
the reactor sets, not at the socket, and never at other connections: the cost does not grow with their number.
"""

from __future__ import annotations

import attrs

from lectr_core.hot.connect import Connector
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.reactor import Reactor, Spot
from lectr_core.model.egress import Place


@attrs.define
class Pool:
    """Idle connections by place."""

    connector: Connector
    reactor: Reactor
    idle_limit_s: float
    _idle: dict[Place, list[Link]] = attrs.field(factory=dict)
    _nobody: Spot = attrs.field(init=False)
    opened: int = 0
    """Connections opened so far."""

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
        """A new connection. Waits: see Connector.open. Errors: Unreachable."""
        self.opened += 1
        return await self.connector.open(place, spot)

    def give_back(self, place: Place, link: Link) -> None:
        """Keep a connection whose last exchange ended cleanly, with nothing left over in either direction."""
        link.used_at = self.reactor.now
        if not self._is_sound(link):
            link.close()
            return
        link.spot = self._nobody
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
        if link.stirred:
            # TLS may have sent a session ticket: then there is nothing to read. Any byte of content belongs to nobody's
            # request: the connection is poisoned.
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

    def __len__(self) -> int:
        return sum(len(idle) for idle in self._idle.values())
