"""Providers that cannot be reached or say nothing, on real sockets: each failure has a word of its own in the record."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
import trio

from lectr_core import Origin
from lectr_core.hot.connect import Connector
from lectr_core.model.settings import GatewaySettings

from .stage import FakeProvider, request, stage

RESET = struct.pack("ii", 1, 0)
SOON_S = 0.2

Serve = Callable[[trio.SocketStream], Awaitable[None]]


async def _deaf(stream: trio.SocketStream) -> None:
    await trio.sleep_forever()


async def _mute(stream: trio.SocketStream) -> None:
    try:
        async for _ in stream:
            pass
    except trio.BrokenResourceError:
        pass  # the gateway was left with unread bytes and reset the connection


async def _resetting(stream: trio.SocketStream) -> None:
    await stream.receive_some(1)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    await stream.aclose()


async def _leaving(stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)
    await stream.aclose()


async def _no_tls(stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)
    await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await _mute(stream)


async def _halting(stream: trio.SocketStream) -> None:
    await stream.receive_some(65536)
    await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    await _mute(stream)


@pytest.mark.parametrize(
    ("scheme", "serve", "status", "ended_by", "category"),
    [
        ("https", _deaf, 502, "completed", "connect_timeout"),
        ("https", _no_tls, 502, "completed", "tls"),
        ("https", _resetting, 502, "completed", "tls"),
        ("http", _mute, 504, "completed", "head_timeout"),
        ("http", _resetting, 502, "completed", "network"),
        ("http", _leaving, 502, "completed", "network"),
        ("http", _halting, 200, "gateway_timeout", "silence_timeout"),
        ("http", None, 502, "completed", "refused"),
    ],
)
async def test_each_failure_of_a_provider_has_its_own_category(
    scheme: str, serve: Serve | None, status: int, ended_by: str, category: str
) -> None:
    settings = GatewaySettings(first_byte_limit_s=SOON_S, silence_limit_s=SOON_S)
    async with trio.open_nursery() as providers:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        if serve is None:
            await listeners[0].aclose()
        else:
            providers.start_soon(trio.serve_listeners, serve, listeners)
        async with stage(FakeProvider(origin=Origin(scheme, "127.0.0.1", port)), settings=settings) as it:
            it.gateway.pool.connector = Connector(SOON_S)
            client = it.client()
            await client.send(request(b"{}"))
            answer = await client.until(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            record = await it.record()
            assert (record.outcome, record.ended_by) == ("upstream_failed", ended_by)
            assert (record.error_source, record.error_category) == ("network", category)
            assert record.attempts[0].category == category
        providers.cancel_scope.cancel()


async def test_name_that_nobody_knows_has_its_own_category() -> None:
    async with stage(FakeProvider(origin=Origin("http", "x" * 70 + ".test", 80))) as it:
        it.gateway.pool.connector = Connector(5)
        client = it.client()
        await client.send(request(b"{}"))
        assert b"could not be reached (dns)" in await client.until(b"}}")
        assert (await it.record()).error_category == "dns"


async def test_want_of_descriptors_is_lectrs_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_left(*_: object, **__: object) -> None:
        raise OSError(24, "too many open files")

    monkeypatch.setattr(trio, "open_tcp_stream", none_left)
    async with stage(FakeProvider(origin=Origin("http", "127.0.0.1", 9))) as it:
        it.gateway.pool.connector = Connector(5)
        client = it.client()
        await client.send(request(b"{}"))
        assert (await client.until(b"}}")).startswith(b"HTTP/1.1 503 ")
        record = await it.record()
        assert (record.outcome, record.error_source, record.error_category) == ("lectr_refused", "lectr", "overload")
