"""The imagined company of the history: what its features ask of which models, when and how often, and what goes wrong.

Data only; nothing here draws lots. The mix is made to be worth looking at: one feature pays for a model it does not need,
one caches badly from some day on, one runs wild for an afternoon, one changes its model, and there are outages. Called by
`calendar.py` and `past.py`.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from lectr_provider_echo.catalog import Family

Rhythm = Literal["office", "evening", "night", "flat"]
Cache = Literal["none", "automatic", "marked"]


@attrs.frozen(kw_only=True)
class Feature:
    """One feature of the product, by its habits."""

    name: str
    org: str
    task: str | None
    weight: float
    """Share of all requests at the beginning; only relations count."""
    rhythm: Rhythm
    weekend: float
    """Of a weekday's traffic."""
    growth: float
    """In 30 days: 1.2 is a fifth more."""
    models: tuple[tuple[float, Family, str], ...]
    """(weight, provider, model)."""
    prompt: float
    """Median tokens of a prompt."""
    prompt_sigma: float = 0.6
    answer: float
    """Median tokens of an answer."""
    answer_sigma: float = 0.6
    streamed: float = 0.0
    """Share of its requests."""
    asks_usage: float = 1.0
    """Of its streams, those whose client asks for usage where a provider reports it only then."""
    cache: Cache = "none"
    cached: float = 0.0
    """Share of the prompt that could come from a cache."""
    max_tokens: int | None = None
    via: Literal["chat", "responses", "embeddings"] = "chat"
    bytes_a_token: float = 4.2
    """Of its texts: code has fewer, plain English more."""
    patience_s: float = 600.0
    """How long its SDK waits for a whole answer before it asks again."""


FEATURES: Final = (
    Feature(
        name="chat-assistant",
        org="shop",
        task="generation",
        weight=24,
        rhythm="evening",
        weekend=1.1,
        growth=1.25,
        models=((6, "anthropic", "claude-sonnet-4-6"), (3, "openai", "gpt-4.1"), (1, "gemini", "gemini-2.5-flash")),
        prompt=3200,
        answer=320,
        streamed=0.95,
        asks_usage=0.8,
        cache="marked",
        cached=0.75,
        max_tokens=2048,
    ),
    Feature(
        name="search",
        org="shop",
        task="extraction",
        weight=30,
        rhythm="evening",
        weekend=1.2,
        growth=1.1,
        models=((6, "groq", "llama-3.1-8b-instant"), (2, "groq", "llama-3.3-70b-versatile"), (2, "openai", "gpt-4.1-nano")),
        prompt=420,
        answer=28,
        max_tokens=60,
        bytes_a_token=4.5,
        patience_s=10.0,
    ),
    Feature(
        name="classifier",
        org="support",
        task="classification",
        weight=16,
        rhythm="office",
        weekend=0.35,
        growth=1.05,
        models=((6, "openai", "gpt-4o"), (4, "openai", "gpt-4o-mini")),
        prompt=640,
        prompt_sigma=0.4,
        answer=3,
        answer_sigma=0.3,
        max_tokens=4096,
        patience_s=12.0,
    ),
    Feature(
        name="support-replies",
        org="support",
        task="generation",
        weight=9,
        rhythm="office",
        weekend=0.3,
        growth=1.15,
        models=((7, "anthropic", "claude-haiku-4-5"), (3, "anthropic", "claude-sonnet-4-6")),
        prompt=5200,
        answer=260,
        streamed=0.7,
        cache="marked",
        cached=0.85,
        max_tokens=1024,
        bytes_a_token=4.6,
    ),
    Feature(
        name="summaries",
        org="support",
        task="summarisation",
        weight=6,
        rhythm="office",
        weekend=0.25,
        growth=1.3,
        models=((1, "openai", "gpt-4.1"),),
        prompt=9000,
        answer=240,
        cache="automatic",
        cached=0.2,
        via="responses",
        bytes_a_token=4.7,
        patience_s=20.0,
    ),
    Feature(
        name="embeddings-indexer",
        org="shop",
        task=None,
        weight=14,
        rhythm="night",
        weekend=1.0,
        growth=1.0,
        models=((8, "openai", "text-embedding-3-small"), (2, "gemini", "gemini-embedding-001")),
        prompt=700,
        answer=0,
        via="embeddings",
        bytes_a_token=4.4,
    ),
    Feature(
        name="report-writer",
        org="research",
        task="reasoning",
        weight=1.6,
        rhythm="office",
        weekend=0.1,
        growth=1.4,
        models=((5, "openai", "o4-mini"), (2, "anthropic", "claude-opus-4-6"), (3, "gemini", "gemini-2.5-pro")),
        prompt=6800,
        answer=1900,
        streamed=0.5,
        cache="automatic",
        cached=0.3,
        via="responses",
        bytes_a_token=4.4,
        patience_s=300.0,
    ),
    Feature(
        name="code-agent",
        org="research",
        task=None,
        weight=5,
        rhythm="office",
        weekend=0.2,
        growth=1.6,
        models=((8, "anthropic", "claude-sonnet-4-6"), (2, "anthropic", "claude-opus-4-6")),
        prompt=26_000,
        prompt_sigma=0.8,
        answer=420,
        answer_sigma=0.9,
        streamed=1.0,
        cache="marked",
        cached=0.93,
        max_tokens=8192,
        bytes_a_token=3.4,
    ),
    Feature(
        name="untagged",
        org="research",
        task=None,
        weight=4,
        rhythm="flat",
        weekend=0.6,
        growth=0.9,
        models=((5, "openai", "gpt-4o-mini"), (3, "groq", "openai/gpt-oss-20b"), (2, "openai", "house-writer-2")),
        prompt=900,
        answer=220,
        streamed=0.5,
        asks_usage=0.4,
    ),
    Feature(
        name="nightly-labels",
        org="support",
        task="classification",
        weight=4,
        rhythm="night",
        weekend=1.0,
        growth=1.0,
        models=((1, "gemini", "gemini-2.0-flash"),),
        prompt=1400,
        answer=40,
        cache="automatic",
        cached=0.5,
    ),
)


@attrs.frozen(kw_only=True)
class Event:
    """Something that is not as usual for a while. Whatever is None holds for all."""

    at: float
    """When it begins, as a share of the whole time."""
    hours: float
    """How long it lasts; 0: to the end."""
    provider: Family | None = None
    feature: str | None = None
    traffic: float = 1.0
    """Times the usual number of requests."""
    failing: float = 0.0
    """Share of requests that fail."""
    category: str = "overload"
    """As what they fail."""
    slower: float = 1.0
    """Times the usual duration."""
    no_cache: bool = False
    """Nothing is read from a cache, though it is written."""
    model: tuple[Family, str] | None = None
    """What is used from now on."""
    crashed: bool = False
    """Lectr itself is killed: how its requests ended is not known."""


EVENTS: Final = (
    Event(at=0.22, hours=0.6, feature="support-replies", failing=0.97, category="auth"),
    Event(at=0.31, hours=3.0, feature="embeddings-indexer", traffic=4.0, failing=0.45, category="rate_limit"),
    Event(at=0.45, hours=0.0, feature="summaries", model=("openai", "gpt-4.1-mini")),
    Event(at=0.52, hours=4.0, feature="code-agent", traffic=9.0),
    Event(at=0.58, hours=0.05, crashed=True),
    Event(at=0.63, hours=0.8, provider="anthropic", failing=0.7, category="overload", slower=3.0),
    Event(at=0.71, hours=60.0, feature="support-replies", no_cache=True),
    Event(at=0.80, hours=2.5, provider="openai", failing=0.03, category="server", slower=2.6),
    Event(at=0.93, hours=1.2, provider="groq", failing=0.25, category="rate_limit"),
)
"""The incidents of the company's months, in their order."""
