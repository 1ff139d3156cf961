"""Whatever heads and chunks are accepted, h11 and llhttp accept too, and all three understand the same."""

from __future__ import annotations

import random
from typing import Final

import pytest

from lectr_core.errors import MalformedMessage
from lectr_core.wire import framing, heads
from lectr_core.wire.framing import ChunkedBody
from lectr_core.wire.heads import RequestHead, ResponseHead
from tests.fuzz.mutate import pieces, spoilt, turns
from tests.fuzz.oracles import Heard, of_h11, of_llhttp

REQUESTS: Final = (
    b"POST /v1/chat/completions?a=%2F HTTP/1.1\r\nHost: a.test:80\r\nX-Odd:  v \t\r\nContent-Length: 5\r\n\r\n",
    b"POST /v1/x HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\nConnection: keep-alive, x\r\n\r\n",
    b"GET http://a/b?c HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: */*\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nUpgrade: websocket\r\n\r\n",
    b"PUT //a;b HTTP/1.1\r\nHost: [::1]:8\r\nExpect: 100-continue\r\nContent-Length: 0\r\nX: \xc3\xa9\r\n\r\n",
)
RESPONSES: Final = (
    b"HTTP/1.1 200 OK\r\nDate: now\r\nContent-Type: a/b; c=d\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 429 Too  Many\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a\r\nset-cookie: b\r\nConnection: close\r\n\r\n",
    b"HTTP/1.0 500 \r\nX: \xff\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b'HTTP/1.1 304\r\nContent-Length: 12\r\nETag: "a"\r\n\r\n',
)
MARKS: Final = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b",", b"\0", b"\x7f", b"\x80", b"\x0b", b"\x0c", b"\x85", b"\xa0",
    b"chunked", b"gzip, chunked", b"chunked, chunked", b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding:chunked ",
    b"\r\nContent-Length: 5", b"\r\nContent-Length: 05", b"\r\nContent-Length: +5", b"\r\nContent-Length: 5, 5", b"5",
    b"\r\nContent-Length: 0x5", b"\r\nHost: b", b"\r\nHost : b", b"\r\n folded", b"\r\n\tfolded", b"HTTP/1.0", b"HTTP/0.9",
    b"HTTP/2.0", b"HTTP/1.1", b"\r\nConnection: close", b"\r\nConnection: Transfer-Encoding", b"_", b"-", b"/", b"?", b"#",
    b"CONNECT", b"TRACE", b"PRI", b"http://b/", b"\r\nUpgrade: h2c\r\nConnection: upgrade", b"\r\n: x", b"\r\nX", b'"', b"@",
    b"\r\nTransfer_Encoding: chunked", b"\r\nTransfer-Encoding: identity", b"\r\nTransfer-Encoding: \x0bchunked", b"{", b"|",
)  # fmt: skip
BODIES: Final = {None: b"", 0: b"", 5: b"hello", 12: b"hello, hello"}
CHUNKS: Final = b"3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nX-T: u\r\n\r\n"
ASCII: Final = bytes(range(128)) + b"x" * 128
CHUNKED_CONTENT: Final = b"abcd"


def a_head(models: tuple[bytes, ...], chance: random.Random) -> bytes | None:
    """A spoilt head up to its first empty line; None where it has none."""
    sent = spoilt(chance.choice(models), MARKS, chance)
    end = sent.find(heads.END)
    return None if end < 0 else sent[: end + 4]


def same_fields(ours: RequestHead | ResponseHead, heard: Heard) -> None:
    names = ours.fields.names
    assert names == [name for name, _ in heard.fields]
    for name in names:
        values = [value for other, value in heard.fields if other == name]
        # h11 gives the coding's name in lower case
        assert values in (ours.fields.values(name), [value.lower() for value in ours.fields.values(name)])


def test_an_accepted_request_is_the_same_to_everybody() -> None:
    accepted = 0
    for chance in turns("request heads", 6):
        sent = a_head(REQUESTS, chance)
        if sent is None:
            continue
        try:
            ours = heads.parse_request_head(sent)
        except MalformedMessage:
            continue
        accepted += 1
        line, _, rest = sent.partition(b"\r\n")
        plain = line.translate(ASCII) + b"\r\n" + rest  # a target beyond ASCII is taken by us alone
        known = ours.chunked or ours.length in BODIES
        body = CHUNKS if ours.chunked else BODIES.get(ours.length, b"")
        content = CHUNKED_CONTENT if ours.chunked else body
        for heard in (of_h11(plain + body, is_request=True), of_llhttp(plain + body, is_request=True)):
            method, target = plain.split(b" ")[:2]
            assert heard.first == (method, target), sent
            assert ours.method == method
            if target.startswith(b"/"):
                assert ours.target == line.split(b" ")[1], "origin-form goes on as it came"
            same_fields(ours, heard)
            if known and not (b"upgrade" in ours.fields or method == b"CONNECT"):
                assert (heard.content, heard.done, heard.behind) == (content, True, b""), sent
        assert isinstance(framing.request_body(ours), framing.ChunkedBody) is ours.chunked
    assert accepted, "nothing was accepted: nothing was compared"


def test_an_accepted_response_is_the_same_to_everybody() -> None:
    accepted = 0
    for chance in turns("response heads", 6):
        sent = a_head(RESPONSES, chance)
        if sent is None:
            continue
        try:
            ours = heads.parse_response_head(sent)
        except MalformedMessage:
            continue
        accepted += 1
        bodiless = ours.status in (204, 304) or ours.status < 200
        known = bodiless or ours.chunked or (ours.length in BODIES and ours.length is not None)
        body = b"" if bodiless else CHUNKS if ours.chunked else BODIES.get(ours.length, b"")
        content = CHUNKED_CONTENT if ours.chunked and not bodiless else body
        for heard in (of_h11(sent + body, is_request=False), of_llhttp(sent + body, is_request=False)):
            assert heard.first == (b"%d" % ours.status,), sent
            same_fields(ours, heard)
            if known and b"upgrade" not in ours.fields and ours.status != 101:
                assert (heard.content, heard.done, heard.behind) == (content, True, b""), sent
    assert accepted, "nothing was accepted: nothing was compared"


STREAMS: Final = (
    CHUNKS,
    b"0\r\n\r\n",
    b"5\r\nhello\r\n00\r\n\r\nGET / HTTP/1.1\r\n",
    b'a;q="b;c";d\r\n0123456789\r\n0\r\n\r\n',
    b"1F\r\n" + b"z" * 31 + b"\r\n2\r\n\r\n\r\n0\r\nA: b\r\nC:\r\n\r\n",
)
CHUNK_MARKS: Final = (
    b"\r\n", b"\n", b"\r", b"0", b"5", b"00", b";", b"=", b'"', b" ", b"\t", b"0x", b"+", b"-", b"_", b"f", b"G", b"\0",
    b"fffffffffffffff", b"10000000000000000", b"5\r\nhello\r\n", b"0\r\n\r\n", b"X: y\r\n", b"X : y\r\n", b" y\r\n", b"\x80",
    b"Content-Length: 5\r\n", b";x", b";x=y", b';x="\\""', b"\r\n0\r\n\r\n",
)  # fmt: skip
HEAD: Final = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def walked(parts: list[bytes]) -> tuple[bytes, int, ChunkedBody] | None:
    """Content, how many bytes belong to the message, and the body; None where it was refused."""
    body, content, taken = ChunkedBody(), b"", 0
    try:
        for part in parts:
            if body.done:
                break
            end, found = body.take(part)
            taken += end
            content += b"".join(found)
    except MalformedMessage:
        return None
    return content, taken, body


def test_chunks_are_the_same_in_any_pieces_and_to_everybody() -> None:
    accepted = 0
    for chance in turns("chunk streams", 6):
        sent = spoilt(chance.choice(STREAMS), CHUNK_MARKS, chance)
        whole = walked([sent])
        split = walked(pieces(sent, chance))
        if whole is None or split is None:
            assert whole is split, sent
            continue
        accepted += 1
        content, taken, body = whole
        assert split[:2] == (content, taken), sent
        assert split[2].done is body.done
        read = sent[: taken - len(body._held)]  # a line that is not complete is not judged yet
        for heard in (of_h11(HEAD + read, is_request=True), of_llhttp(HEAD + read, is_request=True)):
            assert (heard.content, heard.done, heard.behind) == (content, body.done, b""), sent
    assert accepted, "nothing was accepted: nothing was compared"


@pytest.mark.parametrize("models", [REQUESTS, RESPONSES])
def test_the_models_themselves_are_accepted(models: tuple[bytes, ...]) -> None:
    parse = heads.parse_request_head if models is REQUESTS else heads.parse_response_head
    for model in models:
        parse(model)
