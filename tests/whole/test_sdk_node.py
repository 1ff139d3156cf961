"""The openai and @anthropic-ai/sdk packages from npm, unmodified: the same on every way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.whole import answers
from tests.whole.answers import CACHED, INPUT, OUTPUT, TEXT
from tests.whole.upstream import send, wait
from tests.whole.ways import Way

HERE: Final = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def drive(pytestconfig: pytest.Config) -> Path:
    """The driver beside freshly installed packages, kept from run to run."""
    if not (shutil.which("node") and shutil.which("npm")):
        assert not os.environ.get("CI"), "node and npm must be there where changes are judged"
        pytest.skip("node and npm are not installed")
    cache = pytestconfig.cache
    assert cache is not None
    place = cache.mkdir("node")
    same = (place / "package.json").is_file() and (place / "package.json").read_bytes() == (
        HERE / "package.json"
    ).read_bytes()
    if not (same and (place / "node_modules" / "openai").is_dir()):
        shutil.copy(HERE / "package.json", place)
        quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
        subprocess.run(["npm", "install", *quiet], cwd=place, check=True, stdout=subprocess.DEVNULL)
    shutil.copy(HERE / "drive.mjs", place)
    return place / "drive.mjs"


def run(drive: Path, *asked: dict[str, Any]) -> list[dict[str, Any]]:  # Any: JSON
    """Run scenarios in one process, because starting one takes a second. Returns what each of them came to."""
    done = subprocess.run(["node", str(drive), json.dumps(asked)], capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def scenario(way: Way, what: str, name: str, provider: str) -> dict[str, Any]:  # Any: JSON
    """One scenario as the driver wants it."""
    return {"scenario": what, "url": way.url(provider), "key": way.key(provider), "headers": way.headers(name)}


RETURNS = {
    "chat": ("openai", ["".join(TEXT), INPUT]),
    "chat_stream": ("openai", TEXT),
    "tool": ("openai", '{"city":"Oslo"}'),
    "embeddings": ("openai", [0.25, -0.5]),
    "responses": ("openai", "".join(TEXT)),
    "responses_stream": ("openai", TEXT),
    "upload": ("openai", "file-1"),
    "message": ("anthropic", ["".join(TEXT), CACHED]),
    "message_stream": ("anthropic", [TEXT, OUTPUT]),
}


def test_it_returns_what_the_provider_said(drive: Path, way: Way, name: str) -> None:
    got = run(drive, *(scenario(way, what, f"{name}-{what}", provider) for what, (provider, _) in RETURNS.items()))
    assert dict(zip(RETURNS, got, strict=True)) == {what: {"said": said} for what, (_, said) in RETURNS.items()}


THROWS = [
    ("chat_error", "openai", "401 Unauthorized", "AuthenticationError"),
    ("chat_error", "openai", "429 Too Many Requests", "RateLimitError"),
    ("chat_error", "openai", "503 Busy", "InternalServerError"),
    ("message_error", "anthropic", "400 Bad Request", "BadRequestError"),
    ("message_error", "anthropic", "500 Oh", "InternalServerError"),
]


def test_it_throws_its_usual_errors(drive: Path, way: Way, name: str) -> None:
    asked = []
    for number, (what, provider, status, _) in enumerate(THROWS):
        body = b'{"error":{"message":"a reason","type":"t"}}'
        way.upstream.script(f"{name}-{number}", send(answers.whole(body, status=status)))
        asked.append(scenario(way, what, f"{name}-{number}", provider))
    got = run(drive, *asked)
    assert [(one["threw"], one["status"]) for one in got] == [(threw, int(status[:3])) for _, _, status, threw in THROWS]
    assert all("a reason" in one["message"] for one in got)


def test_leaving_a_stream_midway_reaches_the_provider(drive: Path, way: Way, name: str) -> None:
    begun = answers.stream_head() + answers.chunk(answers.event({"id": "1", "choices": []}))
    way.upstream.script(name, send(begun), wait(name))
    assert run(drive, scenario(way, "chat_left", name, "openai")) == [{"said": "1"}]
    assert way.upstream.seen(name, state="closed")
