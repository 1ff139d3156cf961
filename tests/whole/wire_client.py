"""A client that sends exactly the bytes it is given and returns exactly those that come back.

It finds the end of a response with code of its own, so that nothing of the gateway's is taken on trust.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import attrs

PATIENCE_S: Final = 20.0

HOP_BY_HOP: Final = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
"""RFC 9110 §7.6.1: these speak of one connection, so each side has its own."""


@attrs.frozen
class Got:
    """One response."""

    line: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    """As they came: order, case and repetition kept."""
    body: bytes
    """Without transfer framing."""
    complete: bool
    """Whether its framing says that it ended, rather than the connection having closed."""
    informed: tuple[bytes, ...] = ()
    """Heads of 1xx responses that came first."""

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.line.split(b" ", 2)[1])

    @property
    def end_to_end(self) -> tuple[tuple[bytes, bytes], ...]:
        """The fields that a gateway must not touch."""
        return tuple(field for field in self.fields if field[0].lower() not in HOP_BY_HOP)

    def values(self, name: str) -> list[bytes]:
        """Every value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower().encode()]


@attrs.define
class Wire:
    """One connection."""

    sock: socket.socket
    ahead: bytearray = attrs.field(factory=bytearray)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.sock.sendall(data)

    def more(self) -> bool:
        """Read what is there. Returns whether the connection is still open."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            return False
        self.ahead += data
        return bool(data)

    def is_closed(self) -> bool:
        """Wait for the other side to close; whether it did without another word."""
        return not self.ahead and not self.more()

    def until(self, end: bytes) -> bytes:
        """Everything up to and including *end*. Errors: EOFError."""
        while (at := self.ahead.find(end)) < 0:
            if not self.more():
                raise EOFError(bytes(self.ahead))
        return self._cut(at + len(end))

    def get(self, *, method: str = "POST") -> Got:
        """Read one response to the end. Errors: EOFError where not even its head came."""
        informed = []
        head = self.until(b"\r\n\r\n")
        while head.split(b" ", 2)[1].startswith(b"1"):
            informed.append(head)
            head = self.until(b"\r\n\r\n")
        line, fields = take_apart(head)
        body, complete = self._body(line, {name.lower(): value for name, value in fields}, method)
        return Got(line=line, fields=fields, body=body, complete=complete, informed=tuple(informed))

    def chunk(self) -> bytes:
        """Read one chunk of a chunked body; empty: the last one, trailers included. Errors: EOFError."""
        size = int(self.until(b"\r\n").split(b";")[0], 16)
        if not size:
            while self.until(b"\r\n") != b"\r\n":
                pass
            return b""
        while len(self.ahead) < size + 2:
            if not self.more():
                raise EOFError
        return self._cut(size + 2)[:-2]

    def _body(self, line: bytes, fields: dict[bytes, bytes], method: str) -> tuple[bytes, bool]:
        if method == "HEAD" or line.split(b" ")[1] in {b"204", b"304"}:
            return b"", True
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            return self._chunks()
        size = int(fields.get(b"content-length", 1 << 62))
        while len(self.ahead) < size and self.more():
            pass
        body = self._cut(size)
        return body, len(body) == size

    def _chunks(self) -> tuple[bytes, bool]:
        pieces = []
        try:
            while piece := self.chunk():
                pieces.append(piece)
        except EOFError:
            return b"".join(pieces), False
        return b"".join(pieces), True

    def _cut(self, size: int) -> bytes:
        data = bytes(self.ahead[:size])
        del self.ahead[:size]
        return data


def take_apart(head: bytes) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """Status line and fields of a head."""
    line, *rows = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return line, tuple((name, value.strip()) for name, _, value in (row.partition(b":") for row in rows))


@contextlib.contextmanager
def wire(url: str) -> Iterator[Wire]:
    """A connection to `http://host:port` for as long as the block lasts."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(sock)


def request(
    method: str, target: str, *fields: tuple[str, str], body: bytes = b"", host: str = "gateway", framed: bool = True
) -> bytes:
    """A request as bytes, its fields in this order; its length is said where it has a body."""
    length = (("Content-Length", str(len(body))),) if framed and (body or method == "POST") else ()
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in (("Host", host), *fields, *length))]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
