"""A stand-in for providers that are spoken to over a WebSocket: records every byte and answers by the dialect of the path.

wsproto makes its frames and reads those of the client, so that nothing of the gateway's is taken on trust.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final

import attrs
from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode

from tests.whole.live_answers import MADE

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_RESET: Final = struct.pack("ii", 1, 0)


@attrs.define
class Talk:
    """One connection as the stand-in had it."""

    sock: socket.socket
    head: bytes = b""
    answer: bytes = b""
    came: bytearray = attrs.field(factory=bytearray)
    """Every byte behind the head."""
    went: bytearray = attrs.field(factory=bytearray)
    """Every byte behind the answer's head."""
    over: threading.Event = attrs.field(factory=threading.Event)
    """The client's side is gone."""

    @property
    def target(self) -> str:
        return self.head.split(b" ")[1].decode()

    @property
    def lines(self) -> list[bytes]:
        """The head's fields as they came."""
        return self.head.split(b"\r\n")[1:-2]

    def field(self, name: str) -> str | None:
        """The value of a field, by its name as sent."""
        return next(
            (line.partition(b": ")[2].decode() for line in self.lines if line.startswith(name.encode() + b":")), None
        )


@attrs.define
class LiveUpstream:
    """A stand-in that runs."""

    port: int
    talks: list[Talk] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def last(self, part: str) -> Talk:
        """The latest connection whose target holds *part*."""
        return [talk for talk in self.talks if part in talk.target][-1]


def _serve(upstream: LiveUpstream, sock: socket.socket) -> None:
    talk = Talk(sock)
    with sock, contextlib.suppress(OSError):
        while b"\r\n\r\n" not in talk.head:
            more = sock.recv(65536)
            if not more:
                return
            talk.head += more
        head, _, rest = talk.head.partition(b"\r\n\r\n")
        talk.head = head + b"\r\n\r\n"
        upstream.talks.append(talk)
        if b"\r\nupgrade: websocket" not in head.lower() or "refuse" in talk.target:
            sock.sendall(
                b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n" + b'{"error":{}}'
            )
            talk.over.set()
            return
        talk.answer, protocol = _agreement(talk)
        sock.sendall(talk.answer)
        _converse(talk, protocol, rest)
    talk.over.set()


def _agreement(talk: Talk) -> tuple[bytes, FrameProtocol]:
    fields = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in talk.lines}
    accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + _GUID).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    ]
    extensions: list[Extension] = []
    if b"permessage-deflate" in fields.get(b"sec-websocket-extensions", b""):
        lines.append(b"Sec-WebSocket-Extensions: permessage-deflate")
        squeezing = PerMessageDeflate()
        squeezing._enabled = True
        extensions.append(squeezing)
    if b"realtime" in [one.strip() for one in fields.get(b"sec-websocket-protocol", b"").split(b",")]:
        lines.append(b"Sec-WebSocket-Protocol: realtime")
    return b"\r\n".join([*lines, b"X-Request-Id: req_live", b"", b""]), FrameProtocol(client=False, extensions=extensions)


def _converse(talk: Talk, protocol: FrameProtocol, rest: bytes) -> None:
    made = next((made for part, made in MADE.items() if part in talk.target), None)
    answers = made() if made is not None else None

    def say(data: bytes) -> None:
        talk.went += data
        talk.sock.sendall(data)

    if answers is not None:
        for event in answers.greeting():
            say(bytes(protocol.send_data(json.dumps(event), fin=True)))
    data = rest or talk.sock.recv(65536)
    held = ""
    while data:
        talk.came += data
        protocol.receive_bytes(data)
        for frame in protocol.received_frames():
            if frame.opcode is Opcode.CLOSE:
                say(bytes(protocol.close(1000)))
                return
            if frame.opcode is Opcode.PING:
                assert isinstance(frame.payload, bytes | bytearray)
                say(bytes(protocol.pong(bytes(frame.payload))))
            if frame.opcode not in (Opcode.TEXT, Opcode.BINARY):
                continue
            held += frame.payload if isinstance(frame.payload, str) else bytes(frame.payload).decode()  # type: ignore[arg-type]  # bytes then
            if not frame.message_finished:
                continue
            message, held = held, ""
            if answers is None:
                say(bytes(protocol.send_data(message, fin=True)))  # an echo
                continue
            if '"test.cut"' in message:
                talk.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            for event in answers.to(json.loads(message)):
                say(bytes(protocol.send_data(json.dumps(event), fin=True)))
        data = talk.sock.recv(65536)


def _accept(upstream: LiveUpstream, listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(upstream, sock), daemon=True).start()


@contextlib.contextmanager
def live_upstream() -> Iterator[LiveUpstream]:
    """Run one for as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = LiveUpstream(int(listener.getsockname()[1]))
        threading.Thread(target=_accept, args=(upstream, listener), daemon=True).start()
        try:
            yield upstream
        finally:
            for talk in upstream.talks:
                with contextlib.suppress(OSError):
                    talk.sock.shutdown(socket.SHUT_RDWR)
