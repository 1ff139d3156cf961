"""A gateway's life: it serves, drains, and lets go of everything, however it ends."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot.gateway import Gateway, Version
from lectr_core.model.keys import KeyRing
from lectr_core.model.settings import GatewaySettings

from .stage import HOLDER, FakeConnector, FakeJournal, FakeProvider, Peer, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@attrs.define
class House:
    """A gateway that really serves, on a unix socket."""

    gateway: Gateway
    journal: FakeJournal
    path: str
    upstreams: trio.MemoryReceiveChannel[Peer]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    over: trio.Event = attrs.field(factory=trio.Event)

    async def serve(self, listener: socket.socket, task_status: trio.TaskStatus[None]) -> None:
        with self.scope:
            await self.gateway.serve([listener], task_status)
        self.over.set()

    def client(self) -> Peer:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(self.path)
        except OSError:
            sock.close()
            raise
        return Peer(sock)

    async def asked(self) -> tuple[Peer, Peer]:
        client = self.client()
        await client.send(request(b"{}"))
        upstream = await self.upstreams.receive()
        await upstream.until(b"{}")
        return client, upstream


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    version = Version("v1", {"one": FakeProvider()}, (), GatewaySettings())
    journal = FakeJournal()
    send, receive = trio.open_memory_channel[Peer](10)
    gateway = Gateway(version, KeyRing({HOLDER.digest: HOLDER}), journal)  # type: ignore[arg-type]  # by its methods
    gateway.pool.connector = FakeConnector(send)  # type: ignore[assignment]  # by its methods
    it = House(gateway, journal, str(tmp_path / "s"), receive)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(it.path)
        listener.listen()
        async with trio.open_nursery() as nursery:
            await nursery.start(it.serve, listener)
            yield it
            it.scope.cancel()


def _is_empty(gateway: Gateway) -> bool:
    return not gateway.connections and not gateway.reactor and not len(gateway.pool) and gateway.reactor._epoll.closed


async def test_stop_waits_for_open_requests_and_then_lets_go(house: House, autojump_clock: MockClock) -> None:
    client, upstream = await house.asked()
    house.gateway.stop(30)
    await wait_all_tasks_blocked()
    with pytest.raises(ConnectionRefusedError):
        house.client()
    await upstream.send(OK)
    assert (await client.rest()).endswith(b"Connection: close\r\n\r\nok")
    await house.over.wait()
    assert [ended.outcome for ended in house.journal.ended_lines] == ["ok"]
    assert _is_empty(house.gateway)
    client.close()
    upstream.close()


async def test_grace_that_is_over_ends_what_is_open(house: House, autojump_clock: MockClock) -> None:
    client, upstream = await house.asked()
    started_at = trio.current_time()
    house.gateway.stop(5)
    await house.over.wait()
    assert 5 <= trio.current_time() - started_at < 6
    assert [ended.outcome for ended in house.journal.ended_lines] == ["gateway_shutdown"]
    assert _is_empty(house.gateway)
    client.close()
    upstream.close()


async def test_idle_connection_has_a_last_request_where_others_serve_on(house: House, autojump_clock: MockClock) -> None:
    client, upstream = await house.asked()
    await upstream.send(OK)
    await client.exactly(len(OK))
    idle = house.client()
    await wait_all_tasks_blocked()
    started_at = trio.current_time()
    house.gateway.stop(30, idle_s=5)
    await trio.sleep(4)
    await client.send(request(b"{}"))
    await upstream.until(b"{}")
    await upstream.send(OK)
    assert (await client.rest()).endswith(b"Connection: close\r\n\r\nok")
    assert await idle.at_end()
    await house.over.wait()
    assert 5 <= trio.current_time() - started_at < 6
    assert _is_empty(house.gateway)
    for peer in (client, upstream, idle):
        peer.close()


async def test_second_stop_does_not_wait_for_idle_connections(house: House, autojump_clock: MockClock) -> None:
    idle = house.client()
    await wait_all_tasks_blocked()
    started_at = trio.current_time()
    house.gateway.stop(30, idle_s=20)
    await trio.sleep(1)
    house.gateway.stop(0)
    assert await idle.at_end()
    await house.over.wait()
    assert trio.current_time() - started_at < 2
    idle.close()


async def test_cancelled_gateway_lets_go_of_everything(house: House, autojump_clock: MockClock) -> None:
    kept_client, kept = await house.asked()
    await kept.send(OK)
    await kept_client.exactly(len(OK))
    house.gateway.pool._idle, idle = {}, house.gateway.pool._idle  # so that the next one opens its own
    client, upstream = await house.asked()
    house.gateway.pool._idle = idle
    house.scope.cancel()
    await house.over.wait()
    assert [ended.outcome for ended in house.journal.ended_lines] == ["ok", "gateway_shutdown"]
    assert _is_empty(house.gateway)
    for peer in (kept_client, kept, client, upstream):
        peer.close()
