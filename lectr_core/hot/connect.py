"""Opening a connection to a provider: name, TCP, TLS. Rare, since connections are kept, so Trio's own tools serve here.

Called by `pool.py`. TLS is verified always, with SNI; there is no setting that turns this off.
"""

from __future__ import annotations

import socket
import ssl

import attrs
import trio

from lectr_core.errors import OperatorError, UpstreamError
from lectr_core.hot.link import Link
from lectr_core.hot.reactor import Spot
from lectr_core.hot.trust import Trust
from lectr_core.model.call import Origin
from lectr_core.model.egress import Place


class Unreachable(UpstreamError):
    """No connection came about. `stage`: `dns`, `connect`, `tls` or `timeout`.

    Act: the operator; check the provider's address, the network and the certificates.
    """

    def __init__(self, origin: Origin, stage: str, why: str) -> None:
        self.stage = stage
        super().__init__(f"{origin}: {stage}: {why}")


@attrs.define
class Connector:
    """Opens connections. One a worker; keeps the TLS contexts, so that sessions and certificates are loaded once."""

    limit_s: float
    _trust: Trust = attrs.field(factory=Trust)

    async def open(self, place: Place, spot: Spot) -> Link:
        """Connect to a place.

        Waits: on name service, network and TLS, together at most `limit_s`.
        Errors: Unreachable.
        Cancel: the half-open socket is closed.
        """
        origin = place.origin
        try:
            with trio.fail_after(self.limit_s):
                stream = await self._connect(origin)
                with stream.socket:  # closed unless its descriptor has been taken over
                    raw = socket.socket(fileno=stream.socket.detach())
                link = None
                try:
                    # Trio's was non-blocking, but the new object does not know that, and `wrap_socket` would make it block.
                    raw.setblocking(False)
                    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if origin.scheme == "https":
                        raw = await self._secure(raw, place)
                    link = Link(raw, spot.reactor, spot)
                except OSError as error:
                    raise Unreachable(origin, "connect", _reason(error)) from error
                finally:
                    if link is None:
                        raw.close()
        except trio.TooSlowError as error:
            raise Unreachable(origin, "timeout", f"no connection within {self.limit_s:g} s") from error
        return link

    async def _connect(self, origin: Origin) -> trio.SocketStream:
        try:
            return await trio.open_tcp_stream(origin.host, origin.port)
        except (socket.gaierror, UnicodeError) as error:  # the latter where it cannot even be asked for
            raise Unreachable(origin, "dns", "the name is not known") from error
        except OSError as error:
            raise Unreachable(origin, "connect", _reason(error)) from error

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


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error.__cause__, BaseExceptionGroup):
        causes = [inner for inner in error.__cause__.exceptions if isinstance(inner, OSError)]
        error = causes[-1] if causes else error
    return (error.strerror or type(error).__name__).lower()
