"""A rule may ask for usage in streams: the request changes by one member, its record says so, nothing else changes."""

from __future__ import annotations

import attrs
import pytest
from trio.testing import MockClock

from lectr_core.model.decision import PASS, Facts, Verdict

from .stage import request, stage

CHAT = "/v1/chat/completions"
STREAM = b'{"model":"one-a","stream":true}'
ASKED = b'{"stream_options":{"include_usage":true},"model":"one-a","stream":true}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@attrs.define
class Asking:
    """Asks, as long as it is on."""

    id: str = "asking"
    is_on: bool = True

    def decide(self, facts: Facts) -> Verdict:
        return Verdict("usage", ask_usage=True) if self.is_on else PASS

    def explain(self, facts: Facts) -> str:
        return ""


@pytest.mark.parametrize(
    ("path", "body", "sent", "asked"),
    [
        (CHAT, STREAM, ASKED, True),
        ("/v1/completions", STREAM, ASKED, True),
        (CHAT, b'{"model":"one-a"}', b'{"model":"one-a"}', False),
        ("/v1/responses", STREAM, STREAM, False),
    ],
)
async def test_a_stream_of_completions_is_asked_for_its_usage(
    path: str, body: bytes, sent: bytes, asked: bool, autojump_clock: MockClock
) -> None:
    async with stage(policies=(Asking(),)) as it:
        client = it.client()
        await client.send(request(body, path=path))
        upstream = await it.upstream()
        seen = await upstream.until(b'"one-a"' + (b',"stream":true}' if b"stream" in body else b"}"))
        assert seen.endswith(b"\r\n\r\n" + sent)
        assert b"Content-Length: %d\r\n" % len(sent) in seen
        begun = it.journal.begun_lines[0]
        assert (begun.usage_asked, begun.rule, begun.policy_fault) == (asked, "usage", None)
        assert begun.request_bytes == len(body), "the record has what the client sent"


async def test_what_a_client_says_itself_of_its_stream_stays(autojump_clock: MockClock) -> None:
    body = b'{"stream_options":{"include_usage":false},"model":"one-a","stream":true}'
    async with stage(policies=(Asking(),)) as it:
        client = it.client()
        await client.send(request(body, path=CHAT))
        upstream = await it.upstream()
        assert (await upstream.until(b'"stream":true}')).endswith(b"\r\n\r\n" + body)
        begun = it.journal.begun_lines[0]
        assert not begun.usage_asked
        assert "usage cannot be asked for" in (begun.policy_fault or "")


async def test_on_one_connection_only_the_requests_that_a_rule_means_are_changed(autojump_clock: MockClock) -> None:
    policy = Asking(is_on=False)
    async with stage(policies=(policy,)) as it:
        client = it.client()
        await client.send(request(STREAM, path=CHAT))
        upstream = await it.upstream()
        assert (await upstream.until(b'"stream":true}')).endswith(b"\r\n\r\n" + STREAM)
        for is_on, sent in ((True, ASKED), (False, STREAM), (True, ASKED)):
            await upstream.send(ANSWER)
            await client.until(b"hi")
            policy.is_on = is_on
            await client.send(request(STREAM, path=CHAT))
            assert (await upstream.until(b'"stream":true}')).endswith(b"\r\n\r\n" + sent)
