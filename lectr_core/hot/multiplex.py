"""HTTP/2 to a provider, behind sockets that look like HTTP/1.1 connections to every other step (RFC 9113).

One *session* is one TLS connection; it hands out *lanes*, each one end of a socket pair, and carries what is written to the
other end as streams. So pool, forward and relay know nothing of it, and providers that are reached without it pay nothing.
What happens on a lane is `lane.py`'s. Called by `sessions.py`; h2 is installed with the extra `http2`.

Why not httpx's own HTTP/2: it does not tell the provider that a stream is no longer wanted, drops trailers and interim
answers, and takes the first GOAWAY for the end of all streams.

I1: only `_write` writes to the socket, so that a lane that is cancelled never leaves half a frame behind.
I2: what the provider may send on a stream grows only by what the lane has taken: a slow client costs WINDOW_BYTES.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hpack
import trio

from lectr_core.errors import MalformedMessage
from lectr_core.hot.lane import Flow, Lane
from lectr_core.hot.link import READ_BYTES, Broken
from lectr_core.model.secret import CREDENTIAL_FIELDS
from lectr_core.wire import heads, multiplexed
from lectr_core.wire.heads import RequestHead

# One stream's share. At 100 ms of round trip it allows 5 MB/s, far more than any model writes.
WINDOW_BYTES: Final = 512 * 1024
# All streams together: credited as it comes, so that one slow client does not hold up the others.
SESSION_WINDOW_BYTES: Final = 16 * 1024 * 1024
MAX_LANES: Final = 100
"""The limit that most servers set; what goes beyond opens another session."""
LINGER_S: Final = 5.0
"""A connection without lanes is kept this long: a client that leaves takes its lane with it."""
MAX_UNSENT_BYTES: Final = 256 * 1024
MAX_WAITING_BYTES: Final = 16 * WINDOW_BYTES
"""Of one answer, its framing included: tiny frames must not fill the memory."""

MAX_OWED_BYTES: Final = MAX_LANES * heads.MAX_HEAD_BYTES
"""For the provider, in all: a head on every lane. More there is only for one that asks and takes nothing (CVE-2019-9512)."""

FAULTS: Final = (OSError, h2.exceptions.H2Error, MalformedMessage, LookupError, ValueError)


def _guarded(fields: multiplexed.Fields) -> multiplexed.Fields:
    """Credentials stay out of the compression's table, which the requests of all clients share (RFC 7541 §7.1.3)."""
    return [hpack.NeverIndexedHeaderTuple(*field) if field[0] in CREDENTIAL_FIELDS else field for field in fields]


class Session:
    """One connection to a provider. Owns the socket once `run` runs."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self._farewell = multiplexed.Farewell()
        self._flows: dict[int, Flow] = {}
        self._outgoing = bytearray()
        self._output = trio.Event()
        self._stir = trio.lowlevel.ParkingLot()
        """Where uploads wait for room."""
        self._nursery: trio.Nursery | None = None
        self._lane_count = 0
        self._lanes: set[Lane] = set()
        self.over = False
        """No new lanes."""

    @property
    def has_room(self) -> bool:
        """Whether one more lane may be opened."""
        limit = min(MAX_LANES, self._h2.remote_settings.max_concurrent_streams)
        return not self.over and self._lane_count < limit

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry until the last lane has been closed for a while, or the connection ends.

        Waits: on the provider. Cancel: every lane is closed, and so is the connection.
        """
        self.greet()
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._write)
                nursery.start_soon(self._read)
                task_status.started()
        finally:
            self.over = True
            self._sock.close()

    def greet(self) -> None:
        """The first words of the connection."""
        window = {h2.settings.SettingCodes.ENABLE_PUSH: 0, h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES}
        size = {h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: heads.MAX_HEAD_BYTES}
        self._h2.local_settings = h2.settings.Settings(client=True, initial_values=window | size)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(SESSION_WINDOW_BYTES)
        self._flush()

    def lane(self) -> socket.socket:
        """One more connection for one request after the other. Errors: OSError."""
        assert self._nursery is not None
        theirs, ours = socket.socketpair()
        theirs.setblocking(False)
        ours.setblocking(False)
        self._lane_count += 1
        self._nursery.start_soon(self._serve, Lane(self, trio.SocketStream(trio.socket.from_stdlib_socket(ours))))
        return theirs

    async def _serve(self, lane: Lane) -> None:
        self._lanes.add(lane)
        try:
            await lane.serve()
        finally:
            self._lanes.discard(lane)
            self._lane_count -= 1
            if not self._lane_count:
                self._rest()

    # The connection.

    def _lose(self) -> None:
        """The connection is gone: what has come is still handed on, then every lane is closed."""
        self._part(0)
        self._stir.unpark_all()
        if not self._lane_count:
            self._end()

    def _rest(self) -> None:
        """Nobody uses the connection. Somebody may soon; and the provider has to hear of the stream that was reset last."""
        if self.over:
            self._end()
        elif self._nursery is not None:
            self._nursery.start_soon(self._linger)

    async def _linger(self) -> None:
        await trio.sleep(LINGER_S)
        if not self._lane_count:
            self.over = True
            self._end()

    def _end(self) -> None:
        assert self._nursery is not None
        self._nursery.cancel_scope.cancel()

    def _flush(self) -> None:
        self._outgoing += self._h2.data_to_send()
        if self._outgoing:
            self._output.set()

    async def _write(self) -> None:
        try:
            while True:
                while self._outgoing:
                    data = bytes(self._outgoing[:READ_BYTES])
                    sent = await self._send_some(data)
                    del self._outgoing[:sent]
                    self._stir.unpark_all()
                await self._output.wait()
                self._output = trio.Event()
        except FAULTS:
            self._lose()

    async def _send_some(self, data: bytes) -> int:
        while True:
            try:
                return self._sock.send(data)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._sock)
            except ssl.SSLWantReadError:  # new keys are being agreed on, and `_read` listens already
                await trio.sleep(0.001)

    async def _read(self) -> None:
        try:
            while data := await self._receive():
                self.hear(data)
        except FAULTS:
            pass
        self._lose()

    def hear(self, data: bytes) -> None:
        """Take what the provider sent. Errors: one of FAULTS; the connection is then of no use any more."""
        for event in self._h2.receive_data(self._farewell.take(data)):
            self._heed(event)
        if self._farewell.last_stream is not None:
            self._part(self._farewell.last_stream if self._farewell.is_orderly else 0)
        self._flush()
        if len(self._outgoing) > MAX_OWED_BYTES:
            raise MalformedMessage("the provider wants answers and takes none")
        self._stir.unpark_all()

    async def _receive(self) -> bytes:
        while True:
            try:
                return self._sock.recv(READ_BYTES)
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self._sock)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self._sock)

    def _part(self, last_stream: int) -> None:
        """The provider takes no more requests here; those up to *last_stream* are still answered."""
        self.over = True
        for number, flow in self._flows.items():
            if number > last_stream and not flow.ended:
                flow.cut = True
                flow.stir.set()
        for lane in self._lanes:
            lane.hang_up()

    def _heed(self, event: h2.events.Event) -> None:
        flow = self._flows.get(getattr(event, "stream_id", None) or 0)
        if isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                self._h2.increment_flow_control_window(event.flow_controlled_length)
            if flow is None:
                return
            flow.owed += event.flow_controlled_length
            if event.data and flow.bare:
                flow.cut = True
            elif event.data:
                flow.to_lane += multiplexed.chunk(event.data) if flow.chunked else event.data
        elif flow is None:
            return
        elif isinstance(event, h2.events.InformationalResponseReceived | h2.events.ResponseReceived):
            ended = isinstance(event, h2.events.ResponseReceived) and event.stream_ended is not None
            try:
                lines, flow.chunked = multiplexed.response_lines(event.headers, method=flow.method, ended=ended)
                flow.to_lane += lines
                flow.bare = multiplexed.is_bare(lines[9:12], flow.method)
            except MalformedMessage:
                flow.cut = True
        elif isinstance(event, h2.events.TrailersReceived):
            self._finish(flow, event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            self._finish(flow, [])
        elif isinstance(event, h2.events.StreamReset) and not flow.ended:
            flow.cut = True
        if len(flow.to_lane) > MAX_WAITING_BYTES:
            flow.cut = True
        flow.stir.set()

    def _finish(self, flow: Flow, trailers: multiplexed.Fields) -> None:
        if flow.ended or flow.cut:
            return
        try:
            if flow.chunked:
                flow.to_lane += multiplexed.last_chunk(trailers)
            flow.ended = True
        except MalformedMessage:
            flow.cut = True

    # What lanes ask for; see `Carrier`.

    def begin(self, head: RequestHead) -> Flow:
        """See `Carrier`."""
        number = self._h2.get_next_available_stream_id()
        flow = Flow(number, head.method, sent=not head.has_body)
        try:
            self._h2.send_headers(number, _guarded(multiplexed.request_fields(head, b"https")), end_stream=flow.sent)
        except h2.exceptions.H2Error as error:
            raise Broken(type(error).__name__) from error
        self._flows[number] = flow
        self._flush()
        return flow

    def push(self, flow: Flow, content: bytes) -> int:
        """See `Carrier`."""
        try:
            window = min(self._h2.local_flow_control_window(flow.number), self._h2.max_outbound_frame_size)
            room = min(window, MAX_UNSENT_BYTES - len(self._outgoing), len(content))
            if room <= 0:
                return 0
            self._h2.send_data(flow.number, content[:room])
        except h2.exceptions.H2Error as error:
            raise Broken(type(error).__name__) from error
        self._flush()
        return room

    def finish(self, flow: Flow) -> None:
        """See `Carrier`."""
        try:
            self._h2.end_stream(flow.number)
        except h2.exceptions.H2Error as error:
            raise Broken(type(error).__name__) from error
        flow.sent = True
        self._flush()

    def credit(self, flow: Flow, taken_bytes: int) -> None:
        """See `Carrier`."""
        try:
            self._h2.increment_flow_control_window(taken_bytes, flow.number)
        except h2.exceptions.H2Error as error:
            raise Broken(type(error).__name__) from error
        self._flush()

    def give_up(self, flow: Flow) -> None:
        """See `Carrier`."""
        del self._flows[flow.number]
        if flow.sent and flow.ended:
            return
        try:
            self._h2.reset_stream(flow.number, h2.errors.ErrorCodes.CANCEL)
        except h2.exceptions.H2Error:
            return  # the provider did so before
        self._flush()

    async def room(self) -> None:
        """See `Carrier`."""
        await self._stir.park()
