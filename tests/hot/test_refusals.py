"""What Lectr itself answers: status, code and record, and that nothing goes upstream then."""

from __future__ import annotations

import json

import pytest
from trio.testing import MockClock

from lectr_core import PASS, Facts, ProviderConfigMissing, Refusal, Route, Secret, Verdict
from lectr_core.hot.gateway import Version
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import key_digest
from lectr_core.model.settings import GatewaySettings

from .stage import KEY, FakeProvider, Peer, request, stage


async def _refusal(client: Peer) -> tuple[int, dict[str, str]]:
    head = await client.until(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), json.loads(await client.exactly(length))["error"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (request(b"{}", key=False), 401, "missing_lectr_key"),
        (request(b"{}", key=False, fields=("X-Lectr-Key: lc_key_unknown",)), 401, "invalid_lectr_key"),
        (request(b"{}", key=False, fields=("X-Lectr-Key: something",)), 401, "invalid_lectr_key"),
        (request(b"{}", fields=("Authorization: Bearer lc_key_other",)), 401, "invalid_lectr_key"),
        (request(b"{}", path="/lc_key_other/v1", key=True), 401, "invalid_lectr_key"),
        (request(b"{}", fields=("X-Lectr-Provider: https://evil.test",)), 400, "invalid_provider"),
        (request(fields=("Content-Type: application/json", "Content-Length: 99999999")), 413, "request_too_large"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "invalid_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "invalid_request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "invalid_request"),
        (request(fields=("Transfer-Encoding: gzip, chunked",)), 400, "invalid_request"),
        (request(b"{}", fields=("Transfer-Encoding: chunked",)), 400, "invalid_request"),
        (
            request(fields=("Content-Type: application/json", "Transfer-Encoding: chunked")) + b"xyz\r\n",
            400,
            "invalid_request",
        ),
    ],
)
async def test_refused_before_anything_goes_upstream(sent: bytes, status: int, code: str, autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(sent)
        seen, error = await _refusal(client)
        assert (seen, error["code"]) == (status, code)
        record = await it.record()
        assert (record.outcome, record.status, record.error_code) == ("lectr_refused", status, code)
        assert it.gateway.pool.opened == 0
        assert KEY not in str(record)
        if code == "invalid_request":
            assert await client.at_end()


async def test_refused_request_leaves_the_connection_usable(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(key=False))
        assert (await _refusal(client))[0] == 401
        await client.send(request())
        await it.upstream()


async def test_large_unread_body_does_not_eat_the_refusal(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(key=False, fields=("Content-Type: audio/wav", "Content-Length: 500000")))
        await client.send(b"x" * 100_000)
        assert (await _refusal(client))[0] == 401
        assert await client.at_end()


async def test_head_request_is_refused_without_a_body(autojump_clock: MockClock) -> None:
    async with stage() as it:
        client = it.client()
        await client.send(request(method="HEAD", key=False))
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")
        await client.send(request())
        await it.upstream()
        assert client.held == b""


@pytest.mark.parametrize(
    ("holder", "code"),
    [
        (KeyHolder("k", "o", key_digest(KEY.encode()), revoked=True), "invalid_lectr_key"),
        (KeyHolder("k", "o", key_digest(KEY.encode()), org_disabled=True), "org_disabled"),
    ],
)
async def test_switched_off_keys_are_refused(holder: KeyHolder, code: str, autojump_clock: MockClock) -> None:
    async with stage(keys=KeyRing({holder.digest: holder})) as it:
        client = it.client()
        await client.send(request(b"{}"))
        assert (await _refusal(client))[1]["code"] == code


async def test_no_key_is_needed_where_the_operator_says_so(autojump_clock: MockClock) -> None:
    async with stage(settings=GatewaySettings(auth="none")) as it:
        client = it.client()
        await client.send(request(b"{}", key=False))
        await it.upstream()


async def test_unconfigured_provider_names_the_setting(autojump_clock: MockClock) -> None:
    class Unset(FakeProvider):
        def locate(self, call: object) -> str:
            raise ProviderConfigMissing("set provider.one.base_url", code="one_config_missing")

    async with stage(Unset()) as it:
        client = it.client()
        await client.send(request(b"{}"))
        status, error = await _refusal(client)
        assert (status, error["code"], error["message"]) == (400, "one_config_missing", "set provider.one.base_url")


class Saying:
    """A policy that always says the same."""

    id = "saying"

    def __init__(self, verdict: Verdict | Exception) -> None:
        self.verdict = verdict
        self.asked: list[Facts] = []

    def decide(self, facts: Facts) -> Verdict:
        self.asked.append(facts)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def explain(self, facts: Facts) -> str:
        return "because"


async def test_denied_request_names_the_rule(autojump_clock: MockClock) -> None:
    denial = Verdict(rule="no", refusal=Refusal(403, "policy_denied", "rule no says no"))
    async with stage(policies=(Saying(PASS), Saying(denial))) as it:
        client = it.client()
        await client.send(request(b'{"model":"one-x"}', fields=("X-Lectr-Task: generation",)))
        assert (await _refusal(client))[0] == 403
        record = await it.record()
        assert (record.begun.rule, record.error_source) == ("no", "lectr")


async def test_route_changes_the_bytes_of_the_model_and_nothing_else(autojump_clock: MockClock) -> None:
    policy = Saying(Verdict(rule="down", route=Route(model="one-small")))
    async with stage(policies=(policy,)) as it:
        client = it.client()
        await client.send(request(b'{ "x":[1 ],"model" : "one-large", "messages":[{"model":"y"}]}'))
        upstream = await it.upstream()
        head = await upstream.until(b"\r\n\r\n")
        body = b'{ "x":[1 ],"model" : "one-small", "messages":[{"model":"y"}]}'
        assert b"Content-Length: %d\r\n" % len(body) in head
        assert await upstream.exactly(len(body)) == body
        await upstream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        record = await it.record()
        assert (record.begun.model_requested, record.begun.model_sent, record.begun.rule) == (
            "one-large",
            "one-small",
            "down",
        )
        assert policy.asked[0].model == "one-large"


async def test_route_to_another_provider_takes_that_ones_held_credential(autojump_clock: MockClock) -> None:
    policy = Saying(Verdict(rule="move", route=Route(provider="two")))
    two = FakeProvider(id="two", held=Secret(b"sk-two-held"), family="two-", accepts_unclaimed=False, key_prefix=b"sk-two-")
    async with stage(FakeProvider(), two, policies=(policy,)) as it:
        client = it.client()
        fields = ("Authorization: Bearer sk-one-mine", "X-Api-Key: other")
        await client.send(request(b"{}", path="/v1/known?a=1&key=sk-one-query", fields=fields))
        head = await (await it.upstream()).until(b"\r\n\r\n")
        assert head.startswith(b"POST /v1/known?a=1 HTTP/1.1\r\n")
        assert b"sk-one-mine" not in head
        assert b"other" not in head
        assert b"\r\nAuthorization: Bearer sk-two-held\r\n" in head
        assert it.journal.begun_lines[0].provider == "two"
        assert it.journal.begun_lines[0].provider_detected == "one"


@pytest.mark.parametrize(
    ("verdict", "fault"),
    [
        (Verdict(rule="r", route=Route(provider="nowhere")), "provider nowhere is not installed"),
        (Verdict(rule="r", route=Route(provider="two")), "provider two has no held credential"),
        (Verdict(rule="r", route=Route(model="m")), "the body has no `model` that can be replaced"),
        (ValueError("secret"), "policy saying failed"),
    ],
)
async def test_route_that_cannot_be_followed_lets_the_request_pass(
    verdict: Verdict | Exception, fault: str, autojump_clock: MockClock
) -> None:
    two = FakeProvider(id="two", accepts_unclaimed=False)
    async with stage(FakeProvider(), two, policies=(Saying(verdict),)) as it:
        client = it.client()
        await client.send(request(b'{"no":"model"}', fields=("Authorization: Bearer sk-one-mine",)))
        upstream = await it.upstream()
        assert b"sk-one-mine" in await upstream.until(b'{"no":"model"}')
        assert it.journal.begun_lines[0].policy_fault == fault
        assert it.journal.begun_lines[0].provider == "one"


@pytest.mark.parametrize(
    ("fields", "code"), [((), "provider_config_missing"), (("X-Lectr-Provider: one",), "invalid_provider")]
)
async def test_without_any_provider_the_refusal_says_what_to_install(
    fields: tuple[str, ...], code: str, autojump_clock: MockClock
) -> None:
    async with stage() as it:
        it.gateway.version = Version("v0", {}, (), GatewaySettings())
        client = it.client()
        await client.send(request(b"{}", fields=fields))
        status, error = await _refusal(client)
        assert (status, error["code"]) == (400, code)
        assert "lectr install" in error["message"]
