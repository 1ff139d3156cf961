"""OpenAI: its address, its models' families, its keys' shapes, and what it does not bill.

What it shares with others that speak its dialect stands in the core; here is only what is its own.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

import attrs

from lectr_core import (
    Answer,
    Call,
    DialectProvider,
    ProviderSettings,
    Reader,
    Section,
    Settings,
    located,
    upstream_of,
)
from lectr_provider_openai.searching import ChatEventReader, ChatReader

PATH: Final = "provider.openai"

BASE_URL: Final = "https://api.openai.com"

_REGIONAL: Final = re.compile(r"https?://([a-z]{2,8})\.(?:privatelink\.)?api\.openai\.com(?=[:/]|$)", re.IGNORECASE)
"""Addresses that keep what is sent there in a region. Source: the provider's guide on data residency."""

FAMILIES: Final = (
    "gpt-",
    "chatgpt-",
    *(f"o{generation}" for generation in range(1, 10)),
    "text-embedding-",
    "text-moderation-",
    "omni-moderation-",
    "dall-e-",
    "whisper-",
    "tts-",
    "davinci",
    "babbage",
    "codex",
    "sora",
    "computer-use-preview",
    # Fine-tuned ones are named after the model they were made of.
    "ft:gpt-",
    "ft:o4",
    "ft:davinci",
    "ft:babbage",
)
"""How its models' names begin. Families rather than names, so that a model released tomorrow is recognised."""

KEY_PREFIXES: Final = (b"sk-proj-", b"sk-svcacct-", b"sk-admin-")
"""Keys that nobody else issues. A bare `sk-` is no proof: many others begin their keys so."""


@attrs.frozen(kw_only=True)
class OpenAISettings(ProviderSettings):
    """`[provider.openai]`."""


SECTION: Final = Section(PATH, OpenAISettings, help="OpenAI: another address, a key that Lectr holds.")


class OpenAIProvider(DialectProvider):
    """OpenAI, for everything it answers with usage."""

    READERS: ClassVar = {**DialectProvider.READERS, "chat/completions": (ChatReader, ChatEventReader)}
    UNBILLED: ClassVar = DialectProvider.UNBILLED | {"moderations"}

    region: str | None = None
    """As the address begins: `eu`; None where that says nothing. Set at start."""

    def quickstart(self, base_url: str, key: str) -> list[tuple[str, str]]:
        """What to paste into a client, as (title, text); `lectr up` prints it."""
        from lectr_provider_openai.snippets import quickstart

        return quickstart(base_url, key, is_held=self.held is not None)


class RegionalProvider(OpenAIProvider):
    """The same at an address that keeps the work in a region, which costs more for newer models."""

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        """See `ports.Provider`."""
        return located(super().reader(call, answer), self.region)


def provider_of(settings: Settings) -> OpenAIProvider:
    """The provider that the settings describe. Errors: OperatorError; see `upstream_of`."""
    upstream = upstream_of(settings, PATH, settings.section(PATH, OpenAISettings), BASE_URL)
    region = None if upstream.base_url is None else _REGIONAL.match(upstream.base_url)
    provider = (OpenAIProvider if region is None else RegionalProvider)(
        "openai",
        upstream.base_url,
        upstream.held,
        families=FAMILIES,
        key_prefixes=KEY_PREFIXES,
        accepts_unclaimed=True,
        ca_file=upstream.ca_file,
    )
    provider.region = None if region is None else region[1]
    return provider
