"""A WebSocket handshake, frames to close with, and a tunnel that has just been opened: for the tests of tunnels."""

from __future__ import annotations

from .stage import Peer, Stage, request

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Request-Id: r1\r\n\r\n"
)
ASKS = (
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
)
CLOSE = b"\x88\x02\x03\xe8"
LAST_WORDS = b"\x82\x84\0\0\0\0last"
CLIENT_CLOSE = b"\x88\x82\0\0\0\0\x03\xe8"


def asking(*fields: str, path: str = "/v1/realtime?model=one-live", key: bool = True) -> bytes:
    """A client's wish for a WebSocket."""
    return request(method="GET", path=path, fields=(*ASKS, *fields), key=key)


async def opened(it: Stage, *fields: str) -> tuple[Peer, Peer]:
    """A tunnel that has just been opened: the client's end and the provider's."""
    client = it.client()
    await client.send(asking(*fields))
    upstream = await it.upstream()
    await upstream.until(b"\r\n\r\n")
    await upstream.send(SWITCH)
    assert await client.exactly(len(SWITCH)) == SWITCH
    return client, upstream
