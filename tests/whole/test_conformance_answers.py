"""Answers: what is sound comes through whole, what is not never looks sound, and poisons no connection for the next request.

The table runs straight, through Lectr and through nginx, as in `test_conformance.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import pytest

from tests.whole.answers import head, whole
from tests.whole.gateway import Gateway
from tests.whole.upstream import Step, Upstream, close, send
from tests.whole.wire_client import Got, request, wire

OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@attrs.frozen
class Bad:
    """An answer with a fault."""

    steps: tuple[Step, ...]
    is_moot: bool = False
    """nginx lets it pass as sound, or mends it: we are stricter."""


def bad(data: bytes, *more: Step, is_moot: bool = False) -> Bad:
    return Bad((send(data), *(more or (close(),))), is_moot)


BAD: Final[dict[str, Bad]] = {
    "length and chunks": bad(
        OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", is_moot=True
    ),
    "unequal lengths": bad(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", is_moot=True),
    "equal lengths": bad(OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", is_moot=True),
    "a length that is none": bad(OK + b"Content-Length: two\r\n\r\nab", is_moot=True),
    "gzip, chunked": bad(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", is_moot=True),
    "a bad chunk size": bad(CHUNKED + b"2\r\nab\r\nzz\r\n"),
    "a chunk longer than its size": bad(CHUNKED + b"2\r\nabc\r\n0\r\n\r\n"),
    "no last chunk": bad(CHUNKED + b"2\r\nab\r\n"),
    "a chunk cut": bad(CHUNKED + b"5\r\nab"),
    "a chunk cut by a reset": bad(CHUNKED + b"5\r\nab", close("reset")),
    "cut before the length": bad(OK + b"Content-Length: 9\r\n\r\nab"),
    "cut by a reset": bad(OK + b"Content-Length: 9\r\n\r\nab", close("reset")),
    "cut within the head": bad(OK + b"Content-Le"),
    "nothing": bad(b""),
    "nothing, and a reset": bad(b"", close("reset")),
    "no http": bad(b"hello\r\n\r\n"),
    "http/0.9": bad(b"<html>hello</html>", is_moot=True),
    "another protocol": bad(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", is_moot=True),
    "a status of two digits": bad(b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "a status of letters": bad(b"HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "status 000": bad(b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "http/2.0": bad(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "a line feed alone": bad(OK + b"X-A: b\nX-C: d\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "a carriage return within a value": bad(OK + b"X-A: b\rX-C: d\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "nul in a value": bad(OK + b"X-A: b\x00c\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "a folded line": bad(OK + b"X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "space before the colon": bad(OK + b"Content-Length : 0\r\n\r\n", is_moot=True),
    "no colon": bad(OK + b"nonsense\r\nContent-Length: 0\r\n\r\n", is_moot=True),
    "a head over 64 KiB": bad(OK + b"X-A: " + b"a" * 66_000 + b"\r\nContent-Length: 0\r\n\r\n"),
    "201 fields": bad(OK + b"X-A: b\r\n" * 201 + b"Content-Length: 0\r\n\r\n", is_moot=True),
    "a flood of 1xx": Bad((send(head("102 Processing"), 1000), send(whole(b"{}")), close()), is_moot=True),
    "an upgrade nobody asked for": bad(
        head("101 Switching Protocols", ("Upgrade", "x"), ("Connection", "Upgrade")) + b"x", is_moot=True
    ),
}

GOOD: Final[dict[str, tuple[bytes, bytes]]] = {
    "a length": (OK + b"Content-Length: 2\r\n\r\nab", b"ab"),
    "chunks": (CHUNKED + b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
    "a trailer": (CHUNKED + b"2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n", b"ab"),
    "nothing": (OK + b"Content-Length: 0\r\n\r\n", b""),
    "no reason": (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nab", b"ab"),
    "an unknown status": (b"HTTP/1.1 299 Something\r\nContent-Length: 2\r\n\r\nab", b"ab"),
    "one 1xx first": (head("102 Processing") + OK + b"Content-Length: 2\r\n\r\nab", b"ab"),
}


def fields(name: str, key: str) -> list[tuple[str, str]]:
    mine = [("X-Lectr-Key", key), ("X-Lectr-Provider", "openai")] if key else []
    return [("x-standin", name), ("Authorization", "Bearer sk-proj-1"), *mine]


def fetched(url: str, name: str, key: str = "") -> Got | None:
    """What a client gets; None: a connection that ends without an answer."""
    with wire(url) as line:
        line.send(request("GET", "/v1/x", *fields(name, key)))
        try:
            return line.get(method="GET")
        except (EOFError, ConnectionError, ValueError, IndexError):
            return None


def is_sound(got: Got | None) -> bool:
    return got is not None and got.status < 500 and got.complete


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_never_looks_sound(case: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    upstream.script(name, *BAD[case].steps)
    got = fetched(passing.url, name, passing.key)
    assert got is not None, "the client is told, or sees the fragment"
    assert not is_sound(got)
    (seen,) = upstream.seen(name)
    upstream.script(f"{name}-next", send(whole(b"{}")))
    assert is_sound(fetched(passing.url, f"{name}-next", passing.key))
    assert upstream.seen(f"{name}-next")[0].connection != seen.connection, "such a connection is not used again"


@pytest.mark.parametrize("case", [case for case, bad in BAD.items() if not bad.is_moot])
def test_nginx_finds_fault_with_it_too(case: str, upstream: Upstream, second: str, name: str) -> None:
    upstream.script(name, *BAD[case].steps)
    assert not is_sound(fetched(second, name))


@pytest.mark.parametrize("case", GOOD)
def test_a_sound_answer_comes_through_whole(case: str, upstream: Upstream, passing: Gateway, second: str, name: str) -> None:
    answer, body = GOOD[case]
    upstream.script(name, send(answer))
    for got in (fetched(upstream.url, name), fetched(passing.url, name, passing.key), fetched(second, name)):
        assert got is not None
        assert is_sound(got)
        assert got.body == body


def test_bytes_behind_the_end_never_reach_the_next_request(upstream: Upstream, passing: Gateway, name: str) -> None:
    stray = OK + b"Content-Length: 5\r\n\r\nstray"
    upstream.script(name, send(OK + b"Content-Length: 2\r\n\r\nab" + stray))
    with wire(passing.url) as line:
        line.send(request("GET", "/v1/x", *fields(name, passing.key)))
        assert line.get(method="GET").body == b"ab"
        upstream.script(f"{name}-next", send(whole(b"mine")))
        line.send(request("GET", "/v1/x", *fields(f"{name}-next", passing.key)))
        assert line.get(method="GET").body == b"mine"
    assert upstream.seen(name)[0].connection != upstream.seen(f"{name}-next")[0].connection
