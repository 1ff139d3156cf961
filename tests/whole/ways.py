"""How a client reaches a provider: straight, through a gateway that passes its key on, through one that holds the keys.

Every test of an SDK runs on each way with the same assertions: a client must not be able to tell them apart.
"""

from __future__ import annotations

from typing import Final

import attrs

from tests.whole.gateway import HELD_KEYS, Gateway
from tests.whole.upstream import Upstream

CLIENT_KEYS: Final = {
    "openai": "sk-proj-client-canary-91bd",
    "anthropic": "sk-ant-api03-client-canary-91bd",
    "groq": "gsk_clientcanary91bd",
    "gemini": "AIzaSyClientCanary91bdClientCanary91bdXXX",
}
"""What a client sends to its provider when nobody holds a key for it."""

ALL: Final = ("direct", "passing", "holding")


@attrs.frozen
class Way:
    """One way to a provider, and what a client must change for it."""

    id: str
    upstream: Upstream
    gateway: Gateway | None
    """None: straight."""

    def url(self, provider: str) -> str:
        """The base address for a provider's SDK, without the SDK's own `/v1`."""
        if self.gateway is None:
            return self.upstream.url
        # This SDK's own paths begin like another provider's prefix, so it needs a prefix of its own.
        return f"{self.gateway.url}/groq" if provider == "groq" else self.gateway.url

    def key(self, provider: str) -> str:
        """What to give the SDK as its API key."""
        return self.gateway.key if self.gateway and self.id == "holding" else CLIENT_KEYS[provider]

    def headers(self, feature: str, **more: str) -> dict[str, str]:
        """What to give the SDK as its default headers."""
        usual = {"x-standin": feature, **more}
        if self.gateway is None:
            return usual
        usual["X-Lectr-Feature"] = feature
        return usual if self.id == "holding" else {**usual, "X-Lectr-Key": self.gateway.key}

    def upstream_key(self, provider: str) -> str:
        """The credential that must arrive at the provider."""
        return HELD_KEYS[provider] if self.id == "holding" else CLIENT_KEYS[provider]
