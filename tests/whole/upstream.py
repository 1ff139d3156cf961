"""The tests' side of the stand-in: starts it, tells it what to answer, asks what it saw. Never parses what it does."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

PATIENCE_S: Final = 20.0
"""Far longer than anything here takes: only a fault runs into it."""

Step = dict[str, Any]  # Any: JSON


@attrs.frozen
class Seen:
    """One request as the stand-in got it."""

    head: bytes
    body: bytes
    body_bytes: int
    digest: str
    framing: str
    complete: bool
    closed: bool
    connection: int

    @property
    def line(self) -> bytes:
        """The request line."""
        return self.head.split(b"\r\n", 1)[0]

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Header fields as they came: order, case and repetition kept."""
        rows = self.head.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        return [(name, value.strip()) for name, _, value in (row.partition(b":") for row in rows)]

    def field(self, name: str) -> bytes | None:
        """The last value of a header, by any spelling of its name."""
        found = [value for key, value in self.fields if key.lower() == name.lower().encode()]
        return found[-1] if found else None


def send(data: bytes, times: int = 1) -> Step:
    """Send these bytes, as often as said."""
    return {"send": base64.b64encode(data).decode(), "times": times}


def wait(token: str) -> Step:
    """Go on only when the test releases *token*."""
    return {"wait": token}


def close(how: str = "fin") -> Step:
    """End the connection: `fin` or `reset`."""
    return {"close": how}


@attrs.frozen
class Upstream:
    """A stand-in that runs."""

    port: int
    control: int

    @property
    def url(self) -> str:
        """What to use as a provider's base address."""
        return f"http://127.0.0.1:{self.port}"

    def script(self, name: str, *steps: Step, early: tuple[Step, ...] = ()) -> dict[str, str]:
        """Answer requests that carry the header returned with *steps*; *early* ones come before the body is read."""
        self._ask(do="script", name=name, script={"steps": list(steps), "early": list(early)})
        return {"x-standin": name}

    def release(self, token: str) -> None:
        """Let the script that waits for *token* go on."""
        self._ask(do="release", token=token)

    def seen(self, name: str, least: int = 1, state: str = "complete") -> list[Seen]:
        """Requests with this script, once *least* are `head`, `complete`, `done` or `closed`. Waits: at most PATIENCE_S."""
        return [_seen(told) for told in self._ask(do="seen", script=name, least=least, state=state)]

    def count(self) -> int:
        """How many requests came in so far."""
        return int(self._ask(do="count"))

    def since(self, n: int) -> list[Seen]:
        """Requests that came in after the first *n*."""
        return [_seen(told) for told in self._ask(do="since", n=n)]

    def _ask(self, **asked: Any) -> Any:  # Any: JSON
        with socket.create_connection(("127.0.0.1", self.control), timeout=PATIENCE_S) as sock:
            sock.sendall(json.dumps(asked).encode() + b"\n")
            with sock.makefile("rb") as reply:
                return json.loads(reply.readline())


def _seen(told: dict[str, Any]) -> Seen:  # Any: JSON
    return Seen(
        head=base64.b64decode(told["head"]),
        body=base64.b64decode(told["body"]),
        body_bytes=told["body_bytes"],
        digest=told["digest"],
        framing=told["framing"],
        complete=told["complete"],
        closed=told["closed"],
        connection=told["connection"],
    )


@contextlib.contextmanager
def standin() -> Iterator[Upstream]:
    """Run a stand-in for as long as the block lasts."""
    command = [sys.executable, str(Path(__file__).with_name("standin.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Upstream(**json.loads(process.stdout.readline()))
        finally:
            process.kill()
