"""Through a proxy: the same bytes as without, TLS from end to end, and failures that say whose they are."""

from __future__ import annotations

import socket
from pathlib import Path

import attrs
import pytest
import trio

from lectr_core import Origin
from lectr_core.hot.connect import Connector, Unreachable
from lectr_core.hot.reactor import Reactor, Spot
from lectr_core.model.egress import Egress, Place, Proxy
from lectr_core.model.secret import Secret

from .stage import FakeProvider, request, stage
from .ways import AUTHORITY, Provider, ProxyServer, listen, server_context

BODY = b"e\r\ncontent-canary\r\n0\r\nT: 1\r\n\r\n"
ANSWER = b"HTTP/1.1 200 Fine\r\nx-MiXed: 1\r\nServer: x\r\nX-Mixed: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY
SCHEMES = ["http", "socks5"]


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


async def _asked(origin: Origin, egress: Egress, times: int = 1) -> list[bytes]:
    """What a client gets, one request after the other."""
    answers = []
    async with stage(FakeProvider(origin=origin), egress={"one": egress}) as it:
        it.gateway.pool.connector = Connector(5)
        for _ in range(times):
            client = it.client()
            await client.send(request(b"{}", fields=("authorization: Bearer sk-canary", "Connection: close")))
            answers.append(await client.rest())
    return answers


@pytest.mark.parametrize("secured", [False, True])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("login", [None, b"me:pass word:\xc3\xa4"])
async def test_every_byte_is_the_same_as_without_a_proxy(
    scheme: str, secured: bool, login: bytes | None, ca_file: Path
) -> None:
    async with trio.open_nursery() as nursery:
        provider = Provider(ANSWER, server_context() if secured else None)
        origin = await provider.start(nursery)
        proxy = ProxyServer(login=login)
        way = attrs.evolve(await proxy.start(nursery, scheme, login), ca_file=ca_file)
        straight = await _asked(origin, Egress(ca_file=ca_file), 2)
        through = await _asked(origin, way, 2)
        nursery.cancel_scope.cancel()
    assert through == straight
    assert straight[0].endswith(BODY)
    assert provider.seen[:2] == provider.seen[2:]
    assert proxy.asked == [("localhost", origin.port)]  # the name, and one connection for both requests
    assert (b"sk-canary" in proxy.carried) is not secured
    assert (b"content-canary" in proxy.carried) is not secured


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_provider_behind_a_proxy_is_verified_all_the_same(scheme: str, tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        provider = Provider(ANSWER, server_context())
        origin = await provider.start(nursery)
        way = await ProxyServer().start(nursery, scheme)
        with pytest.raises(Unreachable) as caught:
            await Connector(5).open(Place("one", origin, way), Spot(Reactor()))
        nursery.cancel_scope.cancel()
    assert caught.value.stage == "tls"
    assert "certificate not accepted" in str(caught.value)
    assert not provider.seen


@pytest.mark.parametrize(
    ("scheme", "proxy", "login", "stage_", "why"),
    [
        ("http", ProxyServer(login=b"me:pw"), None, "proxy_auth", "wants a login (407)"),
        ("http", ProxyServer(login=b"me:pw"), b"me:canary", "proxy_auth", "did not accept the login (407)"),
        ("http", ProxyServer(instead=b"HTTP/1.1 403 No\r\n\r\n"), None, "proxy", "refused the connection (403)"),
        (
            "http",
            ProxyServer(instead=b"HTTP/1.1 200 OK\r\n\r\nx"),
            None,
            "proxy",
            "sent bytes of its own into the connection",
        ),
        ("http", ProxyServer(instead=b""), None, "proxy", "closed the connection"),
        ("socks5", ProxyServer(login=b"me:pw"), None, "proxy_auth", "wants a login"),
        ("socks5", ProxyServer(login=b"me:pw"), b"me:canary", "proxy_auth", "did not accept the login"),
        ("socks5", ProxyServer(instead=b"\x05\x04"), None, "proxy", "refused the connection (host unreachable)"),
    ],
)
async def test_a_proxy_that_makes_no_connection_is_named_with_its_reason(
    scheme: str, proxy: ProxyServer, login: bytes | None, stage_: str, why: str
) -> None:
    async with trio.open_nursery() as nursery:
        way = await proxy.start(nursery, scheme, login)
        with pytest.raises(Unreachable) as caught:
            await Connector(5).open(Place("one", Origin("https", "one.test", 443), way), Spot(Reactor()))
        nursery.cancel_scope.cancel()
    assert (caught.value.stage, caught.value.why) == (stage_, f"{way.proxy} {why}")
    assert "canary" not in str(caught.value) + repr(caught.value) + repr(way)


async def test_a_proxy_that_is_not_there_is_named() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        way = Egress(proxy=Proxy("http", "127.0.0.1", closed.getsockname()[1], Secret(b"me:canary")))
        with pytest.raises(Unreachable, match=r"proxy: http://127\.0\.0\.1:\d+ cannot be reached \(refused\)"):
            await Connector(5).open(Place("one", Origin("https", "one.test", 443), way), Spot(Reactor()))


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_proxy_that_says_nothing_ends_at_the_limit_and_is_let_go(scheme: str) -> None:
    left = trio.Event()

    async def silent(stream: trio.abc.Stream) -> None:
        while await stream.receive_some(100):
            pass
        left.set()

    async with trio.open_nursery() as nursery:
        proxy = Proxy("http" if scheme == "http" else "socks5", "127.0.0.1", await listen(nursery, silent))
        with pytest.raises(Unreachable) as caught:
            await Connector(0.05).open(Place("one", Origin("https", "one.test", 443), Egress(proxy=proxy)), Spot(Reactor()))
        with trio.fail_after(5):
            await left.wait()
        nursery.cancel_scope.cancel()
    assert caught.value.stage == "timeout"


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_client_that_leaves_ends_the_connection_through_the_proxy(scheme: str, ca_file: Path) -> None:
    async with trio.open_nursery() as nursery:
        provider = Provider(b"", server_context())  # takes the request, and answers nothing
        origin = await provider.start(nursery)
        proxy = ProxyServer()
        way = attrs.evolve(await proxy.start(nursery, scheme), ca_file=ca_file)
        async with stage(FakeProvider(origin=origin), egress={"one": way}) as it:
            it.gateway.pool.connector = Connector(5)
            client = it.client()
            await client.send(request(b"{}"))
            with trio.fail_after(5):
                while not provider.seen:
                    await trio.sleep(0.001)
                client.close()
                while proxy.open:
                    await trio.sleep(0.001)
            assert (await it.record()).outcome == "client_disconnected"
        nursery.cancel_scope.cancel()


async def test_what_the_client_is_told_names_the_stage_and_no_address() -> None:
    async with trio.open_nursery() as nursery:
        way = await ProxyServer(login=b"me:pw").start(nursery, "http", b"me:canary")
        (answer,) = await _asked(Origin("https", "one.test", 443), way)
        nursery.cancel_scope.cancel()
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"provider one could not be reached (proxy_auth)" in answer
    assert b"127.0.0.1" not in answer
