"""What an imagined company sends to its models: features, tasks, models, streamed or not. Pure; drawn from a seeded chance.

The mix is made to be worth looking at: one feature pays for a model it does not need, one waits for a slow one, some
requests carry no feature, one model has no price, some streams report no usage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from random import Random
from typing import Final

import attrs

from lectr_provider_echo.catalog import Family
from lectr_provider_echo.script import Tree

# One in so many streams is left by its reader before the end.
_LEFT_EARLY: Final = 40
_SENTENCE: Final = "The parcel left the warehouse on Monday and has not been seen since, so please look into it today. "


@attrs.frozen(kw_only=True)
class Sample:
    """One request to the gateway. The key is added when it is sent."""

    family: Family
    path: str
    body: Tree
    key_field: str = "authorization"
    feature: str | None = None
    task: str | None = None
    streamed: bool = False
    leaves_early: bool = False
    """The client goes away after the first piece of the answer."""

    def fields(self, key: str) -> Mapping[str, str]:
        """Header fields, with Lectr's *key* where the family's SDK puts its own."""
        fields = {self.key_field: f"Bearer {key}" if self.key_field == "authorization" else key}
        if self.key_field == "x-api-key":
            fields["anthropic-version"] = "2023-06-01"
        if self.feature is not None:
            fields["x-lectr-feature"] = self.feature
        if self.task is not None:
            fields["x-lectr-task"] = self.task
        return fields


@attrs.frozen
class _Habit:
    """What one feature does, and how often."""

    weight: int
    feature: str | None
    task: str | None
    models: tuple[tuple[int, Family, str], ...]
    """(weight, provider, model)."""
    prompt: tuple[int, int]
    """Shortest and longest prompt, in characters."""
    max_tokens: int | None = None
    streamed: float = 0.0
    """Share of its requests that are streamed."""
    via: str = "chat"


_HABITS: Final = (
    _Habit(
        26,
        "chat-assistant",
        "generation",
        ((5, "anthropic", "claude-sonnet-4-6"), (3, "openai", "gpt-4.1"), (2, "gemini", "gemini-2.5-flash")),
        (3_000, 16_000),
        streamed=0.9,
    ),
    _Habit(
        22,
        "search",
        "extraction",
        ((6, "groq", "llama-3.1-8b-instant"), (2, "groq", "llama-3.3-70b-versatile"), (2, "openai", "gpt-4.1-nano")),
        (200, 900),
        max_tokens=60,
    ),
    _Habit(
        18,
        "classifier",
        "classification",
        ((5, "openai", "gpt-4o"), (4, "openai", "gpt-4o-mini"), (1, "anthropic", "claude-haiku-4-5")),
        (300, 1_500),
        max_tokens=5,
    ),
    _Habit(
        14,
        "summaries",
        "summarisation",
        ((4, "openai", "gpt-4.1-mini"), (4, "gemini", "gemini-2.0-flash"), (2, "anthropic", "claude-haiku-4-5")),
        (6_000, 40_000),
        max_tokens=300,
        via="native",
    ),
    _Habit(
        9,
        "embeddings-indexer",
        None,
        ((8, "openai", "text-embedding-3-small"), (2, "gemini", "gemini-embedding-001")),
        (500, 4_000),
        via="embeddings",
    ),
    _Habit(
        4,
        "report-writer",
        "reasoning",
        ((2, "openai", "o4-mini"), (1, "anthropic", "claude-opus-4-6"), (1, "gemini", "gemini-2.5-pro")),
        (4_000, 9_000),
        streamed=0.5,
        via="native",
    ),
    _Habit(
        7,
        None,
        None,
        ((4, "openai", "gpt-4o-mini"), (2, "groq", "openai/gpt-oss-20b"), (2, "openai", "house-writer-2")),
        (100, 2_000),
        streamed=0.4,
    ),
)


def samples(chance: Random, families: Collection[Family]) -> Iterator[Sample]:
    """Requests without end, to those *families* whose plugin is installed. Errors: ValueError where there is none."""
    habits = [habit for habit in _HABITS if any(family in families for _, family, _ in habit.models)]
    if not habits:
        raise ValueError("no provider to send sample requests to")
    weights = [habit.weight for habit in habits]
    while True:
        yield _sample(chance.choices(habits, weights)[0], chance, families)


def _sample(habit: _Habit, chance: Random, families: Collection[Family]) -> Sample:
    usable = [entry for entry in habit.models if entry[1] in families]
    _, family, model = chance.choices(usable, [weight for weight, _, _ in usable])[0]
    prompt = _text(chance.randint(*habit.prompt))
    streamed = chance.random() < habit.streamed
    sample = _WAYS[_way(habit, family)](family, model, prompt, habit.max_tokens, streamed)
    return attrs.evolve(
        sample,
        feature=habit.feature,
        task=habit.task,
        leaves_early=streamed and chance.randrange(_LEFT_EARLY) == 0,
    )


def _text(chars: int) -> str:
    return (_SENTENCE * (chars // len(_SENTENCE) + 1))[:chars]


def _way(habit: _Habit, family: Family) -> str:
    if habit.via == "embeddings":
        return "gemini embeddings" if family == "gemini" else "embeddings"
    if family == "anthropic":
        return "messages"
    if family == "groq":
        return "groq"
    if habit.via == "native":
        return "generate" if family == "gemini" else "responses"
    return "chat"


def _chat(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    messages = [{"role": "system", "content": "Answer kindly and briefly."}, {"role": "user", "content": prompt}]
    body: Tree = {"model": model, "messages": messages}
    if max_tokens is not None:
        body["max_tokens"] = max_tokens
    if streamed:
        body["stream"] = True
        # An older client of the company does not know `include_usage`: its streams report no usage.
        if len(prompt) % 8:
            body["stream_options"] = {"include_usage": True}
    return Sample(family=family, path="/v1/chat/completions", body=body, streamed=streamed)


def _groq(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    return attrs.evolve(_chat(family, model, prompt, max_tokens, streamed), path="/groq/openai/v1/chat/completions")


def _responses(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    body: Tree = {"model": model, "input": prompt, "stream": streamed}
    if max_tokens is not None:
        body["max_output_tokens"] = max_tokens
    return Sample(family=family, path="/v1/responses", body=body, streamed=streamed)


def _messages(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    messages = [{"role": "user", "content": prompt}]
    body: Tree = {"model": model, "max_tokens": max_tokens or 1024, "messages": messages, "stream": streamed}
    return Sample(family=family, path="/v1/messages", body=body, key_field="x-api-key", streamed=streamed)


def _generate(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    action = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    body: Tree = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
    if max_tokens is not None:
        body["generationConfig"] = {"maxOutputTokens": max_tokens}
    path = f"/v1beta/models/{model}:{action}"
    return Sample(family=family, path=path, body=body, key_field="x-goog-api-key", streamed=streamed)


def _embeddings(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    return Sample(family=family, path="/v1/embeddings", body={"model": model, "input": [prompt, prompt[:200]]})


def _gemini_embeddings(family: Family, model: str, prompt: str, max_tokens: int | None, streamed: bool) -> Sample:
    path = f"/v1beta/models/{model}:embedContent"
    return Sample(family=family, path=path, body={"content": {"parts": [{"text": prompt}]}}, key_field="x-goog-api-key")


_WAYS: Final[Mapping[str, Callable[[Family, str, str, int | None, bool], Sample]]] = {
    "chat": _chat,
    "groq": _groq,
    "responses": _responses,
    "messages": _messages,
    "generate": _generate,
    "embeddings": _embeddings,
    "gemini embeddings": _gemini_embeddings,
}
