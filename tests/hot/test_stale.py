"""Kept connections that the provider closes as a request is written on them: sent again only where that is safe."""

from __future__ import annotations

import socket
import struct

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot import forward
from lectr_core.hot.link import Link

from .stage import FakeProvider, Peer, Stage, request, stage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WAV = ("Content-Type: audio/wav", "Content-Length: 4")


async def _kept(it: Stage) -> tuple[Peer, Peer]:
    """A client whose first request left a kept connection to the provider."""
    client = it.client()
    await client.send(request(b"{}"))
    upstream = await it.upstream()
    await upstream.until(b"{}")
    await upstream.send(OK)
    await client.until(b"ok")
    await wait_all_tasks_blocked()
    assert len(it.gateway.pool) == 1
    return client, upstream


def _trusting(it: Stage) -> None:
    object.__setattr__(it.gateway.version, "stale_retries", frozenset(["one"]))


def _refuse_writes(it: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next kept connection takes nothing: the provider's reset has arrived, and nobody has heard of it yet."""
    take = it.gateway.pool.take

    def broken(*given: object) -> Link | None:
        link = take(*given)  # type: ignore[arg-type]  # passed on as they are
        if link is not None:
            link.sock.shutdown(socket.SHUT_RDWR)
        return link

    monkeypatch.setattr(type(it.gateway.pool), "take", lambda _, *given: broken(*given))


@pytest.mark.parametrize("upload", [False, True])
async def test_request_of_which_nothing_was_written_is_sent_again(
    upload: bool, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage() as it:
        client, _ = await _kept(it)
        _refuse_writes(it, monkeypatch)
        await client.send(request(fields=WAV) + b"data" if upload else request(b'{"second":1}'))
        fresh = await it.upstream()
        await fresh.until(b"data" if upload else b'{"second":1}')
        await fresh.send(OK)
        assert await client.exactly(len(OK)) == OK
        record = await it.record(2)
        assert (record.outcome, record.status) == ("ok", 200)
        assert [(tried.category, tried.status) for tried in record.attempts] == [("stale", None), (None, 200)]
        assert it.gateway.counters()["stale_upstream"] == 1


async def test_long_body_of_which_nothing_was_written_is_sent_again_whole(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"a":"' + b"x" * 300_000 + b'"}'
    async with stage() as it:
        client, _ = await _kept(it)
        _refuse_writes(it, monkeypatch)
        it.nursery.start_soon(client.send, request(body))
        fresh = await it.upstream()
        assert (await fresh.until(body)).endswith(b"\r\n\r\n" + body)
        await fresh.send(OK)
        assert await client.exactly(len(OK)) == OK


@pytest.mark.parametrize("reset", [False, True])
async def test_request_that_the_provider_may_have_seen_is_not_sent_again(reset: bool, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _kept(it)
        await client.send(request(b'{"second":1}'))
        await upstream.until(b'{"second":1}')
        if reset:
            upstream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        record = await it.record(2)
        assert (record.outcome, record.error_source, record.error_category) == ("upstream_failed", "network", "stale")
        assert it.gateway.pool.opened == 1


@pytest.mark.parametrize("body", [b"", b'{"second":1}'])
async def test_request_that_the_operator_calls_repeatable_is_sent_again(body: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        _trusting(it)
        client, upstream = await _kept(it)
        await client.send(request(body, method="POST" if body else "GET"))
        await upstream.until(body or b"\r\n\r\n")
        upstream.close()
        fresh = await it.upstream()
        first_line = (await fresh.until(body or b"\r\n\r\n")).split(b"\r\n")[0]
        assert first_line == (b"POST" if body else b"GET") + b" /v1/known HTTP/1.1"
        await fresh.send(OK)
        assert await client.exactly(len(OK)) == OK
        assert [tried.category for tried in (await it.record(2)).attempts] == ["stale", None]


async def test_request_is_sent_again_once_and_no_more(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _trusting(it)
        client, upstream = await _kept(it)
        await client.send(request(b'{"second":1}'))
        await upstream.until(b'{"second":1}')
        upstream.close()
        fresh = await it.upstream()
        await fresh.until(b'{"second":1}')
        fresh.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        record = await it.record(2)
        assert record.error_category == "network"
        assert [tried.category for tried in record.attempts] == ["stale", "network"]
        assert it.gateway.pool.opened == 2


async def test_one_byte_of_an_answer_is_enough_not_to_send_it_again(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _trusting(it)
        client, upstream = await _kept(it)
        await client.send(request(b'{"second":1}'))
        await upstream.until(b'{"second":1}')
        await upstream.send(b"H")
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        assert (await it.record(2)).error_category == "network"


async def test_fresh_connection_is_never_stale(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _trusting(it)
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        assert (await it.record()).error_category == "network"


@pytest.mark.parametrize("kind", ["upload", "long"])
async def test_body_that_is_not_kept_is_not_sent_again(
    kind: str, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "MAX_REPLAYED_BYTES", 5)
    async with stage() as it:
        _trusting(it)
        client, upstream = await _kept(it)
        await client.send(request(fields=WAV) + b"data" if kind == "upload" else request(b'{"long":1}'))
        await upstream.until(b"data" if kind == "upload" else b'{"long":1}')
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        assert (await it.record(2)).error_category == "stale"


async def test_the_operators_word_is_for_one_provider(autojump_clock: MockClock) -> None:
    async with stage(FakeProvider()) as it:
        object.__setattr__(it.gateway.version, "stale_retries", frozenset(["another"]))
        client, upstream = await _kept(it)
        await client.send(request(b'{"second":1}'))
        await upstream.until(b'{"second":1}')
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")


async def test_connection_that_stood_idle_is_looked_at_before_it_is_used(autojump_clock: MockClock) -> None:
    """The reactor has not told yet that the provider closed it: asking the socket itself does."""
    async with stage() as it:
        client, upstream = await _kept(it)
        (links,) = it.gateway.pool._idle.values()
        (link,) = links
        del it.gateway.reactor._links[link.fd]  # nobody will tell
        upstream.close()
        link.used_at -= 5
        await client.send(request(b'{"second":1}'))
        fresh = await it.upstream()
        await fresh.until(b'{"second":1}')
