"""A worker obeys its supervisor, takes over keys and versions, and drains when it is left alone."""

from __future__ import annotations

import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trustme
from trio.testing import MockClock, wait_all_tasks_blocked

from lectr_core.assembly import keys, process, versions, worker
from lectr_core.assembly.document import parse
from lectr_core.assembly.health import Health, read_health
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.settings import settle
from lectr_core.errors import OperatorError
from lectr_core.hot.gateway import Version
from lectr_core.journal.writer import Writer
from lectr_core.model.keys import KeyRing


class FakeGateway:
    """Serves nobody; remembers what it was told."""

    def __init__(self, version: Version, keys: KeyRing, journal: Writer) -> None:
        self.version = version
        self.keys = keys
        self.tls: ssl.SSLContext | None = None
        self.stops: list[float | None] = []
        self.idles: list[float] = []
        self.listeners: list[socket.socket] = []
        self._stopped = trio.Event()

    async def serve(self, listeners: list[socket.socket], task_status: trio.TaskStatus[None]) -> None:
        self.listeners = listeners
        task_status.started()
        await self._stopped.wait()

    def stop(self, drain_s: float | None = None, idle_s: float = 0.0) -> None:
        self.stops.append(drain_s)
        self.idles.append(idle_s)
        self._stopped.set()

    def counters(self) -> dict[str, int]:
        return {"requests": 7}


class Stage:
    """A worker under way, with the supervisor's ends of its pipes."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.plugins = load_plugins([])
        self.made: list[FakeGateway] = []
        self.orders_in, self._orders_out = os.pipe()
        self._heard_in, heard_out = os.pipe()
        os.set_blocking(self._heard_in, False)
        self.mouth = process.Mouth(heard_out)

    @property
    def gateway(self) -> FakeGateway:
        return self.made[0]

    def make(self, version: Version, ring: KeyRing, journal: Writer) -> FakeGateway:
        self.made.append(FakeGateway(version, ring, journal))
        return self.made[0]

    def keep(self, text: str) -> str:
        loaded = settle(parse(text), (), environ={})
        versions.keep(self.data, loaded)
        return loaded.settings.version

    def order(self, line: str) -> None:
        os.write(self._orders_out, line.encode() + b"\n")

    def leave(self) -> None:
        os.close(self._orders_out)

    def heard(self) -> list[str]:
        """All but the signs of life."""
        try:
            said = os.read(self._heard_in, 65536).decode().splitlines()
            return [line for line in said if not line.startswith("alive")]
        except BlockingIOError:
            return []

    def health(self) -> Health:
        return read_health(self.data)[0]

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await trio.sleep(0.05)


@pytest.fixture
def autojump_clock() -> MockClock:
    """A reload is built in a thread, which needs a real moment."""
    return MockClock(autojump_threshold=0.02)


@asynccontextmanager
async def working(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, listeners: tuple[int, ...] = ()
) -> AsyncIterator[trio.Event]:
    boot = process.Boot(name="worker-0", data=str(stage.data), version=stage.keep(""), listeners=listeners)
    dup = os.dup
    monkeypatch.setattr(os, "dup", lambda number: stage.orders_in if number == 0 else dup(number))
    ended = trio.Event()

    async def live() -> None:
        await worker.work(boot, stage.mouth, stage.plugins, stage.make)
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live)
        await wait_all_tasks_blocked()
        yield ended
        with trio.fail_after(60):
            await ended.wait()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_it_says_when_it_is_ready_and_shows_its_health(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with working(stage, monkeypatch):
        assert stage.heard() == [f"ready {stage.gateway.version.id}"]
        health = stage.health()
        assert (health.process, health.pid, health.state, health.counters) == (
            "worker-0",
            os.getpid(),
            "serving",
            {"requests": 7},
        )
        stage.order("stop 4")
    assert stage.gateway.stops == [4.0]
    assert stage.health().state == "stopped"


async def test_it_swaps_to_a_kept_version_and_refuses_one_that_cannot_be_built(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with working(stage, monkeypatch):
        first, second = stage.gateway.version.id, stage.keep("[gateway]\nidle_limit_s = 9\n")
        stage.heard()
        stage.order(f"reload {second}")
        await stage.until(lambda: stage.gateway.version.id == second)
        assert stage.gateway.version.settings.idle_limit_s == 9
        wrong = stage.keep("[gateway]\ndefault_provider = 'nobody'\n")
        stage.order(f"reload {wrong}")
        said: list[str] = []
        while len(said) < 2:
            said += stage.heard()
            await trio.sleep(0.05)
        assert said[0] == f"ready {second}"
        assert said[1].startswith(f"refused {wrong} ")
        assert "gateway.default_provider: expected an installed provider (none), got 'nobody'" in said[1]
        assert stage.gateway.version.id == second != first
        await stage.until(lambda: "refused" in stage.health().notes)
        stage.order("reload 000000000000")
        stage.order("dance")
        stage.order("stop 0")


async def test_a_changed_key_holds_within_a_second_without_restart(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with working(stage, monkeypatch):
        made, secret = keys.create_key(stage.data, "acme", "ci")
        before = trio.current_time()
        await stage.until(lambda: stage.gateway.keys.find(secret.encode()) is not None)
        keys.revoke_key(stage.data, made.id)
        await stage.until(lambda: stage.gateway.keys.find(secret.encode()) is None)
        assert trio.current_time() - before < 1.0
        (stage.data / keys.FILE).write_text("{")
        await stage.until(lambda: "keys_fault" in stage.health().notes)
        assert len(stage.gateway.keys.holders) == 1, "a damaged file changes nothing"
        stage.order("stop 1")


async def test_it_drains_and_ends_when_the_supervisor_is_gone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with working(stage, monkeypatch):
        stage.leave()
    assert stage.gateway.stops == [None]


async def test_it_stands_aside_under_another_name_and_then_lets_idle_connections_be(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with working(stage, monkeypatch):
        stage.order("aside")
        await stage.until(lambda: (stage.data / "health" / "worker-0-before.json").exists())
        assert stage.gateway.stops == [], "it goes on serving"
        stage.order("retire 7")
    assert (stage.gateway.stops, stage.gateway.idles) == ([7.0], [worker.IDLE_GRACE_S])


async def test_a_signal_drains_it_too(stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async with working(stage, monkeypatch):
        os.kill(os.getpid(), signal.SIGTERM)
    assert stage.gateway.stops == [None]


async def test_its_sockets_are_the_inherited_ones(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    number = socket.socket().detach()
    async with working(stage, monkeypatch, (number,)):
        assert [listener.fileno() for listener in stage.gateway.listeners] == [number]
        stage.order("stop 0")
    assert [listener.fileno() for listener in stage.gateway.listeners] == [-1]


async def test_a_version_that_is_not_there_stops_the_start(stage: Stage) -> None:
    boot = process.Boot(name="worker-0", data=str(stage.data), version="000000000000")
    with pytest.raises(OperatorError, match="cannot read"):
        await worker.work(boot, stage.mouth, stage.plugins, stage.make)
    assert stage.made == []


async def test_a_new_certificate_is_served_and_one_that_cannot_be_is_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    authority = trustme.CA()
    cert, key = stage.data / "cert.pem", stage.data / "key.pem"

    def issue() -> None:
        made = authority.issue_cert("gateway.test")
        made.private_key_pem.write_to_path(str(key))
        cert.write_bytes(made.cert_chain_pems[0].bytes())

    issue()
    async with working(stage, monkeypatch):
        assert stage.gateway.tls is None
        secure = stage.keep(f"[gateway]\ntls_certificate = '{cert}'\ntls_key = '{key}'\n")
        stage.order(f"reload {secure}")
        await stage.until(lambda: stage.gateway.tls is not None)
        first = stage.gateway.tls
        before = trio.current_time()
        issue()
        await stage.until(lambda: stage.gateway.tls is not first)
        assert trio.current_time() - before < 1.0
        second = stage.gateway.tls
        cert.write_text("-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")
        await stage.until(lambda: "tls_fault" in stage.health().notes)
        assert str(cert) in stage.health().notes["tls_fault"]
        assert stage.gateway.tls is second
        issue()
        await stage.until(lambda: stage.gateway.tls is not second)
        assert "tls_fault" not in stage.health().notes
        plain = stage.keep("")
        stage.order(f"reload {plain}")
        await stage.until(lambda: stage.gateway.tls is None)
        stage.order("stop 0")
