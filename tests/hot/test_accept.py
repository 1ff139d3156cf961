"""The door: every kind of listener, and failures that must neither close it nor make it spin."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.hot import accept
from lectr_core.hot.link import Link

from .stage import Peer, Stage, request, stage


class Listener(socket.socket):
    """A unix listener whose first accepts fail."""

    fails: list[int]
    asked = 0

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.fails:
            raise OSError(self.fails.pop(0), "as the test wants")
        return super().accept()


def _listen(path: Path, *fails: int) -> Listener:
    listener = Listener(socket.AF_UNIX)
    listener.fails = list(fails)
    listener.bind(str(path))
    listener.listen()
    listener.setblocking(False)
    return listener


def _connect(it: Stage, listener: socket.socket) -> Peer:
    sock = socket.socket(listener.family)
    sock.connect(listener.getsockname())
    it.peers.append(Peer(sock))
    return it.peers[-1]


async def _is_served(client: Peer) -> bool:
    await client.send(request(key=False))
    return b"missing_lectr_key" in await client.until(b"}}")


async def test_unix_listener_serves(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with stage() as it:
        with _listen(tmp_path / "s") as listener:
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            assert await _is_served(_connect(it, listener))
            it.nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_tcp_listener_serves_without_delay(family: socket.AddressFamily, host: str) -> None:
    try:
        listener = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    listener.setblocking(False)
    async with stage() as it:
        with listener:
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            assert await _is_served(_connect(it, listener))
            (connection,) = it.gateway.connections
            assert connection.link.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            it.nursery.cancel_scope.cancel()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EPERM, errno.EINVAL])
async def test_door_rests_while_nobody_can_be_let_in(error: int, tmp_path: Path, autojump_clock: MockClock) -> None:
    async with stage() as it:
        with _listen(tmp_path / "s", *[error] * 20) as listener:
            client = _connect(it, listener)
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            started_at = trio.current_time()
            assert await _is_served(client)
            assert trio.current_time() - started_at >= 20 * accept.PAUSE_S
            it.nursery.cancel_scope.cancel()


async def test_connection_that_is_gone_when_it_is_accepted_holds_nobody_up(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with stage() as it:
        with _listen(tmp_path / "s", errno.ECONNABORTED) as listener:
            client = _connect(it, listener)
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            started_at = trio.current_time()
            assert await _is_served(client)
            assert trio.current_time() - started_at < accept.PAUSE_S
            it.nursery.cancel_scope.cancel()


async def test_connection_that_cannot_be_watched_is_closed_and_the_door_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with stage() as it:

        class Full:
            fileno, poll = it.gateway.reactor._epoll.fileno, it.gateway.reactor._epoll.poll

            def register(self, *_: object) -> None:
                raise OSError(errno.ENOSPC, "as the test wants")

        with _listen(tmp_path / "s") as listener:
            it.nursery.start_soon(accept.door, it.gateway, listener, it.nursery)
            real = it.gateway.reactor._epoll
            it.gateway.reactor._epoll = Full()  # type: ignore[assignment]  # full
            first = _connect(it, listener)
            await wait_all_tasks_blocked()
            it.gateway.reactor._epoll = real
            assert await first.at_end()
            assert (len(it.gateway.reactor), len(it.gateway.reactor.spots), len(it.gateway.connections)) == (0, 1, 0)
            assert await _is_served(_connect(it, listener))
            it.nursery.cancel_scope.cancel()


async def test_closing_a_link_twice_leaves_its_successor_alone(autojump_clock: MockClock) -> None:
    async with stage() as it:
        it.client()
        (connection,) = it.gateway.connections
        old, spot = connection.link, connection.link.spot
        await wait_all_tasks_blocked()
        ours, theirs = socket.socketpair()
        successor = Link(ours, it.gateway.reactor, spot)
        old_fd, old.fd = old.fd, successor.fd  # as when the system gives the descriptor to the next
        it.gateway.reactor.remove(old)
        assert len(it.gateway.reactor) == 2
        old.fd = old_fd
        successor.close()
        theirs.close()
