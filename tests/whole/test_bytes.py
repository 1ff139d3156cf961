"""What a client gets through the gateway is, byte for byte, what it gets without one.

Framing is each connection's own business (RFC 9112 §6); everything else must be equal: status line, fields with their order,
case and repetition, and the body before any content coding is undone.
"""

from __future__ import annotations

import gzip
import os

import pytest

from tests.whole import answers
from tests.whole.answers import LAST_CHUNK, chunk, event, head, stream_head, whole
from tests.whole.gateway import Gateway
from tests.whole.upstream import Step, Upstream, close, send
from tests.whole.wire_client import Got, request, wire

TEXT = b'{"id":"1","usage":{"prompt_tokens":1,"completion_tokens":2},"choices":[],"u":"\xc3\xbc"}'
NOISE = os.urandom(1 << 16)
ASK = b'{"model":"gpt-4o","messages":[]}'


def lengthy(status: str, *fields: tuple[str, str], body: bytes = b"") -> bytes:
    return head(status, *fields, ("Content-Length", str(len(body)))) + body


ODD_FIELDS = (
    ("x-b", "2"),
    ("X-A", "1"),
    ("X-a", "again"),
    ("Set-Cookie", "a=1"),
    ("SET-COOKIE", "b=2"),
    ("X-Empty", ""),
    ("x-latin", "caf\xe9"),
    ("X-Spaces", "a  b\tc"),
    ("Via", "1.1 somewhere"),
    ("X-Lectr-Like", "a provider may call its fields as it likes"),
    ("Alt-Svc", 'h3=":443"'),
)

FRAMED: dict[str, bytes] = {
    "json": whole(TEXT),
    **{f"json in {coding}": whole(TEXT, coding=coding) for coding in answers.CODINGS},
    "corrupt gzip": lengthy("200 OK", ("Content-Encoding", "gzip"), body=gzip.compress(TEXT)[:-9] + b"garbage!!"),
    "unknown coding": lengthy("200 OK", ("Content-Encoding", "x-own"), body=NOISE[:999]),
    "odd fields": lengthy("200 OK", *ODD_FIELDS, body=b"x"),
    "no reason": lengthy("200 ", ("X", "y"), body=b"ok"),
    "own reason": lengthy("418 I'm a teapot; really", body=b"short and stout"),
    "status without a name": lengthy("529 Overloaded", ("x-should-retry", "true"), body=b"{}"),
    "server error with html": lengthy("502 Bad Gateway", ("Content-Type", "text/html"), body=b"<html>" * 1000),
    "redirect": lengthy("307 Temporary Redirect", ("Location", "http://elsewhere.invalid/x"), body=b""),
    "empty": lengthy("200 OK", ("Content-Type", "application/json")),
    "not json": lengthy("200 OK", ("Content-Type", "application/json"), body=b"{" * 5000),
    "binary": lengthy("200 OK", ("Content-Type", "audio/mpeg"), body=NOISE),
    "one byte chunks": stream_head("application/json")
    + b"".join(chunk(TEXT[n : n + 1]) for n in range(len(TEXT)))
    + LAST_CHUNK,
    "events": stream_head() + b"".join(chunk(event({"n": n})) for n in range(50)) + chunk(event("[DONE]")) + LAST_CHUNK,
    "events cut anywhere": stream_head()
    + b"".join(map(chunk, (b"da", b"ta: {}\n", b"\nda", b"ta: x\r\n\r\n")))
    + LAST_CHUNK,
    "an endless event": stream_head() + chunk(b"data: " + b"x" * 300_000) * 8 + LAST_CHUNK,
    "zipped events": stream_head("text/event-stream").replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    + chunk(gzip.compress(event({"a": 1}) * 9))
    + LAST_CHUNK,
    "chunk extensions and trailers": stream_head() + b"5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    "nothing in chunks": stream_head() + LAST_CHUNK,
    "no content": head("204 No Content", ("X-Kept", "yes")),
    "not modified": head("304 Not Modified", ("ETag", '"1"'), ("Content-Length", "99")),
    "hints first": head("103 Early Hints", ("Link", "</a>; rel=preload")) + whole(TEXT),
}


def fetch(url: str, name: str, *fields: tuple[str, str], method: str = "POST", target: str = "/v1/chat/completions") -> Got:
    """Ask once on a new connection."""
    body = ASK if method == "POST" else b""
    sent = (("x-standin", name), ("Content-Type", "application/json"), ("Authorization", "Bearer sk-proj-1"), *fields)
    with wire(url) as line:
        line.send(request(method, target, *sent, body=body))
        return line.get(method=method)


def both(upstream: Upstream, gateway: Gateway, name: str, *steps: Step, method: str = "POST") -> tuple[Got, Got]:
    """The same request, straight and through the gateway."""
    upstream.script(name, *steps)
    direct = fetch(upstream.url, name, method=method)
    through = fetch(gateway.url, name, ("X-Lectr-Key", gateway.key), ("X-Lectr-Feature", name), method=method)
    return direct, through


@pytest.mark.parametrize("case", FRAMED)
def test_an_answer_is_the_providers_bytes(case: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    direct, through = both(upstream, passing, name, send(FRAMED[case]))
    assert through.line == direct.line
    assert through.end_to_end == direct.end_to_end
    assert through.body == direct.body
    assert through.complete
    assert direct.complete


@pytest.mark.parametrize("case", ["json", "json in gzip", "no content", "not modified"])
def test_the_answer_to_a_head_request_has_no_body(case: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    only_head = FRAMED[case].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    direct, through = both(upstream, passing, name, send(only_head), method="HEAD")
    assert (through.line, through.end_to_end, through.body) == (direct.line, direct.end_to_end, b"")


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK"])
def test_a_body_that_ends_with_its_connection_is_whole(
    start: bytes, upstream: Upstream, passing: Gateway, name: str
) -> None:
    answer = start + b"\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + NOISE
    direct, through = both(upstream, passing, name, send(answer), close())
    assert through.body == direct.body == NOISE
    assert through.end_to_end == direct.end_to_end


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (lengthy("200 OK", body=TEXT)[:-5], "fin"),
        (lengthy("200 OK", body=TEXT)[:-5], "reset"),
        (stream_head() + chunk(event({"n": 1})), "fin"),
        (stream_head() + chunk(event({"n": 1})), "reset"),
        (stream_head() + chunk(event({"n": 1})) + b"40\r\nhalf", "fin"),
        (stream_head() + chunk(event({"n": 1})) + b"nonsense\r\n", "fin"),
    ],
)
def test_a_broken_answer_stays_broken(answer: bytes, how: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    upstream.script(name, send(answer), close(how))
    through = fetch(passing.url, name, ("X-Lectr-Key", passing.key), ("X-Lectr-Feature", name))
    assert not through.complete, "a fragment must never pass for a whole answer"
    assert through.status == 200
    (row,) = passing.stored(1, "feature = ?", name)
    assert row["outcome"] == "upstream_failed"


@pytest.mark.parametrize("framed", [True, False])
def test_a_huge_answer_is_whole(framed: bool, upstream: Upstream, passing: Gateway, name: str) -> None:
    times = 400
    size = len(NOISE) * times
    if framed:
        steps = [send(head("200 OK", ("Content-Type", "a/b"), ("Content-Length", str(size)))), send(NOISE, times)]
    else:
        steps = [send(stream_head("a/b")), send(chunk(NOISE), times), send(LAST_CHUNK)]
    upstream.script(name, *steps)
    through = fetch(passing.url, name, ("X-Lectr-Key", passing.key))
    assert through.complete
    assert through.body == NOISE * times
