"""OpenAI as a provider. The hooks, and nothing else: see `provider.py`."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    from lectr_provider_openai.provider import SECTION

    return [SECTION]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    from lectr_provider_openai.provider import provider_of

    return [provider_of(settings)]
