"""WebSocket frames followed in a copy: whole messages out of one direction's bytes, in whatever pieces they come. Sans-IO.

Nothing is ever made here, answered or held up: the bytes themselves pass through a tunnel untouched. What does not keep to
the protocol ends the following, not the connection. Memory stays within one message and one window of the inflater. Called
by the hot rooms for each direction of a tunnel.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from lectr_core.model.value import value

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""A longer message is passed over, decompressed length counted. As for server-sent events: some hold a whole image."""

INFLATED_BYTES: Final = 128 * 1024 * 1024
"""What a direction may inflate to beyond INFLATED_RATIO times what came, in all: the ceiling of other codings."""
INFLATED_RATIO: Final = 64

RESTART_BYTES: Final = 2048
"""What one more beginning within compressed data counts as: it costs some 2 µs, and two bytes can ask for it."""

FRAME_BYTES: Final = 32
"""What a frame is to carry on average. Walking one costs 2 µs, and it can be as short as two bytes."""
PATIENCE_BYTES: Final = 256 * 1024
"""How far a direction may fall behind that: 8,192 empty frames, or a ping every 20 s for two days."""

NO_CODE: Final = 1005
"""A close frame that gives no code (RFC 6455 §7.4.1)."""

_CONTINUATION: Final = 0
_CLOSE: Final = 8
_DATA: Final = frozenset({1, 2})
_CONTROL: Final = frozenset({_CLOSE, 9, 10})
_MAX_CONTROL_BYTES: Final = 125

_FIN: Final = 0x80
_COMPRESSED: Final = 0x40
_RESERVED: Final = 0x30
_MASKED: Final = 0x80

_FLUSHED: Final = b"\x00\x00\xff\xff"
"""What a sender takes off the end of each compressed message (RFC 7692 §7.2.1)."""
_DEFLATE: Final = b"permessage-deflate"


@value
class Compression:
    """What both sides agreed on: whether each may refer to its earlier messages."""

    client_keeps_context: bool = True
    server_keeps_context: bool = True


class UnknownExtension(Exception):
    """The sides agreed on something that changes frames in a way not known here."""


class _Bad(Exception):
    """The bytes do not keep to the protocol. Never leaves this file."""


def agreed_compression(extensions: Iterable[bytes]) -> Compression | None:
    """What the answer's `Sec-WebSocket-Extensions` say of compression; None where there is none.

    Errors: UnknownExtension.
    Source: RFC 6455 §9.1, RFC 7692 §7.1. Window sizes need no care: an inflater of the largest one reads all.
    """
    found: Compression | None = None
    for text in extensions:
        for extension in text.split(b","):
            name, *parameters = (part.strip().lower() for part in extension.split(b";"))
            if not name:
                continue
            if name != _DEFLATE or found is not None:
                raise UnknownExtension
            names = {parameter.partition(b"=")[0].strip() for parameter in parameters}
            found = Compression(
                client_keeps_context=b"client_no_context_takeover" not in names,
                server_keeps_context=b"server_no_context_takeover" not in names,
            )
    return found


class Follower:
    """Follows one direction.

    I1: `_held` is the beginning of a frame's head and shorter than 14 bytes; it is empty within a frame.
    I2: `_message` holds what came of the message under way, and never more than the limit, however it was sent.
    """

    __slots__ = (
        *("_code", "_control", "_held", "_in_frame", "_inflater", "_keeps_context", "_key", "_left", "_limit_bytes"),
        *("_masked", "_message", "_opcode", "_final", "_open", "_patience", "_phase", "_skips", "_squeezed"),
        *("broken", "close_code", "deaf", "skipped"),
    )

    def __init__(
        self, *, masked: bool, compressed: bool = False, keeps_context: bool = True, limit_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        """*masked*: it is the client's direction. *compressed*: messages may be (permessage-deflate was agreed on)."""
        self._masked = masked
        self._inflater = _Inflater() if compressed else None
        self._keeps_context = keeps_context
        self._limit_bytes = limit_bytes
        self._held = b""
        self._in_frame = False
        self._opcode = 0
        self._final = False
        self._left = 0
        self._key = b""
        self._phase = 0
        self._patience = PATIENCE_BYTES
        self._open = False  # a message is under way
        self._squeezed = False  # and it is compressed
        self._skips = False  # and it is too long
        self._message = bytearray()
        self._control = bytearray()
        self.broken = False
        """Something was no WebSocket: nothing more is followed."""
        self.skipped = False
        """At least one message was too long to be looked at."""
        self.close_code: int | None = None
        """Of the close frame, once there was one: nothing follows it."""
        self.deaf = False
        """Nobody wants the messages (any more): frames are walked for their ends, and none is given out again."""

    @property
    def held_bytes(self) -> int:
        """Of the message under way."""
        return len(self._message)

    def ignore(self) -> None:
        """Nobody wants the messages any more; what is held of one is let go of."""
        self.deaf = True
        self._message = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; give the content of the messages they finish, text and binary alike.

        Shapes: the same bytes in any pieces give the same messages. Those before a fault are given, none behind it.
        """
        found: list[bytes] = []
        if self.broken or self.close_code is not None:
            return found
        if self._held:
            data, self._held = self._held + data, b""
        try:
            self._walk(data, found)
        except (_Bad, zlib.error):
            self.broken = True
            self._message.clear()
            self._inflater = None
        return found

    def _walk(self, data: bytes, found: list[bytes]) -> None:
        at, size = 0, len(data)
        while self.close_code is None:
            if not self._in_frame:
                begins = self._head_at(data, at)
                if not begins:
                    self._held = data[at:]
                    return
                at = begins
            end = min(size, at + self._left)
            piece = data[at:end]
            self._left -= end - at
            at = end
            self._take(piece)
            if self._left:
                return
            self._in_frame = False
            if self._opcode in _CONTROL:
                self._end_control()
            elif self._final:
                self._end_message(found)

    def _head_at(self, data: bytes, at: int) -> int:
        """Read a frame's head; returns where its payload begins, 0 where the head is not all there. Errors: _Bad."""
        if len(data) - at < 2:
            return 0
        first, second = data[at], data[at + 1]
        length = second & 0x7F
        at += 2
        if length > _MAX_CONTROL_BYTES:
            width = 2 if length == 126 else 8
            if len(data) - at < width:
                return 0
            length = int.from_bytes(data[at : at + width])
            if length < (126 if width == 2 else 1 << 16) or length >> 63:
                raise _Bad  # the shortest form is the only one (§5.2)
            at += width
        if bool(second & _MASKED) is not self._masked:
            raise _Bad  # clients mask, servers do not (§5.1)
        if self._masked:
            if len(data) - at < 4:
                return 0
            self._key, self._phase = data[at : at + 4], 0
            at += 4
        self._begin(first, length)
        return at

    def _begin(self, first: int, length: int) -> None:
        self._patience = min(self._patience + length, PATIENCE_BYTES) - FRAME_BYTES
        if self._patience < 0:
            raise _Bad  # nobody speaks so; it is meant to keep this process busy
        opcode, final = first & 0x0F, bool(first & _FIN)
        squeezed = bool(first & _COMPRESSED)
        if first & _RESERVED:
            raise _Bad
        if opcode in _CONTROL:
            if not final or squeezed or length > _MAX_CONTROL_BYTES:
                raise _Bad  # §5.5
        elif opcode in _DATA:
            if self._open or (squeezed and self._inflater is None):
                raise _Bad  # a message begins within another (§5.4), or is compressed though nobody agreed
            self._open, self._squeezed, self._skips = True, squeezed, False
        elif opcode != _CONTINUATION or not self._open or squeezed:
            raise _Bad
        if opcode not in _CONTROL and not self.deaf and not self._skips:
            if self._squeezed and self._inflater is not None:
                self._inflater.allow(length)
            elif len(self._message) + length > self._limit_bytes:
                self._skip()
        self._opcode, self._final, self._left, self._in_frame = opcode, final, length, True

    def _take(self, piece: bytes) -> None:
        """Take the next bytes of the frame's payload."""
        if self._opcode in _CONTROL:
            self._control += self._unmasked(piece)
        elif not (self.deaf or self._skips) and piece:
            clear = self._unmasked(piece)
            if self._squeezed:
                self._inflate(clear)
            else:
                self._message += clear

    def _unmasked(self, piece: bytes) -> bytes:
        if not self._masked or not piece:
            return piece
        size, phase = len(piece), self._phase
        self._phase = (phase + size) & 3
        key = (self._key[phase:] + self._key[:phase]) * (size // 4 + 1)
        # One large number against another: some 200 times as fast as byte by byte.
        return (int.from_bytes(piece, "little") ^ int.from_bytes(key[:size], "little")).to_bytes(size, "little")

    def _inflate(self, data: bytes) -> None:
        assert self._inflater is not None
        for piece in self._inflater.pieces(data):
            self._message += piece
            if len(self._message) > self._limit_bytes:
                if self._keeps_context:
                    raise _Bad  # what follows may refer to what is not inflated any more
                self._skip()
                return

    def _skip(self) -> None:
        self._skips = self.skipped = True
        self._message.clear()

    def _end_message(self, found: list[bytes]) -> None:
        if self._squeezed and not self.deaf and not self._skips:
            self._inflate(_FLUSHED)
        if self._squeezed and not self.deaf and not self._keeps_context:
            assert self._inflater is not None
            self._inflater.forget()
        if not (self.deaf or self._skips):
            found.append(bytes(self._message))
        self._open = False
        self._message.clear()

    def _end_control(self) -> None:
        if self._opcode == _CLOSE:
            if len(self._control) == 1:
                raise _Bad
            self.close_code = int.from_bytes(self._control[:2]) if self._control else NO_CODE
            self._message.clear()
        self._control.clear()


class _Inflater:
    """Undoes permessage-deflate. Its output comes in bounded pieces and is bounded in all."""

    __slots__ = ("_left_bytes", "_stream")

    PIECE_BYTES: Final = 64 * 1024

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=-15)
        self._left_bytes = INFLATED_BYTES

    def allow(self, coded_bytes: int) -> None:
        """So many compressed bytes are to come: they may become INFLATED_RATIO times as many without counting."""
        self._left_bytes = min(self._left_bytes + coded_bytes * INFLATED_RATIO, 1 << 62)

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """Errors: zlib.error; _Bad where it grows beyond all measure."""
        while True:
            piece = self._stream.decompress(data, self.PIECE_BYTES)
            data = self._stream.unconsumed_tail
            if piece:
                self._left_bytes -= len(piece)
                if self._left_bytes < 0:
                    raise _Bad
                yield piece
            elif self._stream.eof and self._stream.unused_data:
                # A last block, and more behind it (RFC 7692 §7.2.3.4).
                data = self._stream.unused_data
                self._left_bytes -= RESTART_BYTES
                if self._left_bytes < 0:
                    raise _Bad
                self.forget()
            elif not data:
                return

    def forget(self) -> None:
        """What comes next refers to nothing before it."""
        self._stream = zlib.decompressobj(wbits=-15)
