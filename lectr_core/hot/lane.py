"""The near end of HTTP/2: one lane, on which HTTP/1.1 requests come one after the other, each carried as a stream.

A lane that is closed by its user gives its stream up; one whose stream breaks off is closed before the answer's end, so that
a fragment never looks whole. Called by `multiplex.py`, which owns the connection.
"""

from __future__ import annotations

import select
from contextlib import suppress
from typing import Final, Protocol

import trio

from lectr_core.errors import MalformedMessage
from lectr_core.hot.link import READ_BYTES, Broken
from lectr_core.wire import framing, heads
from lectr_core.wire.heads import RequestHead

LOOK_EVERY_S: Final = 0.02
"""An upload that the provider does not take looks this often whether the client has left."""

_FAULTS: Final = (OSError, Broken, MalformedMessage, trio.BrokenResourceError, trio.ClosedResourceError)


class Flow:
    """One request and its answer on the way."""

    __slots__ = ("bare", "chunked", "cut", "ended", "method", "number", "outlived", "owed", "sent", "stir", "to_lane")

    def __init__(self, number: int, method: bytes, *, sent: bool) -> None:
        self.number = number
        """The stream's."""
        self.method = method
        self.sent = sent
        """Whether the whole request is on its way."""
        self.to_lane = bytearray()
        """What is ready for the lane, as HTTP/1.1."""
        self.owed = 0
        """Bytes that the provider may send anew once that is taken."""
        self.chunked = False
        self.bare = False
        """Whether the answer's head says that no content follows."""
        self.ended = False
        """Whether the whole answer is here."""
        self.cut = False
        """Whether it will never be."""
        self.outlived = False
        """Whether the lane's user asks anew already: it has all that the answer's length promised."""
        self.stir = trio.Event()

    async def changed(self) -> None:
        """Waits: for news. Cancel: nothing is left behind."""
        self.stir = trio.Event()
        await self.stir.wait()


class Carrier(Protocol):
    """The connection, as far as a lane uses it. All but `room` are immediate; all may raise Broken."""

    over: bool

    def begin(self, head: RequestHead) -> Flow:
        """Open a stream with this head."""
        ...

    def push(self, flow: Flow, content: bytes) -> int:
        """Send what there is room for; says how many bytes that was."""
        ...

    def finish(self, flow: Flow) -> None:
        """The request is whole."""
        ...

    def credit(self, flow: Flow, taken_bytes: int) -> None:
        """The lane has taken as much: the provider may send more."""
        ...

    def give_up(self, flow: Flow) -> None:
        """The stream is over; where one side is not, the provider is told."""
        ...

    async def room(self) -> None:
        """Waits: until there may be room again."""
        ...


class Lane:
    """One lane. Owns its socket."""

    def __init__(self, carrier: Carrier, stream: trio.SocketStream) -> None:
        self._carrier = carrier
        self._stream = stream
        self.idle = False
        """Between two requests."""

    def hang_up(self) -> None:
        """Let it end, unless a request is under way: then it ends with that."""
        if self.idle:
            with suppress(OSError):  # it has ended just now
                self._stream.socket.shutdown(trio.socket.SHUT_RDWR)

    async def serve(self) -> None:
        """Carry requests until the user closes, or the connection is over. Waits: on both. Cancel: the lane is closed."""
        try:
            async with self._stream:
                held: bytes | None = b""
                while held is not None and not self._carrier.over:
                    end = heads.head_end(held)
                    if end:
                        held = await self._carry(heads.parse_request_head(held[:end]), held[end:])
                        continue
                    self.idle = True
                    data = await self._stream.receive_some(READ_BYTES)
                    self.idle = False
                    held = held + data if data else None
        except _FAULTS:
            pass

    async def _carry(self, head: RequestHead, rest: bytes) -> bytes | None:
        """One request and its answer. Returns what came behind the request; None where the lane is to end."""
        flow = self._carrier.begin(head)
        behind: list[bytes] = []
        whole = False
        try:
            async with trio.open_nursery() as both:
                both.start_soon(self._upload, head, rest, flow, behind, both.cancel_scope)
                whole = await self._download(flow)
                while whole and not behind:  # the rest of a request that is not wanted any more is taken, and dropped
                    await flow.changed()
                both.cancel_scope.cancel()
            # Only now: what came while the upload was being cancelled is the next request's.
            return behind[0] if behind and whole else None
        finally:
            self._carrier.give_up(flow)

    async def _upload(self, head: RequestHead, data: bytes, flow: Flow, behind: list[bytes], both: trio.CancelScope) -> None:
        """Take the request off the lane, then stay to see whether the user leaves."""
        body = framing.request_body(head)
        try:
            while True:
                end, content = body.take(data)
                for part in content:
                    await self._send(flow, part)
                if body.done:
                    break
                data = bytes(await self._stream.receive_some(READ_BYTES))
                if not data:
                    both.cancel()
                    return
            if not flow.sent and not flow.ended:
                self._carrier.finish(flow)
            behind.append(data[end:])
            flow.stir.set()
            more = bytes(await self._stream.receive_some(READ_BYTES))
            behind[0] += more
            flow.outlived = True
            flow.stir.set()
            if not more:
                both.cancel()
        except _FAULTS:
            both.cancel()

    async def _send(self, flow: Flow, content: bytes) -> None:
        while content and not flow.ended and not flow.cut:
            sent = self._carrier.push(flow, content)
            content = content[sent:]
            if not sent:
                with trio.move_on_after(LOOK_EVERY_S):
                    await self._carrier.room()
                if self._has_left():
                    raise Broken("left")

    async def _download(self, flow: Flow) -> bool:
        """Hand the answer on as it comes. True once it is whole; False where it was cut, or nobody wants it."""
        try:
            while True:
                if flow.to_lane:
                    data, owed = bytes(flow.to_lane), flow.owed
                    flow.to_lane.clear()
                    flow.owed = 0
                    await self._stream.send_all(data)
                    if owed and not flow.ended:
                        self._carrier.credit(flow, owed)
                elif flow.ended or flow.cut or flow.outlived:
                    return flow.ended or flow.outlived
                else:
                    await flow.changed()
        except _FAULTS:
            return False

    def _has_left(self) -> bool:
        """Whether the user has closed, though there may be more to read."""
        poll = select.poll()
        poll.register(self._stream.socket.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))
