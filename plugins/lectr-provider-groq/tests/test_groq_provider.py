"""Where Groq's requests go, what is recognised as Groq's, and with which credential."""

from __future__ import annotations

import pytest
from lectr_provider_groq import lectr_providers, lectr_settings
from lectr_provider_groq.provider import groq_of
from lectr_provider_groq.reading import GroqEventReader, GroqReader

from lectr_core import Answer, Call, Credential, GatewaySettings, OperatorError, Provider, ProviderSettings, Secret, Settings
from lectr_core.testing import Case, check_provider


def settings(environ: dict[str, str] | None = None, **section: str) -> Settings:
    return Settings(GatewaySettings(), {"provider.groq": ProviderSettings(**section)}, "v", environ or {})  # type: ignore[arg-type]  # only texts are given here


GROQ = groq_of(settings())
CHAT = Call("POST", "/v1/chat/completions")


def test_the_hooks_offer_one_provider_without_any_settings():
    [section] = lectr_settings()
    assert section.path == "provider.groq"
    [provider] = lectr_providers(Settings(GatewaySettings(), {}, "v"))
    assert isinstance(provider, Provider)
    assert (provider.id, str(provider.origin), provider.held, provider.accepts_unclaimed) == (
        "groq",
        "https://api.groq.com",
        None,
        False,
    )


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v1/chat/completions", "/openai/v1/chat/completions"),
        ("/openai/v1/chat/completions", "/openai/v1/chat/completions"),
        ("/openai/v1/audio/transcriptions", "/openai/v1/audio/transcriptions"),
        ("/v1/responses", "/openai/v1/responses"),
        ("/v1/models", "/openai/v1/models"),
    ],
)
def test_openai_stands_in_the_path_once(path, target):
    assert GROQ.locate(Call("POST", path)) == target
    assert GROQ.locate(Call("POST", path, "a=%20b", True)) == target + "?a=%20b"
    assert GROQ.endpoint(path) == target.removeprefix("/openai")


def test_the_provider_keeps_what_every_provider_promises():
    own = Call("POST", "/openai/v1/chat/completions", model="llama-3.1-8b-instant")
    check_provider(GROQ, [Case(call=own, endpoint="/v1/chat/completions", claims_path=False, claims_model=True)])


def test_a_replaced_address_is_used():
    provider = groq_of(settings(base_url="http://127.0.0.1:9/stub"))
    assert (str(provider.origin), provider.locate(CHAT)) == ("http://127.0.0.1:9", "/stub/v1/chat/completions")


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://127.0.0.1:9/stub", "http://127.0.0.1:9/openai"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions"])
def test_answers_are_read_whatever_a_replaced_address_ends_in(base_url, path):
    provider = groq_of(settings(base_url=base_url))
    assert provider.endpoint(path) == "/v1/chat/completions"
    answer = Answer(200, {"content-type": "application/json"})
    assert type(provider.reader(Call("POST", path), answer)) is GroqReader


@pytest.mark.parametrize(
    "model",
    [
        "llama-3.3-70b-versatile",
        "llama-3.1-8b-instant",
        "llama3-70b-8192",
        "mixtral-8x7b-32768",
        "gemma2-9b-it",
        "qwen/qwen3-32b",
        "qwen-qwq-32b",
        "moonshotai/kimi-k2-instruct",
        "openai/gpt-oss-120b",
        "meta-llama/llama-4-scout-17b-16e-instruct",
        "deepseek-r1-distill-llama-70b",
        "whisper-large-v3-turbo",
        "distil-whisper-large-v3-en",
        "compound-beta",
        "groq/compound-mini",
    ],
)
def test_its_models_are_claimed(model):
    assert GROQ.claims_model(model) > 0


@pytest.mark.parametrize("model", ["gpt-4o", "claude-3", "gemini-2", "whisper-1", "deepseek-chat", "openai/gpt-4o", ""])
def test_models_of_others_are_not_claimed(model):
    assert GROQ.claims_model(model) == 0


def test_a_distilled_model_is_claimed_more_than_its_family():
    assert GROQ.claims_model("deepseek-r1-distill-llama-70b") > len("deepseek-")


@pytest.mark.parametrize(("token", "claimed"), [(b"gsk_abc", True), (b"sk-abc", False), (b"", False)])
def test_its_keys_are_recognised(token, claimed):
    assert GROQ.claims_credential(Credential(b"authorization", b"bearer", Secret(token))) is claimed


def test_a_held_credential_is_a_bearer_token():
    provider = groq_of(settings({"G": "gsk_1"}, api_key_env="G"))
    assert provider.held is not None
    assert provider.authorize(CHAT, provider.held) == ("Authorization", b"Bearer gsk_1")


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(OperatorError, match=r"provider\.groq\.api_key_env"):
        groq_of(settings(api_key_env="G"))


@pytest.mark.parametrize(
    ("path", "media_type", "kind"),
    [
        ("/openai/v1/chat/completions", "application/json", GroqReader),
        ("/v1/chat/completions", "text/event-stream; charset=utf-8", GroqEventReader),
        ("/v1/audio/speech", "audio/wav", type(None)),
    ],
)
def test_its_own_readers_are_used(path, media_type, kind):
    assert type(GROQ.reader(Call("POST", path), Answer(200, {"content-type": media_type}))) is kind


@pytest.mark.parametrize(("status", "category"), [(200, None), (429, "rate_limit"), (498, "overload"), (424, "client")])
def test_a_flex_request_without_room_is_overload(status, category):
    assert GROQ.classify(Answer(status, {})) == category


def test_headroom_and_request_id_are_kept():
    answer = Answer(
        200, {"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-requests": "2m59.56s", "x-request-id": "req_9"}
    )
    assert GROQ.headroom(answer) == {"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-requests": "2m59.56s"}
    assert GROQ.request_id(answer) == "req_9"
