"""Stand-ins for what lies between the gateway and a provider: an HTTP proxy, a SOCKS5 proxy, and a provider with TLS behind.

They run in the test's own loop on loopback, keep every byte they saw, and speak both protocols as plainly as can be.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Awaitable, Callable

import attrs
import trio
import trustme

from lectr_core import Origin
from lectr_core.model.egress import Egress, Proxy
from lectr_core.model.secret import Secret

AUTHORITY = trustme.CA()
Handler = Callable[[trio.abc.Stream], Awaitable[None]]


def server_context(*protocols: str) -> ssl.SSLContext:
    """What a provider on loopback shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    context.set_alpn_protocols(list(protocols) or ["http/1.1"])
    return context


async def listen(nursery: trio.Nursery, handler: Handler) -> int:
    """Serve on loopback until the nursery ends; returns the port. What a peer's leaving breaks is nobody's business."""

    async def careful(stream: trio.abc.Stream) -> None:
        try:
            await handler(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, careful, listeners)
    port: int = listeners[0].socket.getsockname()[1]
    return port


@attrs.define
class Provider:
    """Answers each request with the same bytes, and keeps what it got."""

    answer: bytes
    context: ssl.SSLContext | None = None
    seen: list[bytes] = attrs.field(factory=list)
    names: list[str | None] = attrs.field(factory=list)

    async def serve(self, stream: trio.abc.Stream) -> None:
        if self.context is not None:
            stream = trio.SSLStream(stream, self.context, server_side=True, https_compatible=True)
            await stream.do_handshake()
        held = b""
        while data := await stream.receive_some(65536):
            held += data
            if held.endswith(b"{}") or (held.startswith(b"GET ") and held.endswith(b"\r\n\r\n")):
                self.seen.append(held)
                held = b""
                await stream.send_all(self.answer)

    async def start(self, nursery: trio.Nursery) -> Origin:
        scheme = "http" if self.context is None else "https"
        return Origin(scheme, "localhost", await listen(nursery, self.serve))


@attrs.define
class ProxyServer:
    """Either kind of proxy, by the first byte it is sent."""

    login: bytes | None = None
    """Whom it serves; None: everybody."""
    instead: bytes | None = None
    """What it says in place of serving (after SOCKS5's first step)."""
    asked: list[tuple[str, int]] = attrs.field(factory=list)
    carried: bytes = b""
    """All that clients sent, in whatever form, and all that came back."""
    open: int = 0

    async def start(self, nursery: trio.Nursery, scheme: str, login: bytes | None = None) -> Egress:
        """The way that leads through it."""
        port = await listen(nursery, self.serve)
        proxy = Proxy("http" if scheme == "http" else "socks5", "127.0.0.1", port, Secret(login) if login else None)
        return Egress(proxy=proxy)

    async def serve(self, stream: trio.abc.Stream) -> None:
        first = bytes(await stream.receive_some(65536))
        self.carried += first
        target = await (self._socks(stream, first) if first[:1] == b"\x05" else self._connect(stream, first))
        if target is None:
            return
        self.asked.append(target)
        far = await trio.open_tcp_stream(*target)
        await stream.send_all(
            b"\x05\x00\x00\x01" + bytes(6) if first[:1] == b"\x05" else b"HTTP/1.1 200 Connection established\r\n\r\n"
        )
        self.open += 1
        async with far, trio.open_nursery() as nursery:
            nursery.start_soon(self._pass, far, stream, nursery.cancel_scope)
            await self._pass(stream, far, nursery.cancel_scope)
        self.open -= 1

    async def _pass(self, one: trio.abc.Stream, other: trio.abc.Stream, both: trio.CancelScope) -> None:
        try:
            while data := bytes(await one.receive_some(65536)):
                self.carried += data
                await other.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        both.cancel()

    async def _connect(self, stream: trio.abc.Stream, first: bytes) -> tuple[str, int] | None:
        while not first.endswith(b"\r\n\r\n"):
            first += await stream.receive_some(65536)
        line, *fields = first[:-4].split(b"\r\n")
        method, target, _ = line.split(b" ")
        assert method == b"CONNECT"
        if self.instead is not None:
            await stream.send_all(self.instead)
            return None
        if self.login is not None and b"Proxy-Authorization: Basic " + base64.b64encode(self.login) not in fields:
            await stream.send_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = target.decode().rpartition(":")
        return host.strip("[]"), int(port)

    async def _socks(self, stream: trio.abc.Stream, first: bytes) -> tuple[str, int] | None:
        assert first[1] == len(first) - 2
        if self.login is not None:
            if 2 not in first[2:]:
                await stream.send_all(b"\x05\xff")
                return None
            await stream.send_all(b"\x05\x02")
            said = bytes(await stream.receive_some(1024))
            user, password = said[2 : 2 + said[1]], said[3 + said[1] :]
            good = user + b":" + password == self.login
            await stream.send_all(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return None
        else:
            await stream.send_all(b"\x05\x00")
        said = bytes(await stream.receive_some(1024))
        if self.instead is not None:
            await stream.send_all(self.instead)
            return None
        assert said[:3] == b"\x05\x01\x00"
        port = int.from_bytes(said[-2:], "big")
        if said[3] == 3:
            return said[5:-2].decode(), port
        return socket.inet_ntop(socket.AF_INET if said[3] == 1 else socket.AF_INET6, said[4:-2]), port
