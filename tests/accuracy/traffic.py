"""Believable requests of every dialect: real bodies, real frames, read by the readers that read live traffic.

What is made up: how prompts are put together, how long answers are, how many tokens a frame carries, what a template adds,
how much a model thinks unseen. Called by `__main__.py`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import attrs
from lectr_provider_gemini.generate import GenerateEventReader

from lectr_core.dialects.completions import CompletionsEventReader
from lectr_core.dialects.messages import MessagesEventReader
from lectr_core.dialects.responses import ResponsesEventReader
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Ended
from lectr_core.ports import Reader
from lectr_core.testing.samples import sample_record
from lectr_core.wire.body import read_fields
from lectr_core.wire.bulk import bulk_of
from tests.accuracy.texts import Passage

Body = dict[str, Any]  # Any: JSON of each dialect
Pool = dict[str, list[Passage]]


@attrs.frozen
class Feature:
    """One use of models: what it sends."""

    name: str
    kinds: tuple[str, ...]
    turns: tuple[int, int]
    answer_tokens: float
    tools: int = 0
    max_tokens: int | None = None


FEATURES: Final = (
    Feature("support", ("prose",), (1, 7), 180),
    Feature("assistant", ("prose", "code"), (2, 12), 350, tools=6),
    Feature("code", ("code",), (1, 5), 420, max_tokens=512),
    Feature("summaries", ("prose",), (5, 20), 120),
    Feature("translation", ("de", "fr"), (1, 3), 260),
    Feature("asia", ("ja", "zh_CN", "ru"), (1, 3), 260),
)


@attrs.frozen
class Dialect:
    """How requests and answers look."""

    name: str
    endpoint: str
    model: str
    vocabulary: str
    reader: Callable[[], Reader]
    body: Callable[[str, list[str], list[Body], int | None], Body]
    frames: Callable[[Sequence[str], str], Iterator[Body]]
    """Of pieces of text, and the reason it ended."""
    tokens_a_frame: tuple[int, int]
    reasons: tuple[str, str]
    """For an end by itself, and one at the limit."""
    thinks: bool = False


def _chat(system: str, turns: list[str], tools: list[Body], most: int | None) -> Body:
    roles = ("user", "assistant")
    said = [{"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]
    body: Body = {"model": "m", "stream": True, "messages": [{"role": "system", "content": system}, *said]}
    return body | ({"tools": tools} if tools else {}) | ({"max_tokens": most} if most else {})


def _responses(system: str, turns: list[str], tools: list[Body], most: int | None) -> Body:
    chat = _chat(system, turns, tools, None)
    body: Body = {"model": "m", "stream": True, "instructions": system, "input": chat["messages"][1:]}
    return body | ({"tools": tools} if tools else {}) | ({"max_output_tokens": most} if most else {})


def _generate(system: str, turns: list[str], tools: list[Body], most: int | None) -> Body:
    said = [{"role": ("user", "model")[n % 2], "parts": [{"text": turn}]} for n, turn in enumerate(turns)]
    body: Body = {"systemInstruction": {"parts": [{"text": system}]}, "contents": said}
    return body | ({"tools": tools} if tools else {}) | ({"generationConfig": {"maxOutputTokens": most}} if most else {})


def _chat_frames(pieces: Sequence[str], reason: str) -> Iterator[Body]:
    for piece in pieces:
        yield {"id": "x", "choices": [{"delta": {"content": piece}}], "obfuscation": "xxxxxx"}
    yield {"id": "x", "choices": [{"delta": {}, "finish_reason": reason}]}


def _response_frames(pieces: Sequence[str], reason: str) -> Iterator[Body]:
    for piece in pieces:
        yield {"type": "response.output_text.delta", "delta": piece, "obfuscation": "xxxx"}
    how = {"status": "completed"} if reason == "completed" else {"status": reason}
    yield {"type": f"response.{reason}", "response": {"id": "x", **how}}


def _message_frames(pieces: Sequence[str], reason: str) -> Iterator[Body]:
    yield {"type": "message_start", "message": {"id": "x", "type": "message"}}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "message_delta", "delta": {"stop_reason": reason}}
    yield {"type": "message_stop"}


def _generate_frames(pieces: Sequence[str], reason: str) -> Iterator[Body]:
    for piece in pieces:
        yield {"candidates": [{"content": {"parts": [{"text": piece}]}}]}
    yield {"candidates": [{"finishReason": reason}]}


CHAT: Final = "/v1/chat/completions"
DIALECTS: Final = (
    Dialect(
        *("chat", CHAT, "o200k", "o200k_base", CompletionsEventReader, _chat, _chat_frames),
        *((1, 1), ("stop", "length")),
    ),
    Dialect(
        *("chat, batched frames", CHAT, "cl100k", "cl100k_base", CompletionsEventReader, _chat, _chat_frames),
        *((1, 9), ("stop", "length")),
    ),
    Dialect(
        *("chat, thinks unseen", CHAT, "thinker", "o200k_base", CompletionsEventReader, _chat, _chat_frames),
        *((1, 1), ("stop", "length"), True),
    ),
    Dialect(
        *("responses", "/v1/responses", "o200k", "o200k_base", ResponsesEventReader, _responses, _response_frames),
        *((1, 2), ("completed", "incomplete")),
    ),
    Dialect(
        *("messages", "/v1/messages", "bpe65k", "anthropic", MessagesEventReader, _chat, _message_frames),
        *((2, 12), ("end_turn", "max_tokens")),
    ),
    Dialect(
        "generateContent",
        "/v1beta/models/{model}:streamGenerateContent",
        "o200k-chunks",
        "o200k_base",
        GenerateEventReader,
        _generate,
        _generate_frames,
        (20, 70),
        ("STOP", "MAX_TOKENS"),
    ),
)

BASE: Final = sample_record(1).ended

CLASSES: Final[tuple[Callable[[str], bool], ...]] = (
    *(str.isalpha, str.isupper, str.isdigit, str.isspace),
    *(lambda one: one == "\n", lambda one: one > "\x7f", lambda one: one in '"\\'),
)


@attrs.frozen
class Made:
    """A request that was made up, and what Lectr does not know of it."""

    ended: Ended
    classes: tuple[int, ...]
    """Of the answer: how many letters, capitals, digits, blanks, line ends, other than ASCII, and escaped it has."""


def requests(dialect: Dialect, pool: Pool, count: int, chance: random.Random) -> Iterator[Made]:
    """*count* requests that reported what they used."""
    systems = {one.name: chance.choice(pool["prose"]) for one in FEATURES}
    tools = {one.name: [_tool(chance, pool) for _ in range(one.tools)] for one in FEATURES}
    for number in range(count):
        feature = chance.choices(FEATURES, weights=[5, 4, 3, 2, 1, 1])[0]
        yield _request(dialect, feature, systems[feature.name], tools[feature.name], pool, number, chance)


def _tool(chance: random.Random, pool: Pool) -> tuple[Body, int]:
    """A tool and its tokens: those of its JSON, which is what a template shows a model, roughly."""
    about = chance.choice(pool["prose"])
    pieces = about.tokens["o200k_base"][:40]
    names = [f"field_{n}" for n in range(chance.randint(1, 6))]
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names[:2]}
    tool = {"type": "function", "function": {"name": "look_up", "description": "".join(pieces), "parameters": parameters}}
    return tool, len(pieces) + 18 + 9 * len(names)


def _request(
    dialect: Dialect,
    feature: Feature,
    system: Passage,
    tools: list[tuple[Body, int]],
    pool: Pool,
    number: int,
    chance: random.Random,
) -> Made:
    kind = chance.choice(feature.kinds)
    turns = [chance.choice(pool[kind]) for _ in range(chance.randint(*feature.turns) | 1)]
    taken = sum(len(one.tokens[dialect.vocabulary]) + 4 for one in (system, *turns)) + 3 + sum(count for _, count in tools)
    body = dialect.body(system.text, [one.text for one in turns], [tool for tool, _ in tools], feature.max_tokens)
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    whole = [piece for one in (chance.choice(pool[kind]) for _ in range(4)) for piece in one.tokens[dialect.vocabulary]]
    wanted = max(3, round(chance.lognormvariate(0, 0.8) * feature.answer_tokens))
    limit = feature.max_tokens or len(whole)
    pieces = whole[: min(wanted, limit)]
    reason = dialect.reasons[1 if feature.max_tokens and len(pieces) == limit else 0]
    thought = round(chance.lognormvariate(5, 0.9)) if dialect.thinks else 0
    fields = read_fields(content)
    begun = attrs.evolve(
        BASE.begun,
        seq=number,
        id=f"{dialect.name}/{number}",
        endpoint=dialect.endpoint,
        provider="synthetic",
        model_sent=dialect.model,
        feature=feature.name,
        streamed=True,
        max_tokens=fields.max_tokens,
        request_bytes=len(content),
        bulk=bulk_of(content, fields.tool_bytes),
    )
    reading = _read(dialect, pieces, reason, chance)
    end = {"chat": 0, "messages": 3}.get(dialect.name.partition(",")[0], 1)
    counts = {"input": taken, "output": len(pieces) + end, "reasoning": thought}
    reading = attrs.evolve(reading, state="reported", usage=Usage(counts))
    attempts = (attrs.evolve(BASE.attempts[0], provider="synthetic"),) if BASE.attempts else ()
    ended = attrs.evolve(BASE, begun=begun, request_bytes=len(content), outcome="ok", reading=reading, attempts=attempts)
    text = "".join(pieces)
    return Made(ended, tuple(sum(map(is_one, text)) for is_one in CLASSES))


def _read(dialect: Dialect, pieces: Sequence[str], reason: str, chance: random.Random) -> Reading:
    grouped: list[str] = []
    at = 0
    while at < len(pieces):
        step = chance.randint(*dialect.tokens_a_frame)
        if text := "".join(pieces[at : at + step]):
            grouped.append(text)
        at += step
    reader = dialect.reader()
    for frame in dialect.frames(grouped, reason):
        reader.feed(b"data: " + json.dumps(frame).encode("utf-8", "replace") + b"\n\n")
    return reader.finish(complete=True)
