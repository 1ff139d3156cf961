"""Which credential lines go to a provider, and in whose place."""

from __future__ import annotations

import attrs
import pytest
from trio.testing import MockClock

from lectr_core import Call, Credential, Facts, Route, Secret, Verdict

from .stage import KEY, FakeProvider, request, stage


@attrs.define
class Converting(FakeProvider):
    """Takes every client credential as `X-Api-Key`."""

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        return "X-Api-Key", credential.secret.reveal()


CASES = [
    # provider, the client's own lines, the credential lines that go upstream
    (FakeProvider(), ("Authorization: Bearer sk-x",), [b"Authorization: Bearer sk-x"]),
    (FakeProvider(), ("X-Goog-Api-Key: sk-x",), [b"X-Goog-Api-Key: sk-x"]),
    (FakeProvider(held=Secret(b"held")), (), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), (f"x-api-key: {KEY}",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), (f"authorization: bearer {KEY}",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), ("Authorization: Bearer sk-x",), [b"Authorization: Bearer sk-x"]),
    (FakeProvider(), (f"x-api-key: {KEY}",), []),
    (FakeProvider(), (f"x-api-key: {KEY}", "Authorization: Bearer sk-x"), [b"Authorization: Bearer sk-x"]),
    (FakeProvider(held=Secret(b"held")), (f"Authorization: {KEY}",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), (f"Authorization: Bearer\t{KEY}",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), ("Authorization: Bearer",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), ("X-Api-Key:",), [b"Authorization: Bearer held"]),
    (FakeProvider(held=Secret(b"held")), ("Authorization: sk-x",), [b"Authorization: sk-x"]),
    (FakeProvider(), ("Authorization: sk-x", "x-api-key: sk-two-b"), [b"Authorization: sk-x"]),
    (Converting(), ("Authorization: Bearer sk-x",), [b"X-Api-Key: sk-x"]),
    (Converting(), ("Authorization: Bearer sk-x", "x-api-key: old"), [b"X-Api-Key: sk-x"]),
    (Converting(), ("x-api-key: sk-x",), [b"X-Api-Key: sk-x"]),
    (FakeProvider(), ("Authorization: Bearer sk-one-a", "x-api-key: sk-two-b"), [b"Authorization: Bearer sk-one-a"]),
]


@pytest.mark.parametrize(("provider", "fields", "sent"), CASES)
async def test_credentials_reach_whom_they_belong_to(
    provider: FakeProvider, fields: tuple[str, ...], sent: list[bytes], autojump_clock: MockClock
) -> None:
    two = FakeProvider(id="two", family="two-", key_prefix=b"sk-two-", accepts_unclaimed=False)
    async with stage(provider, two) as it:
        client = it.client()
        await client.send(request(b"{}", fields=fields))
        head = await (await it.upstream()).until(b"\r\n\r\n")
        names = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"?key")
        assert [line for line in head.split(b"\r\n") if line.split(b":")[0].lower() in names] == sent
        assert KEY.encode() not in head


async def test_key_in_the_query_becomes_a_field_where_the_provider_wants_one(autojump_clock: MockClock) -> None:
    async with stage(Converting()) as it:
        client = it.client()
        await client.send(request(b"{}", path="/v1/known?key=sk-one-q"))
        assert b"\r\nX-Api-Key: sk-one-q\r\n" in await (await it.upstream()).until(b"\r\n\r\n")


async def test_key_in_the_query_that_visibly_is_anothers_does_not_go_along(autojump_clock: MockClock) -> None:
    two = FakeProvider(id="two", family="two-", key_prefix=b"sk-two-", accepts_unclaimed=False)
    async with stage(FakeProvider(), two) as it:
        client = it.client()
        for _ in range(2):  # the second is known
            sent = request(b"{}", path="/v1/known?a=%2F&key=sk-two-q&b", fields=("Authorization: Bearer sk-one-a",))
            await client.send(sent)
            upstream = it.peers[-1] if len(it.peers) > 1 else await it.upstream()
            head = await upstream.until(b"\r\n\r\n{}")
            assert head.startswith(b"POST /v1/known?a=%2F&b HTTP/1.1\r\n")
            assert b"\r\nAuthorization: Bearer sk-one-a\r\n" in head
            await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await client.until(b"\r\n\r\n")


async def test_lectr_key_in_the_query_ends_here(autojump_clock: MockClock) -> None:
    async with stage(FakeProvider(held=Secret(b"held"))) as it:
        client = it.client()
        await client.send(request(b"{}", path=f"/v1/known?alt=sse&key={KEY}", key=False))
        assert (await (await it.upstream()).until(b"\r\n\r\n")).startswith(b"POST /v1/known?alt=sse HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        "Authorization: sk-x",
        "Authorization: Bearer sk-x",
        "Authorization: Bearer",
        "api-key: sk-x",
        "Cookie: sk-x",
        "X-Any: 1",
    ],
)
async def test_route_leaves_whatever_the_client_sent_behind(sent: str, autojump_clock: MockClock) -> None:
    class There:
        id = "there"

        def decide(self, facts: Facts) -> Verdict:
            return Verdict(rule="r", route=Route(provider="two"))

        def explain(self, facts: Facts) -> str:
            return ""

    two = FakeProvider(id="two", held=Secret(b"held"), accepts_unclaimed=False)
    async with stage(FakeProvider(key_prefix=b"none"), two, policies=(There(),)) as it:
        client = it.client()
        await client.send(request(b"{}", fields=(sent,)))
        head = await (await it.upstream()).until(b"\r\n\r\n")
        assert b"\r\nAuthorization: Bearer held\r\n" in head
        assert b"sk-x" not in head
        assert head.lower().count(b"authorization") == 1


async def test_method_that_shows_what_was_sent_never_meets_a_held_credential(autojump_clock: MockClock) -> None:
    async with stage(FakeProvider(held=Secret(b"held"))) as it:
        client = it.client()
        await client.send(request(method="TRACE"))
        assert (await client.until(b"method_not_allowed")).startswith(b"HTTP/1.1 405 ")
        assert (await it.record()).status == 405
        assert it.gateway.pool.opened == 0
