"""Measures of what a gateway is rather than what it does: memory, how soon it answers, how soon its command line does.

Each starts gateways of its own, since memory that was in use once is not given back. Called by `__main__.py`.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lectr_core.assembly.process import Boot
from tests.bench import machine, subjects
from tests.bench.load import clients
from tests.bench.measures import SMALL, body
from tests.bench.subjects import LECTR, Maker, Subject
from tests.whole.gateway import LECTR as COMMAND
from tests.whole.gateway import free_port, gateway
from tests.whole.wire_client import request, wire

MB: Final = 1e6
PATIENCE_S: Final = 30.0
IDLE: Final = 2_000
LONG_STREAM: Final = body("events-1000000-600000")
"""Shows one event, then nothing for ten minutes."""


def memory(make: Maker, place: Path, upstream: int) -> dict[str, float]:
    """Idle, with 256 and with 2,000 open streams, and what an idle connection costs that has had one answer."""
    found: dict[str, float] = {}
    for count in (256, 2_000):
        with _one(make, place / f"streams-{count}", upstream) as subject, clients(subject.port) as them:
            found.setdefault("memory_idle", machine.rss_bytes(subject.carriers()) / MB)
            them.hold(subject.request(LONG_STREAM), count)
            found[f"memory_{count}"] = machine.rss_bytes(subject.carriers()) / MB
    with _one(make, place / "idle", upstream) as subject:
        with clients(subject.port, 8) as them:
            them.closed_loop(subject.request(SMALL), 200, 8)
            before = machine.rss_bytes(subject.carriers())
            them.connect(IDLE)
            # One after the other, so that no request's own memory is counted: eight at a time as before.
            waiting = list(them.idle)
            while waiting:
                them.idle[:], waiting = waiting[:8], waiting[8:]
                them.closed_loop(subject.request(SMALL), 8, 8)
            found["memory_connection"] = (machine.rss_bytes(subject.carriers()) - before) / IDLE / 1e3
    return found


@contextmanager
def _one(make: Maker, place: Path, upstream: int) -> Iterator[Subject]:
    """A fresh gateway that has answered a few requests."""
    place.mkdir(parents=True)
    with make(place, upstream) as subject:
        subject.settle()
        with clients(subject.port, 1) as them:
            them.closed_loop(subject.request(SMALL), 20, 1)
        yield subject


def start_whole(place: Path) -> dict[str, float]:
    """From the start of `lectr serve` to the first answer: supervisor, worker and cold process."""
    with gateway(place, "http://127.0.0.1:9", held=False) as running:
        running.stop()
        begun = time.perf_counter()
        with (place / "again.log").open("ab") as log:
            process = subprocess.Popen(
                [COMMAND, "--config", str(running.config), "serve"], stdout=log, stderr=log, cwd=place
            )
        try:
            _first_answer(running.port)
            took_s = time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)
    return {"start_serve": took_s}


def start_worker(place: Path) -> dict[str, float]:
    """From the start of one worker process, as the supervisor starts it, to its first answer."""
    with gateway(place, "http://127.0.0.1:9", held=False) as running:
        running.stop()
        (version,) = (path.stem for path in (running.data / "config").glob("*.toml"))
        with socket.create_server(("127.0.0.1", free_port())) as listener:
            listener.setblocking(False)
            number = listener.fileno()
            boot = Boot(name="worker-0", data=str(running.data), version=version, listeners=(number,))
            command = [sys.executable, "-P", "-m", "lectr_core.assembly.worker"]
            begun = time.perf_counter()
            with (place / "worker.log").open("ab") as log:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    pass_fds=(number,),
                    env={**os.environ, **boot.environ()},
                )
            try:
                _first_answer(listener.getsockname()[1])
                took_s, used_s = time.perf_counter() - begun, machine.cpu_s([process.pid])
            finally:
                process.terminate()
                process.wait(timeout=PATIENCE_S)
    return {"start_worker": took_s, "start_worker_cpu": used_s}


def start_help() -> dict[str, float]:
    """How long `lectr --help` takes."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)
    took_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"start_help": took_s, "start_help_cpu": cpu_s}


def _first_answer(port: int) -> None:
    """Waits until somebody answers."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with wire(f"http://127.0.0.1:{port}") as line:
                line.send(request("GET", "/v1/models", ("Connection", "close")))
                if line.sock.recv(9) == b"HTTP/1.1 ":
                    return
        except OSError:
            pass
        assert time.monotonic() < end, "nobody answers"
        time.sleep(0.002)


MAKERS: Final[dict[str, Maker]] = {LECTR: subjects.lectr, **subjects.MAKERS}
