"""TLS towards clients: the handshake before their first request, the goodbye after their last answer. Called by `accept.py`.

The context (certificate, versions) is made by whoever runs the gateway. Nothing of this is met by plain connections.
"""

from __future__ import annotations

import socket
import ssl

from lectr_core.hot.link import Link
from lectr_core.hot.reactor import Late


def wrap(context: ssl.SSLContext, sock: socket.socket) -> ssl.SSLSocket:
    """Take over an accepted, non-blocking socket. Nothing is sent or read yet. Errors: OSError, and *sock* is closed."""
    return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)


async def handshake(link: Link, limit_s: float) -> bool:
    """Agree on keys; False where that fails, or takes longer than *limit_s*.

    Waits: on the client. Errors: ConnectionEnding.
    """
    assert isinstance(link.sock, ssl.SSLSocket)
    link.spot.limit(limit_s)
    while True:
        try:
            link.sock.do_handshake()
            return True
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError:
            return False
        try:
            await link.spot.sleep()
        except Late:
            return False


def part(link: Link) -> None:
    """Say that this is the end (close_notify), as far as it goes without waiting: to strict clients a bare end is a cut."""
    assert isinstance(link.sock, ssl.SSLSocket)
    try:
        link.sock.unwrap()
    except (OSError, ValueError):
        pass  # said, and nobody waits for the client's; or there is nobody to say it to, or it was said before
