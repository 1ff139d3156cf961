"""systemd is told what it waits for, in its own words, and sockets that it hands over are used."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from lectr_core.assembly.ground import adopt_doors
from lectr_core.assembly.service import Service, take_descriptors
from lectr_core.errors import OperatorError


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """What systemd listens on, and how it names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@lectr-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind("\0" + name[1:] if name[0] == "@" else name)
        opened.setblocking(False)
        yield opened, name


def test_each_state_is_one_message(manager: tuple[socket.socket, str]) -> None:
    opened, name = manager
    service = Service.of({"NOTIFY_SOCKET": name}, 1)
    service.ready("2 workers, version 0123456789ab")
    assert opened.recv(4096) == b"READY=1\nSTATUS=2 workers, version 0123456789ab"
    service.reloading()
    first, second = opened.recv(4096).decode().splitlines()
    assert (first, second.partition("=")[0]) == ("RELOADING=1", "MONOTONIC_USEC")
    assert int(second.partition("=")[2]) > 0
    service.stopping()
    assert opened.recv(4096).startswith(b"STOPPING=1")


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_where_it_watches_this_process(environ: dict[str, str], watchdog_s: float | None) -> None:
    assert Service.of({"NOTIFY_SOCKET": "/run/x", **environ}, 77).watchdog_s == watchdog_s
    assert Service.of(environ, 77).watchdog_s is None, "there is nobody to tell"


async def test_the_watchdog_is_fed_thrice_a_period_while_all_is_alive(
    manager: tuple[socket.socket, str], autojump_clock: MockClock
) -> None:
    opened, name = manager
    alive = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Service(name, 30.0).ping, lambda: alive)
        await trio.sleep(29)
        assert [opened.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        alive = False
        await trio.sleep(60)
        with pytest.raises(BlockingIOError):
            opened.recv(100)
        nursery.cancel_scope.cancel()


def test_a_manager_that_is_not_there_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not Service().tell("READY=1")
    assert not Service.of({"NOTIFY_SOCKET": str(tmp_path / "gone")}, 1).tell("READY=1")
    assert "was not told READY=1" in caplog.text
    assert Service.of({"NOTIFY_SOCKET": "vsock:2:1"}, 1).address is None


def test_sockets_are_taken_once_and_by_the_process_they_are_meant_for() -> None:
    environ = {"LISTEN_PID": "77", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b", "OTHER": "stays"}
    assert take_descriptors(environ, 78) == ()
    assert take_descriptors(environ, 77) == (3, 4)
    assert environ == {"OTHER": "stays"}
    assert take_descriptors(environ, 77) == ()
    with pytest.raises(OperatorError, match="LISTEN_FDS"):
        take_descriptors({"LISTEN_PID": "77", "LISTEN_FDS": "many"}, 77)


def test_a_socket_handed_over_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(path))
        for opened in (tcp, unix):
            opened.listen()
        port = tcp.getsockname()[1]
        with adopt_doors([os.dup(tcp.fileno()), os.dup(unix.fileno())], loopback_only=True) as doors:
            assert [str(address) for address in doors.addresses] == [f"127.0.0.1:{port}", f"unix:{path}"]
            assert doors.base_url == f"http://127.0.0.1:{port}"
            assert not any(opened.get_inheritable() or opened.getblocking() for opened in doors.sockets)
        assert path.exists(), "it belongs to whoever handed it over"
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            assert waiting.getpeername()[1] == port, "it is still open there"


def test_what_cannot_be_listened_on_is_refused() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        number = os.dup(deaf.fileno())
        with pytest.raises(OperatorError, match="no socket that listens"), adopt_doors([number], loopback_only=False):
            pass
    reading, writing = os.pipe()
    with pytest.raises(OperatorError, match="is none"), adopt_doors([reading], loopback_only=False):
        pass
    os.close(reading)
    os.close(writing)


def test_without_keys_a_socket_that_others_can_reach_is_refused() -> None:
    with socket.socket() as wide:
        wide.bind(("0.0.0.0", 0))
        wide.listen()
        with pytest.raises(OperatorError, match="loopback only"), adopt_doors([os.dup(wide.fileno())], loopback_only=True):
            pass
