"""Groq as a provider. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, ProviderSettings, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.groq]`: address and held credential."""
    return [Section("provider.groq", ProviderSettings, help="Groq.")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """The one provider."""
    from lectr_provider_groq.provider import groq_of

    return [groq_of(settings)]
