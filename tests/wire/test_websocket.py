"""WebSocket frames, followed: what wsproto sends is read alike however it is cut; what is none ends the following."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

from lectr_core.wire import websocket
from lectr_core.wire.websocket import (
    FRAME_BYTES,
    INFLATED_BYTES,
    PATIENCE_BYTES,
    RESTART_BYTES,
    Compression,
    Follower,
    UnknownExtension,
    agreed_compression,
)

CLIENT: Final = True
SERVER: Final = False

LENGTHS: Final = (0, 1, 2, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 70_000)


@attrs.frozen
class Sent:
    """One message, and how it is put into frames."""

    content: bytes
    binary: bool
    cuts: tuple[int, ...]
    pings: tuple[bytes, ...]
    """Control frames between its fragments."""


messages = st.builds(
    Sent,
    st.one_of(
        st.text(max_size=300).map(str.encode),
        st.sampled_from(LENGTHS).map(lambda size: b"ab" * (size // 2) + b"c" * (size % 2)),
    ),
    st.booleans(),
    st.lists(st.integers(0, 300), max_size=3).map(lambda cuts: tuple(sorted(cuts))),
    st.lists(st.binary(max_size=125), max_size=2).map(tuple),
)


def oracle(client: bool, compression: Compression | None) -> FrameProtocol:
    """wsproto's side of one connection."""
    extensions: list[Extension] = []
    if compression is not None:
        made = PerMessageDeflate(
            client_no_context_takeover=not compression.client_keeps_context,
            server_no_context_takeover=not compression.server_keeps_context,
        )
        made._enabled = True  # as a handshake would leave it
        extensions.append(made)
    return FrameProtocol(client=client, extensions=extensions)


def on_the_wire(sender: FrameProtocol, said: Sequence[Sent]) -> bytes:
    """The frames that wsproto makes of *said*."""
    out = bytearray()
    for message in said:
        text = message.content if message.binary else message.content.decode(errors="replace")
        edges = [0, *(min(cut, len(text)) for cut in message.cuts), len(text)]
        for number, (start, end) in enumerate(pairwise(edges)):
            out += sender.send_data(text[start:end], fin=number == len(edges) - 2)
            if number < len(message.pings):
                out += sender.ping(message.pings[number])
    return bytes(out)


def follower(client: bool, compression: Compression | None, limit_bytes: int = 1 << 24) -> Follower:
    """The follower of the same direction."""
    if compression is None:
        return Follower(masked=client, limit_bytes=limit_bytes)
    keeps = compression.client_keeps_context if client else compression.server_keeps_context
    return Follower(masked=client, compressed=True, keeps_context=keeps, limit_bytes=limit_bytes)


def fed(one: Follower, data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """What it finds in *data*, cut at these places."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [message for start, end in pairwise(edges) for message in one.feed(data[start:end])]


compressions = st.one_of(st.none(), st.builds(Compression, st.booleans(), st.booleans()))


@given(st.lists(messages, max_size=5), compressions, st.booleans(), st.lists(st.integers(0, 4000), max_size=8))
def test_what_an_independent_implementation_sends_is_read_alike_in_any_pieces(
    said: list[Sent], compression: Compression | None, client: bool, cuts: list[int]
) -> None:
    data = on_the_wire(oracle(client, compression), said)
    expected = [message.content for message in said]
    whole, cut = follower(client, compression), follower(client, compression)
    assert whole.feed(data) == expected
    assert fed(cut, data, cuts) == expected
    assert (whole.broken, cut.broken, whole.skipped) == (False, False, False)
    bytewise = follower(client, compression)
    assert fed(bytewise, data[:3000], range(3000)) == follower(client, compression).feed(data[:3000])


def oracle_messages(client: bool, data: bytes) -> tuple[list[bytes], bool]:
    """What wsproto makes of bytes of one direction: the messages before a fault, and whether there was one."""
    receiver = FrameProtocol(client=not client, extensions=[])
    found: list[bytes] = []
    held = b""
    receiver.receive_bytes(data)
    try:
        for frame in receiver.received_frames():
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY):  # wsproto gives the first one's opcode to continuations
                payload = frame.payload
                assert isinstance(payload, str | bytes | bytearray)
                held += payload.encode() if isinstance(payload, str) else payload
                if frame.message_finished:
                    found.append(held)
                    held = b""
            elif frame.opcode == Opcode.CLOSE:
                return found, False
    except ParseFailed:
        return found, True
    return found, False


def frame(first: int, masked: bool, payload: bytes, width: int) -> bytes:
    """A whole frame, sound or not, its length said in so many bytes beyond the first."""
    marks = {0: min(len(payload), 125), 2: 126, 8: 127}[width]
    payload = payload if width else payload[:125]
    length = len(payload).to_bytes(width) if width else b""
    return bytes([first, marks | masked << 7]) + length + (b"\0\0\0\0" if masked else b"") + payload


payloads = st.one_of(st.binary(max_size=10), st.integers(120, 130).map(bytes))
frames = st.builds(frame, st.integers(0, 255), st.booleans(), payloads, st.sampled_from([0, 0, 2, 8]))


@given(st.lists(st.one_of(frames, messages.map(lambda one: on_the_wire(oracle(SERVER, None), [one]))), max_size=4))
def test_what_an_independent_implementation_refuses_is_not_followed(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    expected, fault = oracle_messages(SERVER, data)
    one = follower(SERVER, None)
    found = one.feed(data)
    if one.broken:
        assert fault
    # It does not look into text: what is no UTF-8, or no sound close frame, is a fault for the oracle alone.
    assert found[: len(expected)] == expected
    assert fault or found == expected


@given(st.binary(max_size=400), st.booleans(), compressions, st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_are_taken_without_an_error_and_alike_in_any_pieces(
    data: bytes, client: bool, compression: Compression | None, cuts: list[int]
) -> None:
    whole, cut = follower(client, compression), follower(client, compression)
    assert whole.feed(data) == fed(cut, data, cuts)
    assert (whole.broken, whole.close_code, whole.skipped) == (cut.broken, cut.close_code, cut.skipped)


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("a reserved bit", b"\xa1\x00"),
        ("another reserved bit", b"\x91\x00"),
        ("compressed, though nobody agreed", b"\xc1\x00"),
        ("an unknown opcode", b"\x83\x00"),
        ("an unknown control frame", b"\x8b\x00"),
        ("masked by a server", b"\x81\x80\0\0\0\0"),
        ("a fragmented ping", b"\x09\x00"),
        ("a long ping", b"\x89\x7e\x00\x7e" + bytes(126)),
        ("a continuation of nothing", b"\x80\x00"),
        ("a message within a message", b"\x01\x01a\x81\x01b"),
        ("a length in two bytes that fits one", b"\x81\x7e\x00\x7d"),
        ("a length in eight bytes that fits two", b"\x81\x7f" + (65_535).to_bytes(8)),
        ("a length beyond 63 bits", b"\x81\x7f" + (1 << 63).to_bytes(8)),
        ("a close code of one byte", b"\x88\x01\x03"),
    ],
)
def test_what_is_no_websocket_ends_the_following_and_keeps_what_came_before(why: str, data: bytes) -> None:
    for step in (1, 1000):
        one = follower(SERVER, None)
        whole = b"\x81\x02hi" + data + b"\x81\x02ho"
        found = [message for at in range(0, len(whole), step) for message in one.feed(whole[at : at + step])]
        assert (found, one.broken) == ([b"hi"], True), why


def test_an_unmasked_frame_of_a_client_ends_the_following() -> None:
    one = follower(CLIENT, None)
    assert one.feed(b"\x81\x02hi") == []
    assert one.broken


@pytest.mark.parametrize(("code", "expected"), [(CloseReason.NORMAL_CLOSURE, 1000), (4000, 4000), (None, websocket.NO_CODE)])
def test_a_close_frame_is_the_last_thing_followed(code: int | None, expected: int) -> None:
    one = follower(CLIENT, None)
    sender = oracle(CLIENT, None)
    last = sender.close(code) if code is not None else b"\x88\x80\0\0\0\0"
    assert one.feed(bytes(sender.send_data(b"x", fin=True) + last + b"anything at all")) == [b"x"]
    assert (one.close_code, one.broken) == (expected, False)
    assert one.feed(b"\xff" * 100) == []


@pytest.mark.parametrize("compression", [None, Compression(True, False)])
def test_a_message_that_is_too_long_is_passed_over_and_the_next_is_read(compression: Compression | None) -> None:
    sender = oracle(SERVER, compression)
    data = (
        sender.send_data(b"x" * 5000, fin=False) + sender.send_data(b"y" * 6000, fin=True) + sender.send_data(b"z", fin=True)
    )
    for step in (1, 7, 100_000):
        one = follower(SERVER, compression, limit_bytes=10_000)
        assert [message for at in range(0, len(data), step) for message in one.feed(bytes(data[at : at + step]))] == [b"z"]
        assert (one.skipped, one.broken) == (True, False)


def test_a_too_long_message_that_later_ones_refer_to_ends_the_following() -> None:
    kept = Compression()
    one = follower(SERVER, kept, limit_bytes=10_000)
    assert one.feed(bytes(oracle(SERVER, kept).send_data(b"x" * 20_000, fin=True))) == []
    assert one.broken


def test_a_compression_bomb_costs_a_bounded_amount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "INFLATED_BYTES", 1_000_000)
    squeezer = zlib.compressobj(9, wbits=-15)
    squeezed = squeezer.compress(bytes(900_000)) + squeezer.flush(zlib.Z_SYNC_FLUSH)
    frame = b"\xc2\x7e" + len(squeezed[:-4]).to_bytes(2) + squeezed[:-4]
    one = Follower(masked=False, compressed=True, keeps_context=False)
    assert [len(message) for message in one.feed(frame)] == [900_000]
    assert [len(message) for message in one.feed(frame * 5)] == []
    assert one.broken


def test_a_last_block_within_a_message_is_no_fault() -> None:
    squeezer = zlib.compressobj(9, wbits=-15)
    last = squeezer.compress(b"hello") + squeezer.flush(zlib.Z_FINISH) + b"\x00"
    again = bytes(oracle(SERVER, Compression(True, False)).send_data(b"again", fin=True))
    one = Follower(masked=False, compressed=True, keeps_context=False)
    assert one.feed(bytes([0xC1, len(last)]) + last + again) == [b"hello", b"again"]
    assert not one.broken


def test_corrupt_compression_ends_the_following() -> None:
    one = Follower(masked=False, compressed=True)
    assert one.feed(b"\xc1\x04\xff\xff\xff\xff") == []
    assert one.broken


@pytest.mark.parametrize("compression", [None, Compression()])
def test_one_that_nobody_listens_to_any_more_finds_the_close_frame_still(compression: Compression | None) -> None:
    sender = oracle(CLIENT, compression)
    one = follower(CLIENT, compression)
    assert one.feed(bytes(sender.send_data("a", fin=True))) == [b"a"]
    one.deaf = True
    assert one.feed(bytes(sender.send_data("b" * 70_000, fin=True) + sender.close(1001))) == []
    assert (one.close_code, one.broken) == (1001, False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], None),
        ([b""], None),
        ([b"permessage-deflate"], Compression(True, True)),
        ([b"Permessage-Deflate; server_no_context_takeover"], Compression(True, False)),
        ([b"permessage-deflate;client_no_context_takeover ; server_max_window_bits=10"], Compression(False, True)),
        ([b"permessage-deflate; client_max_window_bits; server_no_context_takeover"], Compression(True, False)),
    ],
)
def test_what_was_agreed_on_is_read_out_of_the_answer(value: list[bytes], expected: Compression | None) -> None:
    assert agreed_compression(value) == expected


@pytest.mark.parametrize("value", [[b"x-webkit-deflate-frame"], [b"permessage-deflate, permessage-deflate"], [b"bbf", b""]])
def test_an_extension_that_is_not_known_is_said_so(value: list[bytes]) -> None:
    with pytest.raises(UnknownExtension):
        agreed_compression(value)


@pytest.mark.parametrize("size", [0, 8, 31])
def test_frames_that_carry_next_to_nothing_are_followed_for_a_while_and_no_longer(size: int) -> None:
    """Each costs as much to walk as a long one; the tunnel itself carries them on."""
    small = b"\x81" + bytes([size]) + b"x" * size
    follower = Follower(masked=False)
    given = sum(len(follower.feed(small * 100)) for _ in range(PATIENCE_BYTES // 100 + 1))
    assert follower.broken
    assert given == 1 + (PATIENCE_BYTES - FRAME_BYTES) // (FRAME_BYTES - size)
    usual = Follower(masked=False)
    for _ in range(3000):
        assert len(usual.feed(small + b"\x89\x00" + b"\x81\x7e\x01\x00" + b"x" * 256)) == 2
    assert not usual.broken


def test_compressed_data_that_begins_anew_and_anew_is_given_up() -> None:
    piece = b"\x03\x00" * 15_000 + b"\x00"
    follower = Follower(masked=False, compressed=True)
    for _ in range(INFLATED_BYTES // RESTART_BYTES // 15_000 + 1):
        assert not follower.broken
        follower.feed(b"\xc1\x7e" + len(piece).to_bytes(2) + piece)
    assert follower.broken
