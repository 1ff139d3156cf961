"""WebSockets through a real gateway: the same bytes as without it, and a record for each turn whatever becomes of it."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path

import pytest

from tests.whole.gateway import HELD_KEYS, Gateway, gateway
from tests.whole.live_upstream import LiveUpstream
from tests.whole.wire_client import Wire, wire

KEY64 = base64.b64encode(b"sixteen bytes ok").decode()
CLIENT_KEY = "sk-proj-client-canary-77aa"


def asking(target: str, *fields: str, host: str = "gateway") -> bytes:
    """A handshake as a browser sends it: capitals, order, `keep-alive` and all."""
    lines = [
        *(f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: keep-alive, Upgrade", "Pragma: no-cache"),
        *("Upgrade: websocket", "Origin: https://app.example", "Sec-WebSocket-Version: 13"),
        *("Accept-Encoding: gzip, deflate, br, zstd", f"Sec-WebSocket-Key: {KEY64}", *fields),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(payload: bytes, opcode: int = 1, mask: bytes = b"\x11\x22\x33\x44") -> bytes:
    """A client's frame, always the same bytes."""
    size = len(payload)
    length = (
        bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2) if size < 65536 else b"\xff" + size.to_bytes(8)
    )
    return bytes([0x80 | opcode]) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def said(**event: object) -> bytes:
    """A JSON message of a client."""
    return frame(json.dumps(event).encode())


def shaken(line: Wire, hello: bytes) -> bytes:
    """Send a handshake; the head that answers it."""
    line.send(hello)
    return line.until(b"\r\n\r\n")


def finish(line: Wire) -> bytes:
    """Close in good order; everything that came until the end."""
    line.send(frame((1000).to_bytes(2), opcode=8))
    while line.more():
        pass
    return bytes(line.ahead)


def turns_of(running: Gateway, feature: str, count: int) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The connection's row and those of its turns, in the order in which they began."""
    rows = running.stored(count + 1, "feature = ?", feature)
    (connection,) = [row for row in rows if row["connection"] is None]
    turns = sorted((row for row in rows if row["connection"] is not None), key=lambda row: row["seq"])
    assert {row["connection"] for row in turns} <= {connection["id"]}
    assert len(turns) == count
    return connection, turns


def test_a_conversation_is_the_same_bytes_with_and_without_a_gateway(live_passing: Gateway, live: LiveUpstream) -> None:
    """Fragments, pings, sound of every length: what one side sends is what the other gets, and nothing else."""
    payloads = [b"", b"a" * 125, b"b" * 126, b"c" * 65_535, b"d" * 65_536, os.urandom(300_000).hex().encode()]
    sent = b"".join(frame(payload) for payload in payloads)
    sent += b"\x01" + frame(b"first ")[1:] + frame(b"ping", opcode=9) + b"\x80" + frame(b"second")[1:]
    seen = []
    for url, key in ((live.url, ()), (live_passing.url, (f"X-Lectr-Key: {live_passing.key}", "X-Lectr-Feature: bytes"))):
        with wire(url) as line:
            answer = shaken(line, asking("/v1/echo?a=%2F&&b", *key, f"Authorization: Bearer {CLIENT_KEY}"))
            line.send(sent)
            talk = live.last("/v1/echo")
            while len(line.ahead) < sum(map(len, payloads)):
                assert line.more()
            got = finish(line)
            assert talk.over.wait(20)
            assert talk.came == sent + frame((1000).to_bytes(2), opcode=8)
            assert (answer, got) == (talk.answer, bytes(talk.went))
            seen.append((talk.head.replace(live_passing.url[7:].encode(), live.url[7:].encode()), answer, got))
    direct, through = seen
    host = f"Host: 127.0.0.1:{live.port}".encode()
    assert through[0] == direct[0].replace(b"Host: gateway", host)
    assert through[1:] == direct[1:]
    connection, _ = turns_of(live_passing, "bytes", 0)
    assert (connection["status"], connection["outcome"], connection["faithful"]) == (101, "ok", 1)
    assert (connection["request_bytes"], connection["response_bytes"]) == (len(sent) + 8, len(direct[2]))


@pytest.mark.parametrize("held", [False, True])
def test_a_browsers_session_is_recorded_by_turn(
    held: bool, live_passing: Gateway, live_holding: Gateway, live: LiveUpstream
) -> None:
    """A browser's key can stand in the sub-protocols; it is answered `realtime`, or it would close the connection."""
    running, feature = (live_holding, "browser-held") if held else (live_passing, "browser")
    key = f"openai-insecure-api-key.{running.key}" if held else f"openai-insecure-api-key.{CLIENT_KEY}"
    path = "/v1/realtime?model=gpt-realtime" if held else f"/{running.key}/v1/realtime?model=gpt-realtime"
    with wire(running.url) as line:
        offer = f"Sec-WebSocket-Protocol: realtime, {key}, openai-beta.realtime-v1"
        answer = shaken(line, asking(path, offer, f"X-Lectr-Feature: {feature}"))
        assert b"\r\nSec-WebSocket-Protocol: realtime\r\n" in answer
        line.send(said(type="response.create") + said(type="input_audio_buffer.commit") + said(type="response.create"))
        for _ in range(2):
            line.until(b'"response.done"')
        finish(line)
    talk = live.last("/v1/realtime?model=gpt-realtime")
    kept = "realtime, openai-beta.realtime-v1" if held else f"realtime, {key}, openai-beta.realtime-v1"
    assert talk.field("Sec-WebSocket-Protocol") == kept
    assert talk.field("Authorization") == (f"Bearer {HELD_KEYS['openai']}" if held else None)
    assert running.key.encode() not in talk.head
    connection, turns = turns_of(running, feature, 3)
    assert (connection["usage_state"], connection["cost_nanousd"], connection["input_tokens"]) == ("in_turns", 0, 0)
    assert connection["endpoint"] == "/v1/realtime"
    answers = [row for row in turns if row["model_actual"] == "gpt-realtime"]
    assert [(row["input_tokens"], row["output_tokens"], row["cached_input_tokens"]) for row in answers] == [
        (132, 121, 64)
    ] * 2
    (heard,) = [row for row in turns if row["model_actual"] == "gpt-4o-transcribe"]
    assert (heard["input_tokens"], heard["output_tokens"]) == (20, 7)
    assert all(row["outcome"] == "ok" and row["usage_check"] == 1 and row["cost_nanousd"] for row in turns)
    for words in (b"private words", b"hello there", running.key.encode(), CLIENT_KEY.encode()):
        files = [path for path in running.place.rglob("*") if path.is_file()]
        assert not [path for path in files if words in path.read_bytes()]


def test_a_refusal_of_the_provider_and_one_of_lectr_are_plain_answers(live_passing: Gateway, live: LiveUpstream) -> None:
    with wire(live_passing.url) as line:
        line.send(asking("/v1/refuse", f"X-Lectr-Key: {live_passing.key}", "X-Lectr-Feature: refused"))
        got = line.get(method="GET")
        assert (got.status, got.body) == (403, b'{"error":{}}')
    with wire(live_passing.url) as line:
        line.send(asking("/v1/realtime"))
        assert line.get(method="GET").status == 401
    (row,) = live_passing.stored(1, "feature = 'refused'")
    assert (row["outcome"], row["status"]) == ("provider_error", 403)


def test_a_provider_that_breaks_off_in_a_turn_leaves_it_recorded_once(live_passing: Gateway) -> None:
    fields = (f"X-Lectr-Key: {live_passing.key}", "X-Lectr-Feature: cut")
    with wire(live_passing.url) as line:
        shaken(line, asking("/v1/realtime?model=gpt-realtime", *fields))
        line.send(said(type="response.create") + said(type="response.create", response={"metadata": {"hang": "yes"}}))
        for _ in range(2):
            line.until(b"hello there")
        line.send(said(type="test.cut"))
        assert line.is_closed() or not line.more()
    connection, turns = turns_of(live_passing, "cut", 2)
    assert (connection["outcome"], connection["ended_by"]) == ("upstream_failed", "provider_failed")
    assert [(row["outcome"], row["usage_state"]) for row in turns] == [("ok", "reported"), ("upstream_failed", "absent")]


def test_a_client_that_is_gone_ends_the_providers_connection(live_passing: Gateway, live: LiveUpstream) -> None:
    fields = (f"X-Lectr-Key: {live_passing.key}", "X-Lectr-Feature: gone")
    with wire(live_passing.url) as line:
        shaken(line, asking("/v1/realtime?model=gpt-gone", *fields))
        line.send(said(type="response.create", response={"metadata": {"hang": "yes"}}))
        line.until(b"hello there")
        talk = live.last("model=gpt-gone")
        assert not talk.over.is_set()
    assert talk.over.wait(20)
    connection, turns = turns_of(live_passing, "gone", 1)
    assert (connection["outcome"], turns[0]["outcome"]) == ("client_disconnected", "client_disconnected")
    assert turns[0]["model_requested"] == "gpt-realtime"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_of_the_gateway_leaves_one_record_a_turn(how: signal.Signals, tmp_path: Path, live: LiveUpstream) -> None:
    """Killed, the journal holds the begun lines; the next start makes `interrupted` records of them, once."""
    with gateway(tmp_path, live.url, held=False) as running:
        fields = (f"X-Lectr-Key: {running.key}", "X-Lectr-Feature: ended")
        with wire(running.url) as line:
            shaken(line, asking("/v1/realtime?model=gpt-realtime", *fields))
            line.send(said(type="response.create") + said(type="response.create", response={"metadata": {"hang": "yes"}}))
            for _ in range(2):
                line.until(b"hello there")
            if how == signal.SIGTERM:
                running.stop()
            else:
                running.kill_all()
            assert line.is_closed() or not line.more()
        running.start()
        connection, turns = turns_of(running, "ended", 2)
        ended_by = "gateway_shutdown" if how == signal.SIGTERM else "crash"
        outcome = "gateway_shutdown" if how == signal.SIGTERM else "interrupted"
        assert [(row["outcome"], row["ended_by"]) for row in turns] == [("ok", "completed"), (outcome, ended_by)]
        assert (connection["outcome"], connection["ended_by"]) == (outcome, ended_by)
        running.lectr("verify")
        assert len(running.rows("feature = 'ended'")) == 3
