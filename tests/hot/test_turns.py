"""The turns of a tunnel: each leaves one record, however the connection ends, and reading them never disturbs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol

from lectr_core import Answer, Call, GatewaySettings, Reading, TunnelReader, Turn, Usage
from lectr_core.hot.turns import MAX_OPEN_TURNS
from lectr_core.model.record import Ended

from .handshake import CLIENT_CLOSE, CLOSE, SWITCH, asking, opened
from .stage import FakeProvider, Peer, Stage, stage

USED = Reading(state="reported", usage=Usage({"input": 3, "output": 2}), model="one-live-2026")


class PlainReader:
    """Understands `begin a`, `out a`, `end a` and `fail a`; raises at `boom`; hears the client until it says `enough`."""

    def __init__(self) -> None:
        self.hears_client = True
        self.faulty = False
        self.open: dict[str, None] = {}
        self.heard: list[tuple[bytes, bool]] = []

    def hear(self, message: bytes, *, from_client: bool) -> Sequence[Turn]:
        self.heard.append((message, from_client))
        deed, _, key = message.decode().partition(" ")
        if deed == "boom":
            raise RuntimeError
        if deed == "enough":
            self.hears_client = False
        if deed == "begin":
            self.open[key] = None
            return [Turn(key=key, model="one-asked")]
        if deed == "out":
            return [Turn(key=key, has_output=True)]
        if deed in ("end", "fail"):
            self.open.pop(key, None)
            reading = attrs.evolve(USED, error_category="in_band") if deed == "fail" else USED
            return [Turn(key=key, reading=reading)]
        return []

    def finish(self) -> Sequence[Turn]:
        return [Turn(key=key, reading=attrs.evolve(USED, state="partial")) for key in self.open]


@attrs.define
class TunnelProvider(FakeProvider):
    """One that reads its tunnels."""

    readers: list[PlainReader] = attrs.field(factory=list)

    def model_of_tunnel(self, call: Call) -> str | None:
        return call.model

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        self.readers.append(PlainReader())
        return self.readers[-1]


def said(*messages: str) -> bytes:
    """Frames of a provider."""
    return b"".join(b"\x81" + bytes([len(message)]) + message.encode() for message in messages)


def asked(message: str) -> bytes:
    """A frame of a client."""
    return b"\x81" + bytes([0x80 | len(message)]) + b"\0\0\0\0" + message.encode()


async def tell(upstream: Peer, client: Peer, *messages: str) -> None:
    """Let the provider say something, and wait until the client has it."""
    await upstream.send(said(*messages))
    assert await client.exactly(len(said(*messages))) == said(*messages)


async def records(it: Stage, count: int) -> tuple[list[Ended], Ended]:
    """The turns' records and the connection's, which comes last."""
    await it.record(count)
    *turns, connection = it.journal.ended_lines
    assert len(turns) == count - 1
    return turns, connection


async def test_each_turn_leaves_a_record_that_names_its_connection(autojump_clock: MockClock) -> None:
    async with stage(TunnelProvider()) as it:
        client, upstream = await opened(it, "X-Lectr-Feature: voice")
        await tell(upstream, client, "begin a", "out a")
        await tell(upstream, client, "begin b", "end a", "fail b", "end c")
        assert [line.connection is None for line in it.journal.begun_lines] == [True, False, False]
        await upstream.send(CLOSE)
        upstream.close()
        await client.rest()
        turns, connection = await records(it, 4)
        assert [turn.outcome for turn in turns] == ["ok", "provider_error", "ok"]
        assert {turn.begun.connection for turn in turns} == {connection.begun.id}
        assert {turn.begun.feature for turn in turns} == {"voice"}
        assert {turn.begun.org for turn in turns} == {"acme"}
        assert [turn.begun.model_sent for turn in turns] == ["one-asked", "one-asked", "one-live"]
        assert [turn.reading.usage for turn in turns] == [USED.usage] * 3
        assert turns[0].ttft_ns is not None
        assert turns[1].ttft_ns is None
        assert (connection.reading.state, connection.reading.usage, connection.status) == ("in_turns", None, 101)
        every = [line.begun for line in it.journal.ended_lines]
        assert sorted(line.seq for line in every) == [1, 2, 3, 4]
        assert len({line.id for line in every}) == 4


@pytest.mark.parametrize(
    ("how", "outcome", "ended_by"),
    [
        ("client leaves", "client_disconnected", "client_gone"),
        ("client closes", "client_disconnected", "client_gone"),
        ("provider breaks off", "upstream_failed", "provider_failed"),
        ("provider closes", "upstream_failed", "provider_failed"),
        ("shutdown", "gateway_shutdown", "gateway_shutdown"),
        ("silence", "upstream_failed", "gateway_timeout"),
    ],
)
async def test_a_turn_under_way_ends_with_the_connection_once(
    how: str, outcome: str, ended_by: str, autojump_clock: MockClock
) -> None:
    async with stage(TunnelProvider()) as it:
        client, upstream = await opened(it)
        await tell(upstream, client, "begin a", "end a", "begin b", "out b")
        if how == "client leaves":
            client.close()
        elif how == "client closes":
            await client.send(CLIENT_CLOSE)
            await upstream.exactly(8)
            await upstream.send(CLOSE)
            upstream.close()
        elif how == "provider closes":
            await upstream.send(CLOSE)
            upstream.close()
        elif how == "provider breaks off":
            upstream.close()
        elif how == "shutdown":
            it.gateway.stop()
            it.gateway.stop()
        turns, connection = await records(it, 3)
        first, last = turns
        assert (first.outcome, first.ended_by) == ("ok", "completed")
        assert (last.outcome, last.ended_by, last.reading.state) == (outcome, ended_by, "partial")
        orderly = how in ("client closes", "provider closes")
        assert connection.ended_by == ("completed" if orderly else ended_by)


async def test_a_worker_that_is_cancelled_leaves_its_turns_records_too(autojump_clock: MockClock) -> None:
    async with stage(TunnelProvider()) as it:
        client, upstream = await opened(it)
        await tell(upstream, client, "begin a")
        it.nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            turns, connection = await records(it, 2)
        assert (turns[0].ended_by, connection.ended_by) == ("gateway_shutdown", "gateway_shutdown")


@pytest.mark.parametrize("noise", [said("boom"), b"\x83\x00", b"\xff" * 100, b"\xc1\x01x"])
async def test_what_cannot_be_read_spoils_the_reading_and_nothing_else(noise: bytes, autojump_clock: MockClock) -> None:
    async with stage(TunnelProvider()) as it:
        client, upstream = await opened(it)
        await tell(upstream, client, "begin a", "end a", "begin b")
        await upstream.send(noise)
        assert await client.exactly(len(noise)) == noise
        await tell(upstream, client, "end b")
        await client.send(b"anything")
        assert await upstream.exactly(8) == b"anything"
        upstream.close()
        await client.rest()
        turns, connection = await records(it, 3)
        assert [turn.reading.state for turn in turns] == ["reported", "unreadable" if noise == said("boom") else "partial"]
        assert connection.reading.state == "unreadable"
        assert sum(it.gateway.faults.counts.values()) == (noise == said("boom"))


async def test_the_client_is_heard_for_as_long_as_the_reader_wants(autojump_clock: MockClock) -> None:
    provider = TunnelProvider()
    async with stage(provider) as it:
        client, upstream = await opened(it)
        for message in ("begin a", "enough", "begin b"):
            await client.send(asked(message))
            await upstream.exactly(len(asked(message)))
        await tell(upstream, client, "end a")
        assert provider.readers[0].heard == [(b"begin a", True), (b"enough", True), (b"end a", False)]


@pytest.mark.parametrize("agreed", ["permessage-deflate", "permessage-deflate; server_no_context_takeover"])
async def test_compressed_messages_are_read_from_the_copy_alone(agreed: str, autojump_clock: MockClock) -> None:
    squeezing = PerMessageDeflate(server_no_context_takeover="no_context" in agreed)
    squeezing._enabled = True
    server = FrameProtocol(client=False, extensions=[squeezing])
    async with stage(TunnelProvider()) as it:
        client = it.client()
        await client.send(asking())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(SWITCH.replace(b"X-Request-Id: r1", f"Sec-WebSocket-Extensions: {agreed}".encode()))
        await client.until(b"\r\n\r\n")
        for message in ("begin a", "out a", "end a", "begin b"):
            frame = bytes(server.send_data(message, fin=True))
            await upstream.send(frame)
            assert await client.exactly(len(frame)) == frame
        upstream.close()
        turns, connection = await records(it, 3)
        assert [turn.outcome for turn in turns] == ["ok", "upstream_failed"]
        assert connection.reading.state == "in_turns"


async def test_an_extension_nobody_knows_makes_the_connection_unreadable(autojump_clock: MockClock) -> None:
    async with stage(TunnelProvider()) as it:
        client = it.client()
        await client.send(asking())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(SWITCH.replace(b"X-Request-Id: r1", b"Sec-WebSocket-Extensions: x-zip"))
        await client.until(b"\r\n\r\n")
        await tell(upstream, client, "begin a")
        upstream.close()
        assert (await it.record()).reading.state == "unreadable"


@pytest.mark.parametrize(("provider", "state"), [(FakeProvider, "absent"), (TunnelProvider, "in_turns")])
async def test_a_provider_that_reads_no_tunnels_is_tunnelled_all_the_same(
    provider: type[FakeProvider], state: Literal["absent", "in_turns"], autojump_clock: MockClock
) -> None:
    async with stage(provider()) as it:
        client, upstream = await opened(it)
        await tell(upstream, client, "hello")
        await upstream.send(CLOSE)
        upstream.close()
        await client.rest()
        record = await it.record()
        assert (record.reading.state, record.outcome, record.response_bytes) == (state, "ok", 11)


async def test_turns_that_never_end_are_bounded(autojump_clock: MockClock) -> None:
    many = [f"begin {number}" for number in range(MAX_OPEN_TURNS + 50)]
    async with stage(TunnelProvider()) as it:
        client, upstream = await opened(it)
        await tell(upstream, client, *many)
        assert len(it.journal.begun_lines) == 1 + MAX_OPEN_TURNS
        await tell(upstream, client, f"end {MAX_OPEN_TURNS + 10}")
        assert len(it.journal.ended_lines) == 1
        upstream.close()
        await records(it, len(many) + 1)


@pytest.mark.parametrize("side", ["client", "provider"])
async def test_what_is_held_of_long_messages_counts_as_bodies_do_and_is_let_go_of(
    side: str, autojump_clock: MockClock
) -> None:
    mask, peers = (b"\xff", 0) if side == "client" else (b"\x7f", 1)
    half = b"\x01" + mask + (1 << 20).to_bytes(8) + (b"\0\0\0\0" if side == "client" else b"") + b"x" * 60
    async with stage(TunnelProvider(), settings=GatewaySettings(max_held_bytes=100)) as it:
        first, second = await opened(it), await opened(it)
        await first[peers].send(half)
        await wait_all_tasks_blocked()
        assert it.gateway.counters()["held_body_bytes"] == 60
        await second[peers].send(half)  # one too many: it is carried, and read no more
        assert await second[1 - peers].exactly(len(half)) == half
        assert (it.gateway.counters()["held_body_bytes"], it.gateway.counters()["over_held"]) == (60, 1)
        second[1].close()
        assert (await it.record()).reading.state == "unreadable"
        first[1].close()
        assert (await it.record(2)).reading.state == "in_turns"
        assert it.gateway.counters()["held_body_bytes"] == 0
