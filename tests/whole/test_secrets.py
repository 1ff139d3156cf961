"""Secrets and content are planted everywhere a client can put them, then looked for everywhere something could be left.

A gateway of its own is asked in every way that ends well or badly, then stopped: what lies on disk after that is looked at
byte for byte, the processes' command lines while it runs.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.whole import answers
from tests.whole.answers import chunk, event, stream_head, whole
from tests.whole.gateway import HELD_KEYS, Gateway, gateway
from tests.whole.upstream import Upstream, close, send, wait
from tests.whole.wire_client import request, wire

CANARIES = {
    "prompt": "canary-prompt-5d1e",
    "answer": "canary-answer-77c0",
    "credential": "sk-proj-canary-credential-90ab",
    "query": "canary-query-1c2d",
    "header": "canary-header-3e4f",
    "cookie": "canary-cookie-5a6b",
    "tool": "canary-tool-argument-7c8d",
    "path": "canary-file-name-9e0f",
    "error": "canary-error-text-a1b2",
    "multipart": "canary-multipart-c3d4",
    "basic": "canary-basic-e5f6",
    "max_tokens": "canary-max-tokens-0718",
}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    """A gateway that has seen every canary on every way."""
    with gateway(tmp_path_factory.mktemp("secrets"), upstream.url, held=False) as running:
        count = _plant(running, upstream)
        running.stored(count)
        yield running


def _plant(running: Gateway, upstream: Upstream) -> int:
    """Send requests that end in every way. Returns how many."""
    tree = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": CANARIES["prompt"]}],
        "tools": [{"function": {"arguments": CANARIES["tool"]}}],
        "max_tokens": CANARIES["max_tokens"],
    }
    fields = (
        ("X-Lectr-Key", running.key),
        ("Authorization", f"Bearer {CANARIES['credential']}"),
        ("X-Other", CANARIES["header"]),
        ("Cookie", CANARIES["cookie"]),
    )
    said = {
        "id": "1",
        "choices": [{"index": 0, "delta": {"content": CANARIES["answer"]}, "message": {"content": CANARIES["answer"]}}],
    }
    frames = stream_head() + chunk(event(said))
    error = json.dumps({"error": {"message": CANARIES["error"], "code": CANARIES["error"]}}).encode()
    ways = {
        "ok": [send(whole(json.dumps(said).encode()))],
        "streamed": [send(frames), send(answers.LAST_CHUNK)],
        "cut": [send(frames), close("reset")],
        "error": [send(whole(error, status="400 Bad Request"))],
        "nonsense": [send(b"HTTP/1.1 abc " + CANARIES["answer"].encode() + b"\r\n\r\n"), close()],
        "garbage": [send(whole(b'{"usage": "' + CANARIES["answer"].encode()))],
        "left": [send(frames), wait("never")],
    }
    target = f"/v1/chat/completions?key={CANARIES['query']}&api-version={CANARIES['query']}"
    for way, steps in ways.items():
        upstream.script(f"secret-{way}", *steps)
        with wire(running.url) as line:
            line.send(request("POST", target, ("x-standin", f"secret-{way}"), *fields, body=json.dumps(tree).encode()))
            if way == "left":
                line.until(CANARIES["answer"].encode())
            else:
                line.get()
    part = f'Content-Disposition: form-data; name="file"; filename="{CANARIES["multipart"]}"'
    form = f"--b\r\n{part}\r\n\r\nx\r\n--b--\r\n".encode()
    basic = ("Authorization", f"Basic {CANARIES['basic']}")
    others = [
        request("GET", f"/v1/files/{CANARIES['path']}/content", *fields),
        request("POST", "/v1/files", *fields, ("Content-Type", "multipart/form-data; boundary=b"), body=form),
        request("GET", f"/{running.key}/v1/models?{CANARIES['query']}", basic),
        request("POST", f"/v1beta/models/gemini-2.5-flash:generateContent?key={CANARIES['query']}", *fields, body=b"{}"),
        request("POST", f"/{CANARIES['path']}/x", ("Authorization", f"Bearer {CANARIES['credential']}"), body=b"{}"),
    ]
    for sent in others:
        with wire(running.url) as line:
            line.send(sent)
            line.get()
    for broken in (
        b"GET /%b HTTP/1.1\r\nX: \0\r\n\r\n",
        b"%b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nX : \r\n\r\n",
    ):
        with wire(running.url) as line:
            line.send(broken % CANARIES["credential"].encode())
            line.get()
    return len(ways) + len(others)


def _looked_at(running: Gateway) -> list[Path]:
    """Every file the gateway could have written, its own settings apart."""
    return [path for path in running.place.rglob("*") if path.is_file() and path != running.config]


def test_no_canary_is_anywhere_on_disk(used: Gateway) -> None:
    paths = _looked_at(used)
    assert used.log in paths
    assert any(path.name == "lectr.db" for path in paths)
    assert any("journal" in path.parts for path in paths)
    secrets = {**CANARIES, "lectr key": used.key, **{f"held {name}": key for name, key in HELD_KEYS.items()}}
    found = [
        f"{what} in {path.relative_to(used.place)}" for path in paths for what, text in secrets.items() if _holds(path, text)
    ]
    assert not found, found


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()


def test_no_canary_is_in_a_row_however_it_is_packed(used: Gateway) -> None:
    with closing(sqlite3.connect(f"file:{used.data / 'lectr.db'}?mode=ro", uri=True)) as db:
        dump = "\n".join(db.iterdump())
    assert "requests" in dump
    assert not [what for what, text in CANARIES.items() if text in dump]


def test_no_canary_is_in_a_command_line(used: Gateway) -> None:
    lines = "\n".join(used.pids().values())
    assert "serve" in lines
    assert used.key not in lines
    assert not [text for text in (*CANARIES.values(), *HELD_KEYS.values()) if text in lines]


def test_only_the_operator_can_read_what_is_kept(used: Gateway) -> None:
    assert used.data.stat().st_mode & 0o777 == 0o700
    assert (used.data / "keys.json").stat().st_mode & 0o777 == 0o600


def test_commands_that_show_things_show_no_secret(used: Gateway) -> None:
    for command in (["keys", "list"], ["doctor"], ["plugins"], ["verify"]):
        done = used.lectr(*command, check=False)
        said = done.stdout + done.stderr
        assert said
        assert not [text for text in (*CANARIES.values(), *HELD_KEYS.values(), used.key) if text in said], command
