"""The real gateway on its ways to providers: through a proxy of the environment, with a client certificate, by HTTP/2."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import attrs
import httpx
import pytest
import trio

from tests.hot.h2server import Seen, Server
from tests.hot.ways import AUTHORITY, Provider, ProxyServer, server_context
from tests.whole.gateway import Gateway, document, free_port, new_key, until

ANSWER = b"HTTP/1.1 200 Fine\r\nX-MiXed: 1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@attrs.define
class Outside:
    """What lies outside the gateway, in a loop of its own."""

    proxy: ProxyServer = attrs.field(factory=lambda: ProxyServer(login=b"me:canary-proxy"))
    proxy_port: int = 0
    secured: Provider = attrs.field(init=False)
    secured_url: str = ""
    h2: Server = attrs.field(init=False)
    h2_url: str = ""
    reset_ns: int = 0
    _up: Event = attrs.field(factory=Event)
    _down: Event = attrs.field(factory=Event)

    def __attrs_post_init__(self) -> None:
        context = server_context()
        context.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(context)
        self.secured = Provider(ANSWER, context)
        self.h2 = Server(self._stream)

    async def _stream(self, seen: Seen) -> None:
        await seen.whole.wait()
        await seen.head((b"content-type", b"text/event-stream"))
        await seen.send(b"data: {}\n\n")
        await seen.reset.wait()
        self.reset_ns = time.monotonic_ns()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            way = await self.proxy.start(nursery, "http")
            assert way.proxy is not None
            self.proxy_port = way.proxy.port
            self.secured_url = str(await self.secured.start(nursery))
            self.h2_url = str(await self.h2.start(nursery))
            self._up.set()
            await trio.to_thread.run_sync(self._down.wait)
            nursery.cancel_scope.cancel()

    def __enter__(self) -> Outside:
        self._thread = Thread(target=trio.run, args=(self.run,))
        self._thread.start()
        assert self._up.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._down.set()
        self._thread.join()

    _thread: Thread = attrs.field(init=False)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with Outside() as running:
        yield running


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Gateway]:
    """A gateway whose first provider wants a certificate and lies behind a proxy, and whose second speaks HTTP/2."""
    place = tmp_path_factory.mktemp("ways")
    AUTHORITY.cert_pem.write_to_path(str(place / "ca.pem"))
    made = AUTHORITY.issue_cert("gateway.client")
    made.private_key_and_cert_chain_pem.write_to_path(str(place / "client.pem"))
    extra = f"""
[provider.guarded]
base_url = "{outside.secured_url}/v1"
ca_file = "{place}/ca.pem"
client_certificate = "{place}/client.pem"
proxy = "env"

[provider.two]
base_url = "{outside.h2_url}/v1"
ca_file = "{place}/ca.pem"
http2 = true
"""
    environ = {"HTTPS_PROXY": f"http://me:canary-proxy@127.0.0.1:{outside.proxy_port}"}
    running = Gateway(place=place, port=free_port(), key="", environ=environ)
    running.config.write_text(document("http://127.0.0.1:9", running.port, running.data, held=False, extra=extra))
    running.key = new_key(running)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def headers(far: Gateway, provider: str) -> dict[str, str]:
    return {"X-Lectr-Key": far.key, "X-Lectr-Provider": provider, "Authorization": "Bearer sk-canary"}


def test_through_the_environments_proxy_with_a_certificate_every_byte_is_the_providers(
    far: Gateway, outside: Outside
) -> None:
    for _ in range(2):
        answer = httpx.post(f"{far.url}/v1/chat/completions", headers=headers(far, "guarded"), content=b"{}")
        assert (answer.status_code, answer.reason_phrase, answer.content) == (200, "Fine", b"{}")
        assert (b"X-MiXed", b"1") in answer.headers.raw
    assert outside.proxy.asked[-1][0] == "localhost"
    assert b"sk-canary" not in outside.proxy.carried
    assert b"Bearer sk-canary" in outside.secured.seen[-1]
    assert far.stored(2, "provider = 'guarded'")[0]["status"] == 200


def test_a_client_that_leaves_a_stream_over_http2_is_told_of(far: Gateway, outside: Outside) -> None:
    taken: list[float] = []
    for _ in range(5):
        outside.reset_ns = 0
        url = f"{far.url}/v1/chat/completions"
        with httpx.stream("POST", url, headers=headers(far, "two"), content=b"{}", timeout=20) as answer:
            assert next(answer.iter_raw()) == b"data: {}\n\n"
            left_ns = time.monotonic_ns()
        until(lambda: outside.reset_ns, what="the stream is reset")
        taken.append((outside.reset_ns - left_ns) / 1e6)
    print(f"reset after {', '.join(f'{one:.1f}' for one in taken)} ms")
    assert far.stored(5, "provider = 'two' and outcome = 'client_disconnected'")


def test_up_and_doctor_say_which_way_each_goes_and_show_no_password(far: Gateway, outside: Outside) -> None:
    through = f"guarded: through http://127.0.0.1:{outside.proxy_port}, with a client certificate ($HTTPS_PROXY)"
    until(lambda: "egress" in far.log.read_text(), what="the ways are printed")
    assert through in far.log.read_text()
    found: list[dict[str, Any]] = json.loads(far.lectr("doctor", "--json", check=False).stdout)  # Any: JSON
    told = {one["text"] for one in found if one["what"] == "egress"}
    assert {through, "two: straight, HTTP/2 where it is spoken"} <= told
    reached = [one["text"] for one in found if one["what"] == "providers" and one["level"] == "ok"]
    assert {f"guarded: {outside.secured_url} answers", f"two: {outside.h2_url} answers"} <= set(reached)
    everything = far.log.read_text() + json.dumps(found) + far.lectr("config", "show").stdout
    assert "canary-proxy" not in everything


def test_a_spoilt_certificate_is_a_fault_of_the_settings_and_stops_no_traffic(far: Gateway, outside: Outside) -> None:
    pem = far.place / "client.pem"
    before = Path(pem).read_bytes()
    pem.write_bytes(b"no certificate at all")
    said = far.lectr("config", "check", str(far.config), check=False)
    assert said.returncode == 2
    assert "provider.guarded.client_certificate: " in said.stderr
    answer = httpx.post(f"{far.url}/v1/chat/completions", headers=headers(far, "guarded"), content=b"{}")
    assert answer.status_code == 200  # the connection that is open, or the certificate in memory
    pem.write_bytes(before)
