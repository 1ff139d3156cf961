"""Connections to providers are kept only while nothing is left on them, in either direction."""

from __future__ import annotations

import socket

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot.link import READ_BYTES

from .stage import Peer, Stage, request, stage

POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


def _answer(size: int) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    return head % size + b"x" * size


async def _is_poisoned(it: Stage, client: Peer) -> bool:
    """Whether the next request goes over the old connection."""
    await wait_all_tasks_blocked()
    opened = it.gateway.pool.opened
    await client.send(request(b'{"second":1}'))
    await wait_all_tasks_blocked()
    if it.gateway.pool.opened == opened:
        return True
    await it.upstream()
    return False


async def test_bytes_that_come_while_the_client_is_slow_belong_to_nobody(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        for connection in it.gateway.connections:
            connection.link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(_answer(40_000))
        await wait_all_tasks_blocked()  # the answer is here, the client has not read it
        await upstream.send(POISON)
        await wait_all_tasks_blocked()
        await client.until(b"x" * 40_000)
        assert not await _is_poisoned(it, client)


async def test_bytes_behind_a_full_read_belong_to_nobody(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        size = READ_BYTES - len(_answer(65000)) + 65000
        assert len(_answer(size)) == READ_BYTES
        await upstream.send(_answer(size) + POISON)
        await client.until(b"x" * size)
        assert not await _is_poisoned(it, client)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\nbody", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 100 Continue\r\n\r\n", False),
    ],
)
async def test_only_sound_connections_are_kept(answer: bytes, kept: bool, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(answer)
        assert (await it.record()).outcome == "ok"
        await wait_all_tasks_blocked()
        assert len(it.gateway.pool) == kept
        assert kept or await upstream.at_end()


async def test_idle_connection_that_the_provider_closes_is_not_used(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(_answer(2))
        await client.until(b"xx")
        upstream.close()
        assert not await _is_poisoned(it, client)


async def test_connection_is_kept_only_once_the_upload_is_over(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=("Content-Type: audio/wav", "Content-Length: 4")) + b"ab")
        upstream = await it.upstream()
        await upstream.until(b"ab")
        await upstream.send(_answer(2))
        assert b"Connection: close" in await client.until(b"xx")
        assert await upstream.at_end()
        assert len(it.gateway.pool) == 0
