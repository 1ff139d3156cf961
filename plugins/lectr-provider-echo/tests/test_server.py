"""The server plays scripts faithfully: framing, waits, keep-alive, broken streams, bad input."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio
from lectr_provider_echo.script import Ask
from lectr_provider_echo.server import Manner, main, serve, split_listen

CHAT = {"model": "echo", "messages": [{"role": "user", "content": "one two three four five six seven eight nine"}]}


@asynccontextmanager
async def standing_in(manner: Manner) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A stand-in on a free port of loopback and a client of it."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, manner, listeners)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client, url
        nursery.cancel_scope.cancel()


async def test_whole_answers_have_a_length_and_keep_the_connection() -> None:
    connects = []

    async def note(event: str, _: object) -> None:
        if event == "connection.connect_tcp.complete":
            connects.append(event)

    async with standing_in(Manner(speed=1e9)) as (client, _):
        answers = [await client.post("/v1/chat/completions", json=CHAT, extensions={"trace": note}) for _ in range(3)]
    assert [int(answer.headers["content-length"]) for answer in answers] == [len(answer.content) for answer in answers]
    assert len(connects) == 1


async def test_streams_arrive_whole_in_chunks() -> None:
    async with standing_in(Manner(speed=1e9)) as (client, _):
        answer = await client.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_broken_answer_is_broken_for_the_client_too(streamed: bool) -> None:
    async with standing_in(Manner(speed=1e9)) as (client, _):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/v1/chat/completions", json={**CHAT, "model": "echo-cut", "stream": streamed})


async def test_no_http_is_answered_400_and_closed() -> None:
    async with standing_in(Manner()) as (_, url):
        async with await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2])) as stream:
            await stream.send_all(b"this is no request\r\n\r\n")
            received = b""
            while data := await stream.receive_some():
                received += data
    assert received.startswith(b"HTTP/1.1 400 ")


async def test_it_says_what_it_is() -> None:
    async with standing_in(Manner()) as (client, _):
        assert (await client.get("/")).json() == {"stand_in": "lectr-provider-echo"}
        assert (await client.head("/")).content == b""


def test_speed_is_a_mere_factor_and_repeats_differ_but_can_be_repeated() -> None:
    ask = Ask(method="POST", path="/v1/chat/completions", body=json.dumps({**CHAT, "model": "gpt-4o"}).encode())
    one, other = Manner(speed=1.0), Manner(speed=20.0)
    first = [one.script(ask, 5) for _ in range(3)]
    assert first == [other.script(ask, 5) for _ in range(3)]
    assert len({script.body for script in first}) == 3
    assert Manner(seed=2).script(ask, 5) != first[0]


@pytest.mark.parametrize(("text", "expected"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:8422", ("::1", 8422))])
def test_addresses_are_understood(text: str, expected: tuple[str, int]) -> None:
    assert split_listen(text) == expected


@pytest.mark.parametrize("text", ["", "8422", ":8422", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_wrong_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_listen(text)


@pytest.mark.parametrize("arguments", [["--speed", "0"], ["--errors", "2"], ["--listen", "nowhere"]])
def test_wrong_arguments_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
