"""What child processes are told by their environment, and what they are not."""

from __future__ import annotations

import pytest

from lectr_core.assembly.environment import of_our_own, without_credentials
from lectr_core.model.settings import AdminSettings, GatewaySettings, ProviderSettings, Settings


def test_companions_do_not_get_what_the_settings_name_as_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROVIDER_KEY", "ADMIN_TOKEN", "PROXY_LOGIN", "PLAIN"):
        monkeypatch.setenv(name, "x")
    gateway = GatewaySettings(proxy="http://127.0.0.1:1", proxy_auth_env="PROXY_LOGIN")
    sections = {
        "provider.mine": ProviderSettings(api_key_env="PROVIDER_KEY"),
        "admin": AdminSettings(token_env="ADMIN_TOKEN"),
    }
    kept = without_credentials(Settings(gateway, sections, "v"))
    assert "PLAIN" in kept
    assert not {"PROVIDER_KEY", "ADMIN_TOKEN", "PROXY_LOGIN"} & kept.keys()


def test_what_the_operator_says_of_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert of_our_own()["MALLOC_TRIM_THRESHOLD_"] == "131072"
    assert int(of_our_own()["MALLOC_MMAP_THRESHOLD_"]) > 4_000_000  # a long body stays within
