"""Clients that leave, over real sockets: how soon the provider is let go of, and what an answer that is read on leaves.

The time is printed, not judged; `tests/hot/test_draining.py` holds the promise with a clock of its own.
"""

from __future__ import annotations

import json
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.answers import INPUT, OUTPUT, by_default
from tests.whole.gateway import Gateway, gateway, until
from tests.whole.upstream import Upstream, send, wait
from tests.whole.wire_client import request, wire

ROUNDS = 10
PHASES = ("head", "answer", "upload")
FINISH = """
[[rule]]
name = "count it"
when = { feature = "counted-*" }
drain = { max_s = 20, max_usd = 0.01, usd_per_million_tokens = 75 }
"""


@pytest.fixture
def own(tmp_path: Path, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that reads some answers on."""
    with gateway(tmp_path, upstream.url, held=True, extra=FINISH) as running:
        yield running


def asking(running: Gateway, name: str, feature: str, **body: object) -> bytes:
    """A chat completion as a stream that tells its usage."""
    told = {"model": "gpt-4o", "stream": True, "stream_options": {"include_usage": True}, "messages": [], **body}
    fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", feature), ("x-standin", name))
    sent = json.dumps(told).encode()
    return request("POST", "/v1/chat/completions", *fields, ("Content-Type", "application/json"), body=sent)


def uploading(running: Gateway, name: str) -> bytes:
    """The beginning of an upload."""
    fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", name), ("x-standin", name))
    framing = (("Content-Type", "multipart/form-data; boundary=b"), ("Content-Length", "100000"))
    return request("POST", "/v1/audio/transcriptions", *fields, *framing, framed=False) + b"--b\r\n"


@pytest.mark.parametrize("phase", PHASES)
def test_client_that_leaves_lets_go_of_the_provider(own: Gateway, upstream: Upstream, name: str, phase: str) -> None:
    took = []
    for number in range(ROUNDS):
        script = f"{name}-{number}"
        first = [send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")] if phase == "answer" else []
        upstream.script(script, *first, wait("never"))
        with wire(own.url) as line:
            line.send(uploading(own, script) if phase == "upload" else asking(own, script, script))
            upstream.seen(script, state="head" if phase == "upload" else "complete")
            if phase == "answer":
                line.until(b"abc")
            left_s = time.perf_counter()
        upstream.seen(script, state="closed")
        took.append((time.perf_counter() - left_s) * 1000)
    print(f"\n{phase}: provider let go of after {statistics.median(took):.1f} ms (median), {max(took):.1f} ms (most)")
    rows = own.stored(ROUNDS, "feature like ?", f"{name}-%")
    assert {(row["outcome"], row["ended_by"]) for row in rows} == {("client_disconnected", "client_gone")}


@pytest.mark.parametrize(("max_tokens", "counted"), [(100, True), (1_000_000, False)])
def test_answer_without_its_client_is_counted_where_a_rule_says_so(
    own: Gateway, upstream: Upstream, name: str, max_tokens: int, counted: bool
) -> None:
    asked = asking(own, name, f"counted-{name}", max_tokens=max_tokens)
    head, _, body = asked.partition(b"\r\n\r\n")
    steps = by_default(head + b"\r\n\r\n", body)
    upstream.script(name, steps[0], wait(name), *steps[1:])
    with wire(own.url) as line:
        line.send(asked)
        upstream.seen(name)
        line.until(b"\r\n\r\n")
    if counted:
        time.sleep(0.3)  # the client is long gone when the answer goes on
        upstream.release(name)
    (row,) = own.stored(1, "feature = ?", f"counted-{name}")
    assert (row["outcome"], row["ended_by"], row["rule"]) == ("client_disconnected", "client_gone", "count it")
    if counted:
        assert (row["input_tokens"], row["output_tokens"], row["tokens_source"]) == (INPUT, OUTPUT, "reported")
    else:
        assert row["tokens_source"] != "reported"
        assert upstream.seen(name, state="closed")[0].closed


def test_what_was_told_before_the_client_left_is_a_lower_bound(own: Gateway, upstream: Upstream, name: str) -> None:
    """This dialect tells the prompt's tokens as its answer begins, and the output's at its end."""
    body = json.dumps({"model": "claude-sonnet-4-5", "stream": True, "max_tokens": 100, "messages": []}).encode()
    fields = (("X-Lectr-Key", own.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Content-Type", "application/json"))
    asked = request("POST", "/v1/messages", *fields, body=body)
    steps = by_default(asked.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", body)
    upstream.script(name, *steps[:3], wait("never"))
    with wire(own.url) as line:
        line.send(asked)
        line.until(b"message_start")
        line.until(b"content_block")
    (row,) = own.stored(1, "feature = ?", name)
    assert (row["outcome"], row["ended_by"], row["status"]) == ("client_disconnected", "client_gone", 200)
    assert row["input_tokens_low"] == INPUT
    assert row["output_tokens_low"] < OUTPUT
    assert row["output_tokens_high"] is None or row["output_tokens_high"] >= OUTPUT


def test_second_signal_hurries_a_stop(tmp_path: Path, upstream: Upstream, name: str) -> None:
    upstream.script(name, wait("never"))
    with gateway(tmp_path, upstream.url, held=True) as running:
        running.config.write_text(running.config.read_text().replace("drain_s = 3.0", "drain_s = 500.0"))
        assert running.process is not None
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "is in force" in running.log.read_text(), what="the long drain is in force")
        with wire(running.url) as line:
            line.send(asking(running, name, name))
            upstream.seen(name)
            running.process.send_signal(signal.SIGTERM)
            until(lambda: "stopping in order" in running.log.read_text(), what="it stops in order")
            assert running.process.poll() is None
            running.process.send_signal(signal.SIGTERM)
            assert line.is_closed()
            assert running.process.wait(timeout=20) in (0, 1)  # 1: told to hurry, records may wait for the next start
        running.start()
        (row,) = running.stored(1, "feature = ?", name)
        assert row["outcome"] == "gateway_shutdown"
