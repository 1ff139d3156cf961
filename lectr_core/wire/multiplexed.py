"""HTTP/1.1 heads as HTTP/2 has them, and back (RFC 9113 §8). Sans-IO; called by `hot/multiplex.py`.

What HTTP/2 has no place for is lost: the case of names, the reason phrase, where chunks ended. Values, order and repetition
stay. What comes from the other side is checked before it becomes lines: HTTP/2 can carry line ends in a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lectr_core.errors import MalformedMessage
from lectr_core.wire.heads import RequestHead

Fields = list[tuple[bytes, bytes]]

# They speak of one connection, which ends here (RFC 9113 §8.2.2).
_OF_THE_CONNECTION: Final = frozenset(
    {b"connection", b"host", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"}
)
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+\Z")
_VALUE: Final = re.compile(rb"[^\x00\r\n]*\Z")
# HTTP/2 has no 101 (RFC 9113 §8.6).
_STATUS: Final = re.compile(rb"(?!101)[1-5][0-9]{2}\Z")
_REASONS: Final = {
    b"200": b"OK",
    b"201": b"Created",
    b"202": b"Accepted",
    b"204": b"No Content",
    b"206": b"Partial Content",
    b"304": b"Not Modified",
    b"400": b"Bad Request",
    b"401": b"Unauthorized",
    b"403": b"Forbidden",
    b"404": b"Not Found",
    b"429": b"Too Many Requests",
    b"500": b"Internal Server Error",
    b"502": b"Bad Gateway",
    b"503": b"Service Unavailable",
}
"""HTTP/2 has none; clients that print one get the usual."""

_HEADER_BYTES: Final = 9
_GOAWAY: Final = 7
_MAX_FRAME_BYTES: Final = 16_384
"""What may be sent to whoever has not said otherwise (RFC 9113 §4.2). h2 looks at it only once the whole frame is here."""


def request_fields(head: RequestHead, scheme: bytes) -> Fields:
    """A request's head, pseudo-fields first."""
    fields = [
        (b":method", head.method),
        (b":scheme", scheme),
        (b":authority", head.fields.value(b"host") or b""),
        (b":path", head.target),
    ]
    fields += [(name, line[len(name) + 1 :].strip(b" \t")) for name, line in head.fields if name not in _OF_THE_CONNECTION]
    return fields


def response_lines(fields: Iterable[tuple[bytes, bytes]], *, method: bytes, ended: bool) -> tuple[bytes, bool]:
    """An answer's head for HTTP/1.1, and whether its content is to be chunked.

    Shapes: *ended*: nothing follows the head.
    Errors: MalformedMessage where there is no status, or a field could be read as more than one.
    """
    status, rows, has_length = b"", [], False
    for name, value in fields:
        if name == b":status" and not status:
            status = value
            continue
        rows.append(_line(name, value))
        has_length = has_length or name == b"content-length"
    if not _STATUS.match(status):
        raise MalformedMessage("an answer without a status")
    bodiless = is_bare(status, method)
    chunked = not (bodiless or has_length or ended)
    if chunked:
        rows.append(b"transfer-encoding: chunked")
    elif ended and not bodiless and not has_length:
        rows.append(b"content-length: 0")
    return b"\r\n".join([b"HTTP/1.1 " + status + b" " + _REASONS.get(status, b""), *rows, b"", b""]), chunked


def is_bare(status: bytes, method: bytes) -> bool:
    """Whether an answer of this status to *method* has no content: whatever came as such would be read as another answer."""
    return status[:1] == b"1" or status in (b"204", b"304") or method == b"HEAD"


def chunk(data: bytes) -> bytes:
    """Content as a chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def last_chunk(trailers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """The end of chunked content. Errors: MalformedMessage."""
    return b"\r\n".join([b"0", *(_line(name, value) for name, value in trailers), b"", b""])


def _line(name: bytes, value: bytes) -> bytes:
    if not _NAME.match(name) or not _VALUE.match(value) or name in _OF_THE_CONNECTION:
        raise MalformedMessage("a field that HTTP/1.1 cannot carry")
    return name + b": " + value


class Farewell:
    """Takes GOAWAY out of what a server sends: h2 hears it as the end, while open streams may still finish (§6.8)."""

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self.last_stream: int | None = None
        """No stream beyond this one is worked on; None while the server has not said so."""
        self.is_orderly = True
        """Whether the server goes without a fault."""

    def take(self, data: bytes) -> bytes:
        """What is for h2. Errors: MalformedMessage."""
        out, data = bytearray(), self._held + data
        at = 0
        while at < len(data):
            if self._left:
                part = data[at : at + self._left]
                out += part
                self._left -= len(part)
                at += len(part)
                continue
            if len(data) - at < _HEADER_BYTES:
                break
            size = int.from_bytes(data[at : at + 3], "big")
            if size > _MAX_FRAME_BYTES:
                raise MalformedMessage("a frame that is too long")
            if data[at + 3] != _GOAWAY:
                self._left = _HEADER_BYTES + size
                continue
            if size < 8:
                raise MalformedMessage("a farewell of no valid length")
            if len(data) - at < _HEADER_BYTES + size:
                break
            content = data[at + _HEADER_BYTES : at + _HEADER_BYTES + size]
            self.last_stream = int.from_bytes(content[:4], "big") & 0x7FFF_FFFF
            self.is_orderly = content[4:8] == bytes(4)
            at += _HEADER_BYTES + size
        self._held = data[at:]
        return bytes(out)
