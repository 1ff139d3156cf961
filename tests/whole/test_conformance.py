"""Requests: what means one thing to everybody goes on unchanged, what could mean two is refused before a byte goes on.

Each table runs through Lectr and, where it is installed, through nginx, so that the table itself is checked: what is plain
passes both, and what Lectr refuses nginx refuses too, unless the table says that we are stricter.
"""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from tests.whole.answers import whole
from tests.whole.gateway import Gateway
from tests.whole.upstream import Seen, Upstream, send
from tests.whole.wire_client import Got, wire

POST: Final = b"POST /v1/x HTTP/1.1\r\nHost: x\r\n%OWN%"
GET: Final = b"GET /v1/x HTTP/1.1\r\nHost: x\r\n%OWN%"
CHUNKED: Final = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH_OK: Final = b"Content-Length: 3\r\n\r\nabc"


@attrs.frozen
class Bad:
    """A request with a fault in its framing or grammar."""

    sent: bytes
    is_moot: bool = False
    """nginx lets it pass, or mends it on the way: we are stricter."""
    status: int = 400


BAD: Final[dict[str, Bad]] = {
    "length and chunks": Bad(POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    "chunks and length": Bad(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    "unequal lengths": Bad(POST + b"Content-Length: 4\r\n" + LENGTH_OK),
    "equal lengths": Bad(POST + b"Content-Length: 3\r\n" + LENGTH_OK),
    "lengths in one line": Bad(POST + b"Content-Length: 3, 3\r\n\r\nabc"),
    "length with a sign": Bad(POST + b"Content-Length: +3\r\n\r\nabc"),
    "negative length": Bad(POST + b"Content-Length: -3\r\n\r\nabc"),
    "length in hex": Bad(POST + b"Content-Length: 0x3\r\n\r\nabc"),
    "length of nothing": Bad(POST + b"Content-Length: \r\n\r\n"),
    "length beyond 64 bits": Bad(POST + b"Content-Length: 99999999999999999999\r\n\r\nabc"),
    "gzip, chunked": Bad(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunked, chunked": Bad(POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "chunked in two lines": Bad(POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "identity": Bad(POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "xchunked": Bad(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked with a parameter": Bad(POST + b"Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"),
    "chunked and a tab": Bad(POST + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n"),
    "chunked behind a vertical tab": Bad(POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "chunks in http/1.0": Bad(b"POST /v1/x HTTP/1.0\r\nHost: x\r\n%OWN%Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunk size of letters": Bad(CHUNKED + b"zz\r\n"),
    "chunk size with a sign": Bad(CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n"),
    "chunk size with 0x": Bad(CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunk size missing": Bad(CHUNKED + b"\r\nabc\r\n0\r\n\r\n"),
    "chunk size beyond 64 bits": Bad(CHUNKED + b"11111111111111111\r\nabc"),
    "blank before the chunk size": Bad(CHUNKED + b" 3\r\nabc\r\n0\r\n\r\n"),
    "chunk longer than its size": Bad(CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n"),
    "line feed alone behind a chunk": Bad(CHUNKED + b"3\r\nabc\n0\r\n\r\n", is_moot=True),
    "line feed alone behind a size": Bad(CHUNKED + b"3\nabc\r\n0\r\n\r\n", is_moot=True),
    "an endless chunk extension": Bad(CHUNKED + b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n", is_moot=True),
    "a length as a trailer": Bad(CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n", is_moot=True),
    "line feeds alone": Bad(GET.replace(b"\r\n", b"\n") + b"\n", is_moot=True),
    "one line feed alone": Bad(GET + b"X-A: b\nX-B: c\r\n\r\n", is_moot=True),
    "a carriage return alone": Bad(GET + b"X-A: a\rb\r\n\r\n"),
    "nul in a value": Bad(GET + b"X-A: a\x00b\r\n\r\n"),
    "nul in a name": Bad(GET + b"X-\x00A: b\r\n\r\n"),
    "a folded line": Bad(GET + b"X-A: b\r\n c\r\n\r\n"),
    "a fold of the first field": Bad(b"GET /v1/x HTTP/1.1\r\n Host: x\r\n%OWN%\r\n"),
    "space before the colon": Bad(GET + b"X-A : b\r\n\r\n"),
    "space before the colon of a length": Bad(POST + b"Content-Length : 3\r\n\r\nabc"),
    "no colon": Bad(GET + b"nonsense\r\n\r\n", is_moot=True),
    "no name": Bad(GET + b": b\r\n\r\n"),
    "no host": Bad(b"GET /v1/x HTTP/1.1\r\n%OWN%\r\n"),
    "two hosts": Bad(GET + b"Host: y\r\n\r\n"),
    "the same host twice": Bad(GET + b"Host: x\r\n\r\n"),
    "another host in the target": Bad(GET.replace(b"/v1/x", b"http://y/v1/x") + b"\r\n", is_moot=True),
    "http/0.9": Bad(b"GET /v1/x\r\n\r\n", is_moot=True),
    "the preface of http/2": Bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "http/2 in the line": Bad(GET.replace(b"1.1", b"2.0") + b"\r\n"),
    "http/1.2": Bad(GET.replace(b"1.1", b"1.2") + b"\r\n", is_moot=True),
    "http/1.10": Bad(GET.replace(b"1.1", b"1.10") + b"\r\n", is_moot=True),
    "hTTP": Bad(GET.replace(b"HTTP", b"hTTP") + b"\r\n"),
    "a method in small letters": Bad(GET.replace(b"GET", b"get") + b"\r\n"),
    "a method that is none": Bad(GET.replace(b"GET", b"G(T") + b"\r\n"),
    "two blanks in the line": Bad(GET.replace(b" HTTP", b"  HTTP") + b"\r\n", is_moot=True),
    "a blank in the target": Bad(GET.replace(b"/v1/x", b"/v1/ x") + b"\r\n"),
    "a fragment in the target": Bad(GET.replace(b"/v1/x", b"/v1/x#y") + b"\r\n", is_moot=True),
    "a target without a slash": Bad(GET.replace(b"/v1/x", b"v1/x") + b"\r\n"),
    "nul in the target": Bad(GET.replace(b"/v1/x", b"/v1/\x00x") + b"\r\n"),
    "connect": Bad(b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n%OWN%\r\n"),
    "trace": Bad(GET.replace(b"GET", b"TRACE") + b"\r\n", status=405),
    "a head over 64 KiB": Bad(GET + b"X-A: " + b"a" * 66_000 + b"\r\n\r\n"),
    "201 fields": Bad(GET + b"X-A: b\r\n" * 200 + b"\r\n", is_moot=True),
}


@attrs.frozen
class Good:
    """A request that says one thing."""

    sent: bytes
    line: bytes = b"GET /v1/x HTTP/1.1"
    """How it goes up."""
    body: bytes = b""


def post(sent: bytes, body: bytes = b"abc") -> Good:
    return Good(sent, b"POST /v1/x HTTP/1.1", body)


def get(target: bytes) -> Good:
    return Good(GET.replace(b"/v1/x", target) + b"\r\n", b"GET " + target + b" HTTP/1.1")


GOOD: Final[dict[str, Good]] = {
    "plain": Good(GET + b"\r\n"),
    "with a length": post(POST + LENGTH_OK),
    "a length of 0": post(POST + b"Content-Length: 0\r\n\r\n", b""),
    "a length with leading zeros": post(POST + b"Content-Length: 0003\r\n\r\nabc"),
    "chunks": post(CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
    "chunks of large hex": post(CHUNKED + b"00A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "a chunk extension": post(CHUNKED + b"3;a=b\r\nabc\r\n0\r\n\r\n"),
    "CHUNKED": post(POST + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    "a trailer": post(CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "an empty value": Good(GET + b"X-A:\r\n\r\n"),
    "blanks around a value": Good(GET + b"X-A: \t b \t\r\n\r\n"),
    "a value beyond ascii": Good(GET + b"X-A: caf\xc3\xa9 \xff\r\n\r\n"),
    "200 fields": Good(GET + b"X-A: b\r\n" * 190 + b"\r\n"),
    "a field of 60 KiB": Good(GET + b"X-A: " + b"a" * 61_000 + b"\r\n\r\n"),
    "its own host in the target": Good(GET.replace(b"/v1/x", b"http://x/v1/x") + b"\r\n"),
    "http/1.0": Good(GET.replace(b"1.1", b"1.0") + b"\r\n"),
    "closing": Good(GET + b"Connection: close\r\n\r\n"),
    "an escaped slash": get(b"/v1/a%2Fb"),
    "two slashes": get(b"/v1//a/"),
    "an empty query": get(b"/v1/x?"),
    "a query": get(b"/v1/x?a=1&a=%20+&&=?"),
    "dots that stay": get(b"/v1/a/..b/.c"),
    "bytes beyond ascii": get(b"/v1/caf\xc3\xa9?\xff"),
    "quotes and braces": get(b"/v1/x?q=\"'{}|\\^`<>"),
}


def own(name: str, key: str = "") -> bytes:
    """The fields that make a request ours, so that nothing but its fault can be the reason for a refusal."""
    mine = f"x-lectr-key: {key}\r\nx-lectr-provider: openai\r\n" if key else ""
    return f"x-standin: {name}\r\nauthorization: Bearer sk-proj-1\r\n{mine}".encode()


def answered(url: str, sent: bytes) -> tuple[Got | None, bool]:
    """What comes back, if anything does, and whether the connection is then closed."""
    with wire(url) as line:
        try:
            line.send(sent)
            line.sock.settimeout(2.0 if sent == BAD["http/0.9"].sent else 20.0)
            got = line.get(method="GET")
        except (EOFError, ConnectionError, TimeoutError, ValueError, IndexError):
            return None, True
        line.sock.settimeout(0.2)
        try:
            return got, line.is_closed()
        except TimeoutError:
            return got, False


def arrived(upstream: Upstream, before: int) -> list[Seen]:
    return [seen for seen in upstream.since(before) if seen.complete]


@pytest.mark.parametrize("case", BAD)
def test_what_is_ambiguous_is_refused_before_a_byte_goes_on(
    case: str, upstream: Upstream, passing: Gateway, name: str
) -> None:
    upstream.script(name, send(whole(b"{}")))
    before = upstream.count()
    got, closed = answered(passing.url, BAD[case].sent.replace(b"%OWN%", own(name, passing.key)))
    assert got is not None, "a refusal is said, not only done"
    assert got.status == BAD[case].status
    assert closed or BAD[case].status != 400
    assert not arrived(upstream, before)


@pytest.mark.parametrize("case", [case for case, bad in BAD.items() if not bad.is_moot])
def test_nginx_refuses_it_too(case: str, upstream: Upstream, second: str, name: str) -> None:
    upstream.script(name, send(whole(b"{}")))
    before = upstream.count()
    got, closed = answered(second, BAD[case].sent.replace(b"%OWN%", own(name)))
    assert got is None or got.status >= 400
    assert closed
    assert not arrived(upstream, before)


@pytest.mark.parametrize("case", GOOD)
def test_what_is_plain_goes_on_unchanged(case: str, upstream: Upstream, passing: Gateway, second: str, name: str) -> None:
    upstream.script(name, send(whole(b'{"a":1}')))
    good = GOOD[case]
    for url, key in ((upstream.url, ""), (passing.url, passing.key), (second, "")):
        got, _ = answered(url, good.sent.replace(b"%OWN%", own(name, key)))
        assert got is not None
        assert (got.status, got.body, got.complete) == (200, b'{"a":1}', True)
    direct, ours, theirs = upstream.seen(name, least=3)
    assert ours.line == good.line
    assert theirs.line.split(b" ")[0] == good.line.split(b" ")[0]
    assert direct.body == ours.body == theirs.body == good.body
