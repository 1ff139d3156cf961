"""Each answer is proved to have gone on as it came, and a relay that does not pass it on so is found out."""

from __future__ import annotations

import hashlib
import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from lectr_core.hot.exchange import Exchange
from lectr_core.hot.proof import Proof
from lectr_core.model.record import Ended

from .stage import request, stage

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(at)]


def proved(head: bytes, body: bytes, went: list[bytes], *, came: list[bytes], is_framed: bool) -> bool:
    proof = Proof(len(head), is_framed=is_framed)
    for piece in came:
        proof.came(piece + b"left over", len(piece))
    for piece in went:
        proof.went(piece, len(piece))
    return proof.holds(hashlib.sha256(body).hexdigest() if body else None)


@given(
    head=st.binary(min_size=1, max_size=20),
    body=st.binary(max_size=60),
    cuts=st.tuples(st.lists(st.integers(0, 99), max_size=5), st.lists(st.integers(0, 99), max_size=5)),
    is_framed=st.booleans(),
)
def test_the_same_bytes_in_any_pieces_hold(
    head: bytes, body: bytes, cuts: tuple[list[int], list[int]], is_framed: bool
) -> None:
    went = pieces(head + body, cuts[0])
    assert proved(head, body, went, came=pieces(body, cuts[1]), is_framed=is_framed)


@given(body=st.binary(min_size=2, max_size=60), data=st.data(), is_framed=st.booleans())
def test_a_byte_lost_doubled_or_changed_does_not_hold(body: bytes, data: st.DataObject, is_framed: bool) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    for wrong in (
        body[:at] + body[at + 1 :],
        body[:at] + body[at : at + 1] + body[at:],
        bytes([*body[:at], body[at] ^ 1, *body[at + 1 :]]),
    ):
        assert not proved(b"head", body, [b"head", wrong], came=[body], is_framed=is_framed)


def test_only_what_the_socket_took_counts() -> None:
    proof = Proof(4, is_framed=False)
    proof.went(b"headbody", 2)
    proof.went(memoryview(b"adbody"), 4)
    proof.went(b"dy", 2)
    assert proof.holds(hashlib.sha256(b"body").hexdigest())


async def _record_of(answer: bytes, got: bytes, *, method: str = "GET", old: bool = False, closes: bool = False) -> Ended:
    async with stage() as it:
        client = it.client()
        sent = request(method=method)
        await client.send(sent.replace(b"HTTP/1.1", b"HTTP/1.0", 1) if old else sent)
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(answer)
        if closes:
            upstream.close()
        assert (await client.until(got)).endswith(got)
        return await it.record()


@pytest.mark.parametrize(
    ("answer", "got", "method", "old", "closes"),
    [
        (LENGTH + b"abcd", b"abcd", "GET", False, False),
        (CHUNKED + b"2\r\nab\r\n2;x=y\r\ncd\r\n0\r\nX-T: 1\r\n\r\n", b"X-T: 1\r\n\r\n", "GET", False, False),
        (CHUNKED + b"2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", b"abcd", "GET", True, False),
        (b"HTTP/1.1 200 OK\r\n\r\nabcd", b"abcd", "GET", False, True),
        (LENGTH, b"Content-Length: 4\r\n\r\n", "HEAD", False, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"No Content\r\n\r\n", "GET", False, False),
        (LENGTH + b"ab", b"ab", "GET", False, True),
    ],
    ids=["length", "chunked", "chunked to http/1.0", "until close", "head", "204", "cut by the provider"],
)
async def test_every_kind_of_answer_is_proved(
    autojump_clock: MockClock, answer: bytes, got: bytes, method: str, old: bool, closes: bool
) -> None:
    record = await _record_of(answer, got, method=method, old=old, closes=closes)
    assert record.faithful is True
    if b"abcd" in answer or b"cd\r\n" in answer:
        assert record.response_digest == hashlib.sha256(b"abcd").hexdigest()


async def test_what_the_client_did_not_take_is_not_judged(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(method="GET"))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(LENGTH + b"ab")
        await client.until(b"ab")
        client.close()
        record = await it.record()
        assert (record.ended_by, record.faithful) == ("client_gone", None)


async def test_an_answer_of_lectrs_own_is_not_judged(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(method="GET", key=False))
        await client.until(b"}}")
        assert (await it.record()).faithful is None


async def test_a_relay_that_changes_a_byte_is_found_out(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def faulty(exchange: Exchange, data: bytes) -> None:
        await exchange.client.send(data.replace(b"d", b"D"))

    monkeypatch.setattr(Exchange, "tell", faulty)
    async with stage() as it:
        client = it.client()
        await client.send(request(method="GET"))
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(LENGTH + b"ab")
        await client.until(b"ab")
        await upstream.send(b"cd")
        await client.until(b"cD")
        with caplog.at_level(logging.ERROR, "lectr.hot"):
            record = await it.record()
        assert (record.outcome, record.faithful) == ("ok", False)
        assert f"the answer to request {record.begun.id} was not handed on as it came" in caplog.text
