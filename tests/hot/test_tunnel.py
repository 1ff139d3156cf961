"""Tunnels end to end within one process: the handshake as it came, bytes both ways, and how a connection ends."""

from __future__ import annotations

import attrs
import pytest
import trio
from trio.testing import MockClock

from lectr_core import GatewaySettings
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import key_digest

from .handshake import ASKS, CLIENT_CLOSE, CLOSE, LAST_WORDS, SWITCH, asking, opened
from .stage import HOLDER, Peer, request, stage


async def test_the_handshake_goes_up_as_it_came_and_the_answer_back_so(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(asking("Sec-WebSocket-Protocol: realtime", "X-Odd:  a b "))
        upstream = await it.upstream()
        assert await upstream.until(b"\r\n\r\n") == (
            b"GET /v1/realtime?model=one-live HTTP/1.1\r\nHost: one.test\r\nUpgrade: websocket\r\n"
            b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            b"Sec-WebSocket-Protocol: realtime\r\nX-Odd:  a b \r\n\r\n"
        )
        await upstream.send(SWITCH + b"\x81\x02hi")
        assert await client.exactly(len(SWITCH) + 4) == SWITCH + b"\x81\x02hi"


@pytest.mark.parametrize("size", [1, 5, 70_000, 3_000_000])
async def test_bytes_go_both_ways_as_they_come_whatever_they_are(size: int, autojump_clock: MockClock) -> None:
    there, back = bytes(n * 7 % 251 for n in range(size)), bytes(n * 11 % 241 for n in range(size))
    got: dict[str, bytes] = {}

    async def read(name: str, peer: Peer) -> None:
        got[name] = await peer.exactly(size)

    async with stage() as it:
        client, upstream = await opened(it)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.send, there)
            nursery.start_soon(upstream.send, back)
            nursery.start_soon(read, "client", client)
            nursery.start_soon(read, "upstream", upstream)
        assert (got["upstream"], got["client"]) == (there, back)


async def test_what_came_with_either_head_goes_first(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(asking() + b"early")
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(SWITCH + b"too")
        assert await upstream.exactly(5) == b"early"
        assert await client.exactly(len(SWITCH) + 3) == SWITCH + b"too"


async def test_any_protocol_the_provider_agrees_to_is_carried(autojump_clock: MockClock) -> None:
    switch = b"HTTP/1.1 101 Fine\r\nConnection: upgrade\r\nUpgrade: chess/2\r\n\r\n"
    async with stage() as it:
        client = it.client()
        await client.send(request(method="GET", fields=("Upgrade: chess/2, chess/1", "Connection: Upgrade")))
        upstream = await it.upstream()
        assert b"\r\nUpgrade: chess/2, chess/1\r\nConnection: Upgrade\r\n" in await upstream.until(b"\r\n\r\n")
        await upstream.send(switch)
        assert await client.exactly(len(switch)) == switch
        await client.send(b"e4")
        assert await upstream.exactly(2) == b"e4"
        upstream.close()
        assert await client.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by, record.status, record.reading.state) == ("ok", "completed", 101, "absent")
        assert (record.request_bytes, record.response_bytes, record.faithful) == (2, 0, True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain",
    ],
)
async def test_a_provider_that_does_not_agree_is_heard_as_ever(answer: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        for _ in range(2):  # and the connection goes on
            await client.send(asking())
            upstream = it.peers[1] if len(it.peers) > 1 else await it.upstream()
            await upstream.until(b"\r\n\r\n")
            await upstream.send(answer)
            assert await client.exactly(len(answer)) == answer


@pytest.mark.parametrize(
    ("wish", "answer"),
    [
        (request(method="GET"), SWITCH),
        (asking(), SWITCH.replace(b"WebSocket", b"h2c")),
        (asking(), SWITCH.replace(b"upgrade: WebSocket\r\n", b"")),
        (asking(), SWITCH.replace(b"Connection: Upgrade\r\n", b"")),
        (asking(), SWITCH.replace(b"HTTP/1.1", b"HTTP/1.0")),
        (asking(), SWITCH.replace(b"X-Request-Id: r1", b"Transfer-Encoding: chunked")),
        (asking(), SWITCH.replace(b"X-Request-Id: r1", b"Content-Length: 9")),
    ],
)
async def test_a_switch_that_was_not_asked_for_is_an_error(wish: bytes, answer: bytes, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(wish)
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(answer)
        assert (await client.until(b"\r\n")).startswith(b"HTTP/1.1 502 ")
        assert await upstream.at_end()
        assert (await it.record()).outcome == "upstream_failed"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (asking().replace(b"HTTP/1.1", b"HTTP/1.0"), "an HTTP/1.0 client"),
        (asking().replace(b"keep-alive, Upgrade", b"keep-alive"), "Connection does not name it"),
        (request(b"{}", method="GET", fields=ASKS), "a body comes with it"),
        (request(method="GET", fields=("Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: x")), "h2c"),
        (request(method="GET", fields=("Upgrade: HTTP/2.0", "Connection: Upgrade")), "HTTP itself"),
        (request(method="GET", fields=("Upgrade: TLS/1.0, HTTP/1.1", "Connection: Upgrade")), "TLS"),
    ],
)
async def test_these_wishes_are_not_passed_on(sent: bytes, why: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(sent)
        upstream = await it.upstream()
        head = (await upstream.until(b"\r\n\r\n")).lower()
        assert b"upgrade:" not in head, why
        assert b"connection:" not in head
        assert b"http2-settings" not in head
        await upstream.send(SWITCH)
        assert (await client.until(b"\r\n")).startswith(b"HTTP/1.1 502 ")


async def test_of_a_list_only_what_may_pass_goes_on(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        fields = ("Upgrade: h2c, websocket", "Upgrade: chess", "Connection: Upgrade, X-Hop", "X-Hop: 1")
        await client.send(request(method="GET", fields=fields))
        upstream = await it.upstream()
        assert await upstream.until(b"\r\n\r\n") == (
            b"GET /v1/known HTTP/1.1\r\nHost: one.test\r\nUpgrade: websocket, chess\r\nConnection: Upgrade\r\n\r\n"
        )


@pytest.mark.parametrize("reset", [False, True])
async def test_a_client_that_leaves_ends_the_providers_side(reset: bool, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        await client.send(LAST_WORDS)
        if reset:
            await upstream.exactly(10)
        client.close()
        if not reset:
            assert await upstream.exactly(10) == LAST_WORDS
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by, record.request_bytes) == ("client_disconnected", "client_gone", 10)


async def test_a_provider_that_breaks_off_is_seen_by_the_client_and_in_the_record(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        await upstream.send(b"\x81\x05hel")
        upstream.close()
        assert await client.rest() == b"\x81\x05hel"
        record = await it.record()
        assert (record.outcome, record.ended_by, record.faithful) == ("upstream_failed", "provider_failed", True)


@pytest.mark.parametrize("by_client", [False, True])
async def test_a_closing_handshake_is_a_good_end(by_client: bool, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        if by_client:
            await client.send(CLIENT_CLOSE)
            assert await upstream.exactly(8) == CLIENT_CLOSE
        await upstream.send(CLOSE)
        assert await client.exactly(4) == CLOSE
        upstream.close()
        assert await client.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by, record.reading.finish_reason) == ("ok", "completed", "1000")


@pytest.mark.parametrize(("code", "by_client", "outcome"), [(1011, False, "provider_error"), (4000, True, "ok")])
async def test_a_code_says_whose_fault_it_was(code: int, by_client: bool, outcome: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        if by_client:
            await client.send(b"\x88\x82\0\0\0\0" + code.to_bytes(2))
            await upstream.exactly(8)
        await upstream.send(b"\x88\x02" + code.to_bytes(2))
        upstream.close()
        await client.rest()
        record = await it.record()
        assert (record.outcome, record.reading.finish_reason) == (outcome, str(code))


async def test_silence_on_both_sides_ends_it(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(silence_limit_s=30.0)) as it:
        client, upstream = await opened(it)
        for _ in range(3):  # one side's talking is enough
            await trio.sleep(20)
            await client.send(b"x")
            await upstream.exactly(1)
        assert await client.at_end()
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.ended_by) == ("upstream_failed", "gateway_timeout")


async def test_a_side_that_takes_nothing_holds_up_the_other_and_is_not_waited_for_for_ever(
    autojump_clock: MockClock,
) -> None:
    sent = 0

    async def pour(upstream: Peer) -> None:
        nonlocal sent
        with trio.move_on_after(1000):
            try:
                while True:
                    await upstream.send(bytes(65536))
                    sent += 65536
            except OSError:
                pass

    async def talk(client: Peer, upstream: Peer) -> None:
        for _ in range(8):
            await trio.sleep(20)
            await client.send(b"x")
            await upstream.exactly(1)

    async with stage(settings=GatewaySettings(silence_limit_s=500.0, take_limit_s=100.0)) as it:
        client, upstream = await opened(it)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pour, upstream)
            with pytest.raises((EOFError, OSError)):
                await talk(client, upstream)
        assert sent < 4_000_000
        record = await it.record()
        assert (record.ended_by, record.outcome) == ("client_gone", "client_disconnected")


@pytest.mark.parametrize("drained", [False, True])
async def test_a_shutdown_lets_it_go_on_for_a_while_and_then_ends_it(drained: bool, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        it.gateway.stop()
        await client.send(b"still here")
        assert await upstream.exactly(10) == b"still here"
        if drained:
            await upstream.send(CLOSE)
            upstream.close()
            await client.rest()
        else:
            it.gateway.stop()  # a second one hurries
            assert await client.at_end()
        record = await it.record()
        assert record.ended_by == ("completed" if drained else "gateway_shutdown")


async def test_its_connection_is_never_used_again(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client, upstream = await opened(it)
        await upstream.send(CLOSE)
        upstream.close()
        await client.rest()
        assert len(it.gateway.pool) == 0
        assert (await it.record()).begun.model_requested == "one-live"


@pytest.mark.parametrize("change", ["revoked", "removed", "org_disabled"])
async def test_a_tunnel_does_not_outlive_its_key(change: str, autojump_clock: MockClock) -> None:
    """Each turn in it costs: who takes a key away means the open connections too."""
    other = KeyHolder("k2", "beta", key_digest(b"lc_key_other"))
    async with stage(keys=KeyRing({HOLDER.digest: HOLDER, other.digest: other})) as it:
        client, upstream = await opened(it)
        it.gateway.keys = KeyRing({HOLDER.digest: HOLDER})
        await client.send(b"still here")
        assert await upstream.exactly(10) == b"still here"
        changed = attrs.evolve(HOLDER, revoked=change == "revoked", org_disabled=change == "org_disabled")
        it.gateway.keys = KeyRing({} if change == "removed" else {HOLDER.digest: changed})
        assert await client.at_end()
        assert await upstream.at_end()
        record = await it.record()
        assert (record.outcome, record.begun.key_id) == ("gateway_shutdown", "k1")
        assert it.gateway.crowd.tunnels == {}


async def test_a_key_taken_away_while_the_provider_thinks_opens_nothing(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(asking())
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        it.gateway.keys = KeyRing({})
        await upstream.send(SWITCH)
        await client.rest()
        assert await upstream.at_end()
        assert (await it.record()).outcome == "gateway_shutdown"
