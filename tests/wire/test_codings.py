"""Codings are undone in bounded pieces, in any split; what cannot be undone is swallowed and said so."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from itertools import pairwise

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lectr_core.wire.codings import MAX_MEMBERS, PIECE_BYTES, decoder


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


ENCODERS: dict[str, list[Callable[[bytes], bytes]]] = {
    "": [],
    "identity": [],
    "gzip": [gzip.compress],
    "X-GZIP": [gzip.compress],
    "deflate": [zlib.compress],
    "Deflate": [raw_deflate],
    "br": [brotli.compress],
    "zstd": [zstandard.compress],
    "gzip, br": [gzip.compress, brotli.compress],
    "gzip, zstd": [gzip.compress, zstandard.compress],
    " identity , deflate,zstd": [raw_deflate, zstandard.compress],
}

BODY = b'{"usage":{"prompt_tokens":12}}' * 5000


def encoded(coding: str, body: bytes) -> bytes:
    for encode in ENCODERS[coding]:
        body = encode(body)
    return body


def decoded(coding: str, pieces: list[bytes]) -> tuple[bytes, bool]:
    undo = decoder(coding)
    out = [piece for data in pieces for piece in undo.feed(data)]
    return b"".join(out), undo.broken


@pytest.mark.parametrize("coding", ENCODERS)
@pytest.mark.parametrize("step", [1, 3, 4096, 10**6])
def test_every_coding_is_undone_however_it_arrives(coding: str, step: int) -> None:
    sent = encoded(coding, BODY if step > 100 else BODY[:3000])
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert decoded(coding, pieces) == (BODY if step > 100 else BODY[:3000], False)


@pytest.mark.parametrize("coding", [coding for coding in ENCODERS if ENCODERS[coding]])
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_no_piece_is_empty(coding: str, step: int) -> None:
    undo = decoder(coding)
    sent = encoded(coding, BODY[:3000])
    pieces = [piece for at in range(0, len(sent), step) for piece in undo.feed(sent[at : at + step])]
    assert pieces
    assert all(pieces)


@given(st.sampled_from(list(ENCODERS)), st.binary(max_size=2000), st.data())
def test_any_split_gives_the_same_body(coding: str, body: bytes, data: st.DataObject) -> None:
    sent = encoded(coding, body)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    assert decoded(coding, [sent[a:b] for a, b in pairwise([0, *cuts, len(sent)])]) == (body, False)


@given(st.sampled_from(list(ENCODERS)), st.binary(max_size=300), st.data())
@settings(max_examples=300)
def test_nothing_a_provider_sends_raises(coding: str, body: bytes, data: st.DataObject) -> None:
    sent = bytearray(encoded(coding, body))
    for _ in range(data.draw(st.integers(1, 4))):
        if sent:
            sent[data.draw(st.integers(0, len(sent) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(sent)))
    got, _ = decoded(coding, [bytes(sent[:cut]), bytes(sent[cut:]), b"", b"tail"])
    assert len(got) < 10**8


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_corrupt_input_is_said_and_swallowed(coding: str) -> None:
    undo = decoder(coding)
    assert list(undo.feed(b"<html>not what it says</html>" * 10)) == []
    assert undo.broken
    assert list(undo.feed(encoded(coding, b"x"))) == []


@pytest.mark.parametrize("coding", ["compress", "gzip, aes128gcm", "gzip,gzip,gzip,gzip", "dcb"])
def test_unknown_and_stacked_codings_are_broken_from_the_start(coding: str) -> None:
    undo = decoder(coding)
    assert undo.broken
    assert list(undo.feed(b"x")) == []


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "br", "zstd", "gzip, br", "gzip, zstd"])
def test_a_bomb_gives_bounded_pieces_and_stops_at_the_ceiling(coding: str) -> None:
    sent = encoded(coding, b"\0" * 30_000_000)
    undo = decoder(coding, ceiling_bytes=10_000_000)
    total = 0
    for piece in undo.feed(sent):
        assert len(piece) <= PIECE_BYTES
        total += len(piece)
    assert 9_900_000 < total <= 10_000_000
    assert undo.broken


@pytest.mark.parametrize("step", [1, 5, 10**6])
def test_gzip_members_follow_each_other_and_padding_is_ignored(step: int) -> None:
    sent = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 20 + gzip.compress(b"never")
    assert decoded("gzip", [sent[at : at + step] for at in range(0, len(sent), step)]) == (b"one two", False)


@pytest.mark.parametrize("step", [1, 5, 10**6])
def test_zstd_frames_follow_each_other(step: int) -> None:
    sent = zstandard.compress(b"one ") + zstandard.compress(b"two")
    assert decoded("zstd", [sent[at : at + step] for at in range(0, len(sent), step)]) == (b"one two", False)


@pytest.mark.parametrize("coding", ["deflate", "br"])
def test_what_follows_the_end_of_a_body_is_ignored(coding: str) -> None:
    sent = encoded(coding, b"all")
    assert decoded(coding, [sent, b"more"]) == (b"all", False)


def test_a_cut_body_gives_what_came() -> None:
    sent = gzip.compress(BODY)
    got, broken = decoded("gzip", [sent[: len(sent) // 2]])
    assert BODY.startswith(got)
    assert len(got) > 1000
    assert not broken


def test_a_zstd_window_beyond_the_standard_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    sent = packer.compress(b"x" * 1000) + packer.flush()
    assert decoded("zstd", [sent]) == (b"", True)


@pytest.mark.parametrize(
    ("coding", "member"),
    [("gzip", gzip.compress(b"", mtime=0)), ("zstd", zstandard.ZstdCompressor().compress(b""))],
    ids=["gzip", "zstd"],
)
@pytest.mark.parametrize("is_stacked", [False, True])
def test_members_that_come_to_nothing_are_given_up(coding: str, member: bytes, is_stacked: bool) -> None:
    """What gives nothing meets no ceiling: 50 KB of it, stacked, kept the whole process busy for seconds."""
    for count, is_broken in ((MAX_MEMBERS, False), (MAX_MEMBERS + 1, True)):
        body = member * count
        told = decoder(f"{coding}, gzip" if is_stacked else coding)
        assert b"".join(told.feed(gzip.compress(body) if is_stacked else body)) == b""
        assert told.broken is is_broken


def test_what_lies_between_two_codings_has_a_ceiling_too() -> None:
    body = gzip.compress(gzip.compress(b"x", mtime=0) + bytes(2_000_000))  # the zeros are padding to the inner one
    for ceiling, is_broken in ((3_000_000, False), (1_000_000, True)):
        told = decoder("gzip, gzip", ceiling_bytes=ceiling)
        assert b"".join(told.feed(body)) == b"x"
        assert told.broken is is_broken
