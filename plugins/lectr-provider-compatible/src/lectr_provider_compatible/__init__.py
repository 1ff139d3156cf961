"""Endpoints that speak the dialect of chat completions. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.ID]` for every ID that no other plugin has."""
    from lectr_provider_compatible.settings import CompatibleSettings

    return [Section("provider.*", CompatibleSettings, help="An endpoint that speaks the OpenAI dialect.")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """One provider an endpoint: the well-known remote ones, and those that the settings name."""
    from lectr_provider_compatible.offer import providers_of

    return providers_of(settings)
