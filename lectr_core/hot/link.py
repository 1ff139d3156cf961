"""One connection's bytes: a non-blocking socket, plain or TLS, that is tried first and waited for only if it would block.

Called by every step that moves bytes. A plain `ssl.SSLSocket` costs 3 µs a request on a kept connection, trio.SSLStream 36.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final

from lectr_core.hot.proof import Proof
from lectr_core.hot.reactor import Reactor, Spot

# Read sizes between 16 and 256 KiB made no measurable difference; one SSE event is 0.2 KiB, a long answer some MiB.
READ_BYTES: Final = 64 * 1024

_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# Up to and with `tcpi_bytes_acked` of linux/tcp.h.
_TCP_INFO: Final = struct.Struct("=120xQ")
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Broken(Exception):
    """The peer reset the connection, or closed it where TLS says it must not be."""


class Link:
    """One open connection. Owns the socket; `close` ends it."""

    __slots__ = ("at_close", "fd", "hung_up", "proof", "reactor", "secured", "sock", "spot", "stirred", "torn", "used_at")

    def __init__(self, sock: socket.socket, reactor: Reactor, spot: Spot) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.secured = isinstance(sock, ssl.SSLSocket)
        self.reactor = reactor
        self.spot = spot
        self.hung_up = False
        """The peer has closed its side (or all of it). What it sent before may still be readable."""
        self.stirred = True
        """There may be something to read: nobody has looked yet, more has come, or the last read did not take it all."""
        self.torn = False
        """What was sent is a fragment, and only the connection's end will tell its end: closing must look like a reset."""
        self.proof: Proof | None = None
        """Whom to tell what the socket accepted."""
        self.used_at = 0.0
        self.at_close: Callable[[], None] | None = None
        """Told once that this connection is no more."""
        reactor.add(self)

    def recv_now(self) -> bytes | None:
        """What is there: bytes, b"" at a clean end, None if nothing is there yet. Errors: Broken.

        Where nothing has stirred, the socket is not asked: that saves a request two reads that would find nothing.
        """
        if not self.stirred:
            return None
        self.stirred = False
        try:
            data = self.sock.recv(READ_BYTES)
        except _WOULD_BLOCK:
            return None
        except ssl.SSLZeroReturnError:
            return b""
        except OSError as error:
            raise Broken(type(error).__name__) from error
        # A short read has emptied a plain socket; TLS hands out one of its records at a time. Where the peer has closed its
        # side, its end is still to be read, and no edge will tell of it again: it may have come together with these bytes.
        self.stirred = self.secured or self.hung_up or len(data) == READ_BYTES
        return data

    def recv_into_now(self, room: memoryview) -> int | None:
        """As `recv_now`, into *room*: how many bytes came, 0 at a clean end, None if nothing is there. Errors: Broken."""
        if not self.stirred:
            return None
        self.stirred = False
        try:
            came = self.sock.recv_into(room)
        except _WOULD_BLOCK:
            return None
        except ssl.SSLZeroReturnError:
            return 0
        except OSError as error:
            raise Broken(type(error).__name__) from error
        self.stirred = self.secured or self.hung_up or came == len(room)
        return came

    def send_now(self, data: bytes | memoryview) -> int:
        """Send what fits; says how many bytes that was. Errors: Broken."""
        try:
            sent = self.sock.send(data)
        except _WOULD_BLOCK:
            return 0
        except OSError as error:
            raise Broken(type(error).__name__) from error
        if self.proof is not None:
            self.proof.went(data, sent)
        return sent

    def acknowledged_bytes(self) -> int | None:
        """Of all that was ever sent: bytes that the peer's system has taken. None where ours does not tell."""
        try:
            told = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        except OSError:
            return None
        return int(_TCP_INFO.unpack(told)[0]) if len(told) == _TCP_INFO.size else None

    async def recv(self) -> bytes:
        """The next bytes, or b"" at the end. Waits: on the peer. Errors: Broken, Late, ConnectionEnding."""
        while True:
            data = self.recv_now()
            if data is not None:
                return data
            await self.spot.sleep()

    async def send(self, data: bytes) -> None:
        """Send everything. Waits: while the peer does not read. Errors: Broken, Late, ConnectionEnding."""
        sent = self.send_now(data)
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]
        while rest:
            await self.spot.sleep()
            rest = rest[self.send_now(rest) :]

    def close(self) -> None:
        """Close: in order, so that what was sent still arrives; with a reset if it is torn."""
        self.reactor.remove(self)
        if self.torn:
            try:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            except OSError:
                pass  # gone already; on a unix socket it says nothing
        self.sock.close()
        if self.at_close is not None:
            told, self.at_close = self.at_close, None
            told()
