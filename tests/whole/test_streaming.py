"""Nothing is held back: proved by cause and effect, not by a clock.

The stand-in sends a piece only after the client has said that it got the one before. A gateway that waited for more would
wait for ever.
"""

from __future__ import annotations

import pytest

from tests.whole.answers import LAST_CHUNK, chunk, event, head, stream_head
from tests.whole.gateway import Gateway, until
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import request, wire

ASK = b'{"model":"gpt-4o","stream":true,"messages":[]}'


def asking(
    gateway: Gateway, name: str, *fields: tuple[str, str], body: bytes = ASK, media: str = "application/json"
) -> bytes:
    usual = (
        ("X-Lectr-Key", gateway.key),
        ("X-Lectr-Feature", name),
        ("x-standin", name),
        ("Authorization", "Bearer sk-proj-1"),
    )
    return request("POST", "/v1/chat/completions", *usual, ("Content-Type", media), *fields, body=body)


PIECES = {
    "events": [event({"n": n}) for n in range(20)],
    "halves of events": [half for n in range(10) for half in (event({"n": n})[:9], event({"n": n})[9:])],
    "single bytes": [b"x", b"y", b"z", b"\n", b"\n"] * 3,
}


@pytest.mark.parametrize("case", PIECES)
def test_each_piece_arrives_before_the_next_is_sent(case: str, upstream: Upstream, passing: Gateway, name: str) -> None:
    pieces = PIECES[case]
    steps = [step for n, piece in enumerate(pieces) for step in (wait(f"{name}-{n}"), send(chunk(piece)))]
    upstream.script(name, send(stream_head()), *steps, send(LAST_CHUNK))
    with wire(passing.url) as line:
        line.send(asking(passing, name))
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        for n, piece in enumerate(pieces):
            upstream.release(f"{name}-{n}")
            got = b""
            while len(got) < len(piece):
                got += line.chunk()
            assert got == piece
        assert line.chunk() == b""


def test_a_body_of_known_length_is_not_held_back_either(upstream: Upstream, passing: Gateway, name: str) -> None:
    upstream.script(name, send(head("200 OK", ("Content-Length", "6")) + b"abc"), wait(name), send(b"def"))
    with wire(passing.url) as line:
        line.send(asking(passing, name))
        assert line.until(b"abc").endswith(b"\r\n\r\nabc")
        upstream.release(name)
        assert line.until(b"def") == b"def"


def test_an_upload_that_nobody_needs_to_read_goes_on_as_it_comes(upstream: Upstream, passing: Gateway, name: str) -> None:
    body = b"--b\r\n" + b"x" * 200_000
    with wire(passing.url) as line:
        sent = asking(passing, name, body=body, media="multipart/form-data; boundary=b").replace(
            b"chat/completions", b"files"
        )
        line.send(sent[:-100_000])
        (seen,) = upstream.seen(name, state="head")
        assert not seen.complete
        until(
            lambda: upstream.seen(name, state="head")[0].body_bytes > 50_000, what="the first half of the body is upstream"
        )
        line.send(sent[-100_000:])
        assert line.get().status == 200
    assert upstream.seen(name)[0].body == body


def test_a_slow_client_slows_the_provider_and_not_the_gateways_memory(
    upstream: Upstream, passing: Gateway, name: str
) -> None:
    piece = chunk(b"x" * 65_536)
    upstream.script(name, send(stream_head("application/octet-stream")), send(piece, 2_000), send(LAST_CHUNK))
    before = _resident_mb(passing)
    with wire(passing.url) as line:
        line.send(asking(passing, name))
        line.until(b"\r\n\r\n")
        # 131 MB want to come and the client reads none of them: a gateway without back-pressure would hold them all.
        line.until(b"x" * 65_536)
        (seen,) = upstream.seen(name)
        assert not seen.closed
        assert _resident_mb(passing) - before < 40
    assert upstream.seen(name, state="closed")


def _resident_mb(gateway: Gateway) -> float:
    """Memory of all its processes. Units: MB."""
    pages = 0
    for pid in gateway.pids():
        with open(f"/proc/{pid}/statm") as file:
            pages += int(file.read().split()[1])
    return pages * 4096 / 1e6


@pytest.mark.parametrize("when", ["before the head", "between head and body", "in the body"])
def test_a_client_that_leaves_cancels_upstream_in_every_phase(
    when: str, upstream: Upstream, passing: Gateway, name: str
) -> None:
    steps = {"before the head": [], "between head and body": [send(stream_head())]}.get(
        when, [send(stream_head()), send(chunk(event({"n": 1})))]
    )
    upstream.script(name, *steps, wait(name))
    with wire(passing.url) as line:
        line.send(asking(passing, name))
        upstream.seen(name)
        if steps:
            line.until(b"\r\n\r\n")
        if len(steps) == 2:
            line.chunk()
    assert upstream.seen(name, state="closed")
    (row,) = passing.stored(1, "feature = ?", name)
    assert row["outcome"] == "client_disconnected"


def test_a_client_that_leaves_during_its_upload_cancels_upstream(upstream: Upstream, passing: Gateway, name: str) -> None:
    sent = asking(passing, name, body=b"x" * 100_000, media="application/octet-stream").replace(
        b"chat/completions", b"files"
    )
    with wire(passing.url) as line:
        line.send(sent[:-50_000])
        upstream.seen(name, state="head")
    assert upstream.seen(name, state="closed")[0].complete is False
