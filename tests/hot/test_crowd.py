"""How many there may be at once: of each address, of each key, in bytes kept, and for want of descriptors."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot import accept
from lectr_core.hot.crowd import MAX_TOLD, Crowd, clients_for, network_of
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import key_digest
from lectr_core.model.settings import GatewaySettings

from .stage import HOLDER, KEY, Peer, request, stage

OTHER_KEY = "lc_key_" + "o" * 43
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_connection_over_its_addresss_limit_is_told_so_and_others_are_served(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(max_connections_per_address=1)) as it:
        first, second, other = it.client("192.0.2.1"), it.client("192.0.2.1"), it.client("192.0.2.2")
        answer = await second.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in answer
        assert b"too many connections from one address" in answer
        for client in (first, other):
            await client.send(request(key=False))
            assert b"missing_lectr_key" in await client.until(b"}}")
        assert it.gateway.counters()["over_address"] == 1
        record = await it.record()
        assert (record.outcome, record.error_code) == ("lectr_refused", "overloaded")


async def test_address_may_come_again_when_its_connections_are_over(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(max_connections_per_address=1)) as it:
        for _ in range(3):
            client = it.client("192.0.2.1")
            await client.send(request(key=False, fields=("Connection: close",)))
            assert b"missing_lectr_key" in await client.rest()
            client.close()
            await wait_all_tasks_blocked()
        assert it.gateway.crowd.by_address == {}


async def test_a_flood_beyond_the_limit_is_closed_without_a_word(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(max_connections=1)) as it:
        it.client("192.0.2.1")
        crowd = [it.client("192.0.2.1") for _ in range(MAX_TOLD + 20)]
        answers = [await one.rest() for one in crowd]
        assert sum(not answer for answer in answers) == 20
        assert it.gateway.counters()["over_connections"] == MAX_TOLD + 20
        assert it.gateway.crowd.told == MAX_TOLD  # until they have read it, and closed
        for one in crowd:
            one.close()
        await wait_all_tasks_blocked()
        assert it.gateway.crowd.told == 0
        assert it.gateway.crowd.by_address == {"192.0.2.1": 1}


async def test_key_with_all_its_requests_open_gets_429_and_other_keys_are_served(autojump_clock: MockClock) -> None:
    other = KeyHolder("k2", "beta", key_digest(OTHER_KEY.encode()))
    ring = KeyRing({HOLDER.digest: HOLDER, other.digest: other})
    async with stage(settings=GatewaySettings(max_requests_per_key=1), keys=ring) as it:
        first, second, third = it.client(), it.client(), it.client()
        await first.send(request(b"{}"))
        upstream = await it.upstream()
        await upstream.until(b"{}")
        await second.send(request(b"{}"))
        answer = await second.until(b"}}")
        assert answer.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After: 1" in answer
        assert b"concurrent_streams_exceeded" in answer
        record = await it.record()
        assert (record.outcome, record.error_category) == ("lectr_refused", "rate_limit")
        await third.send(request(b"{}").replace(KEY.encode(), OTHER_KEY.encode()))
        await it.upstream()
        await upstream.send(OK)
        await first.until(b"ok")
        await first.send(request(b"{}"))
        await upstream.until(b"{}")
        assert it.gateway.counters()["over_key"] == 1
        assert it.gateway.crowd.by_key == {"k1": 1, "k2": 1}


@pytest.mark.parametrize("end", ["answered", "left", "refused"])
async def test_key_gets_its_place_back_however_a_request_ends(end: str, autojump_clock: MockClock) -> None:
    settings = GatewaySettings(max_requests_per_key=1, default_provider="none" if end == "refused" else None)
    async with stage(settings=settings) as it:
        client = it.client()
        await client.send(request(b"{}"))
        if end != "refused":
            upstream = await it.upstream()
            await upstream.until(b"{}")
            if end == "answered":
                await upstream.send(OK)
            else:
                client.close()
        await it.record()
        assert it.gateway.crowd.by_key == {"k1": 0}


async def test_bodies_that_would_be_too_much_together_are_refused(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(max_held_bytes=100)) as it:
        first, second = it.client(), it.client()
        await first.send(request(b'{"a":"' + b"x" * 92 + b'"}')[:-2])
        await wait_all_tasks_blocked()
        assert it.gateway.counters()["held_body_bytes"] == 98
        await second.send(request(b'{"a":"xxx"}')[:-2])
        answer = await second.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"overloaded" in answer
        assert it.gateway.counters()["over_held"] == 1
        await first.send(b'"}')
        upstream = await it.upstream()
        await upstream.until(b'"}')
        await wait_all_tasks_blocked()
        assert it.gateway.counters()["held_body_bytes"] == 0  # it has gone up; the answer may take its time


async def test_body_that_its_client_leaves_is_let_go_of(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(b'{"a":"xxx"}')[:-2])
        await wait_all_tasks_blocked()
        assert it.gateway.crowd.held_bytes == 9
        client.close()
        await it.record()
        assert it.gateway.crowd.held_bytes == 0


async def test_door_is_shut_while_all_descriptors_are_promised_and_opens_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        listener.setblocking(False)
        async with stage() as it:
            it.gateway.crowd.most_clients = 1
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            clients = []
            for _ in range(2):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(listener.getsockname())
                clients.append(Peer(sock))
            it.peers += clients
            await clients[0].send(request(key=False))
            assert b"missing_lectr_key" in await clients[0].until(b"}}")
            assert len(it.gateway.connections) == 1
            clients[0].close()
            await clients[1].send(request(key=False))
            assert b"missing_lectr_key" in await clients[1].until(b"}}")
            assert it.gateway.counters()["pauses"] >= 1
            it.nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("accepted", "network"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 4711, 0, 0), "2001:db8:1:2::"),
        (("2001:db8:1:2:ffff::1", 4711, 0, 0), "2001:db8:1:2::"),
        (("::ffff:192.0.2.7", 4711, 0, 0), "192.0.2.7"),
        (("fe80::1%eth0", 4711, 0, 2), "fe80::"),
        ("", None),
        (b"\0name", None),
    ],
)
def test_one_client_counts_once_whatever_address_of_its_network_it_uses(accepted: object, network: str | None) -> None:
    assert network_of(accepted) == network


def test_half_of_all_descriptors_is_for_providers() -> None:
    assert clients_for(1024) == 480
    assert clients_for(10) == 1


def test_unix_sockets_count_for_nobody() -> None:
    crowd = Crowd()
    for _ in range(3):
        assert crowd.arrive(None, 0, GatewaySettings(max_connections_per_address=1)) is None
        crowd.leave(None)
    assert crowd.by_address == {}
