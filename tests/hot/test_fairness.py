"""One connection that makes work for the loop lets the others go first, whichever way its small pieces come."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from lectr_core.hot import tunnel
from lectr_core.hot.reactor import MAX_TURNS, Spot

from .handshake import opened
from .stage import request, stage

TINY = b"1\r\nx\r\n" * 4_000
USUAL = (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * 20
END = b"0\r\n\r\n"


@pytest.fixture
def yields(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often a connection said that others are next."""
    said: list[int] = []
    worked = Spot.worked

    def noted(spot: Spot) -> None:
        said.append(spot.turns)
        worked(spot)
        assert spot.turns >= MAX_TURNS

    monkeypatch.setattr(Spot, "worked", noted)
    return said


@pytest.mark.parametrize(("chunks", "yields_often"), [(TINY, True), (USUAL, False)])
@pytest.mark.parametrize("kind", ["application/json", "audio/wav"])
async def test_an_upload_of_tiny_chunks(
    kind: str, chunks: bytes, yields_often: bool, yields: list[int], autojump_clock: MockClock
) -> None:
    body = chunks * 20 + END
    async with stage() as it:
        client = it.client()
        it.nursery.start_soon(client.send, request(fields=(f"Content-Type: {kind}", "Transfer-Encoding: chunked")) + body)
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        assert await upstream.exactly(len(body)) == body
        assert (len(yields) >= 4) is yields_often


@pytest.mark.parametrize(("chunks", "yields_often"), [(TINY, True), (USUAL, False)])
async def test_an_answer_of_tiny_chunks(
    chunks: bytes, yields_often: bool, yields: list[int], autojump_clock: MockClock
) -> None:
    body = chunks * 20 + END
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        it.nursery.start_soon(upstream.send, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
        await client.until(b"\r\n\r\n")
        assert await client.exactly(len(body)) == body
        assert (len(yields) >= 4) is yields_often


async def test_a_tunnel_of_tiny_frames(
    yields: list[int], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(tunnel, "LONG_NS", 0)  # whatever it is is long
    async with stage() as it:
        client, upstream = await opened(it)
        await upstream.send(b"\x81\x00" * 100)
        assert await client.exactly(200) == b"\x81\x00" * 100
        assert yields
