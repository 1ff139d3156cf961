"""Whatever clients, providers and the operator do, in any order: one record a request, and nothing stays open."""

from __future__ import annotations

import random

import pytest
import trio
from trio.testing import MockClock

from lectr_core.model.settings import GatewaySettings

from .stage import Peer, Stage, request, stage

WAV = "Content-Type: audio/wav"
REQUESTS = [
    request(b'{"model":"one-x"}'),
    request(),
    request(b"{}", key=False),
    request(method="HEAD"),
    request(b"{}", fields=("Connection: close",)),
    request(b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"),
    request(fields=(WAV, "Content-Length: 10")) + b"0123456789",
    request(fields=(WAV, "Transfer-Encoding: chunked")) + b"3\r\nabc\r\n0\r\n\r\n",
    request(fields=("Content-Type: application/json", "Transfer-Encoding: chunked")) + b"2\r\n{}\r\n0\r\nA: b\r\n\r\n",
    request(fields=("Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue")) + b"{}",
    request(fields=(WAV, "Content-Length: 100000")) + b"z" * 100_000,
    request(fields=("X-Lectr-Provider: nobody",)),
    b"nonsense\r\n\r\n",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nto the end",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"q" * 70_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    b"nonsense\r\n\r\n",
]


async def _send(peer: Peer, data: bytes, dice: random.Random) -> None:
    """In pieces, with pauses."""
    at = 0
    while at < len(data):
        size = max(dice.choice([1, 7, 100, 100_000]), len(data) // 50)
        with trio.move_on_after(200):
            await peer.send(data[at : at + size])
        at += size
        if dice.random() < 0.1:
            await trio.sleep(dice.choice([0.01, 1, 20]))


async def _be_a_client(it: Stage, dice: random.Random) -> None:
    peer = it.client()
    data = b"".join(dice.choices(REQUESTS, k=dice.randint(1, 4)))
    try:
        await _send(peer, data[: dice.choice([len(data), len(data), dice.randint(0, len(data))])], dice)
        if dice.random() < 0.2:
            peer.sock.shutdown(1)
        with trio.move_on_after(dice.choice([0.1, 5, 1000])):
            await peer.rest()
    except OSError:
        pass
    peer.close()


async def _be_a_provider(peer: Peer, dice: random.Random) -> None:
    try:
        while await peer.sock.recv(dice.choice([10, 65536])):
            if dice.random() < 0.7:
                answer = dice.choice(ANSWERS)
                await _send(peer, answer[: dice.choice([len(answer)] * 4 + [dice.randint(0, len(answer))])], dice)
            if dice.random() < 0.15:
                break
    except OSError:
        pass
    peer.close()


async def _be_an_operator(it: Stage, dice: random.Random) -> None:
    await trio.sleep(dice.choice([0, 0.01, 1, 10]))
    if dice.random() < 0.3:
        it.nursery.cancel_scope.cancel()
    it.gateway.stop(1)
    await trio.sleep(0.5)
    it.gateway.stop(0)


def _check(it: Stage) -> None:
    assert it.gateway.connections == set()
    assert it.gateway.totals["escaped"] == 0
    numbers = [ended.begun.seq for ended in it.journal.ended_lines]
    assert sorted(numbers) == list(range(1, it.journal.highest + 1))
    assert {begun.seq for begun in it.journal.begun_lines} <= set(numbers)
    for ended in it.journal.ended_lines:
        assert 0 <= ended.gateway_ns <= ended.duration_ns
        assert ended.outcome != "interrupted"
        assert (ended.outcome == "lectr_refused") <= (ended.error_code is not None)
        assert (ended.outcome == "ok") <= (ended.status is not None and ended.status < 400)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_each_request_leaves_one_record_whatever_happens(seed: int, autojump_clock: MockClock) -> None:
    dice = random.Random(seed)
    async with stage(settings=GatewaySettings(max_connections=3 if seed % 4 == 0 else 100)) as it:

        async def provide() -> None:
            async for peer in it.upstreams:
                it.peers.append(peer)
                it.nursery.start_soon(_be_a_provider, peer, dice)

        it.nursery.start_soon(provide)
        async with trio.open_nursery() as others:
            for _ in range(dice.randint(1, 6)):
                others.start_soon(_be_a_client, it, dice)
            if dice.random() < 0.4:
                others.start_soon(_be_an_operator, it, dice)
        with trio.CancelScope(shield=True):
            await trio.sleep(2000)
        _check(it)
