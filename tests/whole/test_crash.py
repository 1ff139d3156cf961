"""Any process may be killed at any moment: what a client saw finished is stored once, and traffic goes on.

Load runs from threads while processes are killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.answers import whole
from tests.whole.gateway import Gateway, gateway, until
from tests.whole.load import ASK, Load, nothing_is_missing_or_double, pid_of
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import request, wire


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway to be broken."""
    with gateway(tmp_path, upstream.url, held=True) as running:
        yield running


def kill(running: Gateway, word: str) -> None:
    """Kill one process as the kernel would, and wait until another has taken its place."""
    pid = until(lambda: pid_of(running, word), what=f"a process {word}")
    os.kill(pid, signal.SIGKILL)
    until(lambda: pid_of(running, word) not in {None, pid}, what=f"a new process {word}")


@pytest.mark.parametrize("word", ["assembly.worker", "assembly.cold"])
def test_killing_a_process_under_load_loses_nothing(own: Gateway, word: str) -> None:
    with Load(own) as load:
        load.more(100)
        for _ in range(3):
            kill(own, word)
            load.more(100)
    nothing_is_missing_or_double(own, load.finished)
    if word == "assembly.worker":
        assert load.failed, "a worker died and nobody noticed: the test kills the wrong process"
    else:
        assert not load.failed, "the cold side is gone for a moment: no client may notice"


def test_killing_everything_under_load_and_starting_again_loses_nothing(own: Gateway) -> None:
    finished: list[str] = []
    for life in range(3):
        with Load(own, f"life-{life}") as load:
            load.more(150)
            own.kill_all()
        finished += load.finished
        own.start()
    nothing_is_missing_or_double(own, finished)


def test_a_killed_supervisor_leaves_no_process_behind(own: Gateway) -> None:
    assert own.process is not None
    with Load(own) as load:
        load.more(50)
        before = own.pids()
        assert len(before) == 3
        own.process.kill()
        own.process.wait()
        until(lambda: not _alive(before), what="worker and cold process end on their own")
    own.start()
    nothing_is_missing_or_double(own, load.finished)


def _alive(processes: dict[int, str]) -> list[str]:
    """Those that still run, zombies apart."""
    lines = [(line, Path(f"/proc/{pid}/cmdline")) for pid, line in processes.items()]
    return [line for line, path in lines if path.exists() and path.read_bytes()]


def test_a_request_under_way_when_the_worker_dies_becomes_a_row(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, {"wait": "never"})
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    with wire(own.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
        upstream.seen(name)
        kill(own, "assembly.worker")
    (row,) = own.stored(1, "feature = ?", name)
    assert row["outcome"] == "interrupted"
    assert row["input_tokens"] is None


def test_stopping_lets_an_open_request_finish(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, wait(name), send(whole(b'{"done":true}')))
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    assert own.process is not None
    with wire(own.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
        upstream.seen(name)
        own.process.send_signal(signal.SIGTERM)
        until(lambda: not _accepts(own), what="the door is shut")
        upstream.release(name)
        assert line.get().body == b'{"done":true}'
    assert own.process.wait(timeout=20) == 0
    assert own.rows("feature = ?", name)[0]["outcome"] == "ok"
    assert own.lectr("verify").returncode == 0


def _accepts(running: Gateway) -> bool:
    try:
        with wire(running.url):
            return True
    except OSError:
        return False
