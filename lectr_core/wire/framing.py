"""Where a body ends, and what of the bytes on the wire is its content (RFC 9112 §6 and §7). Sans-IO.

A body object is fed what comes off the socket. It says how much of that belongs to the message, so that the raw bytes can
go on as they are, and hands out the content for those who look at a copy. Chunks are walked here rather than by llhttp:
only so is the end of the message known to the byte, and nothing behind it can slip through with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

from lectr_core.errors import MalformedMessage
from lectr_core.wire.heads import RequestHead, ResponseHead

# A chunk of 2^60 bytes is nobody's; 15 hex digits keep the count far from every overflow. No blanks around the size:
# parsers disagree about them.
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_EXTENSIONS = rb"(?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb'|"[^"\\\x00-\x1f\x7f]*"))?)*'
_CHUNK_HEAD = re.compile(rb"([0-9a-fA-F]{1,15})" + _EXTENSIONS + rb"\r\n")
_CHUNK_HEAD_BEGUN = re.compile(rb"[0-9a-fA-F]{1,15}(?:;[^\x00-\x1f\x7f]*)?\r?\Z")
_TRAILER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[^\x00-\x08\x0a-\x1f\x7f]*\Z")

MAX_CHUNK_LINE_BYTES: Final = 256
"""Size and extensions of one chunk. Extensions are all but unused; long ones are an attack (RFC 9112 §7.1.1)."""
MAX_TRAILER_BYTES: Final = 8 * 1024

# They would say anew where the message ends or whose it is; some parsers listen to them here too (RFC 9110 §6.5.1).
_NEVER_TRAILERS: Final = frozenset({b"content-length", b"transfer-encoding", b"host"})


class Body(Protocol):
    """One message's body on its way."""

    done: bool
    """Whether the last byte has been seen."""

    def take(self, data: bytes) -> tuple[int, list[bytes]]:
        """Take the next bytes off the wire.

        Shapes: returns (end, content): data[:end] belongs to this message, content joined is what it carries.
        Errors: MalformedMessage; nothing of *data* may then be passed on.
        """
        ...

    def closed(self) -> bool:
        """The peer has closed. True if that is a clean end of this body, else it was cut."""
        ...


class NoBody:
    """Nothing follows the head."""

    __slots__ = ()
    done = True

    def take(self, data: bytes) -> tuple[int, list[bytes]]:
        return 0, []

    def closed(self) -> bool:
        return True


class LengthBody:
    """As many bytes as `Content-Length` says."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def take(self, data: bytes) -> tuple[int, list[bytes]]:
        size = len(data)
        if size < self._left:
            self._left -= size
            return size, [data]
        end, self._left, self.done = self._left, 0, True
        return end, [data if end == size else data[:end]] if end else []

    def came(self, size: int) -> None:
        """So many of its bytes were taken in another way; no more than are left."""
        self._left -= size
        self.done = not self._left

    def closed(self) -> bool:
        return self.done


class CloseBody:
    """All until the connection closes (responses only)."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def take(self, data: bytes) -> tuple[int, list[bytes]]:
        return len(data), [data]

    def closed(self) -> bool:
        self.done = True
        return True


class ChunkedBody:
    """Chunks, then trailers.

    I1: at most one of `_left` (bytes of the chunk's data to come) and `_ending` (bytes of the CRLF behind it to come) > 0.
    I2: `_held` is the beginning of a line that is not complete yet, never longer than its limit.
    """

    __slots__ = ("_ending", "_held", "_left", "_trailing", "done", "trailers")

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self._ending = 0
        self._trailing = False
        self.done = False
        self.trailers: list[bytes] = []
        """Lower-case names of the trailer fields."""

    def take(self, data: bytes) -> tuple[int, list[bytes]]:
        held = len(self._held)
        if held:
            data, self._held = self._held + data, b""
        content: list[bytes] = []
        at, size = 0, len(data)
        while at < size and not self.done:
            if not self._left and not self._ending and not self._trailing:
                # Whole chunks, as nearly always: a stream's event is one.
                while (match := _CHUNK_HEAD.match(data, at, at + MAX_CHUNK_LINE_BYTES)) is not None:
                    start = match.end()
                    end = start + int(match[1], 16)
                    if end == start or not data.startswith(b"\r\n", end):
                        break
                    content.append(data[start:end])
                    at = end + 2
                if at < size:
                    at = self._take_chunk_head(data, at, match)
            elif self._left:
                end = min(size, at + self._left)
                content.append(data[at:end])
                self._left -= end - at
                self._ending = 0 if self._left else 2
                at = end
            elif self._ending:
                at = self._take_line_end(data, at)
            else:
                at = self._take_trailer(data, at)
        return at - held, content

    def closed(self) -> bool:
        return self.done

    def has_trailer(self, is_meant: Callable[[bytes], bool]) -> bool:
        """Whether a trailer has such a (lower-case) name. It counts once its colon is here, before its value can go on."""
        if not self._trailing:
            return False
        name, colon, _ = self._held.partition(b":")
        return any(map(is_meant, self.trailers)) or bool(colon and is_meant(name.lower()))

    def _take_line_end(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._ending]
        if not b"\r\n"[2 - self._ending :].startswith(piece):
            raise MalformedMessage("a chunk is not followed by an end of line")
        self._ending -= len(piece)
        return at + len(piece)

    def _take_chunk_head(self, data: bytes, at: int, match: re.Match[bytes] | None) -> int:
        if match is None:
            rest = data[at : at + MAX_CHUNK_LINE_BYTES]
            if len(rest) == MAX_CHUNK_LINE_BYTES or not _CHUNK_HEAD_BEGUN.match(rest):
                raise MalformedMessage("a chunk does not begin with its size")
            self._held = rest
            return len(data)
        self._left = int(match[1], 16)
        self._trailing = not self._left
        return match.end()

    def _take_trailer(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            if len(data) - at > MAX_TRAILER_BYTES:
                raise MalformedMessage(f"trailers have more than {MAX_TRAILER_BYTES} bytes")
            self._held = data[at:]
            return len(data)
        if end == at:
            self.done = True
        else:
            line = _TRAILER_LINE.match(data[at:end])
            if line is None or len(self.trailers) >= 64:
                raise MalformedMessage("a trailer is no field line, or there are more than 64")
            name = line[1].lower()
            if name in _NEVER_TRAILERS:
                raise MalformedMessage(f"{name.decode()} comes as a trailer")
            self.trailers.append(name)
        return end + 2


def request_body(head: RequestHead) -> Body:
    """The body that follows a request head (RFC 9112 §6.3)."""
    if head.chunked:
        return ChunkedBody()
    return LengthBody(head.length) if head.length else NoBody()


def response_body(head: ResponseHead, method: bytes) -> Body:
    """The body that follows a final response head to a request of *method* (RFC 9112 §6.3)."""
    if method == b"HEAD" or head.status in (204, 304):
        return NoBody()
    if head.chunked:
        return ChunkedBody()
    return CloseBody() if head.length is None else LengthBody(head.length)
