"""Bodies on their way up: those that are read to decide, those that stream, and the answers that come early."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from .stage import request, stage

WAV = ("Content-Type: audio/wav",)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_body_that_is_not_json_streams_before_it_is_complete(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Content-Length: 10")) + b"first")
        upstream = await it.upstream()
        await upstream.until(b"first")
        await client.send(b"secnd")
        await upstream.until(b"secnd")
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK
        record = await it.record()
        assert (record.request_bytes, record.outcome) == (10, "ok")


async def test_chunked_upload_goes_on_as_it_came(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Transfer-Encoding: chunked")))
        upstream = await it.upstream()
        assert b"Transfer-Encoding: chunked" in await upstream.until(b"\r\n\r\n")
        for piece in (b"5;ext=1\r\nhello\r\n", b"1\r\n!\r\n", b"0\r\nX-Sum: 1\r\n\r\n"):
            await client.send(piece)
            assert await upstream.exactly(len(piece)) == piece
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK
        await client.send(request(b"{}"))  # and the connection is in step
        await upstream.until(b"{}")


async def test_chunked_json_goes_on_as_it_came(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        body = b'6\r\n{"mode\r\n' + b'9\r\nl":"one"}\r\n0\r\n\r\n'
        await client.send(request(fields=("Content-Type: application/json", "Transfer-Encoding: chunked")) + body)
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        assert await upstream.exactly(len(body)) == body
        assert it.journal.begun_lines[0].model_requested == "one"


@pytest.mark.parametrize("name", ["X-Lectr-Key", "Connection"])
async def test_trailer_cannot_carry_what_must_not_go_on(name: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Transfer-Encoding: chunked")) + b"1\r\na\r\n")
        upstream = await it.upstream()
        await upstream.until(b"1\r\na\r\n")
        await client.send(f"0\r\n{name}: x\r\n\r\n".encode())
        assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
        assert await upstream.rest() == b""


async def test_expectation_is_answered_by_the_provider_where_the_body_streams(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Content-Length: 4", "Expect: 100-continue")))
        upstream = await it.upstream()
        assert b"Expect: 100-continue" in await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"data")
        await upstream.until(b"data")
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK


async def test_expectation_refused_by_the_provider_reaches_the_client(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Content-Length: 4", "Expect: 100-continue")))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
        assert await client.rest() == b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        assert await upstream.at_end()


async def test_expectation_is_answered_here_where_the_body_must_be_read(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        fields = ("Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue")
        await client.send(request(fields=fields))
        assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        upstream = await it.upstream()
        head = await upstream.until(b"\r\n\r\n{}")
        assert b"Expect" not in head


async def test_answer_before_the_upload_ends_reaches_the_client(autojump_clock: MockClock) -> None:
    early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig"
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(*WAV, "Content-Length: 1000000")) + b"x" * 1000)
        upstream = await it.upstream()
        await upstream.until(b"x" * 1000)
        await upstream.send(early)
        upstream.close()
        assert await client.rest() == early.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        assert (await it.record()).status == 413


async def test_provider_that_does_not_read_holds_the_client_back(autojump_clock: MockClock) -> None:
    size = 20_000_000
    async with stage() as it:
        client = it.client()
        sent = 0

        async def push() -> None:
            nonlocal sent
            await client.send(request(fields=(*WAV, f"Content-Length: {size}")))
            while sent < size:
                sent += await client.sock.send(b"x" * min(65536, size - sent))

        it.nursery.start_soon(push)
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        assert sent < size / 4  # only what socket buffers and one read hold
        got = len(upstream.held)
        upstream.held = b""
        while got < size:
            got += len(await upstream.sock.recv(1 << 20))
        await upstream.send(OK)
        assert await client.exactly(len(OK)) == OK
        assert (await it.record()).request_bytes == size


async def test_client_that_does_not_read_holds_the_provider_back(autojump_clock: MockClock) -> None:
    size = 20_000_000
    async with stage() as it:
        client = it.client()
        await client.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        sent = 0

        async def push() -> None:
            nonlocal sent
            await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            while sent < size:
                sent += await upstream.sock.send(b"x" * min(65536, size - sent))

        it.nursery.start_soon(push)
        await client.until(b"\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        assert sent < size / 4
        got = len(client.held)
        while got < size:
            got += len(await client.sock.recv(1 << 20))
        assert (await it.record()).response_bytes == size
