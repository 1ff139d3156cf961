"""Keys and credentials in sub-protocols, the one place besides the URL where a browser can put them."""

from __future__ import annotations

import attrs
import pytest
from trio.testing import MockClock

from lectr_core import Answer, Call, Facts, Origin, Refusal, Route, Secret, TunnelReader, Verdict

from .handshake import asking
from .stage import KEY, FakeProvider, request, stage


@pytest.mark.parametrize(
    ("offered", "sent_on"),
    [
        (f"realtime, marked-insecure-api-key.{KEY}", "realtime"),
        (f"realtime,marked-insecure-api-key.{KEY},beta.v1", "realtime, beta.v1"),
        (f"realtime, {KEY}", "realtime"),
        (f"marked-insecure-api-key.{KEY}", None),
    ],
)
@pytest.mark.parametrize("held", [None, Secret(b"held")])
async def test_a_key_among_the_sub_protocols_is_taken_and_never_goes_on(
    offered: str, sent_on: str | None, held: Secret | None, autojump_clock: MockClock
) -> None:
    async with stage(FakeProvider(held=held)) as it:
        client = it.client()
        await client.send(asking(f"Sec-WebSocket-Protocol: {offered}", key=False))
        upstream = await it.upstream()
        head = (await upstream.until(b"\r\n\r\n")).decode()
        assert KEY not in head
        assert ("\r\nAuthorization: Bearer held\r\n" in head) is (held is not None)
        found = [line for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Protocol")]
        assert found == ([] if sent_on is None else [f"Sec-WebSocket-Protocol: {sent_on}"])
        await upstream.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await client.until(b"\r\n\r\n")
        assert (await it.record()).begun.key_id == "k1"


async def test_a_key_among_the_sub_protocols_stays_here_without_an_upgrade_too(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(fields=(f"Sec-WebSocket-Protocol: x.{KEY}",), key=False))
        upstream = await it.upstream()
        assert KEY.encode() not in await upstream.until(b"\r\n\r\n")


async def test_a_providers_credential_among_the_sub_protocols_is_left_alone(autojump_clock: MockClock) -> None:
    """The client's own goes before the one that the operator holds."""
    offered = "Sec-WebSocket-Protocol: realtime, marked-insecure-api-key.sk-one-1"
    other = FakeProvider(id="two", origin=Origin("http", "two.test", 80), accepts_unclaimed=False, key_prefix=b"sk-two-")
    async with stage(FakeProvider(held=Secret(b"held")), other) as it:
        client = it.client()
        await client.send(asking(offered))
        upstream = await it.upstream()
        head = (await upstream.until(b"\r\n\r\n")).decode()
        assert offered in head
        assert "held" not in head
        await upstream.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        await client.until(b"\r\n\r\n")
        assert (await it.record()).begun.provider == "one"


async def test_a_credential_that_visibly_is_anothers_does_not_go_along(autojump_clock: MockClock) -> None:
    fields = ("Authorization: Bearer sk-one-1", "Sec-WebSocket-Protocol: realtime, marked-insecure-api-key.sk-two-2")
    other = FakeProvider(id="two", origin=Origin("http", "two.test", 80), accepts_unclaimed=False, key_prefix=b"sk-two-")
    async with stage(FakeProvider(), other) as it:
        client = it.client()
        await client.send(asking(*fields))
        head = (await (await it.upstream()).until(b"\r\n\r\n")).decode()
        assert "\r\nSec-WebSocket-Protocol: realtime\r\n" in head
        assert "\r\nAuthorization: Bearer sk-one-1\r\n" in head
        assert "sk-two" not in head


async def test_two_different_keys_are_refused_here_too(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(asking(f"Sec-WebSocket-Protocol: realtime, {KEY[:-1]}x"))
        assert (await client.until(b"\r\n")).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("name", ["key", "api-key"])
async def test_a_key_in_the_query_is_taken_and_never_goes_on(name: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(asking(path=f"/v1/realtime?{name}={KEY}&model=one-live", key=False))
        upstream = await it.upstream()
        assert (await upstream.until(b"\r\n")) == b"GET /v1/realtime?model=one-live HTTP/1.1\r\n"


@pytest.mark.parametrize("mark", ["marked-insecure-api-key.", "Marked-Insecure-API-Key."])
async def test_a_route_elsewhere_leaves_the_clients_credentials_behind(mark: str, autojump_clock: MockClock) -> None:
    class There:
        id = "there"
        asked: Facts | None = None

        def decide(self, facts: Facts) -> Verdict:
            self.asked = facts
            return Verdict(rule="r", route=Route(provider="two"))

        def explain(self, facts: Facts) -> str:
            return ""

    policy = There()
    two = FakeProvider(id="two", origin=Origin("http", "two.test", 80), accepts_unclaimed=False, held=Secret(b"held-two"))
    async with stage(FakeProvider(), two, policies=(policy,)) as it:
        client = it.client()
        path = "/v1/realtime?model=one-live&api-key=sk-one-2&key=sk-one-3"
        await client.send(asking(f"Sec-WebSocket-Protocol: realtime, {mark}sk-one-1", "Cookie: at=sk-one-4", path=path))
        head = (await (await it.upstream()).until(b"\r\n\r\n")).decode()
        assert head.startswith("GET /v1/realtime?model=one-live HTTP/1.1\r\nHost: two.test\r\n")
        assert "\r\nSec-WebSocket-Protocol: realtime\r\n" in head
        assert "\r\nAuthorization: Bearer held-two\r\n" in head
        assert "\r\nUpgrade: websocket\r\n" in head
        assert "sk-one" not in head
        assert policy.asked is not None
        assert (policy.asked.model, policy.asked.method) == ("one-live", "GET")


class Enforcing:
    """Refuses what it cannot be certain of."""

    id = "enforcing"
    enforces = True

    def decide(self, facts: Facts) -> Verdict:
        return Verdict() if facts.is_certain else Verdict(rule="r", refusal=Refusal(403, "policy_denied", "who knows"))

    def explain(self, facts: Facts) -> str:
        return ""


@attrs.define
class Naming(FakeProvider):
    """One whose tunnels have the model that their query names."""

    def model_of_tunnel(self, call: Call) -> str | None:
        return call.model

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        return None


@pytest.mark.parametrize(
    ("provider", "path", "passes"),
    [
        (Naming, "/v1/realtime?model=one-live", True),
        (Naming, "/v1/realtime", False),
        (FakeProvider, "/v1/responses?model=one-live", False),
    ],
)
async def test_a_policy_that_enforces_is_told_where_a_model_may_be_chosen_within(
    provider: type[FakeProvider], path: str, passes: bool, autojump_clock: MockClock
) -> None:
    async with stage(provider(), policies=(Enforcing(),)) as it:
        client = it.client()
        await client.send(asking(path=path))
        if passes:
            assert (await (await it.upstream()).until(b"\r\n")).startswith(b"GET /v1/realtime")
        else:
            assert (await client.until(b"\r\n")).startswith(b"HTTP/1.1 403 ")
