"""What one client asks for: drawn once, and the same again when its SDK tries again. Pure; drawn from a given chance.

Called by `fill.py`; what became of it is `past.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log
from random import Random
from typing import Final

import attrs

from lectr_provider_echo.catalog import Family
from lectr_provider_echo.history.company import Event, Feature

# Texts of one feature are much alike, but no two have as many letters a token.
_SPREAD: Final = 0.05
_FRAME_BYTES: Final = 180


@attrs.frozen(kw_only=True)
class Ask:
    """One thing that a client wants."""

    feature: Feature
    family: Family
    model: str
    streamed: bool
    prompt: int
    """Tokens."""
    request_bytes: int


def ask(feature: Feature, events: Sequence[Event], chance: Random) -> Ask:
    """One request's worth, as the feature's habits and what is on want it."""
    mine = [event for event in events if event.feature in (None, feature.name)] if events else ()
    family, model = _model(feature, mine, chance)
    prompt = max(4, int(chance.lognormvariate(median(feature.prompt), feature.prompt_sigma)))
    return Ask(
        feature=feature,
        family=family,
        model=model,
        streamed=chance.random() < feature.streamed,
        prompt=prompt,
        request_bytes=_FRAME_BYTES + int(prompt * chance.lognormvariate(median(feature.bytes_a_token), _SPREAD)),
    )


def endpoint(asked: Ask) -> str:
    """Where it goes."""
    if asked.family == "anthropic":
        return "/v1/messages"
    if asked.family == "groq":
        return "/openai/v1/chat/completions"
    via = asked.feature.via
    if asked.family == "gemini":
        action = "embedContent" if via == "embeddings" else "streamGenerateContent" if asked.streamed else "generateContent"
        return f"/v1beta/models/{{model}}:{action}"
    return {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings"}[via]


@lru_cache(maxsize=256)
def median(value: float) -> float:
    """As a log-normal distribution wants it."""
    return log(value)


def _model(feature: Feature, events: Sequence[Event], chance: Random) -> tuple[Family, str]:
    for event in events:
        if event.model is not None:
            return event.model
    if len(feature.models) == 1:
        return feature.models[0][1:]
    lot = chance.random() * sum(share for share, _, _ in feature.models)
    for share, family, model in feature.models:
        lot -= share
        if lot < 0:
            return family, model
    return feature.models[-1][1:]
