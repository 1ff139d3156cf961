"""Anthropic as a provider. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, ProviderSettings, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.anthropic]`: address and held credential."""
    return [Section("provider.anthropic", ProviderSettings, help="Anthropic.")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """The one provider."""
    from lectr_provider_anthropic.provider import anthropic_of

    return [anthropic_of(settings)]
