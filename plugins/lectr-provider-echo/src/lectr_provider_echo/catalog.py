"""The models the stand-in offers, by the provider it plays, and how fast each provider believably is.

Data only. Anything else may be asked for too: an unknown model answers like its provider's usual one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

Family = Literal["openai", "anthropic", "groq", "gemini"]
"""Which provider the stand-in plays."""

MODELS: Final[Mapping[Family, Mapping[str, str]]] = {
    "openai": {
        "gpt-4o": "gpt-4o-2024-08-06",
        "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
        "gpt-4.1": "gpt-4.1-2025-04-14",
        "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
        "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
        "gpt-5-mini": "gpt-5-mini-2025-08-07",
        "o4-mini": "o4-mini-2025-04-16",
        "text-embedding-3-small": "text-embedding-3-small",
        "text-embedding-3-large": "text-embedding-3-large",
        "echo": "echo",
    },
    "anthropic": {
        "claude-opus-4-6": "claude-opus-4-6",
        "claude-sonnet-4-6": "claude-sonnet-4-6",
        "claude-haiku-4-5": "claude-haiku-4-5-20251001",
        "echo": "echo",
    },
    "groq": {
        "llama-3.3-70b-versatile": "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant": "llama-3.1-8b-instant",
        "openai/gpt-oss-20b": "openai/gpt-oss-20b",
        "echo": "echo",
    },
    "gemini": {
        "gemini-2.5-pro": "gemini-2.5-pro",
        "gemini-2.5-flash": "gemini-2.5-flash",
        "gemini-2.0-flash": "gemini-2.0-flash",
        "gemini-embedding-001": "gemini-embedding-001",
        "echo": "echo",
    },
}
"""Name asked for, and the dated name the answer carries."""


@attrs.frozen
class Pace:
    """How fast a provider answers. Medians; each answer is drawn from a log-normal distribution around them."""

    first_s: float
    """To the first token, in seconds."""
    tokens_per_s: float
    sigma: float = 0.35
    """Spread of both on a logarithmic scale."""


PACES: Final[Mapping[Family, Pace]] = {
    "openai": Pace(0.42, 85.0),
    "anthropic": Pace(0.65, 62.0),
    "groq": Pace(0.11, 420.0, 0.25),
    "gemini": Pace(0.38, 160.0),
}

_THINKS: Final = ("o1", "o3", "o4", "gpt-5", "gemini-2.5", "gemini-3", "openai/gpt-oss")


def dated(family: Family, model: str) -> str:
    """The name that stands in the answer for the *model* asked."""
    return MODELS[family].get(model, model)


def thinks(model: str) -> bool:
    """Whether the model spends reasoning tokens without being asked to."""
    return model.startswith(_THINKS)
