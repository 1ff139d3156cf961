"""Step 0: connections come in, each gets a task that takes one request after the other. Called by `gateway.py`.

One of the two supervisors that may catch everything: what escapes a request is a fault of Lectr, is logged with its place
in the code, and ends that one connection.
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING, Final

import attrs
import trio

from lectr_core.errors import MalformedMessage
from lectr_core.hot import note, read, refuse, secure
from lectr_core.hot.crowd import MAX_TOLD, network_of
from lectr_core.hot.exchange import ClientGone, Exchange, Refused
from lectr_core.hot.guard import where
from lectr_core.hot.known import Known
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.reactor import ConnectionEnding, Late, Spot
from lectr_core.hot.way import travel
from lectr_core.model.call import Refusal
from lectr_core.model.record import EndedBy

if TYPE_CHECKING:
    from lectr_core.hot.gateway import Gateway

_log = logging.getLogger("lectr.hot")

# Out of descriptors or memory, mostly: those who are here finish first, and then there is room again.
PAUSE_S: Final = 0.1

# Connections in a row before the others have a turn: under 5 ms of the loop's time.
MAX_ACCEPTED: Final = 64

# After an answer that leaves bytes unread: a close would reset the connection, and the client might never see its end.
LINGER_S: Final = 2.0
LINGER_BYTES: Final = 1024 * 1024


@attrs.define(eq=False)
class Connection:
    """One client's connection."""

    link: Link
    address: str | None = None
    """Whom it counts for; see `crowd.network_of`."""
    busy: bool = False
    """Whether a request is under way."""


async def door(gateway: Gateway, listener: socket.socket, clients: trio.Nursery) -> None:
    """Accept from one listening socket. Waits: for ever. Cancel: no more connections are accepted."""
    crowd = gateway.crowd
    while True:
        await trio.lowlevel.wait_readable(listener)
        for _ in range(MAX_ACCEPTED):
            if len(gateway.connections) >= crowd.most_clients:
                await _rest(gateway)  # descriptors are kept for the providers of those who are here
                break
            try:
                sock, place = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError:
                await _rest(gateway)
                break
            welcome(gateway, sock, clients, network_of(place))


async def _rest(gateway: Gateway) -> None:
    """Nobody is let in for a moment; whoever comes meanwhile waits in the kernel's queue."""
    gateway.totals["pauses"] += 1
    await trio.sleep(PAUSE_S)


def welcome(gateway: Gateway, sock: socket.socket, clients: trio.Nursery, address: str | None = None) -> None:
    """Take a client's new connection in: it gets a task of its own. *address* is whom it counts for."""
    gateway.totals["accepted"] += 1
    crowd = gateway.crowd
    surplus = crowd.arrive(address, len(gateway.connections), gateway.version.settings)
    if surplus is not None and crowd.told >= MAX_TOLD:
        crowd.leave(address)
        sock.close()
        return
    spot = Spot(gateway.reactor)
    try:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if gateway.tls is not None:
                sock = secure.wrap(gateway.tls, sock)
        connection = Connection(Link(sock, gateway.reactor, spot), address)
    except OSError:  # it has gone already, or the system watches no more
        crowd.leave(address)
        spot.leave()
        sock.close()
        return
    crowd.told += surplus is not None
    gateway.connections.add(connection)
    clients.start_soon(_serve, gateway, connection, surplus)


async def _serve(gateway: Gateway, connection: Connection, surplus: str | None) -> None:
    """One connection, from its first byte to its close. *surplus* says why it cannot be served; None: it can."""
    link = connection.link
    try:
        if link.secured and not await secure.handshake(link, gateway.version.settings.head_limit_s):
            gateway.totals["tls_failed"] += 1
        elif surplus is not None:
            gateway.totals["turned_away"] += 1
            refusal = Refusal(503, "overloaded", surplus, kind="overloaded_error", retry_after_s=1)
            await _turn_away(gateway, link, refusal)
        else:
            await _requests(gateway, connection)
    except (ClientGone, Broken, Late, ConnectionEnding):
        pass
    except Exception as error:  # noqa: BLE001 - the last catch: one connection's fault must not end the others
        gateway.totals["escaped"] += 1
        # Neither the text nor a traceback: both may quote what the client sent.
        _log.error("a fault of Lectr ended a connection: %s at %s", type(error).__name__, where(error))
    finally:
        link.spot.leave()
        if link.secured and not link.torn:
            secure.part(link)
        link.close()
        gateway.crowd.told -= surplus is not None
        gateway.left(connection)


async def _requests(gateway: Gateway, connection: Connection) -> None:
    """One request after the other, in order, one at a time (RFC 9112 §9.3.2)."""
    link, held = connection.link, b""
    known: Known | None = None
    while True:
        settings = gateway.version.settings
        try:
            found = await read.head_bytes(link, held, settings.idle_limit_s, settings.head_limit_s)
        except MalformedMessage as error:
            refusal = Refusal(400, "invalid_request", f"malformed HTTP request: {error}")
            await _turn_away(gateway, link, refusal)
            return
        except Refused as refused:
            await _turn_away(gateway, link, refused.refusal)
            return
        if found is None:
            return
        connection.busy = True
        gateway.totals["requests"] += 1
        exchange = await travel(gateway, link, *found, known)
        connection.busy = False
        if not exchange.reusable:
            unread = exchange.refused is not None or not exchange.body_complete or link.stirred
            if unread and not link.torn:
                await _linger(link)
            return
        if gateway.stopping:
            return
        held, known = exchange.rest, exchange.known
        link.stirred = True  # while the record was written, a busy client has sent its next request
        del exchange, found  # of its last request, an idle connection keeps what `known` says and nothing else
        await link.spot.share()


async def _turn_away(gateway: Gateway, link: Link, refusal: Refusal) -> None:
    """Refuse what never became a request; that too leaves a record."""
    exchange = Exchange(client=link, version=gateway.version)
    ended_by: EndedBy = "gateway_shutdown"
    try:
        await refuse.instead(exchange, Refused(refusal, closes=True), gateway)
        ended_by = "completed"
    except ClientGone:
        ended_by = "client_gone"
        raise
    finally:
        note.ended(exchange, gateway.journal, gateway.faults, ended_by, None)
    await _linger(link)


async def _linger(link: Link) -> None:
    """Say that no more will come, then read a little on, so that the answer arrives before the close (RFC 9112 §9.6)."""
    try:
        if link.secured:
            secure.part(link)
        link.sock.shutdown(socket.SHUT_WR)
        link.spot.limit(LINGER_S)
        read_bytes = 0
        while read_bytes < LINGER_BYTES:
            data = await link.recv()
            if not data:
                return
            read_bytes += len(data)
    except (OSError, Broken, Late):
        return
