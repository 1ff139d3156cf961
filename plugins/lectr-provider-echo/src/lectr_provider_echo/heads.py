"""The header fields providers put on their answers: request ids, rate limits, server names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final

from lectr_provider_echo.catalog import Family

Fields = tuple[tuple[str, str], ...]

# (name, limit, whether tokens count against it, how long until it is whole again; empty: said as a time)
_LIMITS: Final[Mapping[Family, tuple[tuple[str, int, bool, str], ...]]] = {
    "openai": (
        ("x-ratelimit-{what}-requests", 10_000, False, "8.64s"),
        ("x-ratelimit-{what}-tokens", 2_000_000, True, "6m0s"),
    ),
    "groq": (
        ("x-ratelimit-{what}-requests", 14_400, False, "6s"),
        ("x-ratelimit-{what}-tokens", 18_000, True, "7.66s"),
    ),
    "anthropic": (
        ("anthropic-ratelimit-requests-{what}", 4_000, False, ""),
        ("anthropic-ratelimit-input-tokens-{what}", 400_000, True, ""),
    ),
}
# The same, as it is written on every answer: a past has millions of them.
_WRITTEN: Final = {
    family: tuple(
        (
            (name.replace("{what}", "limit"), str(limit)),
            name.replace("{what}", "remaining"),
            limit,
            counts_tokens,
            name.replace("{what}", "reset"),
            reset,
        )
        for name, limit, counts_tokens, reset in limits_of
    )
    for family, limits_of in _LIMITS.items()
}


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
            *limits(family, chance.random() / 4, tokens),
        )
    if family == "groq":
        return (
            ("x-request-id", f"req_{number}"),
            ("x-groq-region", "stand-in"),
            *limits(family, chance.random() / 4, tokens),
        )
    if family == "anthropic":
        return (
            ("request-id", f"req_{number}"),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            *limits(family, chance.random() / 4, tokens),
        )
    return (("server-timing", f"gfet4t7; dur={round(took_s * 1000)}"), ("x-content-type-options", "nosniff"))


def limits(family: Family, taken: float, tokens: int, until: str = "2030-01-01T00:00:00Z") -> Fields:
    """What a provider says of its rate limits; nothing where it does not.

    Shapes: *taken* is the share of each limit that is used up, 0 to 1; *until* is when a limit is whole again, for those
    who say that as a time. Units: *tokens* are what the request used of the limit.
    """
    found: list[tuple[str, str]] = []
    for whole, remaining, limit, counts_tokens, reset_name, reset in _WRITTEN.get(family, ()):
        left = limit - (tokens if counts_tokens else 1) - int(limit * taken)
        found += (whole, (remaining, str(left) if left > 0 else "0"), (reset_name, reset or until))
    return tuple(found)
