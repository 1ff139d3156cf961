"""TLS towards clients: the same gateway behind it, ends that look like ends, and nobody who can hold the worker up."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot import accept
from lectr_core.model.settings import GatewaySettings

from .stage import FakeProvider, Peer, Stage, request, stage

AUTHORITY = trustme.CA()
BIG = b"x" * 300_000


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    AUTHORITY.issue_cert("gateway.test").configure_cert(context)
    return context


def client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    AUTHORITY.configure_trust(context)
    return context


def connect(it: Stage) -> socket.socket:
    """The client's end of a new TCP connection; socket pairs are unix sockets, which stay plain."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        accept.welcome(it.gateway, listener.accept()[0], it.nursery)
    it.peers.append(Peer(ours))
    return ours


async def secured(it: Stage) -> trio.SSLStream[trio.SocketStream]:
    """A client that insists on close_notify."""
    plain = trio.SocketStream(trio.socket.from_stdlib_socket(connect(it)))
    stream = trio.SSLStream(plain, client_context(), server_hostname="gateway.test")
    await stream.do_handshake()
    return stream


async def until(stream: trio.SSLStream[trio.SocketStream], end: bytes) -> bytes:
    got = bytearray()
    while not got.endswith(end):
        more = await stream.receive_some()
        assert more, got[-100:]
        got += more
    return bytes(got)


async def rest(stream: trio.SSLStream[trio.SocketStream]) -> bytes:
    """Everything to an orderly end. Errors: trio.BrokenResourceError at any other."""
    got = b""
    while more := await stream.receive_some():
        got += more
    return got


@asynccontextmanager
async def secure_stage(settings: GatewaySettings | None = None) -> AsyncIterator[Stage]:
    async with stage(FakeProvider(), settings=settings) as it:
        it.gateway.tls = server_context()
        yield it


async def test_requests_and_answers_of_any_size_pass_through_tls() -> None:
    async with secure_stage() as it:
        client = await secured(it)
        assert client.selected_alpn_protocol() == "http/1.1"
        upstream: Peer | None = None  # the second request takes the same connection
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.send_all, request(BIG))
                upstream = upstream or await it.upstream()
                await upstream.until(b"\r\n\r\n")
                assert await upstream.exactly(len(BIG)) == BIG
            answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * len(BIG) + 3) + 20 * BIG + b"end"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(upstream.send, answer)
                await wait_all_tasks_blocked(0.05)  # every buffer on the way is full
                assert await until(client, b"end") == answer
        assert (await it.record(2)).ended_by == "completed"
        assert it.gateway.totals["tls_failed"] == 0


async def test_an_answer_that_closes_ends_with_a_close_notify() -> None:
    async with secure_stage() as it:
        client = await secured(it)
        await client.send_all(request(fields=("Connection: close",)))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.1 200 OK\r\n\r\nas long as it lasts")
        upstream.close()
        assert (await rest(client)).endswith(b"as long as it lasts")


async def test_a_refusal_that_closes_ends_with_a_close_notify() -> None:
    async with secure_stage() as it:
        client = await secured(it)
        await client.send_all(b"nonsense\r\n\r\n")
        assert (await rest(client)).startswith(b"HTTP/1.1 400 ")


async def test_an_idle_connection_ends_with_a_close_notify() -> None:
    async with secure_stage() as it:
        client = await secured(it)
        await client.send_all(request(key=False))
        assert b"missing_lectr_key" in await until(client, b"}}")
        it.gateway.stop()
        assert await rest(client) == b""


async def test_a_cut_answer_has_no_orderly_end() -> None:
    async with secure_stage() as it:
        client = await secured(it)
        # 1.0 knows no chunks: only the connection's end tells the answer's.
        await client.send_all(request().replace(b"HTTP/1.1", b"HTTP/1.0"))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        assert await until(client, b"abc")
        upstream.close()
        with pytest.raises(trio.BrokenResourceError):
            await rest(client)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n", b"\x16\x03\x01\x00\x05hello"])
async def test_who_does_not_speak_tls_is_closed_counted_and_not_recorded(sent: bytes) -> None:
    async with secure_stage() as it:
        connect(it)
        await it.peers[-1].send(sent)
        assert b"HTTP/" not in await it.peers[-1].rest()
        while it.gateway.connections:
            await trio.sleep(0.001)
        assert (it.gateway.totals["tls_failed"], it.gateway.totals["requests"]) == (1, 0)
        assert (it.gateway.totals["escaped"], it.journal.ended_lines) == (0, [])
        assert len(it.gateway.reactor) == 0


async def test_a_client_that_leaves_at_once_is_counted() -> None:
    async with secure_stage() as it:
        connect(it).close()
        while it.gateway.connections:
            await trio.sleep(0.001)
        assert (it.gateway.totals["tls_failed"], it.gateway.totals["escaped"]) == (1, 0)


async def test_a_handshake_has_as_long_as_a_head(autojump_clock: MockClock) -> None:
    async with secure_stage(GatewaySettings(head_limit_s=7)) as it:
        begun_at = trio.current_time()
        connect(it)
        await it.peers[-1].send(b"\x16\x03\x01\x02\x00")
        assert await it.peers[-1].at_end()
        assert 7 <= trio.current_time() - begun_at < 8
        assert it.gateway.totals["tls_failed"] == 1


async def test_a_new_certificate_holds_for_new_connections_and_leaves_the_open_ones_alone() -> None:
    async with secure_stage() as it:
        old = await secured(it)
        it.gateway.tls = server_context()
        new = await secured(it)
        assert old.getpeercert(binary_form=True) != new.getpeercert(binary_form=True)
        for client in (old, new):
            await client.send_all(request(key=False))
            assert b"missing_lectr_key" in await until(client, b"}}")


async def test_unix_sockets_stay_plain() -> None:
    async with secure_stage() as it:
        client = it.client()
        await client.send(request(key=False))
        assert b"missing_lectr_key" in await client.until(b"}}")
