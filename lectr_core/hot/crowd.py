"""How many there are at once: connections of an address, requests of a key, bytes of bodies kept; and who is turned away.

One a worker; each limit is this worker's own. An address is known only while it has a connection, and is never logged or
recorded. Called by `accept.py`, `way.py` and `read.py`.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Final

import attrs

from lectr_core.hot.exchange import Exchange, Refused
from lectr_core.model.call import Refusal
from lectr_core.model.keys import KeyRing
from lectr_core.model.settings import GatewaySettings

# Surplus connections that are told why at the same time; whoever comes beyond is closed without a word.
MAX_TOLD: Final = 256

# For journal, health file, pipes, epoll and listeners; a worker that is idle has some twenty open.
SPARE_DESCRIPTORS: Final = 64

_LIMITS: Final = ("over_connections", "over_address", "over_key", "over_held", "over_upstream", "slow_clients")

_NETWORK_BITS: Final = 64
"""Of an IPv6 address: the rest is the client's to choose (RFC 6177), and a limit by whole addresses would limit nobody."""


@attrs.define(eq=False)
class Crowd:
    """Counts of what is open now, and of what was refused for it."""

    most_clients: int = 1 << 30
    """Connections for which there are descriptors: one for the client and one for its provider each."""
    by_address: dict[str, int] = attrs.field(factory=dict)
    by_key: Counter[str] = attrs.field(factory=Counter)
    held_bytes: int = 0
    """Of bodies that are being read, or have been read to decide, and of messages in tunnels."""
    tunnels: dict[str, Exchange] = attrs.field(factory=dict, repr=False)
    """Those that are open, by id."""
    _keys: KeyRing | None = attrs.field(default=None, repr=False)
    """The last that came while it runs."""
    told: int = 0
    """Surplus connections that are being told so."""
    refused: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(_LIMITS, 0))
    """Since the start, by the limit that was met."""

    def arrive(self, address: str | None, connections: int, settings: GatewaySettings) -> str | None:
        """A connection came, beside *connections* others. Says which limit it is beyond, as a message for the client.

        Shapes: every call needs its `leave`, whatever came of it. *address* None: of a unix socket, which has none.
        """
        if address is not None:
            self.by_address[address] = count = self.by_address.get(address, 0) + 1
            if count > settings.max_connections_per_address:
                self.refused["over_address"] += 1
                return "too many connections from one address"
        if connections >= settings.max_connections:
            self.refused["over_connections"] += 1
            return "too many connections"
        return None

    def leave(self, address: str | None) -> None:
        """A connection is over."""
        if address is not None:
            left = self.by_address[address] - 1
            if left:
                self.by_address[address] = left
            else:
                del self.by_address[address]

    def enter(self, exchange: Exchange) -> None:
        """Admit a request, whose key is known now. Errors: Refused (429) where the key has too many open."""
        holder = exchange.holder
        if holder is not None:
            most = exchange.version.settings.max_requests_per_key
            count = self.by_key[holder.key_id] + 1
            if count > most:
                self.refused["over_key"] += 1
                message = f"this key has {most} requests open, which is its limit (gateway.max_requests_per_key)"
                raise Refused(
                    Refusal(429, "concurrent_streams_exceeded", message, kind="rate_limit_error", retry_after_s=1),
                    category="rate_limit",
                )
            self.by_key[holder.key_id] = count
        exchange.crowd = self

    def hold(self, exchange: Exchange, size: int) -> None:
        """*size* more bytes of a body are kept. Errors: Refused (503) where all that are kept would be too many."""
        most = exchange.version.settings.max_held_bytes
        if self.held_bytes + size > most:
            self.refused["over_held"] += 1
            message = f"the bodies of open requests have {most} bytes already (gateway.max_held_bytes)"
            raise Refused(
                Refusal(503, "overloaded", message, kind="overloaded_error", retry_after_s=1),
                closes=True,
                source="lectr",
                category="overload",
            )
        self.held_bytes += size
        exchange.held_bytes += size

    def keep(self, exchange: Exchange, size: int) -> bool:
        """Of a tunnel's messages *size* bytes are kept now, in all; False where everything kept would be too much."""
        more = size - exchange.held_bytes
        if more > 0 and self.held_bytes + more > exchange.version.settings.max_held_bytes:
            self.refused["over_held"] += 1
            return False
        self.held_bytes += more
        exchange.held_bytes = size
        return True

    def let_go(self, exchange: Exchange) -> None:
        """What was kept of its body has gone to the provider."""
        self.held_bytes -= exchange.held_bytes
        exchange.held_bytes = 0

    def exit(self, exchange: Exchange) -> None:
        """An admitted request is over. Its key's count stays in the table, at 0: there are no more keys than in the book."""
        if exchange.holder is not None:
            self.by_key[exchange.holder.key_id] -= 1
        if exchange.held_bytes:
            self.let_go(exchange)

    def tunnel(self, exchange: Exchange) -> None:
        """A tunnel opens; `tunnels` is to lose it when it is over."""
        self.tunnels[exchange.id] = exchange
        if self._keys is not None:
            _end_if_locked_out(exchange, self._keys)  # they may have changed while the provider thought about it

    def lock_out(self, keys: KeyRing) -> None:
        """The keys have changed: tunnels of those that count no more end. Requests finish; a tunnel asks again and again."""
        self._keys = keys
        for exchange in self.tunnels.values():
            _end_if_locked_out(exchange, keys)

    def cut(self, exchange: Exchange) -> None:
        """Its client did not take the answer, so what the kernel still holds for it is dropped with the connection."""
        self.refused["slow_clients"] += 1
        exchange.client.torn = True


def _end_if_locked_out(exchange: Exchange, keys: KeyRing) -> None:
    holder = exchange.holder
    if holder is not None and exchange.version.settings.auth != "none":
        now = keys.holders.get(holder.digest)
        if now is None or now.revoked or now.org_disabled:
            exchange.client.spot.end()


def network_of(address: object) -> str | None:
    """What counts as one client's address: an IPv4 address, or the first 64 bits of an IPv6 one. None: it is neither.

    Shapes: *address* is what `socket.accept` gave.
    """
    if not isinstance(address, tuple):
        return None
    host = str(address[0])
    if ":" not in host:
        return host
    found = ipaddress.IPv6Address(host.partition("%")[0])
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), _NETWORK_BITS), strict=False).network_address)


def clients_for(descriptors: int) -> int:
    """How many clients can be served with so many descriptors."""
    return max(1, (descriptors - SPARE_DESCRIPTORS) // 2)
