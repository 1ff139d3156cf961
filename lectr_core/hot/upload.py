"""The request's way up while it is not all sent: what the client sends goes on as it comes, and no more is read than the
provider takes. Called by `forward.py` and, for providers that answer before they have read everything, by `relay.py`.
"""

from __future__ import annotations

from typing import Final

import trio

from lectr_core.errors import MalformedMessage
from lectr_core.hot.exchange import ClientGone, Exchange
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.pace import Pace
from lectr_core.hot.reactor import MANY_PIECES, MAX_TURNS
from lectr_core.wire.forwarding import is_own
from lectr_core.wire.framing import ChunkedBody

# Up to here, copying costs less than another system call.
MAX_JOINED_BYTES: Final = 64 * 1024

_NOTHING: Final = memoryview(b"")


class Upload:
    """What is still to go to the provider: first bytes that are here, then the client's body as it comes."""

    __slots__ = ("_began", "_exchange", "_link", "_next", "_pace", "_pending", "_since", "abandoned")

    def __init__(self, exchange: Exchange, link: Link, head: bytes, body: bytes | bytearray) -> None:
        self._exchange = exchange
        self._link = link
        whole = len(body) <= MAX_JOINED_BYTES
        # I1: `_next` holds something only while `_pending` does. What has been sent is let go of: answers can take long.
        self._pending = memoryview(head + body if whole else head)
        self._next = _NOTHING if whole else memoryview(body)
        self._began = len(head) + len(body)
        self._pace: Pace | None = None
        self._since: float | None = None
        """Since when it is the client that is waited for, in seconds of Trio's clock."""
        self.abandoned = False
        """The provider takes no more; its answer may still come."""

    @property
    def done(self) -> bool:
        """Whether everything has been handed over."""
        return not self._pending and (self._exchange.body_read or self._exchange.body.done)

    @property
    def waits_for_client(self) -> bool:
        """Whether it is the client that is to move next."""
        return not self._pending and not self.done and not self.abandoned

    @property
    def untouched(self) -> bool:
        """Whether the connection took not one byte."""
        return self._began == len(self._pending) + len(self._next)

    @property
    def remains(self) -> tuple[bytes, bytes | bytearray]:
        """What is here and was not sent, as head and body of another upload."""
        return bytes(self._pending), bytes(self._next)

    def await_client(self) -> None:
        """Limit the sleep that follows to what is left of the client's patience. What comes of it is noted as it comes."""
        settings = self._exchange.version.settings
        if self._pace is None:
            self._pace = Pace(settings.body_limit_s, settings.min_bytes_per_s)
        self._since = trio.current_time()
        self._exchange.client.spot.limit(self._pace.left_s)

    def push_now(self) -> bool:
        """Move what can be moved without waiting; says whether anything moved.

        Errors: ClientGone; MalformedMessage, and then nothing of the faulty bytes has gone on.
        """
        moved = False
        exchange = self._exchange
        spot = exchange.client.spot
        for turn in range(MAX_TURNS):
            if self.done or self.abandoned or (turn and spot.turns >= MAX_TURNS):
                break
            if not self._pending and not self._pull_now():
                break
            try:
                sent = self._link.send_now(self._pending)
            except Broken:
                self.abandoned = True
                break
            if not sent:
                break
            moved = True
            if sent < len(self._pending):
                self._pending = self._pending[sent:]
            else:
                self._pending, self._next = self._next, _NOTHING
                if exchange.held_bytes and not self._pending and exchange.crowd is not None:
                    exchange.crowd.let_go(exchange)
        return moved

    def _pull_now(self) -> bool:
        exchange = self._exchange
        try:
            data = exchange.rest or exchange.client.recv_now()
        except Broken as error:
            raise ClientGone from error
        if data is None:
            return False
        if self._since is not None:
            self._note_wait(len(data))
        exchange.rest = b""
        if not data:
            raise ClientGone
        end, content = exchange.body.take(data)
        if isinstance(exchange.body, ChunkedBody) and exchange.body.has_trailer(is_own):
            raise MalformedMessage("a trailer carries a field that must not go on")
        exchange.rest = data[end:]
        exchange.request_bytes += sum(map(len, content))
        if len(content) > MANY_PIECES:
            exchange.client.spot.worked()
        if exchange.form is not None:
            exchange.form.feed(content)
        self._pending = memoryview(data)[:end]
        return True

    def _note_wait(self, came: int) -> None:
        assert self._since is not None
        assert self._pace is not None
        self._pace.waited(trio.current_time() - self._since, came)
        self._since = None
