"""What each phase does with clients that take nothing, limits that pass, and a gateway that stops."""

from __future__ import annotations

import socket

import pytest
import trio
from trio.testing import MockClock

from lectr_core.hot import accept
from lectr_core.model.settings import GatewaySettings

from .stage import FakeConnector, Peer, Stage, request, stage

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Never(FakeConnector):
    """A provider that is never reached."""

    async def open(self, *_: object) -> None:  # type: ignore[override]  # never returns
        await trio.sleep_forever()


def _narrow(it: Stage) -> Peer:
    """A client whose connection holds next to nothing that it has not read."""
    client = it.client()
    for connection in it.gateway.connections:
        connection.link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    return client


def _over_tcp(it: Stage, holds_bytes: int = 65536) -> Peer:
    """A client on TCP: only there does a reset differ from an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.socket()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, holds_bytes)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    accept.welcome(it.gateway, theirs, it.nursery)
    it.peers.append(Peer(ours))
    return it.peers[-1]


async def test_stop_ends_an_exchange_that_still_connects(autojump_clock: MockClock) -> None:
    async with stage() as it:
        it.gateway.pool.connector = Never(None)  # type: ignore[arg-type,assignment]  # a connector by its method
        client = it.client()
        await client.send(request(b"{}"))
        await trio.testing.wait_all_tasks_blocked()
        it.gateway.stop(30)
        it.gateway.stop(0)
        assert await client.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by) == ("gateway_shutdown", "gateway_shutdown")


@pytest.mark.parametrize("phase", ["body", "connect", "head", "answer"])
async def test_cancelled_gateway_leaves_a_record_and_no_connection(phase: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        upstream = None
        if phase == "connect":
            it.gateway.pool.connector = Never(None)  # type: ignore[arg-type,assignment]  # a connector by its method
        await client.send(request(b'{"a":1}')[: -1 if phase == "body" else None])
        if phase in ("head", "answer"):
            upstream = await it.upstream()
            await upstream.until(b'{"a":1}')
        if upstream is not None and phase == "answer":
            await upstream.send(CHUNKED)
            await client.until(b"\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        it.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            assert await client.at_end()
            assert upstream is None or await upstream.at_end()
        assert [ended.outcome for ended in it.journal.ended_lines] == ["gateway_shutdown"]
        assert len(it.gateway.reactor) == 0


async def test_client_that_takes_no_interim_answer_has_left(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(first_byte_limit_s=50)) as it:
        client = _narrow(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 60_000 + b"\r\n\r\n")
        record = await it.record()
        assert (record.outcome, record.ended_by, record.status) == ("client_disconnected", "client_gone", None)
        assert await upstream.at_end()


async def test_interim_answer_goes_on_without_what_is_this_hops(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(b"HTTP/1.1 103 Early Hints\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nLink: <a>\r\n\r\n")
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"


async def test_client_that_takes_no_answer_has_left(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(silence_limit_s=50)) as it:
        client = _narrow(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)
        record = await it.record()
        assert (record.outcome, record.ended_by) == ("client_disconnected", "client_gone")


async def test_limit_for_the_providers_head_ends_with_the_head(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(first_byte_limit_s=50)) as it:
        client = _narrow(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await trio.sleep(49)
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)
        await trio.sleep(10)
        assert (await client.until(b"x" * 60_000)).startswith(b"HTTP/1.1 200 OK")
        assert (await it.record()).outcome == "ok"


async def test_end_of_an_answer_arrives_though_the_client_sent_more(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = _over_tcp(it, holds_bytes=1)
        await client.send(request(b"{}", fields=("Connection: close",)))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await client.send(b"more")
        await trio.testing.wait_all_tasks_blocked()
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60_000)
        await it.record()
        await trio.sleep(10)
        assert (await client.rest()).endswith(b"x" * 60_000)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (request(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"), CHUNKED + b"3\r\nabc\r\n"),
        (request(b"{}"), b"HTTP/1.1 200 OK\r\n\r\nabc"),
    ],
)
async def test_fragment_that_only_the_end_of_the_connection_ends_is_reset(
    sent: bytes, answer: bytes, autojump_clock: MockClock
) -> None:
    async with stage(settings=GatewaySettings(silence_limit_s=50)) as it:
        client = _over_tcp(it)
        await client.send(sent)
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await upstream.send(answer)
        await client.until(b"abc")
        await it.record()  # once silence_limit_s is over
        with pytest.raises(ConnectionResetError):
            await client.sock.recv(1)


async def test_broken_upload_never_puts_a_refusal_into_an_answer(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=("Content-Type: audio/wav", "Transfer-Encoding: chunked")))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(CHUNKED)
        await client.until(b"\r\n\r\n")
        await client.send(b"nonsense\r\n")
        assert await client.rest() == b""
        record = await it.record()
        assert (record.outcome, record.status, len(it.journal.ended_lines)) == ("client_disconnected", 200, 1)


async def test_stop_ends_a_connection_that_never_sleeps(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(b"".join(request(key=False) for _ in range(200)))
        await it.record(2)
        for connection in it.gateway.connections:
            connection.link.spot.end()
        await client.rest()
        assert len(it.journal.ended_lines) < 200
