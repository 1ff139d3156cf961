"""A provider that speaks HTTP/2, on h2 itself: what a test's script says, stream by stream, and a note of what it saw."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import trio

from lectr_core import Origin
from lectr_core.hot.connect import Connector
from lectr_core.model.egress import Egress
from lectr_core.model.settings import GatewaySettings

from .stage import FakeProvider, Stage, stage
from .ways import listen, server_context

Fields = list[tuple[bytes, bytes]]


@attrs.define
class Seen:
    """One stream, as the server got it and as a script answers it."""

    connection: Connection
    number: int
    fields: Fields
    body: bytearray = attrs.field(factory=bytearray)
    whole: trio.Event = attrs.field(factory=trio.Event)
    reset: trio.Event = attrs.field(factory=trio.Event)
    ended: bool = False

    async def head(self, *fields: tuple[bytes, bytes], status: bytes = b"200", end: bool = False) -> None:
        self.connection.h2.send_headers(self.number, [(b":status", status), *fields], end_stream=end)
        await self.connection.flush()

    async def send(self, data: bytes, *, end: bool = False) -> None:
        h2_ = self.connection.h2
        while data:
            room = min(h2_.local_flow_control_window(self.number), h2_.max_outbound_frame_size)
            if room <= 0:
                await self.connection.stir.park()
                continue
            h2_.send_data(self.number, data[:room])
            data = data[room:]
            await self.connection.flush()
        if end:
            h2_.end_stream(self.number)
            await self.connection.flush()

    async def trailers(self, *fields: tuple[bytes, bytes]) -> None:
        self.connection.h2.send_headers(self.number, list(fields), end_stream=True)
        await self.connection.flush()

    async def cut(self) -> None:
        self.connection.h2.reset_stream(self.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await self.connection.flush()


Script = Callable[[Seen], Awaitable[None]]


@attrs.define(eq=False)
class Connection:
    """One connection with a client."""

    stream: trio.abc.Stream
    h2: h2.connection.H2Connection
    stir: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    lock: trio.Lock = attrs.field(factory=trio.Lock)

    async def flush(self) -> None:
        async with self.lock:
            if data := self.h2.data_to_send():
                await self.stream.send_all(data)

    async def raw(self, data: bytes) -> None:
        async with self.lock:
            await self.stream.send_all(data)


@attrs.define
class Server:
    """Answers every stream by the script."""

    script: Script
    protocols: tuple[str, ...] = ("h2", "http/1.1")
    max_streams: int = 100
    takes_uploads: bool = True
    seen: list[Seen] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    by_http1: list[bytes] = attrs.field(factory=list)
    """What came over connections on which HTTP/2 was not agreed."""

    async def start(self, nursery: trio.Nursery) -> Origin:
        return Origin("https", "localhost", await listen(nursery, self.serve))

    async def serve(self, plain: trio.abc.Stream) -> None:
        stream = trio.SSLStream(plain, server_context(*self.protocols), server_side=True, https_compatible=True)
        await stream.do_handshake()
        protocol = stream.selected_alpn_protocol()
        if protocol != "h2":
            await self._one(stream)
            return
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        state.local_settings = h2.settings.Settings(
            client=False, initial_values={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.max_streams}
        )
        state.initiate_connection()
        connection = Connection(stream, state)
        self.connections.append(connection)
        await connection.flush()
        streams: dict[int, Seen] = {}
        async with trio.open_nursery() as nursery:
            try:
                while data := await stream.receive_some(65536):
                    for event in state.receive_data(bytes(data)):
                        self._heed(event, connection, streams, nursery)
                    await connection.flush()
                    connection.stir.unpark_all()
            except (trio.ClosedResourceError, trio.BrokenResourceError, h2.exceptions.ProtocolError):
                pass  # a script has closed it, or the client has
            for seen in streams.values():
                seen.ended = True
            nursery.cancel_scope.cancel()

    def _heed(self, event: h2.events.Event, connection: Connection, streams: dict[int, Seen], nursery: trio.Nursery) -> None:
        if isinstance(event, h2.events.RequestReceived):
            seen = streams[event.stream_id] = Seen(connection, event.stream_id, list(event.headers))
            self.seen.append(seen)
            nursery.start_soon(self._run, seen)
        elif isinstance(event, h2.events.DataReceived):
            streams[event.stream_id].body += event.data
            if self.takes_uploads and event.flow_controlled_length:
                connection.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            streams[event.stream_id].whole.set()
        elif isinstance(event, h2.events.StreamReset):
            streams[event.stream_id].reset.set()

    async def _run(self, seen: Seen) -> None:
        try:
            await self.script(seen)
        except (h2.exceptions.ProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has left

    async def _one(self, stream: trio.abc.Stream) -> None:
        held = b""
        while data := await stream.receive_some(65536):
            held += data
            self.by_http1.append(bytes(data))
            if held.endswith(b"{}"):
                held = b""
                await stream.send_all(b"HTTP/1.1 200 Fine\r\nX-MiXed: 1\r\nContent-Length: 2\r\n\r\nok")


JSON = (b"content-type", b"application/json")


@asynccontextmanager
async def served(server: Server, egress: Egress) -> AsyncIterator[Stage]:
    """A gateway in front of *server*, on a true connection."""
    async with trio.open_nursery() as nursery:
        origin = await server.start(nursery)
        settings = GatewaySettings(first_byte_limit_s=20.0, silence_limit_s=20.0)
        async with stage(FakeProvider(origin=origin), egress={"one": egress}, settings=settings) as it:
            it.gateway.pool.connector = connector = Connector(5)
            it.nursery.start_soon(connector.run)
            with trio.fail_after(20):
                yield it
        nursery.cancel_scope.cancel()


def way(ca_file: Path) -> Egress:
    return Egress(ca_file=ca_file, http2=True)


async def until(true: object) -> None:
    while not (callable(true) and true()):
        await trio.sleep(0.001)


async def whole(seen: Seen) -> None:
    """Answer with what was sent."""
    await seen.whole.wait()
    await seen.head(JSON, (b"x-one", b"1"), (b"x-two", b"2"), (b"x-one", b"3"))
    await seen.send(bytes(seen.body), end=True)


def content(answer: bytes) -> bytes:
    """What chunks carry."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    out = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if not int(size, 16):
            return out
        out, rest = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
