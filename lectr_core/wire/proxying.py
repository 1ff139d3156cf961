"""Asking a proxy for a connection to somebody else: HTTP's CONNECT, and SOCKS5. Sans-IO; called by `hot/connect.py`.

Once it is granted, the connection carries the gateway's own bytes as if it led straight to the provider: TLS is between the
gateway and the provider, so that a proxy sees a host and a port, and neither credential nor content. Names are never looked
up here: the proxy gets the name as it is.
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from typing import Final, Protocol

from lectr_core.errors import MalformedMessage, UpstreamError
from lectr_core.wire import heads

# A proxy has no reason to send interim answers to CONNECT at all.
MAX_INTERIM_ANSWERS: Final = 4


class ProxyRefused(UpstreamError):
    """The proxy makes no connection. `wants_login`: because it does not know who asks.

    Act: the operator; the message holds the proxy's own reason.
    """

    def __init__(self, why: str, *, wants_login: bool = False) -> None:
        self.wants_login = wants_login
        super().__init__(why)


class Asking(Protocol):
    """One conversation with a proxy."""

    granted: bool
    """Whether what follows is the connection itself."""

    def begin(self) -> bytes:
        """What to send first."""
        ...

    def take(self, data: bytes) -> bytes:
        """Take what the proxy sent; returns what to send next, which may be nothing. Errors: ProxyRefused."""
        ...


class Connect:
    """A tunnel through an HTTP proxy (RFC 9110 §9.3.6)."""

    def __init__(self, host: str, port: int, login: bytes | None = None) -> None:
        """*host*: a name, or an address without brackets. *login*: `user:password`."""
        name = f"[{host}]" if ":" in host else host
        self._authority = f"{name}:{port}".encode("ascii")
        self._login = login
        self._held = b""
        self._interim = 0
        self.granted = False

    def begin(self) -> bytes:
        """See `Asking`."""
        lines = [b"CONNECT " + self._authority + b" HTTP/1.1", b"Host: " + self._authority]
        if self._login is not None:
            lines.append(b"Proxy-Authorization: Basic " + b64encode(self._login))
        return b"\r\n".join([*lines, b"", b""])

    def take(self, data: bytes) -> bytes:
        """See `Asking`."""
        searched = len(self._held)
        self._held += data
        try:
            while end := heads.head_end(self._held, searched):
                head = heads.parse_response_head(self._held[:end])
                self._held, searched = self._held[end:], 0
                self._judge(head.status)
                if self.granted:
                    break
        except MalformedMessage:
            raise ProxyRefused("sent no valid HTTP response") from None
        if self.granted and self._held:
            self.granted = False
            raise ProxyRefused("sent bytes of its own into the connection")
        return b""

    def _judge(self, status: int) -> None:
        if status == 407:
            what = "did not accept the login" if self._login is not None else "wants a login"
            raise ProxyRefused(f"{what} (407)", wants_login=True)
        if 100 <= status < 200 and self._interim < MAX_INTERIM_ANSWERS:
            self._interim += 1
        elif 200 <= status < 300:
            self.granted = True
        else:
            raise ProxyRefused(f"refused the connection ({status})")


_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _WITH_LOGIN, _NONE_OF_THEM = 0, 2, 255
_REASONS: Final = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "expired on the way",
    7: "command not supported",
    8: "kind of address not supported",
}
"""RFC 1928 §6."""
_ADDRESS_BYTES: Final = {1: 4, 4: 16}


class Socks5:
    """A connection through a SOCKS5 proxy (RFC 1928), with user and password where asked (RFC 1929)."""

    def __init__(self, host: str, port: int, login: bytes | None = None) -> None:
        """See `Connect`. Errors: ProxyRefused where the name or the login is too long for the protocol."""
        user, _, password = (login or b"").partition(b":")
        if len(user) > 255 or len(password) > 255 or len(host) > 255:
            raise ProxyRefused("takes names, users and passwords of at most 255 bytes")
        self._login = (
            None if login is None else bytes([_LOGIN_VERSION, len(user)]) + user + bytes([len(password)]) + password
        )
        self._request = bytes([_VERSION, 1, 0]) + _address(host) + port.to_bytes(2, "big")
        self._held = b""
        self._step = self._on_method
        self.granted = False

    def begin(self) -> bytes:
        """See `Asking`."""
        methods = [_NO_LOGIN] if self._login is None else [_NO_LOGIN, _WITH_LOGIN]
        return bytes([_VERSION, len(methods), *methods])

    def take(self, data: bytes) -> bytes:
        """See `Asking`."""
        self._held += data
        size = 2 if self._step != self._on_answer else self._answer_size()
        if len(self._held) < size:
            return b""
        if len(self._held) > size:
            raise ProxyRefused("sent more than the protocol allows")
        said, self._held = self._held, b""
        return self._step(said)

    def _answer_size(self) -> int:
        """How long the final answer is, as far as that is known yet."""
        held = self._held
        if len(held) >= 2 and (held[0] != _VERSION or held[1]):
            return len(held)  # a refusal, whatever else stands in it
        if len(held) < 5:
            return 5
        return 4 + (1 + held[4] if held[3] == 3 else _ADDRESS_BYTES.get(held[3], 0)) + 2

    def _on_method(self, said: bytes) -> bytes:
        version, method = said
        if version != _VERSION:
            raise ProxyRefused("does not speak SOCKS5")
        if method == _WITH_LOGIN and self._login is not None:
            self._step = self._on_login
            return self._login
        if method != _NO_LOGIN:
            raise ProxyRefused("wants a login", wants_login=method in (_WITH_LOGIN, _NONE_OF_THEM))
        self._step = self._on_answer
        return self._request

    def _on_login(self, said: bytes) -> bytes:
        if said[1]:
            raise ProxyRefused("did not accept the login", wants_login=True)
        self._step = self._on_answer
        return self._request

    def _on_answer(self, said: bytes) -> bytes:
        if said[0] != _VERSION:
            raise ProxyRefused("does not speak SOCKS5")
        if said[1]:
            raise ProxyRefused(f"refused the connection ({_REASONS.get(said[1], 'no known reason')})")
        self.granted = True
        return b""


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes([3, len(name)]) + name
    return bytes([1 if address.version == 4 else 4]) + address.packed
