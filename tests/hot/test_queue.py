"""Connections to one provider are counted: who needs one more waits for its turn, in order, and never too long."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot.link import Link
from lectr_core.hot.pool import NoTurn
from lectr_core.hot.reactor import Spot
from lectr_core.model.call import Origin
from lectr_core.model.egress import Place
from lectr_core.model.settings import GatewaySettings

from .stage import FakeProvider, Peer, Stage, request, stage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LAST = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
PLACE = Place("one", Origin("http", "one.test", 80))


def _only_one(it: Stage, wait_limit_s: float = 10.0) -> None:
    it.gateway.pool.most, it.gateway.pool.wait_limit_s = 1, wait_limit_s


async def _close(it: Stage, *links: Link) -> None:
    for link in links:
        link.close()
    for _ in range(it.gateway.pool.opened):
        await it.upstream()


async def _ask(it: Stage, name: bytes) -> Peer:
    client = it.client()
    await client.send(request(b'{"n":"%b"}' % name))
    await wait_all_tasks_blocked()
    return client


async def test_requests_wait_for_the_connection_in_the_order_of_their_coming(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _only_one(it)
        clients = [await _ask(it, name) for name in (b"a", b"b", b"c")]
        upstream = await it.upstream()
        for client, name in zip(clients, (b"a", b"b", b"c"), strict=True):
            assert b'{"n":"%b"}' % name in await upstream.until(b"}")
            await upstream.send(OK)
            assert await client.exactly(len(OK)) == OK
        counters = it.gateway.counters()
        assert (counters["opened_upstream"], counters["waited_upstream"], counters["waiting_upstream"]) == (1, 2, 0)


async def test_who_waits_may_open_one_when_another_is_closed(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _only_one(it)
        first, second = await _ask(it, b"a"), await _ask(it, b"b")
        upstream = await it.upstream()
        await upstream.until(b"}")
        await upstream.send(LAST)
        await first.until(b"ok")
        fresh = await it.upstream()
        assert b'{"n":"b"}' in await fresh.until(b"}")
        await fresh.send(OK)
        assert await second.exactly(len(OK)) == OK


async def test_wait_ends_with_503_at_its_limit_and_nothing_is_sent(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings()) as it:
        _only_one(it, wait_limit_s=10)
        await _ask(it, b"a")
        upstream = await it.upstream()
        await upstream.until(b"}")
        began_s = trio.current_time()
        second = await _ask(it, b"b")
        answer = await second.until(b"}}")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"overloaded" in answer
        assert b"Retry-After" in answer
        assert 10 <= trio.current_time() - began_s < 11
        record = await it.record()
        assert (record.outcome, record.error_source, record.error_category) == ("lectr_refused", "lectr", "overload")
        assert upstream.held == b""
        assert (it.gateway.counters()["over_upstream"], it.gateway.pool.waiting) == (1, 0)


async def test_client_that_leaves_the_queue_lets_the_next_one_move_up(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _only_one(it)
        first, second, third = [await _ask(it, name) for name in (b"a", b"b", b"c")]
        upstream = await it.upstream()
        await upstream.until(b"}")
        second.close()
        assert (await it.record()).outcome == "client_disconnected"
        assert it.gateway.pool.waiting == 1
        await upstream.send(OK)
        await first.until(b"ok")
        assert b'{"n":"c"}' in await upstream.until(b"}")
        await upstream.send(OK)
        await third.until(b"ok")


async def test_one_providers_queue_is_no_others(autojump_clock: MockClock) -> None:
    two = FakeProvider(id="two", origin=Origin("http", "two.test", 80), family="two-", path_mark="/only-two")
    async with stage(FakeProvider(), two) as it:
        _only_one(it)
        await _ask(it, b"a")
        await it.upstream()
        await _ask(it, b"b")
        other = it.client()
        await other.send(request(b"{}", path="/only-two"))
        await (await it.upstream()).until(b"{}")


async def test_failed_connection_is_no_longer_counted(autojump_clock: MockClock) -> None:
    async with stage() as it:
        _only_one(it)
        it.gateway.pool.connector.fails = "refused"  # type: ignore[attr-defined]  # the fake one
        for number in range(3):
            client = await _ask(it, b"a")
            assert b"502 Bad Gateway" in await client.until(b"}}")
            assert (await it.record(number + 1)).error_category == "refused"
        assert it.gateway.pool.waited == 0


@pytest.mark.parametrize("given_back", [False, True])
async def test_turn_that_came_too_late_goes_to_the_next(given_back: bool, autojump_clock: MockClock) -> None:
    """The one who leaves has been called already, and has not run yet."""
    async with stage() as it:
        pool = it.gateway.pool
        _only_one(it)
        spots = [Spot(it.gateway.reactor) for _ in range(3)]
        link = await pool.open(PLACE, spots[0])
        got: dict[int, Link] = {}

        async def wait(number: int) -> None:
            got[number] = await pool.open(PLACE, spots[number])

        with trio.CancelScope() as leaving:
            async with trio.open_nursery() as nursery:
                scope = nursery.cancel_scope
                nursery.start_soon(wait, 1)
                await wait_all_tasks_blocked()
                it.nursery.start_soon(wait, 2)
                await wait_all_tasks_blocked()
                scope.cancel()
                if given_back:
                    pool.give_back(PLACE, link)
                else:
                    link.close()
        assert not leaving.cancelled_caught
        await wait_all_tasks_blocked()
        assert list(got) == [2]
        assert pool.waiting == 0
        await _close(it, *got.values())


async def test_connection_that_died_on_its_way_to_the_next_is_replaced(autojump_clock: MockClock) -> None:
    async with stage() as it:
        pool = it.gateway.pool
        _only_one(it)
        spots = [Spot(it.gateway.reactor) for _ in range(2)]
        link = await pool.open(PLACE, spots[0])
        got: list[Link] = []

        async def wait() -> None:
            got.append(await pool.open(PLACE, spots[1]))

        it.nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        pool.give_back(PLACE, link)
        link.hung_up = True  # before the one who waits has run
        await wait_all_tasks_blocked()
        assert [one is link for one in got] == [False]
        pool.wait_limit_s = 1
        with pytest.raises(NoTurn):  # the one that was opened instead counts
            await pool.open(PLACE, spots[0])
        await _close(it, *got)
