"""What Azure gets of a request, and what is read out of its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs
import pytest
from lectr_provider_azure import lectr_providers, lectr_settings
from lectr_provider_azure.provider import azure_of
from lectr_provider_azure.settings import AzureSettings

from lectr_core import (
    Answer,
    Call,
    Credential,
    GatewaySettings,
    Provider,
    ProviderConfigMissing,
    Reader,
    Reading,
    Secret,
    Settings,
    Usage,
)
from lectr_core.testing import Case, check_provider, check_reader

BASE = "https://example.openai.azure.com"
OWN = "/openai/deployments/mine/chat/completions"
ENTRA = b"eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJo.c2ln-_"


def settings(environ: dict[str, str] | None = None, **section: object) -> Settings:
    return Settings(GatewaySettings(), {"provider.azure": AzureSettings(**section)}, "v", environ or {})  # type: ignore[arg-type]  # any field


AZURE = azure_of(settings(base_url=BASE, api_version="2024-10-21", deployments={"mine": "gpt-4o"}))
UNVERSIONED = azure_of(settings(base_url=BASE))
CHAT = Call("POST", "/v1/chat/completions", model="mine")


def test_the_hooks_offer_a_provider_that_says_what_is_missing():
    [section] = lectr_settings()
    assert (section.path, section.schema) == ("provider.azure", AzureSettings)
    [provider] = lectr_providers(Settings(GatewaySettings(), {}, "v"))
    assert isinstance(provider, Provider)
    assert (provider.id, provider.origin, provider.accepts_unclaimed) == ("azure", None, False)
    with pytest.raises(ProviderConfigMissing, match=r"base_url under \[provider\.azure\]") as caught:
        provider.locate(CHAT)
    assert caught.value.code == "azure_config_missing"


def test_a_version_that_would_break_the_query_is_refused():
    with pytest.raises(ValueError, match="api_version: expected a version such as"):
        AzureSettings(api_version="2024&x=1")


@pytest.mark.parametrize(
    ("call", "target"),
    [
        (CHAT, f"{OWN}?api-version=2024-10-21"),
        (attrs.evolve(CHAT, query="a=1", has_query=True), f"{OWN}?api-version=2024-10-21&a=1"),
        (Call("POST", OWN, "api-version=2023-05-15", True, "mine"), f"{OWN}?api-version=2023-05-15"),
        (Call("POST", OWN), f"{OWN}?api-version=2024-10-21"),
        (Call("GET", "/openai/models", "api-version=1", True), "/openai/models?api-version=1"),
        (Call("GET", "/openai/models"), "/openai/models"),
        (Call("GET", "/openai/models", "", True), "/openai/models?"),
    ],
)
def test_a_target_has_the_version_once(call, target):
    assert AZURE.locate(call) == target


def test_without_a_version_nothing_is_added():
    assert UNVERSIONED.locate(CHAT) == "/openai/v1/chat/completions"
    assert UNVERSIONED.locate(Call("POST", OWN)) == OWN


@pytest.mark.parametrize("provider", [AZURE, UNVERSIONED, azure_of(settings())])
def test_the_provider_keeps_what_every_provider_promises(provider):
    own = Call("POST", OWN, model="mine")
    check_provider(provider, [Case(call=own, model="mine", claims_path=True, claims_model=False)])


@pytest.mark.parametrize("tail", ["", "/", "/openai", "/openai/", "/openai/v1", "/openai/v1/"])
def test_an_address_may_be_given_as_an_sdk_takes_it(tail):
    provider = azure_of(settings(base_url=BASE + tail))
    assert (str(provider.origin), provider.locate(CHAT)) == (BASE, "/openai/v1/chat/completions")


def test_an_address_behind_a_path_keeps_it():
    provider = azure_of(settings(base_url="https://gw.example.com/team/openai", api_version="1"))
    assert provider.locate(CHAT) == f"/team{OWN}?api-version=1"
    assert provider.locate(Call("POST", OWN)) == f"/team{OWN}?api-version=1"
    assert provider.endpoint("/v1/chat/completions") == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        (OWN, "/openai/deployments/{deployment}/chat/completions"),
        ("/openai/deployments/mine/secret/thing", "/openai/deployments/{deployment}/{path}"),
        ("/openai/v1/responses/resp_1", "/v1/responses/{id}"),
        ("/openai/files/file_1/content", "/openai/files/{id}/content"),
        ("/openai/what", "/openai/{path}"),
    ],
)
def test_a_route_holds_no_name(path, endpoint):
    assert AZURE.endpoint(path) == endpoint


def test_only_its_paths_speak_for_it():
    assert AZURE.claims_path(OWN)
    assert not AZURE.claims_path("/openai/v1/chat/completions")
    assert AZURE.claims_model("gpt-4o") == AZURE.claims_model("mine") == 0
    assert not AZURE.claims_credential(Credential(b"api-key", b"", Secret(b"0123")))
    assert AZURE.model_in_path(OWN) == "mine"
    assert AZURE.model_in_path("/v1/chat/completions") is None


@pytest.mark.parametrize(
    ("field", "scheme", "token", "sent"),
    [
        (b"api-key", b"", b"0123abcd", None),
        (b"authorization", b"bearer", ENTRA, None),
        (b"authorization", b"basic", b"dTpw", None),
        (b"authorization", b"bearer", b"0123abcd", ("api-key", b"0123abcd")),
        (b"x-api-key", b"", b"0123abcd", ("api-key", b"0123abcd")),
        (b"x-api-key", b"", ENTRA, ("Authorization", b"Bearer " + ENTRA)),
    ],
)
def test_a_credential_goes_out_in_azures_form(field, scheme, token, sent):
    assert AZURE.pass_on(CHAT, Credential(field, scheme, Secret(token))) == sent


@pytest.mark.parametrize(
    ("token", "sent"), [("0123abcd", ("api-key", b"0123abcd")), (ENTRA.decode(), ("Authorization", b"Bearer " + ENTRA))]
)
def test_a_held_credential_goes_out_in_azures_form(token, sent):
    provider = azure_of(settings({"A": token}, base_url=BASE, api_key_env="A"))
    assert provider.held is not None
    assert provider.authorize(CHAT, provider.held) == sent


def test_headroom_leaves_out_what_azure_does_not_know():
    fields = {"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-remaining-requests": "9", "retry-after-ms": "40"}
    assert AZURE.headroom(Answer(429, fields)) == {"x-ratelimit-remaining-requests": "9", "retry-after-ms": "40"}


@pytest.mark.parametrize(
    ("fields", "request_id"),
    [
        ({"apim-request-id": "a", "x-request-id": "x"}, "a"),
        ({"x-request-id": "x"}, "x"),
        ({}, None),
    ],
)
def test_the_request_id_is_the_one_that_support_asks_for(fields, request_id):
    assert AZURE.request_id(Answer(200, fields)) == request_id


USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "accepted_prediction_tokens": 0},
}
FILTER = {"hate": {"filtered": False, "severity": "safe"}}
READ = Reading(
    state="reported",
    usage=Usage({"input": 16, "cache_read": 4, "output": 5, "reasoning": 2}, USAGE, True),
    model="gpt-4o-2024-08-06",
    answer_id="chatcmpl-1",
    finish_reason="stop",
    deltas=1,
    delta_chars=5,
)
WHOLE = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop", "content_filter_results": FILTER}],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTER}],
    "usage": USAGE,
}
FIRST = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTER}],
}
SAME = {"id": "chatcmpl-1", "model": "gpt-4o-2024-08-06", "object": "chat.completion.chunk"}
PIECE = SAME | {"choices": [{"index": 0, "delta": {"content": "Hello"}, "content_filter_results": FILTER}], "usage": None}
LAST = SAME | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None}
COUNTS = SAME | {"choices": [], "usage": USAGE}
ERROR = {"error": {"code": "429", "message": "rate limit"}}


def stream(*chunks: Mapping[str, object]) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def reader(path: str, media_type: str, model: str | None = None) -> Reader:
    made = AZURE.reader(Call("POST", path, model=model), Answer(200, {"content-type": media_type}))
    assert made is not None
    return made


def read(path: str, body: bytes, model: str | None = None) -> Reading:
    made = reader(path, "application/json", model)
    made.feed(body)
    assert made.first_token_seen
    return made.finish(complete=True)


@pytest.mark.parametrize("path", [OWN, "/v1/chat/completions", "/openai/v1/chat/completions", "/chat/completions"])
@pytest.mark.parametrize(
    ("media_type", "body", "expected"),
    [
        ("application/json", json.dumps(WHOLE).encode(), READ),
        ("text/event-stream", stream(FIRST, PIECE, LAST, COUNTS), READ),
        ("text/event-stream", stream(FIRST, PIECE, LAST), attrs.evolve(READ, state="absent", usage=None)),
        (
            "text/event-stream",
            stream(FIRST, PIECE, ERROR),
            attrs.evolve(READ, state="absent", usage=None, finish_reason=None, error_category="in_band"),
        ),
    ],
    ids=["whole", "stream with usage", "stream without", "stream with an error"],
)
def test_answers_read_the_same_in_any_pieces(path, media_type, body, expected):
    check_reader(lambda: reader(path, media_type), body, expected)


def test_the_usage_of_responses_and_embeddings_is_read_on_azures_paths():
    answer = json.dumps(
        {"id": "resp_1", "model": "gpt-5", "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}
    )
    reading = read("/openai/responses", answer.encode())
    assert reading.usage is not None
    assert reading.usage.units == {"input": 3, "output": 4}
    body = json.dumps({"data": [], "model": "ada", "usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()
    reading = read("/openai/deployments/e/embeddings", body)
    assert reading.usage is not None
    assert reading.usage.units == {"input": 3}


@pytest.mark.parametrize(
    ("path", "asked", "named", "model"),
    [
        (OWN, None, "", "gpt-4o"),
        ("/v1/chat/completions", "mine", "", "gpt-4o"),
        (OWN, None, "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("/v1/chat/completions", "other", "", None),
    ],
)
def test_a_declared_model_stands_in_where_the_answer_names_none(path, asked, named, model):
    body = json.dumps(WHOLE | {"model": named}).encode()
    assert read(path, body, asked).model == model
