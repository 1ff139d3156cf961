"""A provider's stand-in: a process of its own that takes requests byte for byte and answers exactly what it was told.

It knows HTTP/1.1 only as far as finding where a request ends, on purpose by other code than the gateway's. What it answers
is a script (`x-standin: NAME` in the request chooses one) or, where none is named, what `answers.by_default` says for the
path. It is told scripts, and asked what it saw, over a control socket: one line of JSON each way. Never imports
`lectr_core`. Started by `upstream.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import attrs
import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.whole import answers

KEPT_BODY_BYTES: Final = 1 << 20
"""Of a longer body only length and digest are kept."""


@attrs.define
class Seen:
    """One request as it came in."""

    n: int
    connection: int
    script: str | None
    head: bytes = b""
    """Up to and including the empty line."""
    body: bytearray = attrs.field(factory=bytearray)
    """Without transfer framing; cut after KEPT_BODY_BYTES."""
    body_bytes: int = 0
    framing: str = "none"
    digest: Any = attrs.field(factory=hashlib.sha256)  # Any: hashlib's class has no public name
    complete: bool = False
    closed: trio.Event = attrs.field(factory=trio.Event)
    """The peer closed or reset the connection while the answer was under way, or before its end."""
    done: bool = False

    def take(self, data: bytes) -> None:
        """Count a piece of the body."""
        self.body_bytes += len(data)
        self.digest.update(data)
        self.body += data[: max(0, KEPT_BODY_BYTES - len(self.body))]

    def told(self) -> dict[str, Any]:  # Any: JSON
        """As it goes over the control socket."""
        return {
            "n": self.n,
            "connection": self.connection,
            "script": self.script,
            "head": _text(self.head),
            "body": _text(self.body),
            "body_bytes": self.body_bytes,
            "framing": self.framing,
            "digest": self.digest.hexdigest(),
            "complete": self.complete,
            "closed": self.closed.is_set(),
            "done": self.done,
        }


class PeerGone(Exception):
    """The peer closed the connection."""


def _text(data: bytes | bytearray) -> str:
    return base64.b64encode(data).decode()


@attrs.define
class Line:
    """One connection with what was read ahead on it."""

    sock: trio.socket.SocketType
    ahead: bytearray = attrs.field(factory=bytearray)

    async def more(self) -> None:
        data = await self.sock.recv(1 << 16)
        if not data:
            raise PeerGone
        self.ahead += data

    async def until(self, end: bytes) -> bytes:
        while (at := self.ahead.find(end)) < 0:
            await self.more()
        return self.cut(at + len(end))

    def cut(self, size: int) -> bytes:
        data = bytes(self.ahead[:size])
        del self.ahead[:size]
        return data

    async def exactly(self, size: int, seen: Seen) -> None:
        while size:
            if not self.ahead:
                await self.more()
            piece = self.cut(min(size, len(self.ahead)))
            seen.take(piece)
            size -= len(piece)


def fields_of(head: bytes) -> dict[bytes, bytes]:
    """Header fields by lower-case name; of repeated ones the last."""
    lines = head.split(b"\r\n")[1:]
    return {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines) if name}


@attrs.define
class Standin:
    """Everything the process knows."""

    scripts: dict[str, dict[str, Any]] = attrs.field(factory=dict)  # Any: JSON
    seen: list[Seen] = attrs.field(factory=list)
    tokens: defaultdict[str, trio.Event] = attrs.field(factory=lambda: defaultdict(trio.Event))
    changed: trio.Condition = attrs.field(factory=trio.Condition)
    connections: int = 0

    async def tell(self) -> None:
        """Wake whoever waits for something to be seen."""
        async with self.changed:
            self.changed.notify_all()

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection from a gateway or a client. Waits: on it. Cancel: it is closed."""
        self.connections += 1
        number = self.connections
        line = Line(stream.socket)
        try:
            while await self._request(line, number):
                pass
        except (PeerGone, OSError):
            pass
        finally:
            for seen in self.seen:
                if seen.connection == number and not seen.done:
                    seen.closed.set()
            line.sock.close()
            await self.tell()

    async def _request(self, line: Line, number: int) -> bool:
        """Take one request and answer it. Returns whether the connection goes on."""
        head = await line.until(b"\r\n\r\n")
        fields = fields_of(head)
        name = fields.get(b"x-standin", b"").decode() or None
        seen = Seen(n=len(self.seen), connection=number, script=name, head=head)
        self.seen.append(seen)
        await self.tell()
        script = self.scripts.get(name or "", {})
        if not await self._steps(line, seen, script.get("early", [])):
            return False
        await self._body(line, seen, fields)
        seen.complete = True
        await self.tell()
        steps = script["steps"] if script else answers.by_default(head, bytes(seen.body))
        goes_on = await self._answer(line, seen, steps)
        seen.done = not seen.closed.is_set()
        await self.tell()
        return goes_on and seen.done

    async def _answer(self, line: Line, seen: Seen, steps: list[dict[str, Any]]) -> bool:  # Any: JSON
        """Carry out the steps, with an eye on a peer that leaves meanwhile."""
        goes_on = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch, line, seen)
            try:
                goes_on = await self._steps(line, seen, steps)
            except (PeerGone, OSError):
                seen.closed.set()
            nursery.cancel_scope.cancel()
        return goes_on

    async def _body(self, line: Line, seen: Seen, fields: dict[bytes, bytes]) -> None:
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            seen.framing = "chunked"
            while size := int((await line.until(b"\r\n")).split(b";")[0], 16):
                await line.exactly(size, seen)
                await line.until(b"\r\n")
            while await line.until(b"\r\n") != b"\r\n":
                pass
        elif b"content-length" in fields:
            seen.framing = "length"
            await line.exactly(int(fields[b"content-length"]), seen)

    async def _watch(self, line: Line, seen: Seen) -> None:
        """Notice a peer that leaves while the answer is under way."""
        try:
            await trio.lowlevel.wait_readable(line.sock)
            gone = not await line.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            gone = True
        if gone:
            seen.closed.set()
            await self.tell()

    async def _steps(self, line: Line, seen: Seen, steps: list[dict[str, Any]]) -> bool:  # Any: JSON
        for step in steps:
            match step:
                case {"send": text, **rest}:
                    data = base64.b64decode(text)
                    for _ in range(rest.get("times", 1)):
                        await _send(line.sock, data)
                case {"wait": token}:
                    await self._wait(token, seen)
                case {"pause_s": pause_s}:
                    await trio.sleep(pause_s)
                case {"close": how}:
                    if how == "reset":
                        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    seen.done = True
                    return False
                case _:
                    raise ValueError(f"no such step: {step}")
        return True

    async def _wait(self, token: str, seen: Seen) -> None:
        """Until the test says go, or the peer has left."""
        while not self.tokens[token].is_set():
            if seen.closed.is_set():
                raise PeerGone
            async with self.changed:
                await self.changed.wait()

    async def control(self, stream: trio.SocketStream) -> None:
        """One question and its answer. Waits: until the answer is known."""
        line = Line(stream.socket)
        try:
            asked = json.loads(await line.until(b"\n"))
            reply = await self._obey(asked)
            await _send(line.sock, json.dumps(reply).encode() + b"\n")
        except (PeerGone, OSError):
            pass

    async def _obey(self, asked: dict[str, Any]) -> Any:  # Any: JSON
        match asked:
            case {"do": "script", "name": name, "script": script}:
                self.scripts[name] = script
            case {"do": "release", "token": token}:
                self.tokens[token].set()
                await self.tell()
            case {"do": "seen", "script": name, "least": least, "state": state}:
                return [found.told() for found in await self._seen(name, least, state)]
            case {"do": "count"}:
                return len(self.seen)
            case {"do": "since", "n": n}:
                return [found.told() for found in self.seen[n:]]
            case _:
                return {"error": f"no such order: {asked}"}
        return {}

    async def _seen(self, name: str, least: int, state: str) -> list[Seen]:
        """Requests with this script, as soon as *least* of them are `head`, `complete`, `done` or `closed`."""
        while True:
            found = [one for one in self.seen if one.script == name]
            if len([one for one in found if _is(one, state)]) >= least:
                return found
            async with self.changed:
                await self.changed.wait()


def _is(seen: Seen, state: str) -> bool:
    match state:
        case "head":
            return True
        case "complete":
            return seen.complete
        case "done":
            return seen.done
        case _:
            return seen.closed.is_set()


async def _send(sock: trio.socket.SocketType, data: bytes) -> None:
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            at += await sock.send(view[at:])


async def main() -> None:
    """Serve until killed; the first line printed says on which ports."""
    standin = Standin()
    async with trio.open_nursery() as nursery:
        for listener in (providers := await trio.open_tcp_listeners(0, host="127.0.0.1")):
            listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        controls = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, standin.serve, providers)
        nursery.start_soon(trio.serve_listeners, standin.control, controls)
        ports = [listeners[0].socket.getsockname()[1] for listeners in (providers, controls)]
        print(json.dumps({"port": ports[0], "control": ports[1]}), flush=True)


if __name__ == "__main__":
    trio.run(main)
