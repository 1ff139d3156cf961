"""Streams that end without usage: asked for it where a rule says so, and measured by what others reported where none does.

A gateway of its own: what it has learnt is no other test's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.whole.answers import LAST_CHUNK, chunk, event, stream_head
from tests.whole.gateway import Gateway, gateway, until
from tests.whole.upstream import Upstream, send
from tests.whole.wire_client import Wire, request, wire

RULE = """
[[rule]]
name = "exact counts"
when = { feature = "asked" }
ask_usage = true
"""
TAUGHT = 80
"""Reported requests before others are measured. Forty errors make an interval, and the first few are not kept."""
WORDS = ("alpha ", "be", "gamma ", "d", "epsilon ")


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("measured"), upstream.url, held=True, extra=RULE) as running:
        yield running


def body(words: int, **more: Any) -> bytes:  # Any: JSON
    """A prompt of so many words."""
    said = "".join(WORDS[number % len(WORDS)] for number in range(words))
    tree = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": said}]}
    return json.dumps(tree | more, separators=(",", ":")).encode()


def tokens_of(content: bytes) -> int:
    """What the provider of these tests counts for a prompt."""
    return len(content) // 5 + 7


def pieces(tokens: int, usage: dict[str, int] | None, reason: str | None = "stop") -> bytes:
    """A stream with one token a piece, and its usage at the end where it was asked for."""
    tree = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o-mini"}
    said = [{"index": 0, "delta": {"content": WORDS[number % len(WORDS)]}} for number in range(tokens)]
    events = [event(tree | {"choices": [one]}) for one in said]
    if reason is not None:
        events.append(event(tree | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
        events += [event(tree | {"choices": [], "usage": usage})] if usage else []
        events.append(event("[DONE]"))
    return b"".join(events)


def exchange(line: Wire, held: Gateway, upstream: Upstream, name: str, feature: str, content: bytes, answer: bytes) -> bytes:
    """One request and the body of its answer."""
    script = upstream.script(name, send(stream_head() + chunk(answer) + LAST_CHUNK))
    usual = (("X-Lectr-Key", held.key), ("X-Lectr-Feature", feature), ("Content-Type", "application/json"))
    line.send(request("POST", "/v1/chat/completions", *usual, *script.items(), body=content))
    return line.get().body


def test_a_rule_asks_the_provider_for_usage_and_the_record_says_so(asking: Gateway, upstream: Upstream, name: str) -> None:
    content = body(20)
    answer = pieces(3, {"prompt_tokens": 31, "completion_tokens": 3, "total_tokens": 34})
    with wire(asking.url) as line:
        assert exchange(line, asking, upstream, name, "asked", content, answer) == answer, "the extra event passes on"
    (seen,) = upstream.seen(name)
    assert json.loads(seen.body) == json.loads(content) | {"stream_options": {"include_usage": True}}
    assert seen.body.endswith(content[1:]), "nothing else of the request has changed"
    (row,) = asking.stored(1, "feature = 'asked'")
    assert (row["usage_asked"], row["rule"], row["policy_fault"]) == (1, "exact counts", None)
    assert (row["tokens_source"], row["input_tokens"], row["output_tokens"]) == ("reported", 31, 3)
    assert (row["request_bytes"], row["faithful"]) == (len(content), 1)


def test_a_request_that_no_rule_is_for_is_sent_as_it_came(asking: Gateway, upstream: Upstream, name: str) -> None:
    content = body(20)
    with wire(asking.url) as line:
        exchange(line, asking, upstream, name, name, content, pieces(3, None))
    (seen,) = upstream.seen(name)
    assert seen.body == content
    (row,) = asking.stored(1, "feature = ?", name)
    assert row["usage_asked"] == 0


def test_streams_without_usage_are_measured_by_those_that_reported(asking: Gateway, upstream: Upstream, name: str) -> None:
    lengths = [20 + number * 37 % 400 for number in range(TAUGHT)]
    with wire(asking.url) as line:
        for number, words in enumerate(lengths):
            content, given = body(words, stream_options={"include_usage": True}), 5 + words * 7 % 90
            asked = tokens_of(content)
            usage = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
            exchange(line, asking, upstream, f"{name}-{number}", name, content, pieces(given, usage))
        asking.stored(TAUGHT, "feature = ? and tokens_source = 'reported'", name)
        silent = {words: body(words) for words in (33, 150, 350)}
        for words, content in silent.items():
            exchange(line, asking, upstream, f"{name}-silent-{words}", name, content, pieces(words, None))
    asking.stored(TAUGHT + len(silent), "feature = ?", name)
    for words, content in silent.items():
        (row,) = asking.rows("feature = ? and usage_state = 'absent' and request_bytes = ?", name, len(content))
        truth = {"input": tokens_of(content), "output": words}
        assert row["tokens_source"] == "measured"
        for way, tokens in truth.items():
            assert row[f"{way}_tokens_low"] <= tokens <= row[f"{way}_tokens_high"]
            assert row[f"{way}_tokens"] == pytest.approx(tokens, rel=0.02, abs=1)
        assert 0 < row["cost_low_nanousd"] <= row["cost_nanousd"] <= row["cost_high_nanousd"]
        assert f"{len(content)} text bytes" in row["tokens_note"]


def test_what_came_of_a_stream_that_broke_off_is_measured_too(asking: Gateway, upstream: Upstream, name: str) -> None:
    """After the test before this one or alone: then it is an estimate, and says so."""
    content = body(100)
    script = upstream.script(name, send(stream_head() + chunk(pieces(40, None, None))), {"close": "reset"})
    usual = (("X-Lectr-Key", asking.key), ("X-Lectr-Feature", name), ("Content-Type", "application/json"))
    with wire(asking.url) as line:
        line.send(request("POST", "/v1/chat/completions", *usual, *script.items(), body=content))
        until(lambda: not line.more(), what="the connection ends")
    (row,) = asking.stored(1, "feature = ?", name)
    assert row["tokens_source"] in ("measured", "estimated")
    assert row["output_tokens_low"] <= 40 <= row["output_tokens_high"]
    assert row["cost_low_nanousd"] < row["cost_nanousd"] < row["cost_high_nanousd"]
