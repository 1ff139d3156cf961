"""When a client leaves, its provider is let go of at that moment; where the operator says so, the answer is read on."""

from __future__ import annotations

import socket

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core import Drain, Facts, Reading, Usage, Verdict
from lectr_core.hot import accept
from lectr_core.model.settings import GatewaySettings

from .stage import FakeProvider, Peer, Stage, request, stage

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BODY = b'{"model":"one-x","max_tokens":100}'
WAV = ("Content-Type: audio/wav", "Content-Length: 10")
SOON_S = 0.05
"""What is promised: the provider is let go of that soon. The clock is the test's own: a timer would show."""


@attrs.define
class Counting:
    """A reader that reports how many bytes it saw; final only where the answer was whole."""

    first_token_seen: bool = False
    seen: bytes = b""

    def feed(self, data: bytes | memoryview) -> None:
        self.seen += data

    def finish(self, *, complete: bool) -> Reading:
        usage = Usage({"output": len(self.seen)})
        return Reading(state="reported" if complete else "partial", usage=usage)


@attrs.define
class Says:
    """A policy that says one thing."""

    verdict: Verdict
    id: str = "says"

    def decide(self, facts: Facts) -> Verdict:
        return self.verdict

    def explain(self, facts: Facts) -> str:
        return "always"


def _draining(max_s: float = 60, max_tokens: int | None = None) -> Says:
    return Says(Verdict("finish it", drain=Drain(max_s, max_tokens)))


def _provider() -> FakeProvider:
    return FakeProvider(reader_made=Counting)


async def _asked(it: Stage, body: bytes = BODY) -> tuple[Peer, Peer]:
    client = it.client()
    await client.send(request(body))
    upstream = await it.upstream()
    await upstream.until(body)
    return client, upstream


@pytest.mark.parametrize("phase", ["body to decide", "upload", "head", "between chunks", "within a piece"])
async def test_client_that_leaves_ends_its_request_at_the_provider_at_once(phase: str, autojump_clock: MockClock) -> None:
    async with stage(_provider()) as it:
        if phase == "body to decide":
            client = it.client()
            await client.send(request(BODY)[:-1])
            await wait_all_tasks_blocked()
        elif phase == "upload":
            client = it.client()
            await client.send(request(fields=WAV) + b"first")
            upstream = await it.upstream()
            await upstream.until(b"first")
        else:
            client, upstream = await _asked(it)
        if phase == "between chunks":
            await upstream.send(CHUNKED + b"3\r\nabc\r\n")
            await client.until(b"abc\r\n")
        if phase == "within a piece":
            await upstream.send(CHUNKED + b"3\r\nab")
            await client.until(b"ab")
        await wait_all_tasks_blocked()
        left_s = trio.current_time()
        client.close()
        if phase != "body to decide":
            assert await upstream.at_end()
        record = await it.record()
        assert trio.current_time() - left_s <= SOON_S
        assert (record.outcome, record.ended_by) == ("client_disconnected", "client_gone")
        assert len(it.gateway.pool) == 0


async def test_what_was_used_until_the_client_left_is_a_lower_bound(autojump_clock: MockClock) -> None:
    async with stage(_provider()) as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc\r\n")
        client.close()
        reading = (await it.record()).reading
        assert reading.state == "partial"
        assert reading.usage is not None
        assert reading.usage.units == {"output": 3}


async def test_what_came_and_could_not_be_delivered_was_used_all_the_same(autojump_clock: MockClock) -> None:
    async with stage(_provider(), settings=GatewaySettings(take_limit_s=30)) as it:
        client = it.client()
        (connection,) = it.gateway.connections
        connection.link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        await client.send(request(BODY))
        upstream = await it.upstream()
        await upstream.until(BODY)
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"x" * 60_000)
        record = await it.record()
        assert record.reading.usage is not None
        assert record.reading.usage.units == {"output": 60_000}
        assert record.response_bytes < 60_000


@pytest.mark.parametrize("by", ["rule", "provider"])
@pytest.mark.parametrize("phase", ["head", "between chunks"])
async def test_answer_is_read_to_its_end_where_the_operator_says_so(phase: str, by: str, autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(),) if by == "rule" else ()) as it:
        if by == "provider":
            object.__setattr__(it.gateway.version, "drains", {"one": Drain(60)})
        client, upstream = await _asked(it)
        if phase == "between chunks":
            await upstream.send(CHUNKED + b"3\r\nabc\r\n")
            await client.until(b"abc\r\n")
        client.close()
        await wait_all_tasks_blocked()
        assert it.journal.ended_lines == []
        await trio.sleep(30)
        await upstream.send((CHUNKED + b"3\r\nabc\r\n" if phase == "head" else b"") + b"2\r\nde\r\n0\r\n\r\n")
        record = await it.record()
        assert (record.outcome, record.ended_by) == ("client_disconnected", "client_gone")
        assert record.begun.rule == ("finish it" if by == "rule" else None)
        assert record.reading.state == "reported"
        assert record.reading.usage is not None
        assert record.reading.usage.units == {"output": 5}
        assert record.response_bytes == (0 if phase == "head" else 3)  # what the client got
        assert len(it.gateway.pool) == 1  # nothing was cut


async def test_whole_answer_that_comes_with_its_head_is_counted_too(autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(),)) as it:
        client, upstream = await _asked(it)
        client.close()
        await wait_all_tasks_blocked()
        await upstream.send(WHOLE)
        record = await it.record()
        assert (record.ended_by, record.status, record.reading.state) == ("client_gone", None, "reported")
        assert len(it.gateway.pool) == 1


@pytest.mark.parametrize("phase", ["head", "between chunks", "never silent"])
async def test_reading_on_ends_when_its_time_is_over(phase: str, autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(20),)) as it:
        client, upstream = await _asked(it)
        if phase != "head":
            await upstream.send(CHUNKED + b"3\r\nabc\r\n")
            await client.until(b"abc\r\n")
        left_s = trio.current_time()
        client.close()
        if phase == "never silent":
            it.nursery.start_soon(_drip, upstream)
        record = await it.record()
        assert 20 <= trio.current_time() - left_s < 22
        assert record.ended_by == "client_gone"
        assert record.reading.state == ("absent" if phase == "head" else "partial")
        await upstream.rest()


async def _drip(upstream: Peer) -> None:
    try:
        while True:
            await upstream.send(b"1\r\nx\r\n")
            await trio.sleep(0.1)
    except (BrokenPipeError, ConnectionResetError):
        pass


async def test_request_that_is_not_whole_is_never_finished(autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(),)) as it:
        client = it.client()
        await client.send(request(fields=WAV) + b"first")
        upstream = await it.upstream()
        await upstream.until(b"first")
        left_s = trio.current_time()
        client.close()
        assert await upstream.at_end()
        assert trio.current_time() - left_s <= SOON_S


@pytest.mark.parametrize(
    ("body", "finished"),
    [
        (b'{"max_tokens":100}', True),
        (b'{"max_tokens":101}', False),
        (b'{"max_completion_tokens":50,"n":2}', True),
        (b'{"max_completion_tokens":50,"n":3}', False),
        (b'{"max_tokens":50,"n":"two"}', False),
        (b'{"generationConfig":{"maxOutputTokens":50,"candidateCount":3}}', False),
        (b'{"generationConfig":{"maxOutputTokens":50,"candidateCount":2}}', True),
        (b"{}", False),
    ],
)
async def test_answer_that_may_cost_more_than_it_may_is_cancelled(
    body: bytes, finished: bool, autojump_clock: MockClock
) -> None:
    async with stage(_provider(), policies=(_draining(max_tokens=100),)) as it:
        client, upstream = await _asked(it, body)
        await upstream.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc\r\n")
        client.close()
        await wait_all_tasks_blocked()
        assert bool(it.journal.ended_lines) != finished


async def test_rule_can_take_back_what_the_provider_allows(autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(0),)) as it:
        object.__setattr__(it.gateway.version, "drains", {"one": Drain(60)})
        client, upstream = await _asked(it)
        client.close()
        assert await upstream.at_end()


@pytest.mark.parametrize("ending", ["cut", "broken framing", "stop"])
async def test_answer_that_breaks_off_while_it_is_read_on_stays_a_lower_bound(
    ending: str, autojump_clock: MockClock
) -> None:
    async with stage(_provider(), policies=(_draining(),)) as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc\r\n")
        client.close()
        await wait_all_tasks_blocked()
        if ending == "cut":
            upstream.close()
        elif ending == "broken framing":
            await upstream.send(b"nonsense\r\n")
        else:
            it.gateway.stop(0)
            it.gateway.stop(0)
        record = await it.record()
        assert (record.ended_by, record.reading.state) == ("client_gone", "partial")
        assert len(it.gateway.pool) == 0


async def test_descriptor_of_a_client_that_left_is_free_at_once(autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(),)) as it:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        accept.welcome(it.gateway, theirs, it.nursery)
        client = Peer(ours)
        await client.send(request(BODY))
        upstream = await it.upstream()
        await upstream.until(BODY)
        client.close()
        await wait_all_tasks_blocked()
        (connection,) = it.gateway.connections
        assert connection.link.sock.fileno() == -1
        await upstream.send(WHOLE)
        assert (await it.record()).reading.state == "reported"


@pytest.mark.parametrize("seen", [True, False])
async def test_an_interim_answer_does_not_end_what_is_read_on(seen: bool, autojump_clock: MockClock) -> None:
    async with stage(_provider(), policies=(_draining(),)) as it:
        client, upstream = await _asked(it)
        await wait_all_tasks_blocked()
        client.close()
        if seen:
            await wait_all_tasks_blocked()
        await upstream.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        await wait_all_tasks_blocked()
        await upstream.send(WHOLE)
        record = await it.record()
        assert (record.outcome, record.reading.state) == ("client_disconnected", "reported")
        assert record.reading.usage == Usage({"output": 5})
