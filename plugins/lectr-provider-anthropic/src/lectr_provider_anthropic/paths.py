"""Which paths are the provider's own, which are of the dialect it also speaks, and which it has not. Pure.

Called by `provider.py`. Paths are as sent, less a `/anthropic` prefix.
"""

from __future__ import annotations

from typing import Final

COMPATIBLE: Final = "/v1/chat/completions"
"""The one path on which the provider speaks the dialect of chat completions."""

_OWN: Final = ("/v1/messages", "/v1/complete")
"""Paths that no other provider has, with all that stands below them."""

_PREFIX: Final = "/anthropic"

_FOREIGN: Final = frozenset(
    {
        "assistants",
        "audio",
        "chat",
        "completions",
        "conversations",
        "embeddings",
        "evals",
        "fine_tuning",
        "images",
        "moderations",
        "realtime",
        "responses",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    }
)
"""First words behind the version that belong to the other dialect. A word that is in neither list is passed on."""


def is_own(path: str) -> bool:
    """Whether only this provider has such a path, with or without its prefix."""
    path = path.removeprefix(_PREFIX)
    return any(path == own or path.startswith(f"{own}/") for own in _OWN)


def is_compatible(path: str) -> bool:
    """Whether the path speaks the dialect of chat completions, not the provider's own."""
    return path.rstrip("/").endswith(COMPATIBLE)


def is_served(path: str) -> bool:
    """Whether the provider can be expected to have the path."""
    if is_compatible(path):
        return True
    version, _, rest = path[1:].partition("/")
    if version == "v1":
        return rest.partition("/")[0] not in _FOREIGN
    return not version.startswith(("v1beta", "v1alpha", "openai"))
