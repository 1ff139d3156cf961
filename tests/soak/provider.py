"""The soak's stand-in provider: keeps nothing, and misbehaves where the request's `x-soak` says so. A process of its own.

`tests/whole/standin.py` remembers every request it saw, which is what a test wants and a soak cannot have.
"""

from __future__ import annotations

import base64
import socket
import struct
import sys
from pathlib import Path
from typing import Final

import trio

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.whole import answers

SLOW_S: Final = 0.3
RESET: Final = struct.pack("ii", 1, 0)


def made(path: bytes, asked: bytes) -> list[bytes]:
    """A good answer, in pieces."""
    steps = answers.by_default(b"POST %b HTTP/1.1\r\n\r\n" % path, asked)
    return [base64.b64decode(step["send"]) for step in steps]


WHOLE: Final = made(b"/v1/chat/completions", b'{"model":"gpt-4o-mini"}')
STREAM: Final = made(
    b"/v1/chat/completions", b'{"model":"gpt-4o-mini","stream":true,"stream_options":{"include_usage":true}}'
)


async def serve(stream: trio.SocketStream) -> None:
    """One connection. Waits: on it."""
    held = bytearray()
    try:
        while True:
            while (end := held.find(b"\r\n\r\n")) < 0:
                held += await more(stream)
            head = bytes(held[:end]).lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
            while len(held) < end + 4 + size:
                held += await more(stream)
            kind = head.partition(b"x-soak:")[2].partition(b"\r\n")[0].strip()
            is_streamed = b'"stream":true' in held[end : end + 4 + size]
            del held[: end + 4 + size]
            if not await answer(stream, kind, STREAM if is_streamed else WHOLE):
                return
    except (trio.BrokenResourceError, trio.ClosedResourceError, EOFError):
        pass
    finally:
        stream.socket.close()


async def more(stream: trio.SocketStream) -> bytes:
    """Errors: EOFError where the peer has closed."""
    data = await stream.receive_some(65536)
    if not data:
        raise EOFError
    return bytes(data)


async def answer(stream: trio.SocketStream, kind: bytes, pieces: list[bytes]) -> bool:
    """Answer as *kind* says. Returns whether the connection goes on."""
    if kind == b"slow":
        await trio.sleep(SLOW_S)
    elif kind == b"mute":
        return False
    elif kind == b"error":
        await stream.send_all(answers.whole(b'{"error":{"message":"busy"}}', status="503 Busy"))
        return True
    elif kind in (b"cut", b"reset"):
        joined = b"".join(pieces)
        await stream.send_all(joined[: len(joined) // 2])
        if kind == b"reset":
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return False
    for piece in pieces:
        await stream.send_all(piece)
        if kind == b"drip":
            await trio.sleep(SLOW_S / len(pieces))
    return True


async def main() -> None:
    """Serve until killed; the first line printed is the port."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=1024)
    print(listeners[0].socket.getsockname()[1], flush=True)
    await trio.serve_listeners(serve, listeners)


if __name__ == "__main__":
    trio.run(main)
