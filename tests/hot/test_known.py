"""A repeated head is known again: to the byte, for its connection alone, and only while version and keys are the same."""

from __future__ import annotations

from typing import cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from lectr_core.errors import MalformedMessage
from lectr_core.hot import read
from lectr_core.hot.exchange import Exchange
from lectr_core.hot.gateway import Version
from lectr_core.hot.known import MAX_KNOWN_BYTES, MAX_WAYS, Known, split_at_length
from lectr_core.hot.link import Link
from lectr_core.model.decision import Facts, Route, Verdict
from lectr_core.model.keys import KeyRing
from lectr_core.model.secret import Secret
from lectr_core.model.settings import GatewaySettings
from lectr_core.wire.heads import parse_request_head

from .stage import HOLDER, KEY, FakeProvider, Peer, Stage, request, stage

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
VERSION = Version("v1", {}, (), GatewaySettings())


def head(length: bytes = b"17", *, before: bytes = b"", blanks: bytes = b" ", behind: bytes = b"") -> bytes:
    line = b"Content-Length:" + blanks + length + b"\r\n" if length else b""
    return b"POST /v1/17 HTTP/1.1\r\nHost: h17\r\n" + before + line + behind + b"X-End: 17\r\n\r\n"


def known(raw: bytes) -> Known:
    return Known.of(VERSION, raw, parse_request_head(raw))


@given(
    old=st.integers(0, 10**15 - 1),
    new=st.from_regex(rb"[0-9]{1,15}", fullmatch=True),
    blanks=st.sampled_from([b"", b" ", b"\t ", b"  "]),
    before=st.sampled_from([b"", b"X-A: 17\r\n", b"X-Content-Length: 17\r\n", b"x: Content-Length: 17\r\n"]),
)
def test_a_head_with_another_length_is_what_a_parser_would_make_of_it(
    old: int, new: bytes, blanks: bytes, before: bytes
) -> None:
    raw = head(new, before=before, blanks=blanks)
    again = known(head(b"%d" % old, before=before, blanks=blanks)).again(raw)
    assert again == parse_request_head(raw)


@given(data=st.data())
def test_any_other_change_is_not_known_or_means_the_same(data: st.DataObject) -> None:
    raw = head(data.draw(st.sampled_from([b"17", b"", b"0"])))
    at = data.draw(st.integers(0, len(raw) - 5))
    put = data.draw(st.binary(min_size=0, max_size=3))
    changed = raw[:at] + put + raw[at + data.draw(st.integers(0, 2)) :]
    again = known(raw).again(changed)
    if again is not None:
        assert again == parse_request_head(changed)


@pytest.mark.parametrize("digits", [b"", b"-1", b"1_0", b"+5", b"1 ", b"5\r\nContent-Length: 6", b"1" * 16, "٣".encode()])
def test_what_is_no_length_is_left_to_the_parser(digits: bytes) -> None:
    raw = head(b"17")
    assert known(raw).again(raw.replace(b": 17\r\nX-End", b": " + digits + b"\r\nX-End")) is None


def test_a_head_without_length_is_known_as_a_whole_only() -> None:
    raw = head(b"")
    assert known(raw).again(raw) == parse_request_head(raw)
    assert known(raw).again(head(b"5")) is None
    assert split_at_length(raw, parse_request_head(raw).fields) == (raw, b"")


def test_a_broken_head_is_refused_after_a_good_one() -> None:
    raw = head(b"17")
    broken = raw.replace(b"X-End: 17", b"Content-Length: 18")
    assert known(raw).again(broken) is None
    with pytest.raises(MalformedMessage):
        parse_request_head(broken)


@attrs.define
class CountingProvider(FakeProvider):
    """Counts how often it is asked where a request goes."""

    asked: int = 0

    def endpoint(self, path: str) -> str:
        self.asked += 1
        return FakeProvider.endpoint(self, path)


async def _exchange(it: Stage, client: Peer, upstream: Peer | None, body: bytes, *fields: str) -> tuple[Peer, bytes]:
    await client.send(request(body, fields=fields))
    upstream = upstream or await it.upstream()
    sent = await upstream.until(body)
    await upstream.send(ANSWER)
    await client.exactly(len(ANSWER))
    return upstream, sent


async def test_a_repeated_head_goes_up_with_its_own_length_and_asks_nobody(autojump_clock: MockClock) -> None:
    one = CountingProvider()
    async with stage(one) as it:
        client = it.client()
        upstream, first = await _exchange(it, client, None, b'{"model":"one-x"}', "X-Odd:  a b ")
        asked = one.asked
        assert asked
        longer = b'{"model":"one-x","n":2,"max_tokens":9}'
        _, second = await _exchange(it, client, upstream, longer, "X-Odd:  a b ")
        assert one.asked == asked
        assert second == first.replace(b"Content-Length: 17", b"Content-Length: 38").replace(b'"one-x"}', longer[9:])
        _, third = await _exchange(it, client, upstream, b'{"model":"one-y"}', "X-Odd:  a b ")
        assert one.asked == asked + 1
        records = [await it.record(count) for count in (1, 2, 3)]
        assert [r.begun.model_sent for r in records] == ["one-x", "one-x", "one-y"]
        assert [r.begun.max_tokens for r in records] == [None, 9, None]
        assert [r.begun.choices for r in records] == [1, 2, 1]
        assert [r.begun.request_bytes for r in records] == [17, 38, 17]
        assert len({r.begun.id for r in records}) == 3
        assert {r.begun.endpoint for r in records} == {"/v1/known"}
        assert third.endswith(b'{"model":"one-y"}')


async def test_labels_of_one_request_are_not_those_of_the_next(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        upstream, _ = await _exchange(it, client, None, b"{}", "X-Lectr-Feature: a", "X-Lectr-Task: t")
        await _exchange(it, client, upstream, b"{}", "X-Lectr-Feature: b")
        await _exchange(it, client, upstream, b"{}", "X-Lectr-Feature: b")
        labels = [(r.begun.feature, r.begun.task) for r in [await it.record(count) for count in (1, 2, 3)]]
        assert labels == [("a", "t"), ("b", None), ("b", None)]


async def test_a_key_taken_back_is_refused_on_a_connection_that_knew_it(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await _exchange(it, client, None, b"{}")
        it.gateway.keys = KeyRing({HOLDER.digest: attrs.evolve(HOLDER, revoked=True)})
        await client.send(request(b"{}"))
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")


async def test_a_refused_head_is_refused_again(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        for _ in range(2):
            await client.send(request(method="GET", key=False))
            assert (await client.until(b"}}")).startswith(b"HTTP/1.1 401 ")


async def test_a_new_version_decides_anew_on_an_old_connection(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await _exchange(it, client, None, b'{"model":"one-x"}')
        new = FakeProvider(held=Secret(b"sk-one-new"))
        it.gateway.version = Version("v2", {"one": new}, (), GatewaySettings())
        await client.send(request(b'{"model":"one-x"}'))
        upstream = it.peers[-1]
        assert b"\r\nAuthorization: Bearer sk-one-new\r\n" in await upstream.until(b'"one-x"}')
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))
        assert (await it.record(2)).begun.config_version == "v2"


@attrs.define
class RouteLong:
    """Sends requests for long answers to another model."""

    id: str = "route"

    def decide(self, facts: Facts) -> Verdict:
        return Verdict("long", route=Route(model="one-long")) if (facts.max_tokens or 0) > 100 else Verdict()

    def explain(self, facts: Facts) -> str:
        return ""


async def test_policies_decide_about_each_request(autojump_clock: MockClock) -> None:
    async with stage(policies=(RouteLong(),)) as it:
        client = it.client()
        upstream, _ = await _exchange(it, client, None, b'{"model":"one-x","max_tokens":1}')
        await client.send(request(b'{"model":"one-x","max_tokens":101}'))
        sent = await upstream.until(b'"max_tokens":101}')
        assert sent.endswith(b'\r\nContent-Length: 37\r\n\r\n{"model":"one-long","max_tokens":101}')
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))
        _, third = await _exchange(it, client, upstream, b'{"model":"one-x","max_tokens":2}')
        assert third.endswith(b'\r\nContent-Length: 32\r\n\r\n{"model":"one-x","max_tokens":2}')
        models = [(r.begun.model_requested, r.begun.model_sent) for r in [await it.record(count) for count in (1, 2, 3)]]
        assert models == [("one-x", "one-x"), ("one-x", "one-long"), ("one-x", "one-x")]


async def test_what_is_known_stays_bounded_and_shows_no_secret(autojump_clock: MockClock) -> None:
    raw = request(b"", fields=("Authorization: Bearer sk-one-secret",))
    it = known(raw)
    for count in range(10 * MAX_WAYS):
        it.remember((f"one-{count}", None, True), None)  # type: ignore[arg-type]  # what it leads to does not matter here
        assert len(it.ways) <= MAX_WAYS
    assert "secret" not in repr(it)
    assert KEY not in repr(it)


def test_a_long_head_is_not_kept_while_its_connection_stands_idle() -> None:
    """Nobody has to have a key for that: ten thousand idle connections must not hold 64 KiB each."""
    for size, is_kept in ((MAX_KNOWN_BYTES, True), (MAX_KNOWN_BYTES + 1, False)):
        raw = head(before=b"X-Long: " + b"x" * (size - len(head(before=b"X-Long: \r\n"))) + b"\r\n")
        assert len(raw) == size
        exchange = Exchange(client=cast(Link, None), version=VERSION)
        read.head(exchange, raw)
        assert exchange.head == parse_request_head(raw)
        assert (exchange.known is not None) is is_kept
