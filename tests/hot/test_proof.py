"""Each answer is proved to have gone on as it came, and a relay that does not pass it on so is found out."""

from __future__ import annotations

import hashlib
import itertools
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from lectr_core.hot.link import Link
from lectr_core.hot.proof import Proof
from lectr_core.model.record import Ended

from .stage import request, stage

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    return [body[start:end] for start, end in itertools.pairwise(at)]


def proved(head: bytes, came: list[bytes], went: list[list[bytes]]) -> bool:
    """Each piece of *came* goes as the pieces beside it in *went*; the first one with the head before it."""
    proof = Proof(len(head))
    for number, (piece, sent) in enumerate(zip(came, went, strict=True)):
        proof.came(piece)
        for part in [head, *sent] if not number else sent:
            if part:
                proof.went(memoryview(part), len(part))
    return proof.holds


@given(
    head=st.binary(min_size=1, max_size=20),
    body=st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 99), max_size=5),
)
def test_the_same_bytes_in_any_pieces_hold(head: bytes, body: list[bytes], cuts: list[int]) -> None:
    assert proved(head, body, [pieces(piece, cuts) for piece in body])


@given(head=st.binary(min_size=1, max_size=9), body=st.binary(max_size=9), cuts=st.lists(st.integers(0, 99), max_size=5))
def test_a_head_and_a_body_sent_as_one_hold_wherever_the_socket_stops(head: bytes, body: bytes, cuts: list[int]) -> None:
    proof = Proof(len(head))
    proof.came(body)
    for piece in pieces(head + body, cuts):
        rest = piece + b"what did not fit"
        proof.went(rest, len(piece))
    assert proof.holds


def test_the_object_that_came_holds_without_a_look_at_it() -> None:
    proof = Proof(0)
    for piece in (b"one", b"two"):
        proof.came(piece)
        proof.went(piece, 3)
    assert proof.holds


@given(body=st.binary(min_size=2, max_size=60), data=st.data())
def test_a_byte_lost_doubled_or_changed_does_not_hold(body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    lost = body[:at] + body[at + 1 :]
    doubled = body[: at + 1] + body[at:]
    changed = bytes([*body[:at], body[at] ^ 1, *body[at + 1 :]])
    for wrong in (lost, doubled, changed):
        assert not proved(b"head", [body], [[wrong]])
        assert not proved(b"head", [b"before", body, b"after"], [[b"before"], [wrong], [b"after"]])


def test_pieces_out_of_order_or_never_sent_do_not_hold() -> None:
    assert not proved(b"h", [b"ab", b"cd"], [[b"cd"], [b"ab"]])
    assert not proved(b"h", [b"ab", b"cd"], [[], [b"ab", b"cd"]])
    assert not proved(b"h", [b"ab", b"cd"], [[b"ab"], []])
    assert not proved(b"h", [b"ab"], [[b"ab", b"more"]])


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
    send_now = Link.send_now

    def faulty(link: Link, data: bytes | memoryview) -> int:
        return send_now(link, bytes(data).replace(b"d", b"D") if link.proof is not None else data)

    monkeypatch.setattr(Link, "send_now", faulty)
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
