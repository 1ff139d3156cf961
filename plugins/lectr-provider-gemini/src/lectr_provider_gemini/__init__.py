"""Gemini as a provider. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, ProviderSettings, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.gemini]`: address and held credential."""
    return [Section("provider.gemini", ProviderSettings, help="Gemini (the Developer API).")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """The one provider."""
    from lectr_provider_gemini.provider import gemini_of

    return [gemini_of(settings)]
