"""The header fields providers put on their answers: request ids, rate limits, server names. Pure."""

from __future__ import annotations

from random import Random

from lectr_provider_echo.catalog import Family

Fields = tuple[tuple[str, str], ...]


def fields(family: Family, model: str, number: str, tokens: int, took_s: float, chance: Random) -> Fields:
    """Header fields of an answer of *family*.

    Units: *tokens* are what the request used of the limit; *took_s* seconds become milliseconds where the provider says so.
    """
    if family == "openai":
        return (
            ("x-request-id", f"req_{number}"),
            ("openai-processing-ms", str(round(took_s * 1000))),
            ("openai-organization", "org-stand-in"),
            ("openai-version", "2020-10-01"),
            *_limits("x-ratelimit-{what}-requests", 10_000, 1, "8.64s", chance),
            *_limits("x-ratelimit-{what}-tokens", 2_000_000, tokens, "6m0s", chance),
        )
    if family == "groq":
        return (
            ("x-request-id", f"req_{number}"),
            ("x-groq-region", "stand-in"),
            *_limits("x-ratelimit-{what}-requests", 14_400, 1, "6s", chance),
            *_limits("x-ratelimit-{what}-tokens", 18_000, tokens, "7.66s", chance),
        )
    if family == "anthropic":
        return (
            ("request-id", f"req_{number}"),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            *_limits("anthropic-ratelimit-requests-{what}", 4_000, 1, "2030-01-01T00:00:00Z", chance),
            *_limits("anthropic-ratelimit-input-tokens-{what}", 400_000, tokens, "2030-01-01T00:00:00Z", chance),
        )
    return (("server-timing", f"gfet4t7; dur={round(took_s * 1000)}"), ("x-content-type-options", "nosniff"))


def _limits(name: str, limit: int, used: int, reset: str, chance: Random) -> Fields:
    remaining = max(0, limit - used - chance.randrange(max(1, limit // 4)))
    values = {"limit": str(limit), "remaining": str(remaining), "reset": reset}
    return tuple((name.replace("{what}", what), value) for what, value in values.items())
