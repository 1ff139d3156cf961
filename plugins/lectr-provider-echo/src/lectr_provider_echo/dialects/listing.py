"""Lists of models, in the shape of each provider. Pure."""

from __future__ import annotations

from lectr_provider_echo.catalog import MODELS, Family
from lectr_provider_echo.script import Tree

# A fixed day: a list that changed with the clock could not be compared.
_CREATED_S = 1_735_689_600
_CREATED_AT = "2025-01-01T00:00:00Z"


def models(family: Family, *, native: bool) -> Tree:
    """Every model of *family*. *native*: in its own shape, not in OpenAI's."""
    found = [model(family, name, native=native) for name in MODELS[family]]
    if native and family == "anthropic":
        return {"data": found, "has_more": False, "first_id": found[0]["id"], "last_id": found[-1]["id"]}
    if native and family == "gemini":
        return {"models": found}
    return {"object": "list", "data": found}


def model(family: Family, name: str, *, native: bool) -> Tree:
    """One model."""
    if native and family == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT}
    if native and family == "gemini":
        actions = ["embedContent"] if "embedding" in name else ["generateContent", "countTokens"]
        limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
        return {"name": f"models/{name}", "displayName": name, **limits, "supportedGenerationMethods": actions}
    return {"id": name, "object": "model", "created": _CREATED_S, "owned_by": family}
