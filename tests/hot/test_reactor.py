"""What waits is woken, and nothing that came is left lying, in whatever order the system tells of it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from lectr_core.hot.link import Link
from lectr_core.hot.reactor import Reactor, Spot


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


@pytest.mark.parametrize("told_first", [True, False])
async def test_end_that_came_with_the_last_bytes_is_read(
    ends: tuple[socket.socket, socket.socket], nursery: trio.Nursery, told_first: bool
) -> None:
    near, far = ends
    reactor = Reactor()
    link = Link(near, reactor, Spot(reactor))
    far.sendall(b"last words")
    far.close()
    nursery.start_soon(reactor.run)
    if told_first:
        await wait_all_tasks_blocked()
        assert link.hung_up
    with trio.fail_after(5):
        assert await link.recv() == b"last words"
        assert await link.recv() == b""
    link.close()


async def test_socket_that_has_not_stirred_is_not_asked(
    ends: tuple[socket.socket, socket.socket], nursery: trio.Nursery
) -> None:
    near, far = ends
    reactor = Reactor()
    link = Link(near, reactor, Spot(reactor))
    assert link.recv_now() is None
    far.sendall(b"x")
    assert link.recv_now() is None  # nobody has told of it yet
    nursery.start_soon(reactor.run)
    await wait_all_tasks_blocked()
    assert link.recv_now() == b"x"
    link.close()


async def test_fault_in_telling_early_loses_nothing(
    ends: tuple[socket.socket, socket.socket],
    nursery: trio.Nursery,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    near, far = ends
    hand_out = Reactor._hand_out
    faults = [RuntimeError("as the test wants")]

    def faulty(reactor: Reactor) -> None:
        if faults:
            raise faults.pop()
        hand_out(reactor)

    monkeypatch.setattr(Reactor, "_hand_out", faulty)
    reactor = Reactor()
    link = Link(near, reactor, Spot(reactor))
    with caplog.at_level(logging.ERROR):
        nursery.start_soon(reactor.run)
        await wait_all_tasks_blocked()
        assert not faults
        for word in (b"one", b"two"):
            far.sendall(word)
            with trio.fail_after(5):
                assert await link.recv() == word
    link.close()
