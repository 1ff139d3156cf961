"""Content codings, undone in a copy: gzip, deflate, br and zstd, alone or one over another.

For reading only: what goes to the client is never decoded. Output comes in bounded pieces and up to a ceiling, so that a
small body cannot grow into memory; corrupt or unknown input is swallowed and said so, never raised. Called by the hot
rooms between an answer's copy and its reader.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

import brotli
import zstandard

PIECE_BYTES = 64 * 1024
"""Longest piece of output."""

CEILING_BYTES = 128 * 1024 * 1024
"""Output after which a decoder gives up: four times the longest body a reader holds."""

# Members of gzip, frames of zstd. One that is empty costs 2 µs and gives nothing; stacked, 50 KB can hold a million.
MAX_MEMBERS = 10_000

# Nobody stacks codings; two have been seen once, by mistake.
_MAX_STACKED = 3

# One zstd block of 4 bytes can give 128 KiB, so a step's output stays under 8 MiB, whatever it was made for.
_ZSTD_STEP_BYTES = 256

# What RFC 8878 §3.1.1.1.2 and RFC 9659 ask every decoder to support and no more.
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024


class _Corrupt(Exception):
    """A coding does not decode. Never leaves this file."""


class _Stage(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Decode one piece. Errors: _Corrupt."""
        ...


class Decoder:
    """Undoes the codings of one body."""

    def __init__(self, stages: tuple[_Stage, ...] | None, ceiling_bytes: int) -> None:
        self._stages = stages or ()
        self._left_bytes = self._between_bytes = ceiling_bytes
        self.broken = stages is None
        """The coding is unknown, the input corrupt, or the output over the ceiling: nothing more will come."""

    def feed(self, data: bytes | memoryview) -> Iterable[bytes]:
        """Take the next piece of the coded body; give what it decodes to. Go through it to its end.

        Units: each piece given is at most PIECE_BYTES long, save that an uncoded body is given as it came.
        """
        if self.broken:
            return ()
        if not self._stages:
            return (bytes(data),)
        return self._decoded(bytes(data))

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        try:
            for piece in self._through(data, 0):
                self._left_bytes -= len(piece)
                if self._left_bytes < 0:
                    self.broken = True
                    return
                yield piece
        except _Corrupt:
            self.broken = True

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._stages):
            yield data
            return
        for piece in self._stages[stage].pieces(data):  # never an empty one
            if stage + 1 < len(self._stages):  # what lies between two codings grows too, and may come to nothing
                self._between_bytes -= len(piece)
                if self._between_bytes < 0:
                    raise _Corrupt
            yield from self._through(piece, stage + 1)


def decoder(content_encoding: str, *, ceiling_bytes: int = CEILING_BYTES) -> Decoder:
    """A decoder for the value of a Content-Encoding field; empty: none. Source: RFC 9110 §8.4.

    Shapes: codings are named in the order in which they were applied, so the last is undone first.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _MAX_STACKED or any(name not in _STAGES for name in names):
        return Decoder(None, ceiling_bytes)
    return Decoder(tuple(_STAGES[name]() for name in reversed(names)), ceiling_bytes)


class _Gzip:
    """RFC 1952: members follow each other; anything else behind a member is padding and ignored."""

    def __init__(self) -> None:
        self._inflater = zlib.decompressobj(wbits=31)
        self._behind = b""
        """Bytes behind a member's end that may become the next member's magic number."""
        self._members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._inflater.eof:
                data = self._behind + data
                if len(data) < 2:
                    self._behind = data
                    return
                self._behind = b""
                if not data.startswith(b"\x1f\x8b"):
                    self._behind = b"\0"  # neither now nor later a member
                    return
                self._inflater = zlib.decompressobj(wbits=31)
                self._members += 1
                if self._members > MAX_MEMBERS:
                    raise _Corrupt
            yield from _inflate(self._inflater, data)
            data = self._inflater.unused_data


class _Deflate:
    """RFC 9110 §8.4.1.2 means zlib's format; some servers send bare deflate. The first two bytes tell."""

    def __init__(self) -> None:
        self._head = b""
        self._inflater: zlib._Decompress | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            data = self._head + data
            if len(data) < 2:
                self._head = data
                return
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._inflater = zlib.decompressobj(wbits=15 if is_zlib else -15)
        if not self._inflater.eof:
            yield from _inflate(self._inflater, data)


def _inflate(inflater: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    try:
        piece = inflater.decompress(data, PIECE_BYTES)
        while piece:
            yield piece
            piece = inflater.decompress(inflater.unconsumed_tail, PIECE_BYTES)
    except zlib.error as exc:
        raise _Corrupt from exc


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._decompressor.is_finished():
            return
        try:
            piece = self._decompressor.process(data, output_buffer_limit=PIECE_BYTES // 2)
            while piece or not self._decompressor.can_accept_more_data():
                yield from _cut(piece)
                piece = self._decompressor.process(b"", output_buffer_limit=PIECE_BYTES // 2)
        except brotli.error as exc:
            raise _Corrupt from exc


class _Zstd:
    """RFC 8878: frames follow each other. The library bounds no output, so input goes in a few bytes at a time."""

    def __init__(self) -> None:
        self._frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame = self._frames.decompressobj()
        self._members = 1

    def pieces(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP_BYTES):
            rest = data[start : start + _ZSTD_STEP_BYTES]
            while rest:
                if self._frame.eof:
                    self._frame = self._frames.decompressobj()
                    self._members += 1
                    if self._members > MAX_MEMBERS:
                        raise _Corrupt
                try:
                    piece = self._frame.decompress(rest)
                except zstandard.ZstdError as exc:
                    raise _Corrupt from exc
                rest = self._frame.unused_data if self._frame.eof else b""
                yield from _cut(piece)


def _cut(piece: bytes) -> Iterator[bytes]:
    for start in range(0, len(piece), PIECE_BYTES):
        yield piece[start : start + PIECE_BYTES]


_STAGES: dict[str, type[_Gzip] | type[_Deflate] | type[_Brotli] | type[_Zstd]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}
