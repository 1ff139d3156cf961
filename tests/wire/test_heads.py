"""Heads: what is read, and that whatever could be read in two ways is refused."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.errors import MalformedMessage
from lectr_core.wire import heads
from lectr_core.wire.heads import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    head_end,
    parse_request_head,
    parse_response_head,
)


def test_request_head_keeps_every_line_as_it_came() -> None:
    head = parse_request_head(
        b"POST /a%2Fb//?x= HTTP/1.1\r\nHOST: a\r\nX-Odd:  v \t\r\nx-odd:2\r\nContent-Length: 3\r\n\r\n"
    )
    assert (head.method, head.target, head.minor, head.length, head.chunked) == (b"POST", b"/a%2Fb//?x=", 1, 3, False)
    assert list(head.fields)[1:3] == [(b"x-odd", b"X-Odd:  v \t"), (b"x-odd", b"x-odd:2")]
    assert (head.fields.value(b"x-odd"), head.fields.values(b"x-odd")) == (b"v", [b"v", b"2"])
    assert (head.fields.value(b"none"), head.fields.values(b"none"), head.fields.line(b"none")) == (None, [], None)
    assert (len(head.fields), b"host" in head.fields, head.has_body) == (4, True, True)
    assert "x-odd" not in repr(head)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", True),
    ],
)
def test_client_says_whether_it_stays(sent: bytes, kept: bool) -> None:
    assert parse_request_head(sent).keeps_alive is kept


@pytest.mark.parametrize(
    ("target", "seen"),
    [
        (b"http://a:1/b?c", b"/b?c"),
        (b"HTTPS://A:1", b"/"),
        (b"https://a:1?q", b"/?q"),
        (b"/\xc3\xa9", b"/\xc3\xa9"),
        (b"//x", b"//x"),
        (b"/?", b"/?"),
    ],
)
def test_targets_become_origin_form_and_nothing_else_changes(target: bytes, seen: bytes) -> None:
    assert parse_request_head(b"GET " + target + b" HTTP/1.1\r\nHost: a:1\r\n\r\n").target == seen


REFUSED_REQUESTS = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\nTRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\n",
    b"G=T / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * MAX_FIELDS + b"\r\n",
]


@pytest.mark.parametrize("sent", REFUSED_REQUESTS)
def test_ambiguous_requests_are_refused(sent: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_request_head(sent)


def test_upgrade_leaves_a_plain_request() -> None:
    head = parse_request_head(
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n"
    )
    assert (head.method, head.length) == (b"POST", 2)


@pytest.mark.parametrize("size", [1, 3, 17, 4096])
def test_head_ends_at_its_empty_line_however_it_arrives(size: int) -> None:
    sent = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"
    held, end = b"", 0
    for at in range(0, len(sent), size):
        searched = len(held)
        held += sent[at : at + size]
        end = head_end(held, searched)
        if end:
            break
    assert held[:end].endswith(b"\r\n\r\n")
    assert end == len(sent) - 4


def test_head_without_end_is_refused_at_the_limit() -> None:
    assert head_end(b"x" * MAX_HEAD_BYTES) == 0
    with pytest.raises(MalformedMessage):
        head_end(b"x" * (MAX_HEAD_BYTES + 1))
    with pytest.raises(MalformedMessage):
        head_end(b"x" * MAX_HEAD_BYTES + b"\r\n\r\n")


def test_response_head_keeps_line_and_fields() -> None:
    head = parse_response_head(
        b"HTTP/1.1 299 Any  Thing\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: Chunked\r\n\r\n"
    )
    assert (head.status, head.line, head.chunked, head.keeps_alive) == (299, b"HTTP/1.1 299 Any  Thing", True, True)
    assert head.fields.as_text()["set-cookie"] == "b"


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x0bK\r\n\r\n",
        b"HTTP/1.1 200 O\x00K\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_ambiguous_responses_are_refused(sent: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_response_head(sent)


_FIELD = st.sampled_from(
    [
        b"Host: a", b"Host: b", b"host:a", b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: 05", b"X: y",
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", b"Connection: close", b" folded", b"X : y", b"X\ty: z",
        b"X: a\x00b", b"X: \xff", b"", b"X: y\r", b"Upgrade: h2c", b"Connection: upgrade", b"Expect: 100-continue",
    ]
)  # fmt: skip
_LINE = st.sampled_from(
    [b"GET / HTTP/1.1", b"POST /x?y HTTP/1.1", b"POST / HTTP/1.0", b"GET  / HTTP/1.1", b"get / HTTP/1.1", b"GET /"]
)


@given(line=_LINE, fields=st.lists(_FIELD, max_size=6), noise=st.binary(max_size=2), at=st.integers(0, 200))
def test_whatever_is_accepted_an_independent_parser_reads_alike(
    line: bytes, fields: list[bytes], noise: bytes, at: int
) -> None:
    raw = b"\r\n".join([line, *fields, b"", b""])
    raw = raw[:at] + noise + raw[at:]
    end = raw.find(b"\r\n\r\n") + 4
    if end < 4:
        return
    try:
        ours = parse_request_head(raw[:end])
    except MalformedMessage:
        return
    oracle = h11.Connection(h11.SERVER)
    oracle.receive_data(raw[:end])
    theirs = oracle.next_event()
    assert isinstance(theirs, h11.Request)
    assert theirs.method == ours.method
    names = ours.fields.names
    assert names == [name for name, _ in theirs.headers]
    assert all(ours.fields.values(name) == [v for n, v in theirs.headers if n == name] for name in names)


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_smuggling_does_not_hang_on_llhttp_alone(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """llhttp refuses these too; a version of it that is more lenient must change nothing."""
    monkeypatch.setattr(heads, "_judge", lambda parser, head: None)
    with pytest.raises(MalformedMessage):
        parse_request_head(sent)


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\nHost: x\n\n", b"GET / HTTP/1.1\r\nHost: x\n", b"\n", b"HTTP/1.1 200 OK\n\n"]
)
def test_a_line_feed_alone_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(MalformedMessage, match="line feed alone"):
        head_end(data)


def test_a_line_end_may_come_in_two_pieces() -> None:
    data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert [head_end(data[:size], max(0, size - 1)) for size in range(len(data) + 1)] == [0] * len(data) + [len(data)]
