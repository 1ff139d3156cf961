"""The stand-in server: HTTP/1.1 by h11 on Trio, playing the scripts that `answer` makes.

Run as `python -m lectr_provider_echo.server --listen 127.0.0.1:0`; the first line it prints says where it listens. It
speaks plain HTTP, on loopback as a rule, and keeps nothing of what it is sent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import h11
import trio

from lectr_provider_echo.answer import answer
from lectr_provider_echo.script import Ask, Piece, Script

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
_READ_BYTES: Final = 64 * 1024
# So many different requests are told apart before repeats count from one again.
_MAX_REMEMBERED: Final = 100_000


@attrs.define
class Manner:
    """How the stand-in behaves. The same seed and the same requests give the same answers, in any order of arrival."""

    speed: float = 1.0
    """How many times faster than a real provider."""
    seed: int = 1
    error_share: float = 0.0
    """Of all requests that fail by chance, 0 to 1."""
    _seen: Counter[bytes] = attrs.field(factory=Counter, init=False)

    def script(self, ask: Ask, now_s: int) -> Script:
        """The answer to *ask*: drawn from the seed, the request, and how often just that request came before."""
        digest = hashlib.sha256(b"\0".join((ask.method.encode(), ask.path.encode(), ask.body))).digest()
        if len(self._seen) > _MAX_REMEMBERED:
            self._seen.clear()
        self._seen[digest] += 1
        chance = Random(f"{self.seed} {digest.hex()} {self._seen[digest]}")
        return answer(ask, chance, now_s, error_share=self.error_share)


async def serve(manner: Manner, listeners: Sequence[trio.SocketListener]) -> None:
    """Answer requests until cancelled. Waits: for ever. Cancel: open answers break off."""

    async def handle(stream: trio.SocketStream) -> None:
        try:
            await _converse(stream, manner)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the client went away, which is its right

    await trio.serve_listeners(handle, list(listeners))


async def _converse(stream: trio.SocketStream, manner: Manner) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=256 * 1024)
    async with stream:
        while True:
            try:
                ask = await _next_ask(stream, connection)
            except h11.RemoteProtocolError:
                await stream.send_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                return
            if ask is None:
                return
            script = _greeting() if ask.path == "/" else manner.script(ask, int(time.time()))
            await _play(stream, connection, script, manner.speed, is_head=ask.method == "HEAD")
            if script.breaks_off or connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()


async def _next_ask(stream: trio.SocketStream, connection: h11.Connection) -> Ask | None:
    """The next request with its whole body; None where the client has left."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                await stream.send_all(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await stream.receive_some(_READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                raise h11.RemoteProtocolError("body too large")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _ask(head, bytes(body))
        else:
            return None


def _ask(head: h11.Request, body: bytes) -> Ask:
    target = urlsplit(head.target.decode("latin-1"))
    return Ask(
        method=head.method.decode("latin-1"),
        path=unquote(target.path),
        query=dict(parse_qsl(target.query)),
        fields={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers},
        body=body,
    )


async def _play(
    stream: trio.SocketStream, connection: h11.Connection, script: Script, speed: float, *, is_head: bool
) -> None:
    """Send one answer at its own pace. Waits: as long as the script says, divided by *speed*."""
    due_s = trio.current_time() + script.head_after_s / speed
    await trio.sleep_until(due_s)
    fields = list(script.fields)
    if not script.streamed:
        length = len(script.body) if script.promised_bytes is None else script.promised_bytes
        fields.append(("content-length", str(length)))
    out = connection.send(h11.Response(status_code=script.status, headers=fields)) or b""
    if script.streamed or is_head:
        await stream.send_all(out)
        out = b""
    for piece in () if is_head else script.pieces:
        due_s += piece.after_s / speed
        # Sending late is caught up, so that many short waits do not add up to a long one.
        if due_s > trio.current_time():
            await trio.sleep_until(due_s)
        await stream.send_all(out + (connection.send(h11.Data(data=piece.data)) or b""))
        out = b""
    if not script.breaks_off:
        await stream.send_all(out + (connection.send(h11.EndOfMessage()) or b""))


def _greeting() -> Script:
    """What `/` answers: enough to see that it is up and what it is."""
    body = json.dumps({"stand_in": "lectr-provider-echo"}).encode()
    return Script(status=200, fields=(("content-type", "application/json"),), pieces=(Piece(0.0, body),))


async def run(manner: Manner, host: str, port: int) -> None:
    """Listen, say where, and serve until SIGINT or SIGTERM. Waits: for ever. Cancel: nothing is left behind."""
    listeners = await trio.open_tcp_listeners(port, host=host)
    taken = listeners[0].socket.getsockname()
    shown = f"[{taken[0]}]" if ":" in taken[0] else taken[0]
    print(f"listening on http://{shown}:{taken[1]}", flush=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, nursery.cancel_scope)
        await serve(manner, listeners)


async def _stop_on_signal(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def split_listen(text: str) -> tuple[str, int]:
    """`127.0.0.1:8422` or `[::1]:8422` as host and port. Errors: ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"expected HOST:PORT, got {text!r}")
    return host, int(port)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser("python -m lectr_provider_echo.server", description="A stand-in for AI providers.")
    parser.add_argument("--listen", default="127.0.0.1:8422", help="HOST:PORT, 0: a free port (default %(default)s)")
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast as a provider (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same answers (default %(default)s)")
    parser.add_argument("--errors", type=float, default=0.0, help="share of requests that fail (default %(default)s)")
    chosen = parser.parse_args(arguments)
    if not chosen.speed > 0 or not 0 <= chosen.errors <= 1:
        parser.error("--speed must be above 0, --errors from 0 to 1")
    try:
        host, port = split_listen(chosen.listen)
    except ValueError as exc:
        parser.error(f"--listen: {exc}")
    try:
        trio.run(run, Manner(speed=chosen.speed, seed=chosen.seed, error_share=chosen.errors), host, port)
    except OSError as exc:
        print(f"cannot listen on {chosen.listen}: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
