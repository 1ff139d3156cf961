"""Request and response heads: raw bytes to values, strictly. Called by the hot rooms; never sends, never waits.

llhttp checks the grammar; what it lets through although it is ambiguous is refused here (RFC 9112 §3, §5, §6, §11.2): heads
without end, two hosts, `Transfer-Encoding` that is not exactly `chunked`, a length beside it. The raw lines are kept, so
that what goes on is byte for byte what came.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import httptools

from lectr_core.errors import MalformedMessage
from lectr_core.model.value import value
from lectr_core.wire.fields import Fields

# Issue trackers of the usual servers show 8 to 32 KiB as their limits; cookies and long betas lists stay far below.
MAX_HEAD_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 200

END: Final = b"\r\n\r\n"

_MINORS: Final = {b"HTTP/1.1": 1, b"HTTP/1.0": 0}
_ONCE: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})
_DIGITS = re.compile(rb"[0-9]{1,15}\Z")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)\Z", re.IGNORECASE | re.DOTALL)
# llhttp skips line ends before a method: with one on it, TRACE would not be known for what it is.
_METHOD = re.compile(rb"[A-Z-]+\Z")
# llhttp lets any byte pass in a reason; a vertical tab or a NUL ends the line for others.
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [0-9]{3}(?: [^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_MASK = bytes(range(128)) + b"x" * 128
# Anything that could end a line, a value or a target early, or that has no place in a target (RFC 3986).
_TARGET = re.compile(rb"[^\x00-\x20\x7f#]+\Z")


@value
class RequestHead:
    """One request head as it came."""

    method: bytes
    target: bytes = attrs.field(repr=False)
    """Origin-form, byte for byte; an absolute-form target has become its path and query."""
    minor: int
    """1 in HTTP/1.1, 0 in HTTP/1.0."""
    fields: Fields
    length: int | None
    """`Content-Length`; None where there is none."""
    chunked: bool

    @property
    def has_body(self) -> bool:
        """Whether a body follows. A request without framing has none (RFC 9112 §6.3)."""
        return self.chunked or bool(self.length)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client means to use the connection again (RFC 9112 §9.3)."""
        tokens = self.fields.tokens(b"connection")
        return b"close" not in tokens if self.minor else b"keep-alive" in tokens


@value
class ResponseHead:
    """One response head as it came."""

    status: int
    line: bytes
    """The status line without CRLF."""
    minor: int
    fields: Fields
    length: int | None
    chunked: bool

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may be used again after this response."""
        return self.minor == 1 and b"close" not in self.fields.tokens(b"connection")


class _Judge:
    """llhttp calls back with nothing: it is asked whether the grammar holds, and the values are taken from the lines."""

    __slots__ = ()


_JUDGE: Final = _Judge()


def head_end(data: bytes | bytearray, searched: int = 0) -> int:
    """Where the head at the front of *data* ends, its last CRLF included; 0 while it is not complete.

    Shapes: *searched* bytes were looked at before and hold no whole end.
    Errors: MalformedMessage if no end comes within MAX_HEAD_BYTES, or can come because lines end in another way.
    """
    found = data.find(END, max(0, searched - 3))
    if found < 0 and len(data) <= MAX_HEAD_BYTES:
        if _BARE_LF.search(data, max(0, searched - 1)):
            raise MalformedMessage("a line ends with a line feed alone")  # its sender waits for an answer already
        return 0
    if found < 0 or found + 4 > MAX_HEAD_BYTES:
        raise MalformedMessage(f"the head has more than {MAX_HEAD_BYTES} bytes")
    return found + 4


def parse_request_head(head: bytes) -> RequestHead:
    """Read one complete request head, with its final empty line.

    Errors: MalformedMessage for anything that two parsers could read in two ways.
    Source: RFC 9112 §2 to §7, §11.2.
    """
    lines = head[:-4].split(b"\r\n")
    parts = lines[0].split(b" ")
    if len(parts) != 3 or parts[2] not in _MINORS:
        raise MalformedMessage("the request line is not method, target and HTTP/1.0 or 1.1, with one blank between")
    method, sent, version = parts
    if not _METHOD.match(method):
        raise MalformedMessage("the method is not one of capital letters and hyphens")
    minor = _MINORS[version]
    _judge(httptools.HttpRequestParser(_JUDGE), head if head.isascii() else _masked(head))
    fields = _fields(head, lines)
    length, chunked = _framing(fields, minor)
    host = fields.value(b"host")
    if host is None and minor:
        raise MalformedMessage("host is missing")
    return RequestHead(method, _origin_form(sent, host or b""), minor, fields, length, chunked)


def parse_response_head(head: bytes) -> ResponseHead:
    """Read one complete response head, with its final empty line.

    Errors: MalformedMessage as for requests; a status outside 100 to 599 too.
    """
    lines = head[:-4].split(b"\r\n")
    line = lines[0]
    if not _STATUS_LINE.match(line):
        raise MalformedMessage("the status line is not HTTP/1.0 or 1.1, a status and a plain reason")
    parser = httptools.HttpResponseParser(_JUDGE)
    _judge(parser, head)
    status = parser.get_status_code()
    if not 100 <= status <= 599:
        raise MalformedMessage(f"status {status} is outside 100 to 599")
    minor = _MINORS[line[:8]]
    fields = _fields(head, lines)
    length, chunked = _framing(fields, minor)
    return ResponseHead(status, line, minor, fields, length, chunked)


def _judge(parser: httptools.HttpRequestParser | httptools.HttpResponseParser, head: bytes) -> None:
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # `Upgrade` or CONNECT: the head is complete all the same, and the body is framed by our own rules.
    except httptools.HttpParserError as error:
        # The parser's text quotes nothing of the message.
        raise MalformedMessage(f"no HTTP/1.1 head: {type(error).__name__}") from error


def _masked(head: bytes) -> bytes:
    """llhttp refuses bytes above 127 in a target, providers take them: it sees letters there."""
    line, end, rest = head.partition(b"\r\n")
    return line.translate(_MASK) + end + rest


def _fields(head: bytes, lines: list[bytes]) -> Fields:
    """The fields, from lines that llhttp has found to be such."""
    if b"\r\n " in head or b"\r\n\t" in head:
        raise MalformedMessage("a field goes over more than one line")
    del lines[0]
    if len(lines) > MAX_FIELDS:
        raise MalformedMessage(f"the head has {len(lines)} fields; {MAX_FIELDS} are allowed")
    fields = Fields.of(lines)
    if fields.has_repeated:
        for name in _ONCE:
            if fields.names.count(name) > 1:
                raise MalformedMessage(f"{name.decode()} comes more than once")
    return fields


def _framing(fields: Fields, minor: int) -> tuple[int | None, bool]:
    length = fields.value(b"content-length")
    line = fields.line(b"transfer-encoding")
    # Blanks are cut off, tabs are not: llhttp does not know a coding with a tab behind it, and reads on until the close.
    coding = None if line is None else line[len(b"transfer-encoding:") :].strip(b" ")
    if length is not None and not _DIGITS.match(length):
        raise MalformedMessage("content-length is no plain number below 10^15")
    if coding is not None:
        if coding.lower() != b"chunked" or not minor:
            raise MalformedMessage("transfer-encoding is not exactly one 'chunked' in HTTP/1.1")
        if length is not None:
            raise MalformedMessage("content-length and transfer-encoding come together")
    return (int(length) if length is not None else None), coding is not None


def _origin_form(target: bytes, host: bytes) -> bytes:
    if not _TARGET.match(target):
        raise MalformedMessage("the target holds a byte that has no place in one")
    if target.startswith(b"/"):
        return target
    absolute = _ABSOLUTE.match(target)
    if absolute is None:
        raise MalformedMessage("the target is neither a path nor an absolute URL")
    if absolute[1].lower() != host.lower():
        raise MalformedMessage("the target names another host than the host field")
    rest = absolute[2]
    return rest if rest.startswith(b"/") else b"/" + rest
