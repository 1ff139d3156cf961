"""How an exchange can end before its time: clients that leave, providers that fail, a gateway that stops."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from lectr_core.model.settings import GatewaySettings

from .stage import FakeConnector, Peer, Stage, request, stage

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _asked(it: Stage, body: bytes = b'{"stream":true}') -> tuple[Peer, Peer]:
    client = it.client()
    await client.send(request(body))
    upstream = await it.upstream()
    await upstream.until(body)
    return client, upstream


async def test_client_that_leaves_while_the_provider_is_silent_cancels_upstream(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        client.close()
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by, record.status) == ("client_disconnected", "client_gone", None)


async def test_client_that_leaves_between_chunks_cancels_upstream(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc\r\n")
        client.close()
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.status, record.response_bytes) == ("client_disconnected", 200, 3)


async def test_client_that_leaves_within_its_upload_cancels_upstream(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        fields = ("Content-Type: multipart/form-data; boundary=b", "Transfer-Encoding: chunked")
        await client.send(request(fields=fields) + b"5\r\nfirst\r\n")
        upstream = await it.upstream()
        await upstream.until(b"first\r\n")
        client.close()
        assert await upstream.at_end()
        assert (await it.record()).outcome == "client_disconnected"


async def test_client_that_leaves_while_a_connection_is_opened_ends_the_exchange(autojump_clock: MockClock) -> None:
    class Never(FakeConnector):
        async def open(self, *_: object) -> None:  # type: ignore[override]  # never returns
            await trio.sleep_forever()

    async with stage() as it:
        it.gateway.pool.connector = Never(None)  # type: ignore[arg-type,assignment]  # a connector by its method
        client = it.client()
        await client.send(request(b"{}"))
        await trio.testing.wait_all_tasks_blocked()
        client.close()
        assert (await it.record()).outcome == "client_disconnected"


@pytest.mark.parametrize("sent", [CHUNKED + b"5\r\nhel", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"])
async def test_answer_cut_by_the_provider_is_cut_for_the_client(sent: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        await upstream.send(sent)
        upstream.close()
        assert await client.rest() == sent
        record = await it.record()
        assert (record.outcome, record.ended_by, record.error_category) == ("upstream_failed", "provider_failed", "network")


@pytest.mark.parametrize("sent", [b"zz\r\n", b"3\r\nabcX", b"0\r\nX-Lectr-Key: a\r\n\r\n"])
async def test_answer_with_broken_chunks_is_cut_before_they_pass(sent: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED)
        await client.until(b"\r\n\r\n")
        await upstream.send(sent)
        assert await client.rest() == b""
        assert (await it.record()).outcome == "upstream_failed"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 2", b"nonsense\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_provider_without_an_answer_is_502(sent: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        await upstream.send(sent)
        upstream.close()
        assert b"502 Bad Gateway" in await client.until(b"provider_unreachable")
        record = await it.record()
        assert (record.outcome, record.status, record.error_code) == ("upstream_failed", 502, "provider_unreachable")
        assert record.error_source == "network"


@pytest.mark.parametrize(
    ("stage_name", "category"),
    [
        ("dns", "dns"),
        ("refused", "refused"),
        ("proxy_auth", "proxy"),
        ("tls", "tls"),
        ("timeout", "connect_timeout"),
        ("connect", "network"),
    ],
)
async def test_provider_that_cannot_be_reached_is_502(stage_name: str, category: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        it.gateway.pool.connector.fails = stage_name  # type: ignore[attr-defined]  # the fake one
        client = it.client()
        await client.send(request(b"{}"))
        assert b"502 Bad Gateway" in await client.until(stage_name.encode())
        assert (await it.record()).error_category == category
        await client.send(request(b"{}"))  # the client's connection goes on
        await it.record(2)


async def test_silent_provider_is_504_after_the_limit(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(first_byte_limit_s=100)) as it:
        client, upstream = await _asked(it)
        asked_at = trio.current_time()
        assert b"504 Gateway Timeout" in await client.until(b"provider_timeout")
        assert 100 <= trio.current_time() - asked_at < 101
        assert await upstream.at_end()
        assert (await it.record()).error_category == "head_timeout"


async def test_answer_that_falls_silent_is_cut_after_the_limit(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(silence_limit_s=50)) as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED + b"1\r\na\r\n")
        assert await client.rest() == CHUNKED + b"1\r\na\r\n"
        record = await it.record()
        assert (record.ended_by, record.error_category) == ("gateway_timeout", "silence_timeout")


async def test_client_too_slow_with_its_head_is_408(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(b"POST / HT")
        assert b"408 Request Timeout" in await client.rest()
        assert (await it.record()).error_code == "request_timeout"


async def test_client_too_slow_with_its_body_is_408(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b'{"a":1}')[:-2])
        assert b"408 Request Timeout" in await client.rest()


async def test_idle_client_is_let_go_without_a_record(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        assert await client.at_end()
        assert it.journal.ended_lines == []


async def test_stop_lets_open_requests_finish_and_idle_connections_go(autojump_clock: MockClock) -> None:
    async with stage() as it:
        idle = it.client()
        client, upstream = await _asked(it)
        it.gateway.stop(30)
        assert await idle.at_end()
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        assert await client.rest() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        assert (await it.record()).outcome == "ok"


async def test_second_stop_cuts_what_is_open(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await _asked(it)
        await upstream.send(CHUNKED)
        await client.until(b"\r\n\r\n")
        it.gateway.stop(30)
        it.gateway.stop(0)
        assert await client.rest() == b""
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by) == ("gateway_shutdown", "gateway_shutdown")


async def test_connection_over_the_limit_is_told_so(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(max_connections=1)) as it:
        first = it.client()
        second = it.client()
        assert b"503 Service Unavailable" in await second.rest()
        await first.send(request(b"{}"))
        await it.upstream()
