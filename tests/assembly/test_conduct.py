"""What the operator says of a provider reaches the version that decides."""

from __future__ import annotations

from lectr_core.assembly.conduct import stale_retries
from lectr_core.model.settings import GatewaySettings, ProviderSettings, Settings


def _settings(**sections: object) -> Settings:
    return Settings(GatewaySettings(), {path.replace("_", "."): value for path, value in sections.items()}, "v1")


def test_only_providers_that_the_operator_names_may_see_a_request_twice() -> None:
    settings = _settings(
        provider_one=ProviderSettings(retry_stale=True),
        provider_two=ProviderSettings(),
        sink_one=ProviderSettings(retry_stale=True),
    )
    assert stale_retries(settings) == {"one"}
