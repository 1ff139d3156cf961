"""Which HTTP/2 connections are open, and whose lane a new request gets. Called by `connect.py`, for places that ask for it.

HTTP/2 is offered in the TLS handshake (ALPN). Where the provider prefers HTTP/1.1, the connection is an ordinary one and
goes on byte for byte, as if nothing had been asked.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import attrs
import trio

from lectr_core.model.egress import Place

if TYPE_CHECKING:  # h2 is loaded only where a provider speaks it
    from lectr_core.hot.multiplex import Session

_Open = Callable[[Place], Awaitable[socket.socket]]


@attrs.define
class Sessions:
    """The open sessions by place."""

    _open: dict[Place, list[Session]] = attrs.field(factory=dict)
    _turns: dict[Place, trio.Lock] = attrs.field(factory=dict)
    _plain: set[Place] = attrs.field(factory=set)
    """Places that preferred HTTP/1.1 the last time: their connections need not be opened one after the other."""
    _nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Carry every session. Waits: for ever. Cancel: all of them end."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await trio.sleep_forever()

    async def lane(self, place: Place, connect: _Open) -> socket.socket:
        """A lane of an open session with room, else of a new one; or the connection itself, where it is HTTP/1.1.

        Waits: on *connect*, one at a time for each place. Errors: those of *connect*; OSError.
        """
        if place in self._plain:
            return await self._taken(place, await connect(place))
        async with self._turns.setdefault(place, trio.Lock()):
            for session in self._open.get(place, ()):
                if session.has_room:
                    return session.lane()
            return await self._taken(place, await connect(place))

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    async def _taken(self, place: Place, sock: socket.socket) -> socket.socket:
        if not isinstance(sock, ssl.SSLSocket) or sock.selected_alpn_protocol() != "h2":
            self._plain.add(place)
            return sock
        from lectr_core.hot.multiplex import Session

        assert self._nursery is not None, "nobody runs the sessions"
        self._plain.discard(place)
        session = Session(sock)
        await self._nursery.start(self._keep, place, session)
        return session.lane()

    async def _keep(self, place: Place, session: Session, task_status: trio.TaskStatus[None]) -> None:
        kept = self._open.setdefault(place, [])
        kept.append(session)
        try:
            await session.run(task_status)
        finally:
            kept.remove(session)
