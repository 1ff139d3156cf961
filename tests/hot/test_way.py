"""The way of a request, end to end within one process: memory sockets, no network, mock clock."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from lectr_core import Reading

from .stage import KEY, FakeProvider, request, stage

ANSWER = b"HTTP/1.1 200 OK\r\nX-Request-Id: r1\r\nContent-Length: 2\r\n\r\nhi"


async def test_request_and_answer_pass_byte_for_byte(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b'{"model":"one-x"}', path="/v1/known?a=%2F&&b", fields=("X-Odd:  a b ", "x-odd: 2")))
        upstream = await it.upstream()
        head = await upstream.until(b"\r\n\r\n")
        assert head == (
            b"POST /v1/known?a=%2F&&b HTTP/1.1\r\nHost: one.test\r\nX-Odd:  a b \r\nx-odd: 2\r\n"
            b"Content-Type: application/json\r\nContent-Length: 17\r\n\r\n"
        )
        assert await upstream.exactly(17) == b'{"model":"one-x"}'
        await upstream.send(ANSWER)
        assert await client.exactly(len(ANSWER)) == ANSWER
        record = await it.record()
        assert (record.outcome, record.status, record.begun.model_requested) == ("ok", 200, "one-x")
        assert record.begun.org == "acme"
        assert record.provider_request_id == "r1"
        assert it.journal.begun_lines[0].id == record.begun.id


async def test_key_segment_and_own_fields_never_reach_a_provider(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        fields = (
            "X-Lectr-Feature: search",
            "X-LECTR-Anything: x",
            "Connection: keep-alive, X-Hop",
            "X-Hop: 1",
            "TE: trailers",
        )
        await client.send(request(method="GET", path=f"/{KEY}/v1/known", fields=fields, key=False))
        upstream = await it.upstream()
        assert await upstream.until(b"\r\n\r\n") == b"GET /v1/known HTTP/1.1\r\nHost: one.test\r\n\r\n"
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))
        record = await it.record()
        assert (record.begun.feature, record.begun.key_id) == ("search", "k1")


async def test_stream_pieces_leave_as_they_come(autojump_clock: MockClock) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with stage() as it:
        client = it.client()
        await client.send(request(b'{"model":"one-x","stream":true}'))
        upstream = await it.upstream()
        await upstream.until(b"true}")
        await upstream.send(head)
        assert await client.until(b"\r\n\r\n") == head
        for number in range(5):
            event = b"data: %d\n\n" % number
            chunk = b"%x\r\n%b\r\n" % (len(event), event)
            await upstream.send(chunk)
            assert await client.exactly(len(chunk)) == chunk  # the next is sent only after this one arrived
        await upstream.send(b"0\r\nX-Trailer: t\r\n\r\n")
        assert await client.until(b"\r\n\r\n") == b"0\r\nX-Trailer: t\r\n\r\n"
        record = await it.record()
        assert (record.outcome, record.begun.streamed, record.response_bytes) == ("ok", True, 45)


async def test_connections_to_client_and_provider_are_used_again(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        upstream = None
        for _ in range(3):
            await client.send(request(b'{"model":"one-x"}'))
            upstream = upstream or await it.upstream()
            await upstream.until(b'one-x"}')
            await upstream.send(ANSWER)
            assert await client.exactly(len(ANSWER)) == ANSWER
        assert it.gateway.pool.opened == 1
        assert len(it.gateway.pool) == 1


async def test_pipelined_requests_are_answered_in_order(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(b"".join(request(b'{"n":%d}' % n) for n in range(3)))
        upstream = await it.upstream()
        for number in range(3):
            await upstream.until(b'{"n":%d}' % number)
            body = b"answer %d" % number
            await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            assert (await client.until(body)).endswith(body)


async def test_provider_that_answers_too_much_is_not_used_again(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(ANSWER + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert await client.exactly(len(ANSWER)) == ANSWER
        assert await upstream.at_end()
        assert len(it.gateway.pool) == 0
        await client.send(request())
        second = await it.upstream()
        await second.until(b"\r\n\r\n")
        assert client.held == b""


@pytest.mark.parametrize(
    ("head", "body", "sent_back"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            b"",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            b"HTTP/1.1 200 Very Fine\r\nContent-Length: 0\r\n\r\n",
            b"",
            b"HTTP/1.1 200 Very Fine\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n",
            b"z",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz",
        ),
        (
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nKeep-Alive: 5\r\n"
            b"Connection: X-Mine\r\nX-Mine: 1\r\nContent-Length: 0\r\n\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n",
        ),
    ],
)
async def test_answers_are_framed_right(head: bytes, body: bytes, sent_back: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(head + body)
        assert await client.exactly(len(sent_back)) == sent_back
        await client.send(request())  # the connection goes on
        await upstream.until(b"\r\n\r\n")


async def test_answer_to_head_has_no_body_whatever_its_length_says(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(method="HEAD"))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
        await upstream.send(head)
        assert await client.exactly(len(head)) == head
        assert (await it.record()).outcome == "ok"
        assert len(it.gateway.pool) == 1


async def test_old_client_gets_the_content_without_chunks(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(f"GET /v1/known HTTP/1.0\r\nX-Lectr-Key: {KEY}\r\n\r\n".encode())
        upstream = await it.upstream()
        assert (await upstream.until(b"\r\n\r\n")).startswith(b"GET /v1/known HTTP/1.1\r\nHost: one.test\r\n")
        await upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert await client.rest() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"


async def test_answer_that_ends_with_the_connection_does_so_here_too(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        upstream.close()
        assert await client.rest() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it"
        assert (await it.record()).outcome == "ok"


async def test_reader_is_fed_once_for_what_came_at_once(autojump_clock: MockClock) -> None:
    """A provider may put thousands of events into one packet; each call into a reader costs."""
    fed: list[bytes | memoryview] = []

    class Counting:
        first_token_seen = False

        def feed(self, data: bytes | memoryview) -> None:
            fed.append(data)

        def finish(self, *, complete: bool) -> Reading:
            return Reading()

    async with stage(FakeProvider(reader_made=Counting)) as it:
        client = it.client()
        await client.send(request())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.until(b"\r\n\r\n")
        await upstream.send(b"1\r\na\r\n" * 10_000 + b"0\r\n\r\n")
        assert (await it.record()).response_bytes == 10_000
        assert b"".join(fed) == b"a" * 10_000
        assert len(fed) < 10


async def test_reader_that_fails_never_touches_the_answer(autojump_clock: MockClock) -> None:
    class Failing:
        first_token_seen = False

        def feed(self, data: bytes | memoryview) -> None:
            raise KeyError("a secret text")

        def finish(self, *, complete: bool) -> None:
            raise AssertionError

    async with stage(FakeProvider(reader_made=Failing)) as it:  # type: ignore[arg-type]  # a reader that breaks its promise
        client = it.client()
        await client.send(request())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(ANSWER)
        assert await client.exactly(len(ANSWER)) == ANSWER
        assert (await it.record()).reading.state == "unreadable"
        assert it.gateway.faults.counts == {"one": 1}


async def test_connection_that_is_always_ready_does_not_keep_the_loop_to_itself(autojump_clock: MockClock) -> None:
    async with stage() as it:
        greedy, modest = it.client(), it.client()
        await greedy.send(b"".join(request(key=False) for _ in range(200)))
        await modest.send(request(key=False))
        await modest.until(b"missing_lectr_key")
        assert len(it.journal.ended_lines) < 200


async def test_path_that_asks_for_a_stream_makes_the_request_streamed(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}", path="/v1/model:stream"))
        await it.upstream()
        assert it.journal.begun_lines[0].streamed
