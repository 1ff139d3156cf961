"""What a provider may answer to do harm: the client gets it byte for byte, the reader gives up, the worker stays small."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.answers import LAST_CHUNK, chat_usage, chunk, event, head, stream_head, whole
from tests.whole.gateway import Gateway, gateway
from tests.whole.upstream import Step, Upstream, send
from tests.whole.wire_client import request, wire

ASK = b'{"model":"gpt-4o-mini","messages":[]}'
STREAM = b'{"model":"gpt-4o-mini","messages":[],"stream":true}'
MIB = 1 << 20
PEAK_BYTES = 128 * MIB
"""Of the worker, all told, whatever comes: a reader of events holds 16 MiB at most. Seen: 67 MiB."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway of its own, so that its worker's memory tells of these tests alone."""
    with gateway(tmp_path_factory.mktemp("hostile"), upstream.url, held=True) as running:
        yield running


def peak_bytes(running: Gateway) -> int:
    """The most memory that the worker ever held (VmHWM)."""
    (pid,) = (pid for pid, line in running.pids().items() if "assembly.worker" in line)
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("VmHWM:"))


def digest_of_answer(running: Gateway, name: str, asked: bytes = ASK) -> tuple[str, int]:
    """Ask, and read the raw answer to its end, holding none of it. Returns digest and length of all behind the head."""
    fields = (("X-Lectr-Key", running.key), ("X-Lectr-Feature", name), ("x-standin", name), ("Connection", "close"))
    seen, size = hashlib.sha256(), 0
    with wire(running.url) as line:
        line.send(request("POST", "/v1/chat/completions", *fields, ("Content-Type", "application/json"), body=asked))
        assert line.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        goes_on = True
        while goes_on or line.ahead:
            seen.update(line.ahead)
            size += len(line.ahead)
            line.ahead.clear()
            goes_on = goes_on and line.more()
    return seen.hexdigest(), size


def passes(running: Gateway, upstream: Upstream, name: str, answer: bytes, asked: bytes = ASK) -> str:
    """Whether *answer* (a whole response) arrives byte for byte. Returns what its record says of usage."""
    upstream.script(name, send(answer))
    body = answer.partition(b"\r\n\r\n")[2]
    assert digest_of_answer(running, name, asked) == (hashlib.sha256(body).hexdigest(), len(body))
    assert peak_bytes(running) < PEAK_BYTES
    (row,) = running.stored(1, "feature = ?", name)
    assert row["outcome"] == "ok"
    return str(row["usage_state"])


def counted(text: str) -> bytes:
    """A completion whose usage holds *text* as the number of its output."""
    return b'{"id":"x","model":"gpt-4o-mini","usage":{"prompt_tokens":5,"completion_tokens":%b}}' % text.encode()


UNREADABLE = {
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep usage": b'{"model":"gpt-4o-mini","usage":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not utf-8": b'{"id":"x","usage":{"prompt_\xff\xfe' + b"\xff" * 5000,
    "lone surrogate": b'{"model":"\\ud800","usage":{"prompt_tokens":1}}',
    "nan": counted("NaN"),
    "infinity": counted("-Infinity"),
    "half": counted("5")[:-9],
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_answer_that_cannot_be_read_passes_and_is_unreadable(
    case: str, own: Gateway, upstream: Upstream, name: str
) -> None:
    assert passes(own, upstream, name, whole(UNREADABLE[case])) == "unreadable"


@pytest.mark.parametrize("text", ["1e308", "1e999", "-5", '"12"', "true", "[12]", "9" * 400, "0.5", "null"])
def test_a_count_that_is_none_is_not_counted(text: str, own: Gateway, upstream: Upstream, name: str) -> None:
    passes(own, upstream, name, whole(counted(text)))
    (row,) = own.rows("feature = ?", name)
    assert row["output_tokens"] in (None, 0)
    assert row["cost_usd"] is None or row["cost_usd"] < 1


def test_a_model_that_is_no_utf_8_is_not_kept(own: Gateway, upstream: Upstream, name: str) -> None:
    passes(own, upstream, name, whole(b'{"model":"gpt-\xff\xfe","usage":{"prompt_tokens":1,"completion_tokens":2}}'))
    (row,) = own.rows("feature = ?", name)
    assert row["model_actual"] is None


def test_a_name_that_comes_twice_counts_once(own: Gateway, upstream: Upstream, name: str) -> None:
    body = b'{"model":"gpt-4","model":"gpt-4o-mini","usage":' + json.dumps(chat_usage()).encode() + b"}"
    assert passes(own, upstream, name, whole(body)) == "reported"


def test_a_request_that_names_two_models_goes_on_as_it_is(own: Gateway, upstream: Upstream, name: str) -> None:
    asked = b'{"model":"gpt-4o-mini","model":"gpt-4o","messages":[]}'
    passes(own, upstream, name, whole(counted("5")), asked)
    assert upstream.seen(name)[0].body == asked


def test_a_bomb_passes_packed_and_is_given_up(own: Gateway, upstream: Upstream, name: str) -> None:
    bomb = gzip.compress(bytes(300 * MIB), 1)
    fields = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(bomb))))
    assert passes(own, upstream, name, head("200 OK", *fields) + bomb) == "unreadable"


def test_a_line_of_100_mib_passes_and_is_given_up(own: Gateway, upstream: Upstream, name: str) -> None:
    piece = chunk(b"x" * 65_536)
    steps: list[Step] = [send(stream_head() + chunk(b"data: ")), send(piece, 1600), send(chunk(b"\n\n") + LAST_CHUNK)]
    upstream.script(name, *steps)
    expected = hashlib.sha256(chunk(b"data: "))
    for _ in range(1600):
        expected.update(piece)
    expected.update(chunk(b"\n\n") + LAST_CHUNK)
    assert digest_of_answer(own, name, STREAM)[0] == expected.hexdigest()
    assert peak_bytes(own) < PEAK_BYTES
    (row,) = own.stored(1, "feature = ?", name)
    assert (row["outcome"], row["usage_state"]) == ("ok", "unreadable")


def test_10_000_events_in_one_packet_pass_and_are_read(own: Gateway, upstream: Upstream, name: str) -> None:
    delta = event({"id": "x", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "ab"}}]})
    body = delta * 10_000 + event({"id": "x", "choices": [], "usage": chat_usage()}) + event("[DONE]")
    assert passes(own, upstream, name, stream_head() + chunk(body) + LAST_CHUNK, STREAM) == "reported"
    (row,) = own.rows("feature = ?", name)
    assert row["deltas"] == 10_000


def test_an_answer_that_comes_byte_by_byte_is_the_same(own: Gateway, upstream: Upstream, name: str) -> None:
    body = event({"id": "x", "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": {"content": "é"}}]}) + event(
        {"id": "x", "choices": [], "usage": chat_usage()}
    )
    sent = stream_head() + b"".join(chunk(body[at : at + 1]) for at in range(len(body))) + LAST_CHUNK
    upstream.script(name, *(send(sent[at : at + 1]) for at in range(len(sent))))
    raw = sent.partition(b"\r\n\r\n")[2]
    assert digest_of_answer(own, name, STREAM) == (hashlib.sha256(raw).hexdigest(), len(raw))
    (row,) = own.stored(1, "feature = ?", name)
    assert (row["outcome"], row["usage_state"]) == ("ok", "reported")
