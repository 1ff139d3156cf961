"""HTTP/2 to a provider: streams as they come, one connection for many, and whoever leaves is told of on the other side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from lectr_core.hot import multiplex
from lectr_core.model.egress import Egress

from .h2server import JSON, Seen, Server, content, served, until, way, whole
from .stage import Peer, request
from .ways import AUTHORITY, ProxyServer

WEBSOCKET = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


async def test_what_is_asked_and_answered_is_the_same_as_far_as_http2_has_a_place_for_it(ca_file: Path) -> None:
    server = Server(whole)
    async with served(server, way(ca_file)) as it:
        client = it.client()
        fields = ("X-Custom: a", "x-custom:  b ", "authorization: Bearer sk-canary", "anthropic-beta: x")
        for _ in range(3):
            await client.send(request(b"{}", path="/v1/known?a=%2F&b", fields=fields))
            answer = await client.until(b"\r\n0\r\n\r\n")
        assert answer.startswith(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-one: 1\r\nx-two: 2\r\nx-one: 3\r\n"
        )
        assert content(answer) == b"{}"
        assert (await it.record(3)).outcome == "ok"
        assert (len(server.connections), it.gateway.pool.opened) == (1, 1)
    seen = server.seen[0].fields
    assert seen[:4] == [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", it.gateway.version.places["one"].origin.authority.encode()),
        (b":path", b"/v1/known?a=%2F&b"),
    ]
    assert seen[4:] == [
        (b"x-custom", b"a"),
        (b"x-custom", b"b"),
        (b"authorization", b"Bearer sk-canary"),
        (b"anthropic-beta", b"x"),
        (b"content-type", b"application/json"),
        (b"content-length", b"2"),
    ]


async def test_each_piece_of_a_stream_arrives_before_the_next_is_sent(ca_file: Path) -> None:
    come = [trio.Event() for _ in range(5)]

    async def events(seen: Seen) -> None:
        await seen.head((b"content-type", b"text/event-stream"))
        for number, event in enumerate(come):
            await seen.send(b"data: %d\n\n" % number)
            await event.wait()
        await seen.send(b"", end=True)

    async with served(Server(events), way(ca_file)) as it:
        client = it.client()
        await client.send(request(b"{}"))
        for number, event in enumerate(come):
            await client.until(b"data: %d\n\n\r\n" % number)
            event.set()
        assert await client.until(b"0\r\n\r\n") == b"0\r\n\r\n"


async def test_many_requests_at_once_share_a_connection_up_to_the_providers_limit(ca_file: Path) -> None:
    go = trio.Event()

    async def late(seen: Seen) -> None:
        await seen.whole.wait()
        await go.wait()
        await seen.head(JSON, (b"content-length", b"2"))
        await seen.send(b"ok", end=True)

    server = Server(late, max_streams=8)
    async with served(server, way(ca_file)) as it:
        clients = [it.client() for _ in range(20)]
        await clients[0].send(request(b"{}"))
        await until(lambda: len(server.seen) == 1)  # its limit is known from now on
        for client in clients[1:]:
            await client.send(request(b"{}"))
        await until(lambda: len(server.seen) == 20)
        go.set()
        for client in clients:
            assert (await client.until(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")
        assert len(server.connections) == 3


@pytest.mark.parametrize("phase", ["head", "body", "upload"])
async def test_a_client_that_leaves_resets_its_stream_and_no_other(ca_file: Path, phase: str) -> None:
    async def silent(seen: Seen) -> None:
        if bytes(dict(seen.fields)[b":path"]).endswith(b"?stays"):
            await whole(seen)
        elif phase == "body":
            await seen.head(JSON)
            await seen.send(b"begun")

    server = Server(silent, takes_uploads=phase != "upload")
    async with served(server, way(ca_file)) as it:
        client, stays = it.client(), it.client()
        if phase == "upload":
            it.nursery.start_soon(_flood, client)
        else:
            await client.send(request(b"{}"))
        await until(lambda: server.seen)
        if phase == "body":
            await client.until(b"begun\r\n")
        if phase == "upload":
            await until(lambda: len(server.seen[0].body) == 65535)
        start = trio.current_time()
        client.close()
        await server.seen[0].reset.wait()
        assert trio.current_time() - start < 5
        assert (await it.record()).outcome == "client_disconnected"
        if phase != "upload":  # there, nothing more is taken on this connection at all
            await stays.send(request(b"{}", path="/v1/known?stays"))
            assert content(await stays.until(b"\r\n0\r\n\r\n")) == b"{}"
        assert len(server.connections) == 1


async def _flood(client: Peer) -> None:
    fields = ("Content-Type: audio/wav", "Content-Length: 3000000")
    try:
        await client.send(request(fields=fields) + b"x" * 3_000_000)
    except (OSError, trio.ClosedResourceError):
        pass


async def test_large_bodies_pass_whole_in_both_directions(ca_file: Path) -> None:
    body = bytes(range(256)) * 8000
    async with served(Server(whole), way(ca_file)) as it:
        client = it.client()
        fields = ("Content-Type: audio/wav", f"Content-Length: {len(body)}", "Connection: close")
        it.nursery.start_soon(client.send, request(fields=fields) + body)
        assert content(await client.rest()) == body


async def test_chunked_uploads_go_on_as_they_come(ca_file: Path) -> None:
    async with served(server := Server(whole), way(ca_file)) as it:
        client = it.client()
        head = request(fields=("Content-Type: audio/wav", "Transfer-Encoding: chunked"))
        await client.send(head + b"3\r\nabc\r\n")
        await until(lambda: server.seen and server.seen[0].body == b"abc")
        await client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert content(await client.until(b"\r\n0\r\n\r\n")) == b"abcde"


async def test_a_slow_client_holds_its_own_stream_and_no_other(ca_file: Path) -> None:
    async def much(seen: Seen) -> None:
        await seen.whole.wait()
        await seen.head(JSON)
        size = 20_000_000 if bytes(dict(seen.fields)[b":path"]).endswith(b"?much") else 10
        await seen.send(b"x" * size, end=True)

    async with served(server := Server(much), way(ca_file)) as it:
        slow, quick = it.client(), it.client()
        await slow.send(request(b"{}", path="/v1/known?much"))
        await slow.until(b"\r\n\r\n")
        await until(lambda: server.connections[0].h2.local_flow_control_window(server.seen[0].number) <= 0)
        await quick.send(request(b"{}"))
        assert content(await quick.until(b"\r\n0\r\n\r\n")) == b"x" * 10


async def test_streams_that_were_given_up_leave_room_for_others(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplex, "SESSION_WINDOW_BYTES", multiplex.WINDOW_BYTES)  # less than what they are sent together

    async def much(seen: Seen) -> None:
        await seen.whole.wait()
        await seen.head(JSON)
        await seen.send(b"x" * (10 if bytes(dict(seen.fields)[b":path"]).endswith(b"?few") else 5_000_000), end=True)

    async with served(server := Server(much), way(ca_file)) as it:
        for number in range(6):
            client = it.client()
            await client.send(request(b"{}"))
            await client.until(b"xxx")
            client.close()
            await it.record(number + 1)
        last = it.client()
        await last.send(request(b"{}", path="/v1/known?few"))
        assert content(await last.until(b"\r\n0\r\n\r\n")) == b"x" * 10
        assert len(server.connections) == 1


async def test_a_provider_that_prefers_http1_gets_the_direct_way(ca_file: Path) -> None:
    server = Server(whole, protocols=("http/1.1",))
    async with served(server, way(ca_file)) as it:
        client = it.client()
        for _ in range(2):
            await client.send(request(b"{}"))
            assert await client.until(b"ok") == b"HTTP/1.1 200 Fine\r\nX-MiXed: 1\r\nContent-Length: 2\r\n\r\nok"
        assert it.gateway.pool.opened == 1


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_it_goes_through_a_proxy_as_well(ca_file: Path, scheme: str) -> None:
    async with trio.open_nursery() as nursery:
        proxy = ProxyServer()
        through = (await proxy.start(nursery, scheme)).proxy
        async with served(Server(whole), Egress(ca_file=ca_file, proxy=through, http2=True)) as it:
            client = it.client()
            await client.send(request(b"{}"))
            assert content(await client.until(b"\r\n0\r\n\r\n")) == b"{}"
        nursery.cancel_scope.cancel()
    assert len(proxy.asked) == 1


async def test_when_the_last_lane_is_closed_so_is_the_connection(ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiplex, "LINGER_S", 0.0)
    server = Server(whole)
    async with served(server, way(ca_file)) as it:
        client = it.client()
        await client.send(request(b"{}"))
        await client.until(b"\r\n0\r\n\r\n")
        it.gateway.pool.close()
        await until(lambda: server.seen[0].ended)
        assert not len(it.gateway.pool.connector._sessions)


async def test_an_upgrade_goes_by_http1(ca_file: Path) -> None:
    async with served(server := Server(whole), way(ca_file)) as it:
        client = it.client()
        await client.send(request(method="GET", fields=("Connection: Upgrade", "Upgrade: websocket", *WEBSOCKET)))
        await until(lambda: server.by_http1)
    assert b"\r\nUpgrade: websocket\r\n" in server.by_http1[0]
    assert not server.connections


def test_a_worker_without_it_loads_nothing_of_it() -> None:
    code = "import sys, lectr_core.assembly.worker; print(*{'h2', 'hpack', 'lectr_core.hot.multiplex'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.strip()
