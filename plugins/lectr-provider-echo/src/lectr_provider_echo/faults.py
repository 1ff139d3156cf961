"""What goes wrong at a provider, and in whose words: rate limits, overload, server errors, a filter, a stream that breaks.

Pure. A fault is drawn by chance (a share set at start) or asked for by the model's name: `echo-429` is always refused, so
that an app's error handling can be tested at will.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal

from lectr_provider_echo.catalog import Family
from lectr_provider_echo.script import Script, Tree, whole

Fault = Literal[
    "rate_limit", "server", "overload", "filter", "cut", "in_band", "auth", "not_found", "bad_request", "capacity"
]

BY_MODEL: Final[dict[str, Fault]] = {
    "echo-400": "bad_request",
    "echo-401": "auth",
    "echo-404": "not_found",
    "echo-429": "rate_limit",
    "echo-498": "capacity",
    "echo-500": "server",
    "echo-529": "overload",
    "echo-filter": "filter",
    "echo-cut": "cut",
    "echo-in-band": "in_band",
}
"""Models that always fail, each in its own way."""

# Seen from a gateway, refusals for rate and load are by far the most common.
_WEIGHTS: Final[dict[Fault, int]] = {"rate_limit": 38, "server": 14, "overload": 20, "filter": 12, "cut": 10, "in_band": 6}

_STATUS: Final[dict[Fault, int]] = {
    "rate_limit": 429,
    "server": 500,
    "overload": 503,
    "auth": 401,
    "not_found": 404,
    "bad_request": 400,
    "capacity": 498,
}
_MESSAGES: Final[dict[Fault, str]] = {
    "rate_limit": "Rate limit reached for requests. Please try again in 2s.",
    "server": "The server had an error while processing your request. Sorry about that!",
    "overload": "The engine is currently overloaded, please try again later.",
    "auth": "Incorrect API key provided.",
    "not_found": "The model or path does not exist.",
    "bad_request": "The request is not valid.",
    "capacity": "Flex tier capacity exceeded.",
}
# Error types, by family: (OpenAI and Groq: type, code), Anthropic: type, Gemini: status word.
_OPENAI: Final[dict[Fault, tuple[str, str | None]]] = {
    "rate_limit": ("requests", "rate_limit_exceeded"),
    "server": ("server_error", None),
    "overload": ("server_error", "server_is_overloaded"),
    "auth": ("invalid_request_error", "invalid_api_key"),
    "not_found": ("invalid_request_error", "model_not_found"),
    "bad_request": ("invalid_request_error", None),
    "capacity": ("capacity_error", "capacity_exceeded"),
}
_ANTHROPIC: Final[dict[Fault, str]] = {
    "rate_limit": "rate_limit_error",
    "server": "api_error",
    "overload": "overloaded_error",
    "auth": "authentication_error",
    "not_found": "not_found_error",
    "bad_request": "invalid_request_error",
    "capacity": "overloaded_error",
}
_GEMINI: Final[dict[Fault, str]] = {
    "rate_limit": "RESOURCE_EXHAUSTED",
    "server": "INTERNAL",
    "overload": "UNAVAILABLE",
    "auth": "UNAUTHENTICATED",
    "not_found": "NOT_FOUND",
    "bad_request": "INVALID_ARGUMENT",
    "capacity": "UNAVAILABLE",
}


def drawn(model: str, streamed: bool, share: float, chance: Random) -> Fault | None:
    """The fault this request meets, if any. *share*: of all requests, 0 to 1. One draw, so answers stay repeatable."""
    at = chance.random()
    if model in BY_MODEL:
        return BY_MODEL[model]
    if at >= share:
        return None
    fault = chance.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))[0]
    return "server" if fault in ("cut", "in_band") and not streamed else fault


def is_refusal(fault: Fault) -> bool:
    """Whether the fault comes instead of an answer; the others happen within one."""
    return fault in _STATUS


def refusal(
    family: Family, fault: Fault, number: str, *, native: bool, message: str | None = None, after_s: float = 0.0
) -> Script:
    """The whole answer to a refused request. *native*: in the family's own shape, not in OpenAI's."""
    text = message or _MESSAGES[fault]
    status = 529 if fault == "overload" and family == "anthropic" else _STATUS[fault]
    fields: list[tuple[str, str]] = []
    if family in ("openai", "groq"):
        fields.append(("x-request-id", f"req_{number}"))
    if family == "anthropic":
        fields.append(("request-id", f"req_{number}"))
    if fault == "rate_limit" and family != "gemini":
        fields.append(("retry-after", "2"))
    return whole(status, fields, tree(family, fault, number, text, status, native=native), after_s)


def tree(family: Family, fault: Fault, number: str, text: str, status: int, *, native: bool) -> Tree:
    """The error as JSON."""
    if native and family == "anthropic":
        return {"type": "error", "error": {"type": _ANTHROPIC[fault], "message": text}, "request_id": f"req_{number}"}
    if native and family == "gemini":
        error: Tree = {"code": status, "message": text, "status": _GEMINI[fault]}
        if fault == "rate_limit":
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"}]
        return {"error": error}
    kind, code = _OPENAI[fault]
    return {"error": {"message": text, "type": kind, "param": None, "code": code}}
