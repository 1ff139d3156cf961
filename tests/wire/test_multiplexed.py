"""Heads between HTTP/1.1 and HTTP/2: what has a place in both stays, and nothing gets in that could be read as more."""

from __future__ import annotations

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, PingFrame
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.errors import MalformedMessage
from lectr_core.wire import multiplexed
from lectr_core.wire.framing import ChunkedBody
from lectr_core.wire.heads import parse_request_head, parse_response_head
from lectr_core.wire.multiplexed import Farewell, chunk, last_chunk, request_fields, response_lines


def test_a_request_keeps_target_values_order_and_repetition() -> None:
    head = parse_request_head(
        b"POST /v1/a%2Fb?x=&y HTTP/1.1\r\nX-B: 1\r\nHost: one.test:8443\r\nTE: trailers\r\nx-a:  two words\t\r\n"
        b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket\r\nX-B: 3\r\nEmpty:\r\n\r\n"
    )
    assert request_fields(head, b"https") == [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"one.test:8443"),
        (b":path", b"/v1/a%2Fb?x=&y"),
        (b"x-b", b"1"),
        (b"x-a", b"two words"),
        (b"x-b", b"3"),
        (b"empty", b""),
    ]


@pytest.mark.parametrize(
    ("fields", "method", "ended", "lines", "chunked"),
    [
        ([(b":status", b"200")], b"GET", False, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", True),
        ([(b":status", b"200")], b"GET", True, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        ([(b":status", b"200")], b"HEAD", True, b"HTTP/1.1 200 OK\r\n\r\n", False),
        ([(b":status", b"204")], b"GET", True, b"HTTP/1.1 204 No Content\r\n\r\n", False),
        ([(b":status", b"304")], b"GET", True, b"HTTP/1.1 304 Not Modified\r\n\r\n", False),
        ([(b":status", b"103"), (b"link", b"x")], b"GET", False, b"HTTP/1.1 103 \r\nlink: x\r\n\r\n", False),
        ([(b":status", b"529")], b"GET", True, b"HTTP/1.1 529 \r\ncontent-length: 0\r\n\r\n", False),
        (
            [(b":status", b"200"), (b"b", b"1"), (b"content-length", b"3"), (b"b", b"")],
            b"GET",
            False,
            b"HTTP/1.1 200 OK\r\nb: 1\r\ncontent-length: 3\r\nb: \r\n\r\n",
            False,
        ),
    ],
)
def test_an_answer_is_framed_as_its_content_needs(
    fields: multiplexed.Fields, method: bytes, ended: bool, lines: bytes, chunked: bool
) -> None:
    assert response_lines(fields, method=method, ended=ended) == (lines, chunked)
    assert parse_response_head(lines).chunked is chunked


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b"x", b"1")],
        [(b":status", b"20")],
        [(b":status", b"200\r\nx: 1")],
        [(b":status", b"999")],
        [(b":status", b"101")],
        [(b":status", b"200"), (b"x", b"1\r\ny: 2")],
        [(b":status", b"200"), (b"x", b"1\n")],
        [(b":status", b"200"), (b"x", b"\x00")],
        [(b":status", b"200"), (b"x: 1\r\ny", b"2")],
        [(b":status", b"200"), (b"X", b"1")],
        [(b":status", b"200"), (b"", b"1")],
        [(b":status", b"200"), (b":status", b"200")],
        [(b":status", b"200"), (b"transfer-encoding", b"chunked")],
        [(b":status", b"200"), (b"connection", b"close")],
    ],
)
def test_what_could_be_read_as_more_than_one_field_is_refused(fields: multiplexed.Fields) -> None:
    with pytest.raises(MalformedMessage):
        response_lines(fields, method=b"GET", ended=False)


@pytest.mark.parametrize(
    "field", [(b":status", b"200"), (b"x", b"1\r\ny: 2"), (b"x\r\ny", b"1"), (b"transfer-encoding", b"x")]
)
def test_neither_is_it_in_trailers(field: tuple[bytes, bytes]) -> None:
    with pytest.raises(MalformedMessage):
        last_chunk([field])


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=12)), max_size=5))
def test_lines_are_as_many_as_fields_or_none(fields: multiplexed.Fields) -> None:
    try:
        lines, _ = response_lines([(b":status", b"204"), *fields], method=b"GET", ended=True)
    except MalformedMessage:
        return
    assert lines.count(b"\r\n") == len(fields) + 2
    assert lines.count(b"\n") == lines.count(b"\r") == len(fields) + 2


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_chunks_carry_what_was_put_in(parts: list[bytes]) -> None:
    body = ChunkedBody()
    wire = b"".join([*map(chunk, parts), last_chunk([(b"x-t", b"1")])])
    end, content = body.take(wire)
    assert (end, b"".join(content), body.trailers) == (len(wire), b"".join(parts), [b"x-t"])


_FRAMES = st.one_of(
    st.binary(max_size=50).map(lambda data: bytes(DataFrame(1, data).serialize())),
    st.just(bytes(PingFrame(0, b"12345678").serialize())),
)


@given(st.lists(_FRAMES, max_size=6), st.lists(_FRAMES, max_size=6), st.integers(1, 60), st.binary(max_size=20))
def test_a_farewell_is_taken_out_however_the_bytes_are_cut(
    before: list[bytes], behind: list[bytes], step: int, why: bytes
) -> None:
    goaway = GoAwayFrame(0, last_stream_id=7, error_code=0, additional_data=why).serialize()
    wire = b"".join([*before, goaway, *behind])
    farewell = Farewell()
    out = b"".join(farewell.take(wire[at : at + step]) for at in range(0, len(wire), step))
    assert out == b"".join(before + behind)
    assert (farewell.last_stream, farewell.is_orderly) == (7, True)


def test_a_farewell_with_a_fault_is_not_orderly() -> None:
    farewell = Farewell()
    assert farewell.take(GoAwayFrame(0, last_stream_id=3, error_code=2).serialize()) == b""
    assert (farewell.last_stream, farewell.is_orderly) == (3, False)


@pytest.mark.parametrize("head", [b"\x00\x00\x07\x07", b"\xff\xff\xff\x00", b"\x00\x40\x01\x00"])
def test_a_frame_of_no_valid_length_is_refused_at_its_head(head: bytes) -> None:
    with pytest.raises(MalformedMessage):
        Farewell().take(head + bytes(5))
