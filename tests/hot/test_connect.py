"""Opening connections to providers: TLS that never holds the worker up, and failures that have a name."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trustme

from lectr_core import Origin
from lectr_core.hot.connect import Connector, Unreachable
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.reactor import Reactor, Spot
from lectr_core.model.egress import Egress, Place

from .stage import FakeProvider, request, stage


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    ca = trustme.CA()
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return ca, path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
async def spot(nursery: trio.Nursery) -> Spot:
    reactor = Reactor()
    nursery.start_soon(reactor.run)
    return Spot(reactor)


def _origin(listener: socket.socket, scheme: str = "https") -> Origin:
    return Origin(scheme, "127.0.0.1", listener.getsockname()[1])


def _place(listener: socket.socket, ca_file: Path | None = None) -> Place:
    return Place("one", _origin(listener), Egress(ca_file=ca_file))


async def _open(listener: socket.socket, authority: tuple[trustme.CA, Path], spot: Spot) -> tuple[Link, ssl.SSLSocket]:
    """Both ends of a TLS connection. The far one blocks, so it has a thread."""
    ca, path = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    accepted: list[ssl.SSLSocket] = []

    def serve() -> None:
        sock, _ = listener.accept()
        accepted.append(context.wrap_socket(sock, server_side=True))

    thread = threading.Thread(target=serve)
    thread.start()
    link = await Connector(5).open(_place(listener, ca_file=path), spot)
    thread.join()
    return link, accepted[0]


async def test_secured_link_never_blocks_the_worker(
    listener: socket.socket, authority: tuple[trustme.CA, Path], spot: Spot
) -> None:
    link, far = await _open(listener, authority, spot)
    with far:
        assert link.sock.gettimeout() == 0
        assert link.recv_now() is None  # session tickets are no content
        far.sendall(b"hello")
        assert await link.recv() == b"hello"
        assert link.send_now(b"x" * 50_000_000) < 50_000_000  # full, and it says so instead of waiting
    link.close()


async def test_secured_link_cut_without_goodbye_is_broken(
    listener: socket.socket, authority: tuple[trustme.CA, Path], spot: Spot
) -> None:
    link, far = await _open(listener, authority, spot)
    far.close()  # no close_notify: the content may have been cut by anybody
    with pytest.raises(Broken):
        await link.recv()
    link.close()


async def test_secured_connection_carries_large_bodies_and_is_kept(
    listener: socket.socket, authority: tuple[trustme.CA, Path]
) -> None:
    ca, path = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    body = b'{"model":"one-x","n":"' + b"x" * 3_000_000 + b'"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"y" * 3_000_000

    def serve() -> None:
        sock, _ = listener.accept()
        with context.wrap_socket(sock, server_side=True) as far, far.makefile("rb") as reading:
            for _ in range(3):
                while reading.readline() != b"\r\n":
                    pass
                assert reading.read(len(body)) == body
                far.sendall(answer)

    async with stage(FakeProvider(origin=_origin(listener), ca_file=path)) as it:
        it.gateway.pool.connector = Connector(5)
        thread = threading.Thread(target=serve)
        thread.start()
        client = it.client()
        for number in range(3):
            it.nursery.start_soon(client.send, request(body))
            assert await client.exactly(len(answer)) == answer
            assert (await it.record(number + 1)).outcome == "ok"
        assert it.gateway.pool.opened == 1
        thread.join()


async def test_silent_handshake_ends_at_the_limit(listener: socket.socket, spot: Spot) -> None:
    with pytest.raises(Unreachable) as caught:
        await Connector(0.05).open(_place(listener), spot)
    assert caught.value.stage == "timeout"


async def test_authorities_that_cannot_be_read_are_a_failure_of_tls(
    listener: socket.socket, spot: Spot, tmp_path: Path
) -> None:
    with pytest.raises(Unreachable) as caught:
        await Connector(5).open(_place(listener, ca_file=tmp_path / "missing.pem"), spot)
    assert caught.value.stage == "tls"


async def test_nobody_listening_is_a_refusal(listener: socket.socket, spot: Spot) -> None:
    origin = _origin(listener, "http")
    listener.close()
    with pytest.raises(Unreachable) as caught:
        await Connector(5).open(Place("one", origin), spot)
    assert caught.value.stage == "refused"


async def test_host_that_is_no_name_is_a_failure_of_dns(spot: Spot) -> None:
    with pytest.raises(Unreachable) as caught:
        await Connector(5).open(Place("one", Origin("http", "x" * 70 + ".test", 80)), spot)
    assert caught.value.stage == "dns"


async def test_connection_that_cannot_be_watched_is_a_failure_to_connect(
    listener: socket.socket, spot: Spot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(28, "as the test wants")

    monkeypatch.setattr(spot.reactor, "add", full)
    with pytest.raises(Unreachable) as caught:
        await Connector(5).open(Place("one", _origin(listener, "http")), spot)
    assert caught.value.stage == "connect"


async def test_plain_link_carries_bytes(listener: socket.socket, spot: Spot) -> None:
    link = await Connector(5).open(Place("one", _origin(listener, "http")), spot)
    far, _ = listener.accept()
    with far:
        assert link.recv_now() is None
        far.sendall(b"hello")
        assert await link.recv() == b"hello"
    link.close()
