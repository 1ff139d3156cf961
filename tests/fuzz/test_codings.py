"""Content codings: corrupt input never raises, is told alike in any pieces, and a bomb stays small."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Final

import brotli
import pytest
import zstandard

from lectr_core.wire.codings import PIECE_BYTES, decoder
from tests.fuzz.mutate import pieces, spoilt, turns

CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda body: bytes(brotli.compress(body, quality=3)),
    "zstd": zstandard.compress,
    "gzip, br": lambda body: bytes(brotli.compress(gzip.compress(body), quality=3)),
    "zstd, gzip": lambda body: gzip.compress(zstandard.compress(body)),
}
MARKS: Final = (
    b"\0",
    b"\xff" * 8,
    b"\x1f\x8b\x08",
    b"\x28\xb5\x2f\xfd",
    b"\x78\x9c",
    b"\x50\x2a\x4d\x18",
    b"plain",
    b"\x03",
)
BODY: Final = b"".join(b'data: {"n":%d,"text":"%x"}\n\n' % (n, n * n * 7919) for n in range(400))


def undone(coding: str, parts: list[bytes]) -> tuple[bytes, bool]:
    decoding = decoder(coding, ceiling_bytes=1 << 20)
    out = b""
    for part in parts:
        for piece in decoding.feed(part):
            assert len(piece) <= PIECE_BYTES
            out += piece
    return out, decoding.broken


def test_corrupt_codings_never_raise_and_are_told_alike_in_any_pieces() -> None:
    whole = {coding: encode(BODY) for coding, encode in CODINGS.items()}
    broken = 0
    for chance in turns("coded bodies"):
        coding = chance.choice(list(CODINGS))
        sent = spoilt(whole[coding], MARKS, chance)
        sent = sent[: chance.randrange(len(sent))] if chance.random() < 0.2 else sent
        once, cut = undone(coding, [sent]), undone(coding, pieces(sent, chance))
        assert once[1] is cut[1], (coding, sent)
        if not once[1]:
            assert once == cut, (coding, sent)
        broken += once[1]
    assert broken


@pytest.mark.parametrize("coding", CODINGS)
def test_a_bomb_takes_little_memory(coding: str) -> None:
    bomb = CODINGS[coding](bytes(32 << 20))
    decoding = decoder(coding)
    tracemalloc.start()
    try:
        total = sum(map(len, decoding.feed(bomb)))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 32 << 20
    assert peak_bytes < 20 << 20, f"{peak_bytes} bytes"
