"""The stand-in as a provider and as a companion, as the core's checks want them."""

from __future__ import annotations

import sys

import lectr_provider_echo
import pytest
from lectr_provider_echo.provider import EchoProvider
from lectr_provider_echo.settings import EchoSettings

from lectr_core import Answer, Call, Companion, GatewaySettings, OperatorError, Provider, Settings


def settings_of(chosen: EchoSettings) -> Settings:
    return Settings(gateway=GatewaySettings(), sections={"provider.echo": chosen}, version="0" * 12)


def test_the_provider_goes_where_the_stand_in_listens() -> None:
    (provider,) = lectr_provider_echo.lectr_providers(settings_of(EchoSettings(listen="127.0.0.1:9")))
    assert isinstance(provider, Provider)
    assert (provider.id, str(provider.origin)) == ("echo", "http://127.0.0.1:9")
    assert provider.held is not None
    (elsewhere,) = lectr_provider_echo.lectr_providers(settings_of(EchoSettings(base_url="http://127.0.0.1:10")))
    assert str(elsewhere.origin) == "http://127.0.0.1:10"


def test_it_claims_its_own_models_and_nothing_else() -> None:
    provider = EchoProvider(EchoSettings())
    assert provider.claims_model("echo-429") == 4
    assert provider.claims_model("gpt-4o") == 0
    assert not provider.accepts_unclaimed
    assert not provider.claims_path("/v1/chat/completions")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/chat/completions", "Authorization"),
        ("/v1/messages", "x-api-key"),
        ("/v1beta/models/echo:generateContent", "x-goog-api-key"),
        ("/v1beta/openai/chat/completions", "Authorization"),
    ],
)
def test_every_dialect_gets_its_paths_and_its_form_of_key(path: str, field: str) -> None:
    provider = EchoProvider(EchoSettings())
    call = Call(method="POST", path=path, query="alt=sse", has_query=True)
    assert provider.locate(call) == f"{path}?alt=sse"
    assert provider.held is not None
    assert provider.authorize(call, provider.held)[0] == field


def test_usage_is_read_in_every_dialect_that_endpoints_share() -> None:
    provider = EchoProvider(EchoSettings())
    json_answer = Answer(200, {"content-type": "application/json"})
    assert provider.reader(Call(method="POST", path="/v1/chat/completions"), json_answer) is not None
    assert provider.reader(Call(method="POST", path="/v1/messages"), json_answer) is not None
    assert provider.reader(Call(method="POST", path="/v1/tokenize"), json_answer) is None


def test_the_process_runs_only_where_asked() -> None:
    assert list(lectr_provider_echo.lectr_companions(settings_of(EchoSettings()))) == []
    (companion,) = lectr_provider_echo.lectr_companions(settings_of(EchoSettings(run=True, speed=5.0)))
    assert isinstance(companion, Companion)
    assert list(companion.command())[:3] == [sys.executable, "-m", "lectr_provider_echo.server"]
    assert companion.url() == "http://127.0.0.1:8422"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("speed", EchoSettings(speed=0.0)),
        ("speed", EchoSettings(speed=-1.0)),
        ("errors", EchoSettings(errors=1.5)),
        ("errors", EchoSettings(errors=-0.1)),
    ],
)
def test_numbers_out_of_range_are_refused(name: str, wrong: EchoSettings) -> None:
    with pytest.raises(OperatorError, match=f"provider.echo.{name}"):
        lectr_provider_echo.lectr_companions(settings_of(wrong))
