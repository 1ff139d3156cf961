"""Azure OpenAI as a provider. Only hooks live here; Lectr calls each once at start."""

from __future__ import annotations

from collections.abc import Iterable

from lectr_core import Provider, Section, Settings, hookimpl


@hookimpl
def lectr_settings() -> Iterable[Section]:
    """`[provider.azure]`: the operator's own endpoint."""
    from lectr_provider_azure.settings import AzureSettings

    return [Section("provider.azure", AzureSettings, help="Azure OpenAI; needs base_url.")]


@hookimpl
def lectr_providers(settings: Settings) -> Iterable[Provider]:
    """The one provider; there also before it is configured, so that a client is told what is missing."""
    from lectr_provider_azure.provider import azure_of

    return [azure_of(settings)]
