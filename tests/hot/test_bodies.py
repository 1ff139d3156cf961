"""What a request body costs while it is read to decide, and what may not go on with it."""

from __future__ import annotations

import gc
import itertools
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core import Facts, Route, Verdict
from lectr_core.hot.exchange import Exchange
from lectr_core.hot.read import LONG_BYTES
from lectr_core.model.settings import GatewaySettings

from .stage import Peer, Stage, request, stage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = ("Content-Type: application/json", "Transfer-Encoding: chunked")
WAV = ("Content-Type: audio/wav", "Transfer-Encoding: chunked")


class Swap:
    id = "swap"

    def decide(self, facts: Facts) -> Verdict:
        return Verdict(rule="r", route=Route(model="one-other"))

    def explain(self, facts: Facts) -> str:
        return ""


@asynccontextmanager
async def _traced() -> AsyncIterator[None]:
    gc.collect()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def _swallow(upstream: Peer, size: int) -> None:
    """Take *size* bytes and keep none."""
    while size > 0:
        size -= len(await upstream.sock.recv(65536))


async def test_long_body_arrives_whole_however_it_comes(autojump_clock: MockClock) -> None:
    body = b'{"model":"one-x","messages":"' + bytes(range(48, 91)) * 25_000 + b'"}'
    sent = request(body) + request(b'{"model":"one-x"}')  # the next one comes with its last bytes
    async with stage() as it:
        client = it.client()

        async def come() -> None:
            for start, end in itertools.pairwise((0, 100, 101, 70_000, 400_000, 400_001, 1_000_000, len(sent))):
                await client.send(sent[start:end])
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(come)
            upstream = await it.upstream()
            await upstream.until(b"\r\n\r\n" + body)
        await upstream.send(OK)
        record = await it.record()
        assert record.begun.request_bytes == len(body)
        assert it.gateway.crowd.held_bytes == 0
        await upstream.until(b'{"model":"one-x"}')
        await upstream.send(OK)
        assert (await it.record(2)).outcome == "ok"


async def test_room_is_made_for_what_comes_not_for_what_is_announced(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        head = request(b"x").replace(b"Content-Length: 1\r\n", b"Content-Length: 30000000\r\n")
        assert b"30000000" in head
        await client.send(head)
        await wait_all_tasks_blocked()
        assert 0 < it.gateway.crowd.held_bytes <= 2 * LONG_BYTES
        await client.send(b"x" * 3_000_000)
        await wait_all_tasks_blocked()
        assert 3_000_000 < it.gateway.crowd.held_bytes <= 8_000_000
        client.close()
        assert (await it.record()).outcome == "client_disconnected"
        assert it.gateway.crowd.held_bytes == 0


@pytest.mark.slow
async def test_large_body_is_held_once_and_let_go_of_when_sent(autojump_clock: MockClock) -> None:
    body = b'{"model":"one-x","messages":"' + b"x" * 8_000_000 + b'"}'
    sent = request(body)
    async with stage() as it:
        client = it.client()
        await wait_all_tasks_blocked()
        async with _traced():
            await client.send(sent)
            upstream = await it.upstream()
            head = await upstream.until(b"\r\n\r\n")
            _, peak = tracemalloc.get_traced_memory()
            assert peak < 1.5 * len(body)
            await _swallow(upstream, len(body) - len(upstream.held))
            upstream.held = b""
            await wait_all_tasks_blocked()
            now, _ = tracemalloc.get_traced_memory()
            assert now < 500_000  # while the provider thinks
        assert b"Content-Length: %d" % len(body) in head
        await upstream.send(OK)
        assert (await it.record()).request_bytes == len(body)


@pytest.mark.slow
async def test_tiny_chunks_cost_no_more_than_their_bytes(autojump_clock: MockClock) -> None:
    body = b"2\r\n  \r\n" * 100_000
    async with stage() as it:
        client = it.client()
        await wait_all_tasks_blocked()
        sent = request(fields=CHUNKED) + body
        async with _traced():
            await client.send(sent)
            await wait_all_tasks_blocked()
            _, peak = tracemalloc.get_traced_memory()
        assert peak < 2 * len(body) + 1_500_000  # the latter for the pieces of one read
        await client.send(b"2\r\n{}\r\n0\r\n\r\n")
        upstream = await it.upstream()
        await upstream.until(b"2\r\n{}\r\n0\r\n\r\n")
        await upstream.send(OK)
        assert (await it.record()).request_bytes == 200_002


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("swapped", [False, True])
async def test_body_is_the_same_however_it_arrives(
    step: int, chunked: bool, swapped: bool, autojump_clock: MockClock
) -> None:
    content = b'{"model":"one-x","n":1}'
    wire = (
        b"a\r\n" + content[:10] + b"\r\n3;x=1\r\n" + content[10:13] + b"\r\na\r\n" + content[13:] + b"\r\n0\r\nA: 1\r\n\r\n"
    )
    sent = request(fields=CHUNKED) + wire if chunked else request(content)
    head_bytes = sent.index(b"\r\n\r\n") + 4
    async with stage(policies=(Swap(),) if swapped else ()) as it:
        client = it.client()
        await client.send(sent[:head_bytes])
        for at in range(head_bytes, len(sent), step):
            await wait_all_tasks_blocked()
            await client.send(sent[at : at + step])
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        expected = content.replace(b"one-x", b"one-other") if swapped else content
        if chunked:
            expected = b"1b\r\n" + expected + b"\r\n0\r\n\r\n" if swapped else wire
        assert await upstream.exactly(len(expected)) == expected
        await upstream.send(OK)
        record = await it.record()
        assert (record.request_bytes, record.begun.model_requested) == (len(content), "one-x")
        await client.send(request(b"{}"))  # and nothing is left over
        await it.record(1)
        await upstream.until(b"{}")


async def test_own_trailer_of_a_body_that_is_read_is_refused(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=CHUNKED) + b"2\r\n{}\r\n0\r\nX-Lectr-Key: lc_key_secret\r\n\r\n")
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        assert (await it.record()).error_code == "invalid_request"
        assert it.gateway.pool.opened == 0


async def test_value_of_an_own_trailer_does_not_go_on_bit_by_bit(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=WAV) + b"1\r\na\r\n0\r\n")
        upstream = await it.upstream()
        await upstream.until(b"0\r\n")
        for piece in (b"x-lec", b"tr-key", b": lc_", b"key_", b"secret"):
            await wait_all_tasks_blocked()
            try:
                await client.send(piece)
            except BrokenPipeError:
                break
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        assert await upstream.rest() in (b"x-lectr-key", b"x-lec")


async def test_record_counts_what_came_of_a_body_that_never_came_whole(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(body_limit_s=20)) as it:
        client = it.client()
        await client.send(request(b'{"a":1}')[:-2])
        assert b"408 Request Timeout" in await client.rest()
        record = await it.record()
        assert record.request_bytes == 5


async def test_waiting_is_no_time_of_the_gateways_own(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    """The clock of records follows Trio's, so that waiting shows."""

    def clock() -> int:
        return int(trio.current_time() * 1e9)

    monkeypatch.setattr(time, "perf_counter_ns", clock)
    monkeypatch.setitem(Exchange.__init__.__globals__, "__attr_factory_clock_ns", clock)
    async with stage() as it:
        await trio.sleep(1)  # at 0 a moment would look like none
        client = it.client()
        await client.send(request(fields=(*WAV, "Expect: 100-continue")))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await trio.sleep(5)
        await upstream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await trio.sleep(5)
        await client.send(b"0\r\n\r\n")
        await upstream.until(b"0\r\n\r\n")
        await trio.sleep(5)
        await upstream.send(OK[:10])
        await trio.sleep(5)
        await upstream.send(OK[10:])
        first = await it.record()
        assert 0 <= first.gateway_ns < 1e9
        assert first.ttfb_ns is not None
        assert 15e9 <= first.ttfb_ns < 16e9
        await client.send(request(b'{"a":1}')[:-2])
        second = await it.record(2)
        assert (second.status, second.duration_ns > 20e9) == (408, True)
        assert 0 <= second.gateway_ns < 1e9


def _exchanges(it: Stage) -> int:
    """How many of this stage's are in memory."""
    return sum(isinstance(each, Exchange) and each.client.reactor is it.gateway.reactor for each in gc.get_objects())


@pytest.mark.parametrize("sent", [request(b"{}"), request(), request(key=False), request(fields=("X-Lectr-Provider: no",))])
async def test_idle_connection_keeps_nothing_of_its_last_request(sent: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        gc.collect()
        gc.disable()
        try:
            await client.send(sent)
            with trio.move_on_after(1):
                upstream = await it.upstream()
                await upstream.until(b"\r\n\r\n")
                await upstream.send(OK)
            await it.record()
            await wait_all_tasks_blocked()
            assert _exchanges(it) == 0
        finally:
            gc.enable()
