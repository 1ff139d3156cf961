"""HTTP/2 to a provider: where answers end, in all the ways in which they can."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hyperframe.frame import GoAwayFrame

from .h2server import JSON, Seen, Server, content, served, until, way, whole
from .stage import request
from .ways import AUTHORITY


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("how", ["reset", "close", "split", "garbage"])
async def test_an_answer_that_is_cut_is_cut_for_the_client_too(ca_file: Path, begun: bool, how: str) -> None:
    async def cut(seen: Seen) -> None:
        await seen.whole.wait()
        if begun:
            await seen.head(JSON)
            await seen.send(b"half of it")
        if how == "reset":
            await seen.cut()
        elif how == "close":
            await trio.aclose_forcefully(seen.connection.stream)
        elif how == "garbage":
            await seen.connection.raw(b"\xff" * 100)
        elif begun:
            await seen.trailers((b"x", b"1\r\nb: 2"))
        else:
            await seen.head((b"x", b"1\r\nset-cookie: mine"), end=True)

    server = Server(cut)
    async with served(server, way(ca_file)) as it:
        client = it.client()
        await client.send(request(b"{}"))
        answer = await client.rest() if begun else await client.until(b"}}")
        record = await it.record()
    assert record.outcome == "upstream_failed"
    if begun:
        assert answer.endswith(b"a\r\nhalf of it\r\n")
    else:
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"cookie" not in answer


async def test_interim_answers_and_trailers_pass(ca_file: Path) -> None:
    async def hinting(seen: Seen) -> None:
        seen.connection.h2.send_headers(seen.number, [(b":status", b"100")])
        await seen.connection.flush()
        await seen.whole.wait()
        await seen.head(JSON)
        await seen.send(bytes(seen.body))
        await seen.trailers((b"x-checked", b"yes"))

    async with served(Server(hinting), way(ca_file)) as it:
        client = it.client()
        await client.send(request(fields=("Content-Type: audio/wav", "Content-Length: 4", "Expect: 100-continue")))
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        await client.send(b"body")
        assert (await client.until(b"yes\r\n\r\n")).endswith(b"4\r\nbody\r\n0\r\nx-checked: yes\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "status", "fields", "expected"),
    [
        ("HEAD", b"200", [(b"content-length", b"7")], b"content-length: 7"),
        ("GET", b"204", [], b""),
        ("GET", b"304", [(b"content-length", b"7")], b"content-length: 7"),
        ("GET", b"200", [], b"content-length: 0"),
        ("GET", b"529", [(b"content-length", b"0")], b"content-length: 0"),
    ],
)
async def test_answers_without_content_are_framed_right(
    ca_file: Path, method: str, status: bytes, fields: list[tuple[bytes, bytes]], expected: bytes
) -> None:
    async def bare(seen: Seen) -> None:
        await seen.head(*fields, status=status, end=True)

    async with served(Server(bare), way(ca_file)) as it:
        client = it.client()
        for _ in range(2):
            await client.send(request(method=method))
            answer = await client.until(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert expected in answer
            assert b"transfer-encoding" not in answer


async def test_an_answer_that_has_its_length_is_whole_though_its_stream_does_not_end(ca_file: Path) -> None:
    async def endless(seen: Seen) -> None:
        await seen.whole.wait()
        await seen.head(JSON, (b"content-length", b"2"))
        await seen.send(b"ok")

    async with served(server := Server(endless), way(ca_file)) as it:
        client = it.client()
        for _ in range(3):
            await client.send(request(b"{}"))
            await client.until(b"ok")
        with trio.fail_after(5):
            await server.seen[0].reset.wait()
        assert len(server.connections) == 1


async def test_an_early_answer_ends_the_upload_and_the_connection_serves_on(ca_file: Path) -> None:
    async def early(seen: Seen) -> None:
        if dict(seen.fields)[b"content-type"] == JSON[1]:
            await whole(seen)
        else:
            await seen.head(JSON, (b"content-length", b"2"), status=b"413")
            await seen.send(b"no", end=True)

    server = Server(early)
    async with served(server, way(ca_file)) as it:
        client = it.client()
        await client.send(request(fields=("Content-Type: audio/wav", "Content-Length: 100000")) + b"x" * 50_000)
        assert (await client.until(b"no")).startswith(b"HTTP/1.1 413 ")
        other = it.client()
        await other.send(request(b"{}"))
        assert content(await other.until(b"\r\n0\r\n\r\n")) == b"{}"
        assert len(server.connections) == 1


async def test_an_orderly_goaway_lets_open_streams_finish_and_the_next_goes_elsewhere(ca_file: Path) -> None:
    go = trio.Event()

    async def leaving(seen: Seen) -> None:
        await seen.whole.wait()
        await seen.head(JSON)
        await seen.send(b"one")
        await go.wait()
        await seen.send(b"two", end=True)

    server = Server(leaving)
    async with served(server, way(ca_file)) as it:
        client, next_ = it.client(), it.client()
        await client.send(request(b"{}"))
        await client.until(b"one\r\n")
        await server.connections[0].raw(GoAwayFrame(0, last_stream_id=server.seen[0].number, error_code=0).serialize())
        connector = it.gateway.pool.connector
        await until(lambda: not any(one.has_room for kept in connector._sessions._open.values() for one in kept))
        await next_.send(request(b"{}"))
        await next_.until(b"one\r\n")
        go.set()
        assert await client.until(b"0\r\n\r\n") == b"3\r\ntwo\r\n0\r\n\r\n"
        assert len(server.connections) == 2
