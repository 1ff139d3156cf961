"""Clients that are slow on purpose: a pause is forgiven, a trickle is not, in either direction."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot import accept
from lectr_core.hot.pace import Pace
from lectr_core.model.settings import GatewaySettings

from .stage import Peer, Stage, request, stage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BIG = 8_000_000


def _over_tcp(it: Stage) -> Peer:
    """A client whose system takes little that it has not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.socket()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ours.connect(listener.getsockname())
        theirs, _ = listener.accept()
    accept.welcome(it.gateway, theirs, it.nursery)
    it.peers.append(Peer(ours))
    return it.peers[-1]


async def _drip(client: Peer, data: bytes, every_s: float) -> None:
    try:
        for byte in data:
            await client.send(bytes((byte,)))
            await trio.sleep(every_s)
    except (BrokenPipeError, ConnectionResetError):
        pass


JSON: dict[str, Callable[[int], bytes]] = {
    "length": lambda size: request(b'{"a":"' + b"x" * size + b'"}'),
    "chunked": lambda size: (
        request(fields=("Content-Type: application/json", "Transfer-Encoding: chunked"))
        + b"%x\r\n" % (size + 8)
        + b'{"a":"'
        + b"x" * size
        + b'"}\r\n0\r\n\r\n'
    ),
}


@pytest.mark.parametrize("framing", list(JSON))
async def test_body_that_trickles_within_the_silence_limit_is_refused(framing: str, autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(body_limit_s=30, min_bytes_per_s=240)) as it:
        client = it.client()
        head, _, body = JSON[framing](10_000).partition(b"\r\n\r\n")
        began_s = trio.current_time()
        await client.send(head + b"\r\n\r\n")
        it.nursery.start_soon(_drip, client, body, 1.0)
        assert b"408 Request Timeout" in await client.until(b"request_timeout")
        assert 30 <= trio.current_time() - began_s < 35
        assert (await it.record()).error_code == "request_timeout"


async def test_upload_that_trickles_is_refused_and_the_provider_let_go(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(body_limit_s=30, min_bytes_per_s=240)) as it:
        client = it.client()
        began_s = trio.current_time()
        await client.send(request(fields=("Content-Type: audio/wav", "Content-Length: 10000")))
        upstream = await it.upstream()
        it.nursery.start_soon(_drip, client, b"x" * 10_000, 1.0)
        assert b"408 Request Timeout" in await client.until(b"request_timeout")
        assert 30 <= trio.current_time() - began_s < 35
        assert len(await upstream.rest()) < 500


async def test_upload_with_pauses_that_keeps_its_rate_goes_through(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(body_limit_s=30, min_bytes_per_s=240)) as it:
        client = it.client()
        await client.send(request(fields=("Content-Type: audio/wav", "Content-Length: 50000")))
        upstream = await it.upstream()
        for _ in range(5):
            await trio.sleep(25)
            await client.send(b"x" * 10_000)
        await upstream.until(b"x" * 50_000)
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK


async def test_client_is_not_blamed_for_a_provider_that_takes_its_time(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(body_limit_s=30)) as it:
        client = it.client()
        sent = request(fields=("Content-Type: audio/wav", f"Content-Length: {BIG}")) + b"x" * BIG
        it.nursery.start_soon(client.send, sent)
        upstream = await it.upstream()
        await trio.sleep(300)
        await upstream.until(b"x" * BIG)
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK


async def test_client_that_takes_its_answer_byte_by_byte_is_cut(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(take_limit_s=60, min_bytes_per_s=240)) as it:
        client = _over_tcp(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        began_s = trio.current_time()
        it.nursery.start_soon(_answer, upstream, BIG)

        async def sip() -> None:
            while True:
                await client.exactly(1)
                await trio.sleep(1)

        it.nursery.start_soon(_until_reset, sip)
        record = await it.record()
        assert trio.current_time() - began_s < 200  # far from the hours that it would take
        assert (record.outcome, record.ended_by, record.error_category) == ("client_disconnected", "client_gone", "timeout")
        assert it.gateway.counters()["slow_clients"] == 1


async def test_client_that_reads_slowly_but_steadily_gets_its_whole_answer(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(take_limit_s=20, min_bytes_per_s=240)) as it:
        client = _over_tcp(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        it.nursery.start_soon(_answer, upstream, BIG)
        got = 0
        while got < BIG:
            got += len(await client.sock.recv(20_000))
            await trio.sleep(1)
        assert (await it.record()).outcome == "ok"
        assert trio.current_time() > 300


async def test_what_the_kernel_holds_for_a_client_that_was_cut_is_dropped(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(take_limit_s=60)) as it:
        client = _over_tcp(it)
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        it.nursery.start_soon(_answer, upstream, BIG)
        await it.record()
        got = await client.rest()
        assert 0 < len(got) < BIG
        assert client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


async def test_slow_client_has_as_long_for_each_of_its_answers(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(take_limit_s=30)) as it:
        client = _over_tcp(it)
        upstream = None
        for _ in range(3):
            await client.send(request(b"{}"))
            upstream = upstream or await it.upstream()
            await upstream.until(b"{}")
            it.nursery.start_soon(_answer, upstream, BIG)
            await client.until(b"\r\n\r\n")
            await wait_all_tasks_blocked()
            await trio.sleep(25)
            await client.exactly(BIG)
        assert [record.outcome for record in it.journal.ended_lines] == ["ok"] * 3


async def _answer(upstream: Peer, size: int) -> None:
    try:
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
    except (BrokenPipeError, ConnectionResetError):
        pass


async def _until_reset(act: Callable[[], object]) -> None:
    try:
        await act()  # type: ignore[misc]  # every caller gives a coroutine function
    except (ConnectionResetError, EOFError):
        pass


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 10_000)), max_size=50))
def test_patience_never_grows_beyond_what_it_was(waits: list[tuple[float, int]]) -> None:
    pace = Pace(30, 240)
    for seconds, moved in waits:
        pace.waited(seconds, moved)
        assert pace.left_s <= 30


@given(st.floats(0.1, 10), st.integers(0, 2))
def test_trickle_below_the_rate_ends_patience(every_s: float, moved: int) -> None:
    pace = Pace(30, moved / every_s + 1)
    waits = 0
    while pace.left_s > 0:
        pace.waited(every_s, moved)
        waits += 1
        assert waits < 10_000


@given(st.floats(0.001, 29), st.integers(0, 1_000_000))
def test_whoever_keeps_the_rate_is_waited_for(every_s: float, more: int) -> None:
    pace = Pace(30, 240)
    for _ in range(200):
        pace.waited(every_s, int(every_s * 240) + 1 + more)
        assert pace.left_s > 0
