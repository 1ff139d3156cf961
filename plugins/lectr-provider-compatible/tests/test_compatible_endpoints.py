"""Which endpoints are offered, where each one's paths lead, and what speaks for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_compatible import lectr_providers, lectr_settings
from lectr_provider_compatible.endpoints import KNOWN, LOCAL, REMOTE
from lectr_provider_compatible.offer import providers_of
from lectr_provider_compatible.provider import CompatibleProvider
from lectr_provider_compatible.settings import CompatibleSettings

from lectr_core import (
    Answer,
    Call,
    Credential,
    GatewaySettings,
    NotServed,
    OperatorError,
    ProviderSettings,
    Secret,
    Settings,
)
from lectr_core.testing import Case, check_provider


def settings(environ: dict[str, str] | None = None, /, **tables: ProviderSettings) -> Settings:
    return Settings(GatewaySettings(), {f"provider.{id}": table for id, table in tables.items()}, "v", environ or {})


def offered(environ: dict[str, str] | None = None, /, **tables: ProviderSettings) -> dict[str, CompatibleProvider]:
    return {provider.id: provider for provider in providers_of(settings(environ, **tables))}


REMOTES = offered()


def target(provider: CompatibleProvider, path: str) -> str:
    return f"{provider.origin}{provider.locate(Call('POST', path))}"


def bearer(token: bytes) -> Credential:
    return Credential(b"authorization", b"bearer", Secret(token))


def test_the_hooks_offer_remote_endpoints_without_any_settings():
    [section] = lectr_settings()
    assert (section.path, section.schema) == ("provider.*", CompatibleSettings)
    assert [provider.id for provider in lectr_providers(settings())] == [endpoint.id for endpoint in REMOTE]


@pytest.mark.parametrize("id", KNOWN)
def test_each_known_endpoint_keeps_what_every_provider_promises(id):
    provider = offered(**{id: CompatibleSettings()})[id]
    chat = Case(call=Call("POST", "/v1/chat/completions"), endpoint="/v1/chat/completions", claims_path=False)
    check_provider(provider, [chat])
    assert not provider.accepts_unclaimed


CHATS = {
    "cerebras": "https://api.cerebras.ai/v1/chat/completions",
    "cohere": "https://api.cohere.ai/compatibility/v1/chat/completions",
    "deepinfra": "https://api.deepinfra.com/v1/openai/chat/completions",
    "deepseek": "https://api.deepseek.com/v1/chat/completions",
    "fireworks": "https://api.fireworks.ai/inference/v1/chat/completions",
    "huggingface": "https://router.huggingface.co/v1/chat/completions",
    "hyperbolic": "https://api.hyperbolic.xyz/v1/chat/completions",
    "mistral": "https://api.mistral.ai/v1/chat/completions",
    "moonshot": "https://api.moonshot.ai/v1/chat/completions",
    "nvidia": "https://integrate.api.nvidia.com/v1/chat/completions",
    "openrouter": "https://openrouter.ai/api/v1/chat/completions",
    "perplexity": "https://api.perplexity.ai/chat/completions",
    "sambanova": "https://api.sambanova.ai/v1/chat/completions",
    "together": "https://api.together.xyz/v1/chat/completions",
    "xai": "https://api.x.ai/v1/chat/completions",
    "zai": "https://api.z.ai/api/paas/v4/chat/completions",
}


@pytest.mark.parametrize("id", [endpoint.id for endpoint in REMOTE])
def test_a_chat_goes_where_the_endpoint_has_it(id):
    provider = REMOTES[id]
    assert target(provider, "/v1/chat/completions") == CHATS[id]
    assert target(provider, "/chat/completions") == CHATS[id]
    own = CHATS[id].removeprefix(str(provider.origin))
    assert target(provider, own) == CHATS[id]
    for path in ("/v1/chat/completions", "/chat/completions", own):
        assert provider.endpoint(path) == "/v1/chat/completions"
        assert provider.reader(Call("POST", path), Answer(200, {"content-type": "text/event-stream"})) is not None


@pytest.mark.parametrize(
    ("id", "path", "sent"),
    [
        ("openrouter", "/api/v1/generation", "/api/v1/generation"),
        ("openrouter", "/v1/models", "/api/v1/models"),
        ("openrouter", "/models", "/api/v1/models"),
        ("perplexity", "/v1/sonar", "/v1/sonar"),
        ("ollama", "/api/chat", "/api/chat"),
        ("ollama", "/v1/embeddings", "/v1/embeddings"),
        ("lmstudio", "/api/v0/models", "/api/v0/models"),
        ("vllm", "/health", "/health"),
        ("fireworks", "/v1/models", "/inference/v1/models"),
        ("deepseek", "/user/balance", "/user/balance"),
        ("mistral", "/v1/", "/v1/"),
        ("mistral", "/", "/"),
    ],
)
def test_other_paths_lead_where_the_endpoint_has_them(id, path, sent):
    assert offered(**{id: CompatibleSettings()})[id].locate(Call("GET", path)) == sent


@pytest.mark.parametrize(
    ("base_url", "path", "sent"),
    [
        ("http://h:1", "/v1/chat/completions", "http://h:1/v1/chat/completions"),
        ("http://h:1/", "/chat/completions", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1", "/v1/chat/completions", "http://h:1/v1/chat/completions"),
        ("http://h:1/v1/", "/health", "http://h:1/health"),
        ("http://h:1/llm/v1", "/v1/chat/completions", "http://h:1/llm/v1/chat/completions"),
        ("http://h:1/llm/v1", "/llm/v1/chat/completions", "http://h:1/llm/v1/chat/completions"),
        ("http://h:1/llm/v1", "/chat/completions", "http://h:1/llm/v1/chat/completions"),
        ("http://h:1/llm/v1", "/health", "http://h:1/llm/health"),
        ("http://h:1/llm/v1", "/llm/health", "http://h:1/llm/health"),
        ("http://h:1/llm/v1", "/llmx/health", "http://h:1/llm/llmx/health"),
        ("http://h:1/llm", "/v1/chat/completions", "http://h:1/llm/chat/completions"),
        ("http://h:1/llm", "/llm/chat/completions", "http://h:1/llm/chat/completions"),
    ],
)
def test_an_address_is_taken_as_an_sdk_takes_it(base_url, path, sent):
    provider = offered(house=CompatibleSettings(base_url=base_url))["house"]
    assert target(provider, path) == sent
    if "chat" in path:
        assert provider.endpoint(path) == "/v1/chat/completions"


def test_a_known_endpoint_behind_another_address_keeps_its_paths():
    table = CompatibleSettings(base_url="http://127.0.0.1:9")
    assert target(offered(openrouter=table)["openrouter"], "/v1/models") == "http://127.0.0.1:9/api/v1/models"
    table = CompatibleSettings(base_url="http://127.0.0.1:9/v1")
    assert target(offered(perplexity=table)["perplexity"], "/v1/chat/completions") == "http://127.0.0.1:9/chat/completions"


@pytest.mark.parametrize("path", ["/../admin", "/v1/../../admin", "/llm/%2E%2e/admin", "/x/.%2e"])
def test_nothing_climbs_out_of_an_address_with_a_path(path):
    provider = offered(house=CompatibleSettings(base_url="http://h:1/llm/v1"))["house"]
    with pytest.raises(NotServed):
        provider.locate(Call("POST", path))


@given(st.text(st.sampled_from("/.v1lmchat%2ecompletions"), max_size=30))
def test_no_path_leaves_an_address_with_a_path(rest):
    provider = offered(house=CompatibleSettings(base_url="http://h:1/llm/v1"))["house"]
    try:
        sent = provider.locate(Call("POST", "/" + rest))
    except NotServed:
        return
    assert sent == "/llm" or sent.startswith("/llm/")


@pytest.mark.parametrize(
    ("model", "id"),
    [
        ("deepseek-chat", "deepseek"),
        ("mistral-large-latest", "mistral"),
        ("codestral-2508", "mistral"),
        ("open-mistral-nemo", "mistral"),
        ("grok-4", "xai"),
        ("sonar-pro", "perplexity"),
        ("command-r-plus", "cohere"),
        ("embed-v4.0", "cohere"),
        ("kimi-k2-0905-preview", "moonshot"),
        ("glm-4.6", "zai"),
        ("accounts/fireworks/models/llama-v3p1-8b-instruct", "fireworks"),
        ("openrouter/auto", "openrouter"),
        ("gpt-4o", None),
        ("claude-sonnet-4-5", None),
        ("llama-3.3-70b-versatile", None),
        ("mixtral-8x7b-32768", None),
        ("openai/gpt-oss-120b", None),
    ],
)
def test_a_family_speaks_for_one_endpoint(model, id):
    assert [provider.id for provider in REMOTES.values() if provider.claims_model(model)] == ([id] if id else [])


@pytest.mark.parametrize(
    ("token", "id"),
    [
        (b"sk-or-v1-0", "openrouter"),
        (b"xai-0", "xai"),
        (b"pplx-0", "perplexity"),
        (b"fw_0", "fireworks"),
        (b"csk-0", "cerebras"),
        (b"nvapi-0", "nvidia"),
        (b"hf_0", "huggingface"),
        (b"sk-0", None),
        (b"sk-proj-0", None),
        (b"sk-ant-0", None),
        (b"gsk_0", None),
        (b"AIza0", None),
    ],
)
def test_a_keys_shape_speaks_for_one_endpoint(token, id):
    assert [provider.id for provider in REMOTES.values() if provider.claims_credential(bearer(token))] == (
        [id] if id else []
    )


def test_local_servers_are_there_when_named_and_need_no_key():
    assert not {endpoint.id for endpoint in LOCAL} & set(REMOTES)
    local = offered(ollama=CompatibleSettings(), vllm=CompatibleSettings(keyless=False))
    assert target(local["ollama"], "/v1/chat/completions") == "http://127.0.0.1:11434/v1/chat/completions"
    assert local["ollama"].held is not None
    assert local["vllm"].held is None
    assert "lmstudio" not in local


def test_an_endpoint_of_ones_own_has_models_key_and_header():
    table = CompatibleSettings(
        base_url="https://llm.example.com/v1", models=("House-", "lab/*"), api_key_env="HOUSE", key_header="X-House-Key"
    )
    house = offered({"HOUSE": "s3cret"}, house=table)["house"]
    assert [house.claims_model(model) for model in ("house-9", "lab/x", "other")] == [6, 4, 0]
    assert house.held is not None
    call = Call("POST", "/v1/chat/completions")
    assert house.authorize(call, house.held) == ("X-House-Key", b"s3cret")
    assert house.pass_on(call, bearer(b"mine")) == ("X-House-Key", b"mine")
    assert house.pass_on(call, Credential(b"x-house-key", b"", Secret(b"mine"))) is None
    check_provider(house, [Case(call=call, target="/v1/chat/completions", authorized=("X-House-Key", b"held"))])


def test_a_known_endpoint_can_be_told_more_models():
    together = offered(together=CompatibleSettings(models=("meta-llama/Llama-3.3-",)))["together"]
    assert together.claims_model("meta-llama/Llama-3.3-70B-Instruct-Turbo") == len("meta-llama/llama-3.3-")


def test_a_bearer_token_stays_and_another_form_becomes_one():
    call = Call("POST", "/v1/chat/completions")
    assert REMOTES["mistral"].pass_on(call, bearer(b"k")) is None
    assert REMOTES["mistral"].pass_on(call, Credential(b"x-api-key", b"", Secret(b"k"))) == ("Authorization", b"Bearer k")


def test_every_fault_of_the_settings_is_told_at_once():
    tables = {
        "one": CompatibleSettings(),
        "v2": CompatibleSettings(base_url="http://h"),
        "two": CompatibleSettings(base_url="ftp://h"),
        "three": CompatibleSettings(base_url="http://h", api_key_env="NOT_SET"),
    }
    with pytest.raises(OperatorError) as caught:
        offered(**tables)
    for part in (
        "provider.one.base_url: required",
        "provider.v2: this id",
        "provider.two.base_url",
        "provider.three.api_key_env",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(("written", "meant"), [("opnai", "openai"), ("misral", "mistral")])
def test_a_misspelt_table_is_told_the_name_that_was_meant(written, meant):
    with pytest.raises(OperatorError, match=rf"{written}.base_url: required.*; did you mean \[provider\.{meant}\]\?"):
        offered(**{"openai": ProviderSettings(), written: CompatibleSettings()})


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"models": ("",)}, "models: expected how names of models begin"),
        ({"models": ("*",)}, "models: expected how names of models begin"),
        ({"models": ("a*b",)}, "models: expected how names of models begin"),
        ({"key_header": "x key"}, "key_header: expected the name of a header"),
        ({"key_header": ""}, "key_header: expected the name of a header"),
    ],
)
def test_a_table_that_makes_no_sense_is_a_fault(fields, fault):
    with pytest.raises(ValueError, match=fault):
        CompatibleSettings(**fields)


def test_a_table_of_another_plugin_is_left_to_it():
    assert "mistral" not in offered(mistral=ProviderSettings())
    assert "groq" not in offered(groq=ProviderSettings())
