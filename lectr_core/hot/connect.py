"""Opening a connection to a provider: name, TCP, proxy, TLS. Rare, since connections are kept, so Trio's tools serve here.

Called by `pool.py`. TLS is verified always, with SNI, inside a proxy's tunnel too; there is no setting that turns this off.
What is opened carries the same bytes whichever way it goes, so that no later step knows of proxies.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Final

import attrs
import trio

from lectr_core.errors import OperatorError, UpstreamError
from lectr_core.hot.link import READ_BYTES, Link
from lectr_core.hot.reactor import Spot
from lectr_core.hot.sessions import Sessions
from lectr_core.hot.trust import Trust
from lectr_core.model.call import Origin
from lectr_core.model.egress import Place, Proxy
from lectr_core.wire.proxying import Connect, ProxyRefused, Socks5

_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Unreachable(UpstreamError):
    """No connection came about. `stage`: `dns`, `refused`, `connect`, `proxy`, `proxy_auth` (the proxy wants a login, or
    another one), `tls`, `timeout`, or `descriptors` of which none is left.

    Act: the operator; check the provider's address, the network and the certificates.
    """

    def __init__(self, origin: Origin, stage: str, why: str) -> None:
        self.stage = stage
        self.why = why
        super().__init__(f"{origin}: {stage}: {why}")


@attrs.define
class Connector:
    """Opens connections. One a worker; keeps the TLS contexts, so that sessions and certificates are loaded once."""

    limit_s: float
    _trust: Trust = attrs.field(factory=Trust)
    _sessions: Sessions = attrs.field(factory=Sessions)

    async def run(self) -> None:
        """Keep what needs a task of its own: HTTP/2. Waits: for ever. Cancel: those connections end."""
        await self._sessions.run()

    async def open(self, place: Place, spot: Spot) -> Link:
        """Connect to a place.

        Waits: on name service, network and TLS, together at most `limit_s`.
        Errors: Unreachable.
        Cancel: the half-open socket is closed.
        """
        origin = place.origin
        try:
            with trio.fail_after(self.limit_s):
                link = raw = None
                try:
                    raw = await (self._sessions.lane(place, self._raw) if place.egress.http2 else self._raw(place))
                    link = Link(raw, spot.reactor, spot)
                except OSError as error:
                    raise Unreachable(origin, _stage(error), _reason(error)) from error
                finally:
                    if link is None and raw is not None:
                        raw.close()
        except trio.TooSlowError as error:
            raise Unreachable(origin, "timeout", f"no connection within {self.limit_s:g} s") from error
        return link

    async def _raw(self, place: Place) -> socket.socket:
        """A connection as the origin's scheme wants it. Errors: Unreachable."""
        raw = await self._reach(place)
        if place.origin.scheme == "http":
            return raw
        try:
            return await self._secure(raw, place)
        except BaseException:
            raw.close()
            raise

    async def _reach(self, place: Place) -> socket.socket:
        """A connection that carries bytes to the origin, made by ourselves or by a proxy."""
        origin, proxy = place.origin, place.egress.proxy
        if proxy is None:
            return await _connect(origin, origin.host, origin.port)
        try:
            raw = await _connect(origin, proxy.host, proxy.port)
        except Unreachable as error:
            if error.stage == "descriptors":
                raise
            raise Unreachable(origin, "proxy", f"{proxy} cannot be reached ({error.stage})") from error
        through = False
        try:
            await _ask(raw, origin, proxy)
            through = True
        except ProxyRefused as error:
            raise Unreachable(origin, "proxy_auth" if error.wants_login else "proxy", f"{proxy} {error}") from error
        except OSError as error:
            raise Unreachable(origin, "proxy", f"{proxy} broke the connection: {_reason(error)}") from error
        finally:
            if not through:
                raw.close()
        return raw

    async def _secure(self, raw: socket.socket, place: Place) -> ssl.SSLSocket:
        origin = place.origin
        try:
            context = self._trust.context(place.provider, place.egress)
        except OperatorError as error:
            raise Unreachable(origin, "tls", str(error)) from error
        secured = context.wrap_socket(
            raw, server_hostname=origin.host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
        try:
            while True:
                try:
                    secured.do_handshake()
                    return secured
                except ssl.SSLWantReadError:
                    await trio.lowlevel.wait_readable(secured)
                except ssl.SSLWantWriteError:
                    await trio.lowlevel.wait_writable(secured)
        except OSError as error:
            secured.close()
            raise Unreachable(origin, "tls", _reason(error)) from error
        except BaseException:
            secured.close()
            raise


def _stage(error: OSError) -> str:
    """`refused`, `descriptors` (this machine's own fault) or, for anything else, `connect`."""
    if isinstance(error.__cause__, BaseExceptionGroup):
        errors: Sequence[BaseException] = error.__cause__.exceptions
    else:
        errors = (error,)
    if any(isinstance(one, OSError) and one.errno in _EXHAUSTED for one in errors):
        return "descriptors"
    return "refused" if all(isinstance(one, ConnectionRefusedError) for one in errors) else "connect"


async def _connect(origin: Origin, host: str, port: int) -> socket.socket:
    """TCP to *host*, on the way to *origin*."""
    try:
        stream = await trio.open_tcp_stream(host, port)
    except (socket.gaierror, UnicodeError) as error:  # the latter where it cannot even be asked for
        raise Unreachable(origin, "dns", "the name is not known") from error
    except OSError as error:
        raise Unreachable(origin, _stage(error), _reason(error)) from error
    with stream.socket:  # closed unless its descriptor has been taken over
        raw = socket.socket(fileno=stream.socket.detach())
    try:
        # Trio's was non-blocking, but the new object does not know that, and `wrap_socket` would make it block.
        raw.setblocking(False)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raw.close()
        raise Unreachable(origin, _stage(error), _reason(error)) from error
    return raw


async def _ask(raw: socket.socket, origin: Origin, proxy: Proxy) -> None:
    """Have the proxy lead *raw* to *origin*. Errors: ProxyRefused; OSError."""
    login = proxy.login.reveal() if proxy.login is not None else None
    asking = (Connect if proxy.scheme == "http" else Socks5)(origin.host, origin.port, login)
    to_send = asking.begin()
    while True:
        while to_send:
            try:
                to_send = to_send[raw.send(to_send) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(raw)
        if asking.granted:
            return
        await trio.lowlevel.wait_readable(raw)
        data = raw.recv(READ_BYTES)
        if not data:
            raise ProxyRefused("closed the connection")
        to_send = asking.take(data)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error.__cause__, BaseExceptionGroup):
        causes = [inner for inner in error.__cause__.exceptions if isinstance(inner, OSError)]
        error = causes[-1] if causes else error
    return (error.strerror or type(error).__name__).lower()
