"""The endpoints that are known from the start: where they are, how their keys look, which models are theirs alone.

Data, and what it means; nothing here talks to anything. A line is added where address and path are certain; a key's shape or
a family of models only where no other provider has the same. Called by `provider.py`.
"""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Endpoint:
    """One place that speaks the dialect of chat completions."""

    id: str
    """Value of `X-Lectr-Provider`, path prefix, and name of the settings table."""
    host: str
    """Scheme, host and port."""
    v1: str = "/v1"
    """What a client's `/v1` becomes there."""
    moved: tuple[str, str] | None = None
    """One path, and what it is instead."""
    keys: tuple[bytes, ...] = ()
    """How its keys begin, where no other provider's begin so."""
    models: tuple[str, ...] = ()
    """How the names of its models begin, where they are visibly its own."""
    tells_cost: bool = False
    """Whether the cost that its answers tell is what it bills, in USD."""
    local: bool = False
    """A server on the operator's machine: there only if the settings name it; it needs no key."""


REMOTE: Final = (
    Endpoint(id="cerebras", host="https://api.cerebras.ai", keys=(b"csk-",)),
    Endpoint(
        id="cohere",
        host="https://api.cohere.ai",
        v1="/compatibility/v1",
        models=("command-", "embed-english-", "embed-multilingual-", "embed-v4", "c4ai-"),
    ),
    Endpoint(id="deepinfra", host="https://api.deepinfra.com", v1="/v1/openai"),
    Endpoint(id="deepseek", host="https://api.deepseek.com", models=("deepseek-",)),
    Endpoint(
        id="fireworks",
        host="https://api.fireworks.ai",
        v1="/inference/v1",
        keys=(b"fw_",),
        models=("accounts/fireworks/",),
    ),
    Endpoint(id="huggingface", host="https://router.huggingface.co", keys=(b"hf_",)),
    Endpoint(id="hyperbolic", host="https://api.hyperbolic.xyz"),
    Endpoint(
        id="mistral",
        host="https://api.mistral.ai",
        models=(
            "mistral-",
            "ministral-",
            "codestral-",
            "devstral-",
            "magistral-",
            "pixtral-",
            "voxtral-",
            "open-mistral-",
            "open-mixtral-",
        ),
    ),
    Endpoint(id="moonshot", host="https://api.moonshot.ai", models=("kimi-", "moonshot-v1-")),
    Endpoint(id="nvidia", host="https://integrate.api.nvidia.com", keys=(b"nvapi-",)),
    Endpoint(
        id="openrouter",
        host="https://openrouter.ai",
        v1="/api/v1",
        keys=(b"sk-or-",),
        tells_cost=True,
        models=("openrouter/",),
    ),
    Endpoint(
        id="perplexity",
        host="https://api.perplexity.ai",
        moved=("/v1/chat/completions", "/chat/completions"),
        keys=(b"pplx-",),
        tells_cost=True,
        models=("sonar",),
    ),
    Endpoint(id="sambanova", host="https://api.sambanova.ai"),
    Endpoint(id="together", host="https://api.together.xyz"),
    Endpoint(id="xai", host="https://api.x.ai", keys=(b"xai-",), models=("grok-",), tells_cost=True),
    Endpoint(id="zai", host="https://api.z.ai", v1="/api/paas/v4", models=("glm-",)),
)
"""Offered always: nothing is sent there unless a request names or shows one of them."""

LOCAL: Final = (
    Endpoint(id="llamacpp", host="http://127.0.0.1:8080", local=True),
    Endpoint(id="lmstudio", host="http://127.0.0.1:1234", local=True),
    Endpoint(id="ollama", host="http://127.0.0.1:11434", local=True),
    Endpoint(id="vllm", host="http://127.0.0.1:8000", local=True),
)
"""Offered where the settings have a table for them, which may be empty."""

KNOWN: Final = {endpoint.id: endpoint for endpoint in (*REMOTE, *LOCAL)}
