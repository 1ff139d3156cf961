"""The clients: one epoll loop that sends a fixed request over many connections and notes when what comes back.

Cheap enough to leave the gateway the slower side, and the same for every gateway. Ends of answers are found by their own
framing. Never judges anything. Called by the measures.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
from collections.abc import Iterator
from typing import Final

import attrs

PATIENCE_S: Final = 60.0
_STAMP: Final = re.compile(rb"t=(\d{20})")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_END: Final = b"\r\n0\r\n\r\n"


@attrs.define
class Seen:
    """What the clients saw. Units: ns of the monotonic clock."""

    took_ns: list[int] = attrs.field(factory=list)
    """From sending a request to the end of its answer."""
    first_ns: list[int] = attrs.field(factory=list)
    """From sending a request to its first event; empty where there are none."""
    late_ns: list[int] = attrs.field(factory=list)
    """From an event leaving the provider to its being here."""
    done_at: list[float] = attrs.field(factory=list)
    """When each answer had ended. Units: s of the monotonic clock."""
    lasted_s: float = 0.0


class Line:
    """One connection, with at most one request on it."""

    __slots__ = ("_body_at", "_first", "_length", "_looked", "_tail", "begun_ns", "got", "sock")

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun_ns = 0
        self.ask_nothing()

    def ask_nothing(self) -> None:
        """Forget the last answer."""
        self.got = 0
        self._tail = b""
        self._body_at = -1
        self._length = -1
        self._first = True
        self._looked = b""

    def send(self, sent: bytes) -> None:
        """Begin a request."""
        self.ask_nothing()
        self.begun_ns = time.monotonic_ns()
        self.sock.sendall(sent)

    def take(self, seen: Seen) -> bool:
        """Take what came; whether the answer has ended. Errors: AssertionError where it is not the one asked for."""
        data = self.sock.recv(1 << 18)
        assert data, "the connection was closed in the middle of an answer"
        if self._body_at < 0:
            data = self._tail + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._tail = data
                return False
            assert data.startswith(b"HTTP/1.1 200"), data[:400]
            length = _LENGTH.search(data, 0, end + 2)
            assert length or _CHUNKED.search(data, 0, end + 2), "an answer without framing"
            self._length = int(length[1]) if length else -1
            self._body_at, self._tail, data = end + 4, b"", data[end + 2 :]  # a chunked end may follow at once
            self.got = -2
        self.got += len(data)
        if self._length >= 0:
            return self.got >= self._length
        self._note(data, seen)
        self._tail = (self._tail + data)[-len(_END) :]
        return self._tail == _END

    def _note(self, data: bytes, seen: Seen) -> None:
        """Look for events and when they were sent."""
        looked = self._looked + data
        stamp = None
        for stamp in _STAMP.finditer(looked):
            now_ns = time.monotonic_ns()
            seen.late_ns.append(now_ns - int(stamp[1]))
            if self._first:
                self._first = False
                seen.first_ns.append(now_ns - self.begun_ns)
        self._looked = looked[max(stamp.end() if stamp else 0, len(looked) - 21) :]


@attrs.define
class Clients:
    """Connections to one gateway, kept between calls."""

    port: int
    lines: dict[int, Line] = attrs.field(factory=dict)
    idle: list[Line] = attrs.field(factory=list)
    _poll: select.epoll = attrs.field(factory=select.epoll)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self.lines.values():
            line.sock.close()
        self._poll.close()

    def connect(self, count: int) -> None:
        """Have so many idle connections."""
        while len(self.idle) < count:
            line = Line(self.port)
            self.lines[line.sock.fileno()] = line
            self._poll.register(line.sock, select.EPOLLIN)
            self.idle.append(line)

    def closed_loop(self, sent: bytes, requests: int, connections: int) -> Seen:
        """*requests* in all; each connection asks again as soon as it has its answer."""
        self.connect(connections)
        seen = Seen()
        start = time.monotonic()
        left = requests
        for _ in range(min(connections, requests)):
            self.idle.pop().send(sent)
            left -= 1
        done = 0
        while done < requests:
            for line in self._over(seen):
                done += 1
                if left:
                    left -= 1
                    line.send(sent)
                else:
                    self.idle.append(line)
        seen.lasted_s = time.monotonic() - start
        return seen

    def paced(self, sent: bytes, requests: int, rate: float) -> Seen:
        """*requests* at a steady rate, whether earlier ones are answered or not."""
        seen = Seen()
        start = time.monotonic()
        asked = done = 0
        while done < requests:
            wait_s = start + asked / rate - time.monotonic() if asked < requests else 1.0
            if wait_s <= 0:
                self.connect(1)
                self.idle.pop().send(sent)
                asked += 1
            for line in self._over(seen, max(0.0, wait_s)):
                done += 1
                self.idle.append(line)
        seen.lasted_s = time.monotonic() - start
        return seen

    def hold(self, sent: bytes, count: int) -> None:
        """Begin *count* requests that go on, and wait until each has shown its first event."""
        self.connect(count)
        seen = Seen()
        for _ in range(count):
            self.idle.pop().send(sent)
            list(self._over(seen, 0.0))
        while len(seen.first_ns) < count:
            list(self._over(seen))

    def _over(self, seen: Seen, wait_s: float = PATIENCE_S) -> Iterator[Line]:
        """Every connection whose answer has just ended."""
        found = self._poll.poll(wait_s)
        assert found or wait_s < PATIENCE_S, "nothing came for too long"
        for number, _ in found:
            line = self.lines[number]
            if line.take(seen):
                seen.took_ns.append(time.monotonic_ns() - line.begun_ns)
                seen.done_at.append(time.monotonic())
                yield line


@contextlib.contextmanager
def clients(port: int, connections: int = 0) -> Iterator[Clients]:
    """Clients for as long as the block lasts."""
    with Clients(port) as them:
        them.connect(connections)
        yield them
