"""The cheapest provider that can do what is measured: whole answers, large ones, events at a pace or in a burst.

What a request asks for stands in its body, in `user`: `bench-small`, `bench-large` (1 MB back), `bench-slow-200` (whole,
after so many ms), `bench-events-53-10` (so many events, so many ms apart; 0: back to back). Every event says when it was
sent, in ns of the monotonic clock, which all processes of a machine share. A process of its own. Started by `subjects.py`.
"""

from __future__ import annotations

import heapq
import re
import select
import socket
import time
from typing import Final

ANSWER_BODY: Final = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"' + b"Hello there. " * 20 + b'"},"finish_reason":"stop"}],"usage":{"prompt_tokens":31,'
    b'"completion_tokens":12,"total_tokens":43,"prompt_tokens_details":{"cached_tokens":8}}}'
)
LARGE_BODY: Final = ANSWER_BODY.replace(b"Hello there. " * 20, b"Hello there. " * 80_000)


def whole(body: bytes) -> bytes:
    """An answer with its head."""
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_1\r\nx-ratelimit-remaining-requests: 99\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


SMALL: Final = whole(ANSWER_BODY)
LARGE: Final = whole(LARGE_BODY)
EVENTS_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: req_1\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_EVENT: Final = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini",%b}\n\n'
_DELTA: Final = b'"choices":[{"index":0,"delta":{"content":"t=%020d word "},"finish_reason":null}]'
_STOP: Final = b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]'
_USAGE: Final = b'"choices":[],"usage":{"prompt_tokens":31,"completion_tokens":50,"total_tokens":81}'
# The last three of a stream: why it stopped, what was used, that it is over.
LAST: Final = (_EVENT % _STOP, _EVENT % _USAGE, b"data: [DONE]\n\n")

_ASKED: Final = re.compile(rb'"user": ?"bench-([a-z]+)(?:-(\d+))?(?:-(\d+))?"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def event(left: int) -> bytes:
    """The event after which *left* - 1 are to come, as a chunk; the last one ends the body too."""
    data = LAST[-left] if left <= len(LAST) else _EVENT % (_DELTA % time.monotonic_ns())
    return b"%x\r\n%b\r\n%b" % (len(data), data, b"0\r\n\r\n" if left == 1 else b"")


class Line:
    """One connection."""

    __slots__ = ("held", "out", "sock", "wanted")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.held = bytearray()
        self.wanted = 0
        """Bytes of the request that is coming; 0: not known yet."""
        self.out = b""
        """What the peer has not taken yet."""

    def take(self) -> bytes | None:
        """A whole request that has come, or None."""
        if not self.wanted:
            end = self.held.find(b"\r\n\r\n")
            if end < 0:
                return None
            length = _LENGTH.search(self.held, 0, end)
            chunked = b"chunked" in self.held[:end].lower()
            if chunked:
                if not self.held.endswith(b"\r\n0\r\n\r\n"):
                    return None
                self.wanted = len(self.held)
            else:
                self.wanted = end + 4 + (int(length[1]) if length else 0)
        if len(self.held) < self.wanted:
            return None
        taken = bytes(self.held[: self.wanted])
        del self.held[: self.wanted]
        self.wanted = 0
        return taken


class Server:
    """All connections, and what is due on them."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.poll = select.epoll()
        self.poll.register(listener, select.EPOLLIN)
        self.lines: dict[int, Line] = {}
        self.due: list[tuple[float, int, Line, int, float]] = []
        self.serial = 0

    def run(self) -> None:
        """Serve until killed."""
        while True:
            wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else -1
            for number, mask in self.poll.poll(wait_s):
                if number == self.listener.fileno():
                    self.accept()
                elif number in self.lines:
                    self.heed(self.lines[number], mask)
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                _, _, line, left, pause_s = heapq.heappop(self.due)
                if line.sock.fileno() >= 0:
                    self.give(line, left, pause_s)

    def accept(self) -> None:
        """Take every connection that waits."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.lines[sock.fileno()] = Line(sock)
            self.poll.register(sock, select.EPOLLIN)

    def heed(self, line: Line, mask: int) -> None:
        """Something happened on a connection."""
        try:
            if mask & select.EPOLLOUT:
                self.send(line, b"")
            if not mask & ~select.EPOLLOUT:
                return
            data = line.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            del self.lines[line.sock.fileno()]
            line.sock.close()
            return
        line.held += data
        while asked := line.take():
            self.answer(line, asked)

    def answer(self, line: Line, asked: bytes) -> None:
        """Do what the request says."""
        found = _ASKED.search(asked[-4096:]) or _ASKED.search(asked)
        kind, first, second = (found[1], int(found[2] or 0), int(found[3] or 0)) if found else (b"small", 0, 0)
        if kind == b"events":
            self.send(line, EVENTS_HEAD)
            self.give(line, first, second / 1000)
        elif kind == b"large":
            self.send(line, LARGE)
        elif kind == b"slow":
            self.later(line, 0, first / 1000)
        else:
            self.send(line, SMALL)

    def give(self, line: Line, left: int, pause_s: float) -> None:
        """Send the next event, or all of them where there is no pause; the held back answer where *left* is 0."""
        if not left:
            self.send(line, SMALL)
            return
        while left:
            self.send(line, event(left))
            left -= 1
            if left and pause_s:
                self.later(line, left, pause_s)
                return

    def later(self, line: Line, left: int, pause_s: float) -> None:
        """Come back to it."""
        self.serial += 1
        heapq.heappush(self.due, (time.monotonic() + pause_s, self.serial, line, left, pause_s))

    def send(self, line: Line, data: bytes) -> None:
        """Send, and keep what the peer does not take yet."""
        out = line.out + data
        if not out or line.sock.fileno() < 0:
            return
        try:
            sent = line.sock.send(out)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # its end is seen at the next look
        if bool(line.out) != (sent < len(out)):
            self.poll.modify(line.sock, select.EPOLLIN | (select.EPOLLOUT if sent < len(out) else 0))
        line.out = out[sent:]


def main() -> None:
    """Serve until killed; the first line printed is the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    print(listener.getsockname()[1], flush=True)
    Server(listener).run()


if __name__ == "__main__":
    main()
