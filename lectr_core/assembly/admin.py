"""The admin listener: `GET /healthz` and `GET /readyz`, apart from the addresses that clients use.

One small request, one small answer, then the connection is closed; sizes, time and number of visitors are bounded. It
answers with words of its own alone: no setting, path, key or record is ever in them. Off unless `[admin]` names an address.
Called by `up` (to open) and `supervisor` (to serve).
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

import attrs
import trio

from lectr_core.assembly.ground import Doors, open_doors
from lectr_core.errors import MalformedMessage, OperatorError
from lectr_core.model.settings import AdminSettings, Settings
from lectr_core.wire.heads import RequestHead, head_end, parse_request_head

VISIT_LIMIT_S: Final = 5.0
"""For a whole visit, from accept to close."""
MAX_HEAD_BYTES: Final = 8 * 1024
"""A health check's head has some 200 bytes."""
MAX_VISITORS: Final = 32
_MAX_LEFT_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 4096

Ask = Callable[[], Awaitable[tuple[str, ...]]]
"""Tells why the gateway is not ready; nothing where it is."""


@attrs.frozen
class Answer:
    """What a visitor is told."""

    status: int
    body: dict[str, object]
    fields: tuple[str, ...] = ()

    def encode(self, *, with_body: bool) -> bytes:
        """The whole response."""
        text = json.dumps(self.body).encode() + b"\n"
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            "Content-Type: application/json",
            f"Content-Length: {len(text)}",
            "Cache-Control: no-store",
            "Connection: close",
            *self.fields,
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + (text if with_body else b"")


@attrs.define(eq=False)
class Admin:
    """An open admin listener."""

    doors: Doors
    token: str | None = attrs.field(default=None, repr=False)
    """What visitors have to show; None: nothing, on loopback alone."""
    _visitors: int = attrs.field(init=False, default=0)

    async def serve(self, ask: Ask) -> None:
        """Answer visitors. Waits: for ever. Cancel: open visits are cut."""
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(opened)) for opened in self.doors.sockets]
        await trio.serve_listeners(partial(self._visit, ask), listeners)

    async def answer(self, head: RequestHead, ask: Ask) -> Answer:
        """What a request gets. Waits: as *ask* does."""
        if self.token is not None and not _shows(head, self.token):
            return Answer(401, {"error": "unauthorized"}, ("WWW-Authenticate: Bearer",))
        path = head.target.partition(b"?")[0]
        if path not in (b"/healthz", b"/readyz"):
            return Answer(404, {"error": "not found"})
        if head.method not in (b"GET", b"HEAD"):
            return Answer(405, {"error": "method not allowed"}, ("Allow: GET, HEAD",))
        if path == b"/healthz":
            return Answer(200, {"status": "ok"})
        reasons = await ask()
        return Answer(503, {"status": "not ready", "reasons": list(reasons)}) if reasons else Answer(200, {"status": "ok"})

    async def _visit(self, ask: Ask, stream: trio.SocketStream) -> None:
        self._visitors += 1
        try:
            async with stream:
                if self._visitors <= MAX_VISITORS:
                    with trio.move_on_after(VISIT_LIMIT_S):
                        await self._talk(ask, stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the visitor left
        finally:
            self._visitors -= 1

    async def _talk(self, ask: Ask, stream: trio.SocketStream) -> None:
        with_body = True
        try:
            raw = await _read_head(stream)
            if raw is None:
                return
            head = parse_request_head(raw)
            with_body = head.method != b"HEAD"
            answer = await self.answer(head, ask)
        except MalformedMessage:
            answer = Answer(400, {"error": "bad request"})
        await stream.send_all(answer.encode(with_body=with_body))
        # What is still unread would make the kernel reset the connection, and the answer with it.
        await stream.send_eof()
        left = 0
        while left < _MAX_LEFT_BYTES and (data := await stream.receive_some(_PIECE_BYTES)):
            left += len(data)


@contextmanager
def open_admin(settings: Settings, handed: Sequence[tuple[str, int]] = ()) -> Iterator[Admin | None]:
    """Open the address that `[admin]` names; None where it names none.

    Errors: OperatorError where the address is not to be had, or where the token's variable is empty.
    """
    chosen = settings.section("admin", AdminSettings)
    if chosen.listen is None:
        yield None
        return
    token = settings.environ.get(chosen.token_env) if chosen.token_env is not None else None
    if chosen.token_env is not None and not token:
        raise OperatorError(f"admin.token_env: the variable {chosen.token_env} is not set")
    with open_doors((chosen.listen,), setting="admin.listen", handed=handed) as doors:
        yield Admin(doors, token)


async def _read_head(stream: trio.SocketStream) -> bytes | None:
    """None where the visitor leaves before the end of its head. Errors: MalformedMessage over the limit."""
    held = bytearray()
    while not (end := head_end(held)):
        if len(held) > MAX_HEAD_BYTES:
            raise MalformedMessage(f"the head has more than {MAX_HEAD_BYTES} bytes")
        data = await stream.receive_some(_PIECE_BYTES)
        if not data:
            return None
        held += data
    return bytes(held[:end])


def _shows(head: RequestHead, token: str) -> bool:
    values = head.fields.values(b"authorization")
    if len(values) != 1:
        return False
    scheme, _, shown = values[0].partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(shown.strip(), token.encode())
