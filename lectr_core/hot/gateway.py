"""One worker's gateway: what its exchanges share, and how it starts and stops. Called by the worker process.

`version`, `keys` and `tls` are swapped whole while requests are under way; what has begun keeps what it began with.
"""

from __future__ import annotations

import resource
import socket
import ssl

import trio

from lectr_core.hot import accept
from lectr_core.hot.connect import Connector
from lectr_core.hot.crowd import Crowd, clients_for
from lectr_core.hot.guard import Faults
from lectr_core.hot.pool import Pool
from lectr_core.hot.reactor import Reactor
from lectr_core.hot.version import Version
from lectr_core.journal.writer import Writer
from lectr_core.model.keys import KeyRing

__all__ = ["Gateway", "Version"]

# Idle connections to providers are looked through this often; the idle limit itself is about a minute.
TIDY_S = 5.0


class Gateway:
    """Serves clients until it is told to stop. Made inside a running Trio loop, used once."""

    def __init__(self, version: Version, keys: KeyRing, journal: Writer) -> None:
        self.version = version
        self._keys = keys
        self.tls: ssl.SSLContext | None = None
        """What new connections are secured with, unix sockets left out; None: they are plain."""
        self.journal = journal
        self.faults = Faults()
        self.reactor = Reactor()
        settings = version.settings
        self.pool = Pool(Connector(settings.connect_limit_s), self.reactor, settings.pool_idle_limit_s)
        self._set_limits()
        self.stopping = False
        self.connections: set[accept.Connection] = set()
        self.crowd = Crowd(clients_for(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
        self.totals = {"accepted": 0, "tls_failed": 0, "turned_away": 0, "pauses": 0, "requests": 0, "escaped": 0}
        self._stop = trio.Event()
        self._drain_s = settings.drain_s
        self._idle_s = 0.0
        self._emptied = trio.Event()

    @property
    def keys(self) -> KeyRing:
        """Those that count now. New ones hold for every request that comes, and for tunnels that are open."""
        return self._keys

    @keys.setter
    def keys(self, keys: KeyRing) -> None:
        self._keys = keys
        self.crowd.lock_out(keys)

    async def serve(
        self,
        listeners: list[socket.socket],
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Accept and serve until `stop` was called and the open requests are done.

        Waits: for ever. Cancel: every connection is closed at once; each open exchange still leaves its record.
        """
        try:
            async with trio.open_nursery() as outer:
                outer.start_soon(self.reactor.run)
                outer.start_soon(self._tidy)
                outer.start_soon(self.pool.connector.run)
                async with trio.open_nursery() as clients:
                    async with trio.open_nursery() as doors:
                        for listener in listeners:
                            listener.setblocking(False)
                            doors.start_soon(accept.door, self, listener, clients)
                        task_status.started()
                        await self._stop.wait()
                        doors.cancel_scope.cancel()
                    # Whoever comes now is refused at once; left open, the kernel would let them wait for nobody.
                    for listener in listeners:
                        listener.close()
                    await self._drain()
                outer.cancel_scope.cancel()
        finally:
            self.pool.close()
            self.reactor.close()

    def stop(self, drain_s: float | None = None, idle_s: float = 0.0) -> None:
        """Stop accepting. Open requests may go on for *drain_s* seconds, then they are cut; a second call shortens that.

        Idle connections are ended at once, or after *idle_s* seconds: a request that comes on one until then is answered.
        """
        if drain_s is not None:
            self._drain_s = drain_s
        self._idle_s = idle_s
        self.stopping = True
        if not idle_s:
            self._end(idle_only=not self._stop.is_set())
        self._stop.set()

    def _end(self, *, idle_only: bool) -> None:
        for connection in list(self.connections):
            if not connection.busy or not idle_only:
                connection.link.spot.end()

    def left(self, connection: accept.Connection) -> None:
        """A connection is over."""
        self.connections.discard(connection)
        self.crowd.leave(connection.address)
        if self.stopping and not self.connections:
            self._emptied.set()

    def counters(self) -> dict[str, int]:
        """What a health report shows; each a plain count."""
        return {
            **self.totals,
            "open_connections": len(self.connections),
            "in_flight": sum(connection.busy for connection in self.connections),
            "idle_upstream": len(self.pool),
            "opened_upstream": self.pool.opened,
            "waiting_upstream": self.pool.waiting,
            "waited_upstream": self.pool.waited,
            "stale_upstream": self.pool.stale,
            "held_body_bytes": self.crowd.held_bytes,
            **self.crowd.refused,
            "plugin_faults": sum(self.faults.counts.values()),
            "records_lost": self.journal.lost,
        }

    async def _drain(self) -> None:
        if not self.connections:
            return
        with trio.move_on_after(self._drain_s):
            with trio.move_on_after(self._idle_s):
                await self._emptied.wait()
            self._end(idle_only=True)
            await self._emptied.wait()
        self._end(idle_only=False)

    def _set_limits(self) -> None:
        """What the pool has from the settings; they may have been swapped."""
        settings = self.version.settings
        self.pool.connector.limit_s = settings.connect_limit_s
        self.pool.idle_limit_s = settings.pool_idle_limit_s
        self.pool.most = settings.max_upstream_connections
        self.pool.wait_limit_s = settings.upstream_wait_limit_s

    async def _tidy(self) -> None:
        while True:
            await trio.sleep(TIDY_S)
            self._set_limits()
            self.pool.drop_old()
            self.journal.flush_now()
