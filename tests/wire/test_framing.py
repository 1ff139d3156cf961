"""Bodies: where they end, what they carry, however the bytes arrive; and that broken framing is refused."""

from __future__ import annotations

from itertools import pairwise

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.errors import MalformedMessage
from lectr_core.wire.framing import (
    MAX_TRAILER_BYTES,
    Body,
    ChunkedBody,
    CloseBody,
    LengthBody,
    NoBody,
    request_body,
    response_body,
)
from lectr_core.wire.heads import parse_request_head, parse_response_head


def _feed(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """What belonged to the message, and what it carried."""
    raw, content = b"", b""
    for piece in pieces:
        end, parts = body.take(piece)
        raw += piece[:end]
        content += b"".join(parts)
    return raw, content


def _split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


_chunks = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
_cuts = st.lists(st.integers(0, 10_000), max_size=12)
_extension = st.sampled_from([b"", b";a=b", b';q="x"'])
_trailers = st.lists(st.sampled_from([b"X-Sum: 1\r\n", b"y:\r\n"]), max_size=3).map(b"".join)


@given(chunks=_chunks, cuts=_cuts, extension=_extension, trailers=_trailers, behind=st.binary(max_size=20))
def test_chunks_end_to_the_byte_however_they_arrive(
    chunks: list[bytes], cuts: list[int], extension: bytes, trailers: bytes, behind: bytes
) -> None:
    coded = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    coded += b"0\r\n" + trailers + b"\r\n"
    body = ChunkedBody()
    raw, content = _feed(body, _split(coded + behind, cuts))
    assert body.done
    assert raw == coded
    assert content == b"".join(chunks)
    assert len(body.trailers) == trailers.count(b"\r\n")


class _Llhttp:
    """An independent reading of the same chunks."""

    def __init__(self) -> None:
        self.content, self.done = b"", False

    def on_body(self, data: bytes) -> None:
        self.content += data

    def on_message_complete(self) -> None:
        self.done = True


@given(
    data=st.lists(st.sampled_from([b"5", b"\r\n", b"hello", b"0", b"a", b";x", b"\n", b" ", b"X: y", b"\r"]), max_size=14)
)
def test_whatever_is_accepted_llhttp_reads_alike(data: list[bytes]) -> None:
    raw = b"".join(data)
    body = ChunkedBody()
    try:
        end, parts = body.take(raw)
    except MalformedMessage:
        return
    oracle = _Llhttp()
    parser = httptools.HttpRequestParser(oracle)
    read = raw[: end - len(body._held)]  # a line that is not complete is not judged yet
    parser.feed_data(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + read)
    assert oracle.content == b"".join(parts)
    assert oracle.done is body.done


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n", b"x\r\n", b"-1\r\n", b"0x5\r\n", b"5 \r\n", b" 5\r\n", b"5_0\r\n", b"5\nhello", b"5\rhello", b"+5\r\n",
        b"1234567890abcdef\r\n", b"5;" + b"x" * 300 + b"\r\n", b"f" * 300, b"5;a\x00b\r\n", b"5;\r\n",
        b"5;a b\r\n", b"3\r\nabcd", b"3\r\nabc\r\r",
        b"0\r\nno field\r\n", b"0\r\nX : y\r\n", b"0\r\n" + b"X: y\r\n" * 65, b"0\r\nX: " + b"y" * MAX_TRAILER_BYTES,
        b"0\r\nContent-Length: 5\r\n", b"0\r\nTransfer-encoding: chunked\r\n", b"0\r\nHOST: b\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 1000])
def test_broken_chunks_are_refused(sent: bytes, step: int) -> None:
    with pytest.raises(MalformedMessage):
        _feed(ChunkedBody(), [sent[at : at + step] for at in range(0, len(sent), step)])


@given(content=st.binary(min_size=1, max_size=50), cuts=_cuts, behind=st.binary(max_size=9))
def test_length_ends_to_the_byte(content: bytes, cuts: list[int], behind: bytes) -> None:
    body = LengthBody(len(content))
    assert not body.closed()
    assert _feed(body, _split(content + behind, cuts)) == (content, content)
    assert body.closed()


def test_bodies_without_bytes_and_without_end() -> None:
    assert NoBody().take(b"x") == (0, [])
    assert NoBody().closed()
    assert LengthBody(0).done
    assert ChunkedBody().closed() is False
    endless = CloseBody()
    assert endless.take(b"abc") == (3, [b"abc"])
    assert not endless.done
    assert endless.closed()
    assert endless.done


@pytest.mark.parametrize(
    ("fields", "method", "status", "kind"),
    [
        (b"", b"GET", 200, CloseBody),
        (b"Content-Length: 5\r\n", b"GET", 200, LengthBody),
        (b"Transfer-Encoding: chunked\r\n", b"GET", 200, ChunkedBody),
        (b"Content-Length: 5\r\n", b"HEAD", 200, NoBody),
        (b"Content-Length: 5\r\n", b"GET", 304, NoBody),
        (b"Transfer-Encoding: chunked\r\n", b"GET", 204, NoBody),
    ],
)
def test_responses_are_framed_by_head_and_method(fields: bytes, method: bytes, status: int, kind: type) -> None:
    head = parse_response_head(b"HTTP/1.1 %d X\r\n" % status + fields + b"\r\n")
    assert type(response_body(head, method)) is kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [(b"", NoBody), (b"Content-Length: 0\r\n", NoBody), (b"Content-Length: 2\r\n", LengthBody),
     (b"Transfer-Encoding: chunked\r\n", ChunkedBody)],
)  # fmt: skip
def test_requests_are_framed_by_their_head(fields: bytes, kind: type) -> None:
    assert type(request_body(parse_request_head(b"POST / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"))) is kind


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        (b"2\r\nhi\r\n", False),
        (b"8\r\nX-Mine: \r\n", False),  # content, not a trailer
        (b"0\r\n", False),
        (b"0\r\nX-Min", False),
        (b"0\r\nX-Mine", False),  # may still become another name
        (b"0\r\nX-Mine:", True),  # before any of its value
        (b"0\r\nx-mINE: secret\r\n", True),
        (b"0\r\nX-Mine-Not: a\r\n\r\n", False),
        (b"0\r\nA: b\r\nX-Mine: c\r\n\r\n", True),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_a_trailer_is_known_by_its_name_before_its_value_can_go_on(sent: bytes, seen: bool, step: int) -> None:
    body = ChunkedBody()
    _feed(body, [sent[at : at + step] for at in range(0, len(sent), step)])
    assert body.has_trailer(lambda name: name == b"x-mine") is seen
