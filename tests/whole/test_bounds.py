"""A gateway that many lean on: idle and slow connections by the thousand, and no descriptor left.

Latencies are printed, never judged: a busy machine must not fail a test.
"""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.whole import answers
from tests.whole.gateway import Gateway, gateway, until
from tests.whole.load import pid_of
from tests.whole.upstream import Upstream, send
from tests.whole.wire_client import Wire, request, wire

IDLE: Final = 2_000
SLOW: Final = 1_000
NORMAL: Final = 200
SIPS: Final = 5
"""Bytes that a slow reader has taken, one a second, when it counts as one."""
ASK: Final = b'{"model":"gpt-4o","messages":[]}'
DESCRIPTORS: Final = 256


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that nothing else uses."""
    with gateway(tmp_path, upstream.url, held=True) as running:
        yield running


@pytest.fixture
def poor(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """One that may open few files."""
    with gateway(tmp_path, upstream.url, held=True, descriptors=DESCRIPTORS) as running:
        yield running


def chat(running: Gateway, *fields: tuple[str, str], body: bytes = ASK) -> bytes:
    """A whole request for a chat completion."""
    sent = (("X-Lectr-Key", running.key), ("Content-Type", "application/json"), *fields)
    return request("POST", "/v1/chat/completions", *sent, body=body)


def counters(running: Gateway) -> dict[str, int]:
    """What the worker counts, by its health file."""
    told: dict[str, int] = json.loads((running.data / "health" / "worker-0.json").read_text())["counters"]
    return told


def measured(running: Gateway, line: Wire) -> list[float]:
    """Milliseconds that each of NORMAL requests took, one after the other."""
    took = []
    for _ in range(NORMAL):
        began_s = time.perf_counter()
        line.send(chat(running))
        assert line.get().status == 200
        took.append((time.perf_counter() - began_s) * 1000)
    return took


def told(took: list[float]) -> str:
    """Median and 99th percentile."""
    return f"median {statistics.median(took):.2f} ms, p99 {statistics.quantiles(took, n=100)[98]:.2f} ms"


def test_thousands_of_idle_and_slow_connections_leave_traffic_alone(own: Gateway, upstream: Upstream, name: str) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * (IDLE + SLOW):
        pytest.skip("this machine allows too few open files for so many connections")
    upstream.script(name, send(answers.whole(b"x" * 4_500_000)))  # more than the kernel keeps for who does not read
    with wire(own.url) as line:
        alone = measured(own, line)
        before_kib = resident_kib(own)
        crowded, with_all_kib = trio.run(_among_many, own, name, line)
    print(f"\nalone: {told(alone)}; among {IDLE} idle and {SLOW} slow connections: {told(crowded)}")
    print(f"memory of the worker: {(with_all_kib - before_kib) / (IDLE + SLOW):.1f} KiB a connection")
    assert counters(own)["over_connections"] == 0
    assert counters(own)["escaped"] == 0


def resident_kib(running: Gateway) -> int:
    """Memory of the worker."""
    status = Path(f"/proc/{pid_of(running, 'assembly.worker')}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def _among_many(running: Gateway, script: str, line: Wire) -> tuple[list[float], int]:
    """Measure while they are there; every one of them must still be there afterwards."""
    async with trio.open_nursery() as nursery:
        with contextlib.ExitStack() as held:
            idle = [held.enter_context(await _connected(running)) for _ in range(IDLE)]
            sips: list[trio.Event] = []
            slow = [held.enter_context(await _connected(running, receives=4096)) for _ in range(SLOW)]
            for number, sock in enumerate(slow):  # spread over each second: this process must not come in bursts
                if number % 25 == 0:
                    sipping = trio.Event()
                    sips.append(sipping)
                    nursery.start_soon(_read_slowly, sipping, sock, chat(running, ("x-standin", script)))
                else:
                    body = b'{"a":"%b"}' % (b"x" * 10_000)
                    nursery.start_soon(_send_slowly, number / SLOW, sock, chat(running, body=body))
            await trio.to_thread.run_sync(until_there, running)
            for sipping in sips:  # until the beginning of the large answers is through
                await sipping.wait()
            took = await trio.to_thread.run_sync(measured, running, line)
            memory_kib = resident_kib(running)
            assert counters(running)["open_connections"] >= IDLE + SLOW
            for sock in idle[:5]:  # and those that were idle are served as soon as they ask
                await _send_all(sock, chat(running))
                assert (await sock.recv(12)).startswith(b"HTTP/1.1 200")
            nursery.cancel_scope.cancel()
    return took, memory_kib


def until_there(running: Gateway) -> None:
    """Wait until all have come, and the slow ones are at it."""
    until(lambda: counters(running)["open_connections"] >= IDLE + SLOW, what="all connections are open")
    until(lambda: counters(running)["in_flight"] >= SLOW, what="the slow ones are under way")


async def _connected(running: Gateway, receives: int | None = None) -> trio.socket.SocketType:
    sock = trio.socket.socket()
    if receives is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    await sock.connect(("127.0.0.1", running.port))
    return sock


async def _send_all(sock: trio.socket.SocketType, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[await sock.send(view) :]


async def _send_slowly(after_s: float, sock: trio.socket.SocketType, data: bytes) -> None:
    await trio.sleep(after_s)
    await _send_all(sock, data[:300])
    for place in range(300, len(data)):
        await trio.sleep(1)
        await sock.send(data[place : place + 1])


async def _read_slowly(sipping: trio.Event, sock: trio.socket.SocketType, data: bytes) -> None:
    await _send_all(sock, data)
    got = 0
    while await sock.recv(1):
        got += 1
        if got == SIPS:
            sipping.set()
        await trio.sleep(1)


def test_a_gateway_out_of_descriptors_serves_who_is_there_and_lets_others_in_when_they_leave(poor: Gateway) -> None:
    room = (DESCRIPTORS - 64) // 2
    with contextlib.ExitStack() as held:
        lines = [held.enter_context(wire(poor.url)) for _ in range(room + 30)]
        until(lambda: counters(poor)["pauses"], what="the door is shut")
        assert counters(poor)["open_connections"] == room
        # Half of them at once: each needs a connection to the provider too.
        for line in lines[: room // 2]:
            line.send(chat(poor))
        assert {line.get().status for line in lines[: room // 2]} == {200}
        last = lines[-1]
        last.send(chat(poor))
        last.sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            last.more()
        for line in lines[:60]:
            line.sock.close()
        last.sock.settimeout(20)
        assert last.get().status == 200
    with wire(poor.url) as line:
        line.send(chat(poor))
        assert line.get().status == 200
    assert counters(poor)["escaped"] == 0
    assert poor.lectr("verify").returncode == 0


def test_a_flood_from_one_address_leaves_room_for_others(tmp_path: Path, upstream: Upstream) -> None:
    limit = "max_connections_per_address = 20\n"
    with gateway(tmp_path, upstream.url, held=True, gateway=limit) as running, contextlib.ExitStack() as held:
        flood = [held.enter_context(wire(running.url)) for _ in range(30)]
        answered = [line.get().status for line in flood[20:]]
        assert answered == [503] * 10
        other = socket.socket()
        other.bind(("127.0.0.2", 0))
        other.connect(("127.0.0.1", running.port))
        other.settimeout(20)
        line = Wire(held.enter_context(other))
        line.send(chat(running))
        assert line.get().status == 200
        assert until(lambda: counters(running)["over_address"], what="refusals are counted") == 10
