"""A policy that enforces is told whether a body can be judged; one that observes costs no look at it."""

from __future__ import annotations

import attrs
import pytest
from trio.testing import MockClock

from lectr_core import Refusal
from lectr_core.model.decision import Facts, Verdict

from .stage import FakeProvider, request, stage

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@attrs.define
class Guard:
    """Lets pass what is certain."""

    id: str = "guard"
    enforces: bool = True
    asked: list[Facts] = attrs.field(factory=list)

    def decide(self, facts: Facts) -> Verdict:
        self.asked.append(facts)
        return Verdict() if facts.is_certain else Verdict("doubt", refusal=Refusal(403, "policy_denied", "in doubt"))

    def explain(self, facts: Facts) -> str:
        return ""


@attrs.define
class PathProvider(FakeProvider):
    """Names the model in its path."""

    def model_in_path(self, path: str) -> str | None:
        return "one-path"


def streamed_body(body: bytes, media: str) -> bytes:
    return request(fields=(f"Content-Type: {media}", f"Content-Length: {len(body)}")) + body


DOUBTFUL = {
    "model twice": request(b'{"model":"one-a","model":"one-b"}'),
    "no json": request(b'{"model":"one-a"'),
    "another media type": streamed_body(b'{"model":"one-a"}', "text/plain"),
    "a form": streamed_body(b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
}
CERTAIN = {
    "json": request(b'{"model":"one-a"}'),
    "no body": request(method="GET"),
    "nothing in a body": streamed_body(b"", "text/plain"),
}


@pytest.mark.parametrize("case", DOUBTFUL)
async def test_what_cannot_be_judged_is_refused_where_it_matters(autojump_clock: MockClock, case: str) -> None:
    async with stage(policies=(Guard(),)) as it:
        client = it.client()
        await client.send(DOUBTFUL[case])
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 403 ")
        record = await it.record()
        assert (record.outcome, record.begun.rule) == ("lectr_refused", "doubt")


@pytest.mark.parametrize("case", CERTAIN)
async def test_what_can_be_judged_passes(autojump_clock: MockClock, case: str) -> None:
    async with stage(policies=(Guard(),)) as it:
        client = it.client()
        await client.send(CERTAIN[case])
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))


@pytest.mark.parametrize("case", DOUBTFUL)
async def test_a_policy_that_observes_lets_it_pass(autojump_clock: MockClock, case: str) -> None:
    guard = Guard(enforces=False)
    async with stage(policies=(guard,)) as it:
        client = it.client()
        await client.send(DOUBTFUL[case])
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))
        assert [facts.is_certain for facts in guard.asked] == [True]


async def test_a_model_in_the_path_is_certain_whatever_the_body_says(autojump_clock: MockClock) -> None:
    async with stage(PathProvider(), policies=(Guard(),)) as it:
        client = it.client()
        await client.send(DOUBTFUL["model twice"])
        upstream = await it.upstream()
        await upstream.until(b"\r\n\r\n")
        await upstream.send(ANSWER)
        await client.exactly(len(ANSWER))
