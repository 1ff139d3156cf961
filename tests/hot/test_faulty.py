"""Plugins that fail: counted by name, and the request goes on or is refused; never a connection dropped without a word."""

from __future__ import annotations

from typing import NoReturn

import pytest
from trio.testing import MockClock

from lectr_core import Credential, ProviderConfigMissing, Refusal, Route, Secret, Verdict
from lectr_core.model.codec import decode, encode
from lectr_core.model.record import Ended

from .stage import FakeProvider, Peer, request, stage

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = b'{"model":"one-x"}'


def _fail(*_: object, **__: object) -> NoReturn:
    raise ZeroDivisionError("sk-secret")


class Deny:
    id = "deny"

    def decide(self, facts: object) -> Verdict:
        return Verdict(rule="r", refusal=Refusal(403, "policy_denied", "no"))

    def explain(self, facts: object) -> str:
        return ""


class Faulty:
    id = "faulty"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def decide(self, facts: object) -> Verdict:
        raise self.error

    def explain(self, facts: object) -> str:
        return ""


class WrongReader:
    """A reader that keeps to no promise."""

    first_token_seen = False

    def feed(self, data: object) -> None:
        pass

    def finish(self, *, complete: bool) -> object:
        return None


@pytest.mark.parametrize(
    "method",
    [
        "claims_path",
        "claims_model",
        "claims_credential",
        "model_in_path",
        "endpoint",
        "reader",
        "request_id",
        "headroom",
    ],
)
async def test_request_goes_on_where_a_provider_fails_beside_the_way(method: str, autojump_clock: MockClock) -> None:
    provider = FakeProvider()
    object.__setattr__(provider, "__class__", type("Faulty", (FakeProvider,), {method: _fail, "__slots__": ()}))
    other = FakeProvider(id="two", accepts_unclaimed=False, family="two-", path_mark="/only-two", key_prefix=b"sk-two-")
    async with stage(provider, other) as it:
        client = it.client()
        await client.send(request(BODY, fields=("Authorization: Bearer token", "X-Api-Key: other")))
        await _served(await it.upstream(), client)
        assert (await it.record()).outcome == "ok"
        assert it.gateway.faults.counts["one"] >= 1
        assert it.gateway.totals["escaped"] == 0


async def _served(upstream: Peer, client: Peer) -> None:
    await upstream.until(BODY)
    await upstream.send(OK)
    assert await client.exactly(len(OK)) == OK


@pytest.mark.parametrize("method", ["endpoint", "model_in_path", "request_id", "headroom", "refuse", "classify"])
async def test_plugin_that_gives_something_else_spoils_no_record(method: str, autojump_clock: MockClock) -> None:
    async with stage(type("Faulty", (FakeProvider,), {method: lambda *_: 7})()) as it:
        client = it.client()
        await client.send(request(BODY))
        upstream = await it.upstream()
        await upstream.until(BODY)
        await upstream.send(b"" if method == "refuse" else OK.replace(b"200 OK", b"500 Oops"))
        if method == "refuse":
            upstream.close()
            assert b"provider_unreachable" in await client.until(b"}}")
        await it.record()
        assert it.gateway.faults.counts == {"one": 1}
        decode(encode(it.journal.ended_lines[0]), Ended)


async def test_error_that_cannot_be_classified_is_still_recorded(autojump_clock: MockClock) -> None:
    class Provider(FakeProvider):
        classify = _fail

    async with stage(Provider()) as it:
        client = it.client()
        await client.send(request(BODY))
        upstream = await it.upstream()
        await upstream.until(BODY)
        await upstream.send(OK.replace(b"200 OK", b"500 Oops"))
        assert (await it.record()).outcome == "provider_error"


@pytest.mark.parametrize("error", [ZeroDivisionError(), ProviderConfigMissing("x")])
async def test_policy_that_fails_lets_the_request_pass(error: Exception, autojump_clock: MockClock) -> None:
    async with stage(policies=(Faulty(error),)) as it:
        client = it.client()
        await client.send(request(BODY))
        await _served(await it.upstream(), client)
        assert (await it.record()).begun.policy_fault == "policy faulty failed"


class To:
    id = "to"

    def decide(self, facts: object) -> Verdict:
        return Verdict(rule="r", route=Route(model="one-y"))

    def explain(self, facts: object) -> str:
        return ""


async def test_policy_without_a_verdict_lets_the_request_pass(autojump_clock: MockClock) -> None:
    class Silent(Deny):
        def decide(self, facts: object) -> Verdict:
            return "yes"  # type: ignore[return-value]  # a broken promise

    async with stage(policies=(Silent(),)) as it:
        client = it.client()
        await client.send(request(BODY))
        await _served(await it.upstream(), client)
        assert it.gateway.faults.counts == {"deny": 1}


@pytest.mark.parametrize("method", ["locate", "model_in_path"])
async def test_route_on_which_a_plugin_fails_changes_nothing(method: str, autojump_clock: MockClock) -> None:
    calls = 0

    def fail_once(self: object, *_: object) -> object:
        nonlocal calls
        calls += 1
        if calls == (1 if method == "locate" else 2):
            raise ZeroDivisionError
        return "/v1/known" if method == "locate" else None

    provider = type("Faulty", (FakeProvider,), {method: fail_once})()
    async with stage(provider, policies=(To(),)) as it:
        client = it.client()
        await client.send(request(BODY))
        await _served(await it.upstream(), client)
        assert (await it.record()).begun.policy_fault == "a plugin failed while the route was followed"


async def test_credential_of_two_fields_where_another_plugin_fails(autojump_clock: MockClock) -> None:
    class Faulty(FakeProvider):
        def claims_credential(self, credential: Credential) -> bool:
            if credential.field == b"x-api-key":
                raise ZeroDivisionError
            return False

    async with stage(FakeProvider(), Faulty(id="two", accepts_unclaimed=False)) as it:
        client = it.client()
        await client.send(request(BODY, fields=("Authorization: Bearer token", "X-Api-Key: other")))
        await _served(await it.upstream(), client)
        assert it.gateway.faults.counts == {"two": 1}


@pytest.mark.parametrize("method", ["locate", "pass_on"])
async def test_request_that_a_plugin_cannot_prepare_is_refused(method: str, autojump_clock: MockClock) -> None:
    provider = type("Faulty", (FakeProvider,), {method: _fail})()
    async with stage(provider) as it:
        client = it.client()
        await client.send(request(BODY, fields=("Authorization: Bearer token",)))
        _refused(await client.until(b"plugin_failed"), await it.record())
        await client.until(b"}}")
        await client.send(request(BODY, fields=("Authorization: Bearer token",)))  # and the connection goes on
        await it.record(2)
        assert it.gateway.faults.counts["one"] == 2


async def test_held_credential_that_a_plugin_cannot_place_is_refused(autojump_clock: MockClock) -> None:
    class Provider(FakeProvider):
        authorize = _fail

    async with stage(Provider(held=Secret(b"sk-held"))) as it:
        client = it.client()
        await client.send(request(BODY))
        _refused(await client.until(b"plugin_failed"), await it.record())


def _refused(answer: bytes, record: Ended) -> None:
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"sk-" not in answer
    assert (record.outcome, record.status, record.error_source) == ("lectr_refused", 500, "lectr")


@pytest.mark.parametrize("target", ["/v1 HTTP/1.1\r\nEvil: 1\r\nX:", "/v1#f", "", "/v1\x00", "/模型", "v1"])
async def test_target_that_is_none_never_goes_out(target: str, autojump_clock: MockClock) -> None:
    class Provider(FakeProvider):
        def locate(self, call: object) -> str:
            return target

    async with stage(Provider()) as it:
        client = it.client()
        await client.send(request(BODY))
        _refused(await client.until(b"plugin_failed"), await it.record())
        assert it.gateway.pool.opened == 0


@pytest.mark.parametrize("line", [("Authorization", b"a\r\nEvil: 1"), ("Bad Name", b"a"), ("", b"a"), ("A", b"a\n")])
async def test_credential_that_is_no_field_never_goes_out(line: tuple[str, bytes], autojump_clock: MockClock) -> None:
    class Provider(FakeProvider):
        def authorize(self, call: object, secret: object) -> tuple[str, bytes]:
            return line

    async with stage(Provider(held=Secret(b"sk-held"))) as it:
        client = it.client()
        await client.send(request(BODY))
        _refused(await client.until(b"plugin_failed"), await it.record())
        assert it.gateway.pool.opened == 0


async def test_refusal_falls_back_to_the_gateways_own_shape(autojump_clock: MockClock) -> None:
    class Provider(FakeProvider):
        refuse = _fail

    async with stage(Provider(), policies=(Deny(),)) as it:
        client = it.client()
        await client.send(request(BODY))
        assert (await client.until(b"policy_denied")).startswith(b"HTTP/1.1 403 ")
        assert (await it.record()).begun.rule == "r"


async def test_reader_that_keeps_no_promise_still_leaves_a_record(autojump_clock: MockClock) -> None:
    async with stage(FakeProvider(reader_made=lambda: WrongReader())) as it:  # type: ignore[arg-type,return-value]  # none
        client = it.client()
        await client.send(request(BODY))
        await _served(await it.upstream(), client)
        assert (await it.record()).reading.state == "unreadable"
        assert it.gateway.totals["escaped"] == 0
