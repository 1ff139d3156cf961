"""A gateway under load whose settings are taken over, or whose program is replaced: no request is dropped, none is lost."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.whole.answers import LAST_CHUNK, chunk, stream_head
from tests.whole.gateway import Gateway, gateway, until
from tests.whole.load import ASK, nothing_is_missing_or_double, pid_of
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import request, wire

CLIENTS = 6


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway to be replaced."""
    with gateway(tmp_path, upstream.url, held=True) as running:
        yield running


@attrs.define
class Polite:
    """Load from clients as they should be: a connection is used again unless the answer says that it ends.

    Half of them open a new one for each request. Any request without a whole answer of status 200 was dropped.
    """

    gateway: Gateway
    finished: list[str] = attrs.field(factory=list)
    dropped: list[str] = attrs.field(factory=list)
    closes: int = 0
    over: threading.Event = attrs.field(factory=threading.Event)
    threads: list[threading.Thread] = attrs.field(factory=list)

    def __enter__(self) -> Polite:
        self.threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until *count* more requests have finished."""
        goal = len(self.finished) + count
        until(lambda: len(self.finished) >= goal, what=f"{count} more requests finish; dropped: {self.dropped[:3]}")

    def _client(self, number: int) -> None:
        asked = 0
        while not self.over.is_set():
            with wire(self.gateway.url) as line:
                goes_on = True
                while goes_on and not self.over.is_set():
                    asked += 1
                    feature = f"polite-{number}-{asked}"
                    fields = (
                        ("X-Lectr-Key", self.gateway.key),
                        ("X-Lectr-Feature", feature),
                        ("Content-Type", "application/json"),
                    )
                    try:
                        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
                        got = line.get()
                    except (OSError, EOFError) as error:
                        self.dropped.append(f"{feature}: {type(error).__name__}")
                        break
                    if got.complete and got.status == 200:
                        self.finished.append(feature)
                    else:
                        self.dropped.append(f"{feature}: {got.line!r}")
                    ends = b"close" in [value.lower() for value in got.values("connection")]
                    self.closes += ends
                    goes_on = not ends and number % 2 == 0


def replace(running: Gateway) -> None:
    """Have the program replaced, and wait until the old workers are gone."""
    assert running.process is not None
    old = pid_of(running, "assembly.worker")
    running.process.send_signal(signal.SIGUSR2)
    until(
        lambda: old not in running.pids() and pid_of(running, "assembly.cold"),
        what=f"the old worker is gone; it said: {running.log.read_text()[-2000:]}",
    )


def test_replacing_the_program_under_load_drops_no_request(own: Gateway) -> None:
    assert own.process is not None
    with Polite(own) as load:
        load.more(100)
        for _ in range(2):
            replace(own)
            load.more(100)
    print(f"\n{len(load.finished)} requests across two replacements, {len(load.dropped)} dropped")
    assert load.dropped == []
    assert own.process.poll() is None, "it is the same process, for whoever watches it"
    nothing_is_missing_or_double(own, load.finished)


def test_taking_over_settings_under_load_drops_no_request(own: Gateway) -> None:
    assert own.process is not None
    text = own.config.read_text()
    with Polite(own) as load:
        load.more(100)
        for number in range(5):
            own.config.write_text(text.replace("drain_s = 3.0", f"drain_s = 3.{number + 1}"))
            own.process.send_signal(signal.SIGHUP)
            load.more(60)
    print(f"\n{len(load.finished)} requests across five reloads, {len(load.dropped)} dropped")
    assert load.dropped == []
    assert load.closes == 0, "connections go on too"
    nothing_is_missing_or_double(own, load.finished)
    assert len(Counter(row["config_version"] for row in own.rows("feature <> 'untagged'"))) > 1


def test_stream_goes_on_while_the_program_is_replaced(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, send(stream_head() + chunk(b"data: 1\n\n")), wait(name), send(chunk(b"data: 2\n\n") + LAST_CHUNK))
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    assert own.process is not None
    old = pid_of(own, "assembly.worker")
    with wire(own.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
        upstream.seen(name)
        own.process.send_signal(signal.SIGUSR2)
        until(lambda: own.log.read_text().count("worker-0 is ready") == 2, what="a new worker serves")
        assert old in own.pids()
        upstream.release(name)
        got = line.get()
        assert (got.status, got.complete, got.body) == (200, True, b"data: 1\n\ndata: 2\n\n")
    (row,) = own.stored(1, "feature = ?", name)
    assert row["outcome"] == "ok"
    until(lambda: old not in own.pids(), what="the old worker is gone")
    assert own.lectr("verify").returncode == 0
    assert sorted(path.stem for path in (own.data / "health").iterdir()) == ["cold", "supervisor", "worker-0"]


def test_program_that_would_not_start_is_never_begun(own: Gateway) -> None:
    assert own.process is not None
    own.config.write_text(own.config.read_text() + "\n[nonsense]\n")
    old = pid_of(own, "assembly.worker")
    own.process.send_signal(signal.SIGUSR2)
    until(lambda: "the program is not replaced" in own.log.read_text(), what="it says why")
    assert pid_of(own, "assembly.worker") == old
    with Polite(own) as load:
        load.more(20)
    assert load.dropped == []


def test_stop_while_old_workers_drain_ends_everything(own: Gateway, upstream: Upstream, name: str) -> None:
    upstream.script(name, wait("never"))
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    assert own.process is not None
    with wire(own.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
        upstream.seen(name)
        own.process.send_signal(signal.SIGUSR2)
        until(lambda: own.log.read_text().count("worker-0 is ready") == 2, what="a new worker serves")
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(timeout=20) == 0
    (row,) = own.rows("feature = ?", name)
    assert row["outcome"] == "gateway_shutdown"
    assert own.lectr("verify").returncode == 0
