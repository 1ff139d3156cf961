"""Where the provider's requests go, what is recognised as its own, and with which credential and headers."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lectr_provider_gemini import lectr_providers, lectr_settings
from lectr_provider_gemini.batches import BatchReader, OpenBatchReader, ResultsReader
from lectr_provider_gemini.compatible import CompatibleEventReader, CompatibleReader
from lectr_provider_gemini.generate import GenerateArrayReader, GenerateEventReader, GenerateReader
from lectr_provider_gemini.interactions import (
    CachedContentReader,
    DecisionReader,
    FetchedInteractionReader,
    InteractionEventReader,
    InteractionReader,
)
from lectr_provider_gemini.provider import gemini_of

from lectr_core import (
    Answer,
    Call,
    Credential,
    DialectProvider,
    GatewaySettings,
    NotServed,
    Provider,
    ProviderSettings,
    Refusal,
    Secret,
    Settings,
    UnbilledReader,
)
from lectr_core.testing import Case, check_provider


def settings(environ: dict[str, str] | None = None, **section: str) -> Settings:
    return Settings(GatewaySettings(), {"provider.gemini": ProviderSettings(**section)}, "v", environ or {})  # type: ignore[arg-type]  # only texts are given here


GEMINI = gemini_of(settings())
NATIVE = "/v1beta/models/gemini-2.5-flash:generateContent"
STREAM = "/v1/models/gemini-2.5-flash:streamGenerateContent"
GENERATE = Call("POST", NATIVE)
CHAT = Call("POST", "/v1/chat/completions")


def credential(field: str, token: str) -> Credential:
    return Credential(field.encode(), b"bearer" if field == "authorization" else b"", Secret(token.encode()))


KEY = credential("x-goog-api-key", "AIzaX")
QUERY_KEY = credential("?key", "AIzaX")
BEARER = credential("authorization", "AIzaX")


def test_the_hooks_offer_one_provider_without_any_settings():
    [section] = lectr_settings()
    assert section.path == "provider.gemini"
    [provider] = lectr_providers(Settings(GatewaySettings(), {}, "v"))
    assert isinstance(provider, Provider)
    assert (provider.id, str(provider.origin), provider.held, provider.accepts_unclaimed) == (
        "gemini",
        "https://generativelanguage.googleapis.com",
        None,
        False,
    )


def test_it_keeps_the_promises_of_every_provider():
    check_provider(GEMINI, [Case(call=GENERATE, target=NATIVE, model="gemini-2.5-flash", claims_path=True)])


def test_address_and_credential_come_from_the_settings():
    provider = gemini_of(settings({"KEY": "AIzaX"}, base_url="http://127.0.0.1:9/proxy", api_key_env="KEY"))
    assert str(provider.origin) == "http://127.0.0.1:9"
    assert provider.held is not None
    assert provider.held.reveal() == b"AIzaX"
    assert provider.locate(GENERATE) == f"/proxy{NATIVE}"
    assert provider.locate(CHAT) == "/proxy/v1beta/openai/chat/completions"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        (NATIVE, True),
        (STREAM, True),
        (f"/gemini{NATIVE}", True),
        ("/v1alpha/models/m:countTokens", True),
        ("/v1/models/m:embedContent", True),
        ("/v1/models/m:batchEmbedContents", True),
        ("/v1/models/m:predict", True),
        ("/v1/models/m%3AgenerateContent", True),
        ("/v1beta/tunedModels/mine:generateContent", True),
        ("/v1beta/openai/chat/completions", True),
        ("/v1beta/models", True),
        ("/v1beta/files", True),
        ("/upload/v1beta/files", True),
        ("/v1/cachedContents/c", True),
        ("/v1/models", False),
        ("/v1/models/m", False),
        ("/v1/models/m:somethingElse", False),
        ("/v1/files", False),
        ("/v1/chat/completions", False),
        ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", False),
        ("/models/m:generateContent", False),
        ("/", False),
    ],
)
def test_only_its_own_paths_are_claimed(path: str, own: bool):
    assert GEMINI.claims_path(path) is own


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (NATIVE, "gemini-2.5-flash"),
        ("/v1/models/m:with:colons:generateContent", "m:with:colons"),
        ("/v1/models/m%3Awith%3AgenerateContent", "m:with"),
        ("/v1beta/tunedModels/mine-1:streamGenerateContent", "tunedModels/mine-1"),
        ("/v1beta/models/m", None),
        ("/v1/chat/completions", None),
    ],
)
def test_the_model_stands_before_the_last_colon(path: str, model: str | None):
    assert GEMINI.model_in_path(path) == model


@pytest.mark.parametrize(
    ("model", "length"),
    [
        ("gemini-of-tomorrow", 7),
        ("models/gemini-x", 14),
        ("text-embedding-004", 18),
        ("text-embedding-3-small", 0),
        ("gpt-4o", 0),
    ],
)
def test_its_models_are_recognised_by_family(model: str, length: int):
    assert GEMINI.claims_model(model) == length


def test_its_keys_are_recognised_by_shape():
    assert GEMINI.claims_credential(BEARER)
    assert GEMINI.claims_credential(QUERY_KEY)
    assert not GEMINI.claims_credential(credential("x-goog-api-key", "another"))


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        (NATIVE, "/v1beta/models/{model}:generateContent"),
        ("/v1/models/a%3Ab%3AcountTokens", "/v1/models/{model}:countTokens"),
        ("/v1beta/models/secret:secret", "/v1beta/models/{model}:{action}"),
        ("/v1beta/tunedModels/mine:generateContent", "/v1beta/tunedModels/{model}:generateContent"),
        ("/v1beta/models/secret", "/v1beta/models/{model}"),
        ("/v1beta/files/abc", "/v1beta/files/{id}"),
        ("/v1beta/files/files", "/v1beta/files/{id}"),
        ("/v1beta/files:register", "/v1beta/files:register"),
        ("/upload/v1beta/files", "/upload/v1beta/files"),
        ("/v1beta/cachedContents/c", "/v1beta/cachedContents/{id}"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1beta/openai/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai/models/secret", "/v1beta/openai/models/{id}"),
        ("/v1beta/secret/secret", "/v1beta/{path}"),
        ("/secret", "/{path}"),
    ],
)
def test_the_endpoint_holds_nothing_that_a_client_chose(path: str, endpoint: str):
    assert GEMINI.endpoint(path) == endpoint


@pytest.mark.parametrize(
    "path",
    [
        NATIVE,
        STREAM,
        "/v1beta/openai/chat/completions",
        "/v1beta/files/a%20b",
        "/upload/v1beta/files",
        "/v1beta/batches/b:cancel",
        "/v1/models/m%3AgenerateContent",
        "/v1beta/corpora/c",
        "/v1/something/new",
    ],
)
def test_native_paths_go_upstream_as_they_are(path: str):
    for model in (None, GEMINI.model_in_path(path), f"models/{GEMINI.model_in_path(path)}"):
        call = Call("POST", path, query="alt=sse&x=%20", has_query=True, model=model)
        assert GEMINI.locate(call) == f"{path}?alt=sse&x=%20"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("/v1/embeddings", "/v1beta/openai/embeddings"),
        ("/v1/images/generations", "/v1beta/openai/images/generations"),
        ("/v1/models", "/v1beta/openai/models"),
        ("/v1/models/gemini-2.5-flash", "/v1beta/openai/models/gemini-2.5-flash"),
    ],
)
def test_compatible_paths_become_the_providers(path: str, target: str):
    for sent in (None, BEARER):
        assert GEMINI.locate(Call("POST", path, credential=sent)) == target


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gemini-2.5-flash", "/v1/files", "/v1/batches"])
def test_a_path_that_may_mean_both_is_native_with_a_native_credential(path: str):
    assert GEMINI.locate(Call("GET", path, credential=KEY)) == path
    query = Call("GET", path, query="key=AIzaX", has_query=True, credential=QUERY_KEY)
    assert GEMINI.locate(query) == f"{path}?key=AIzaX"
    assert GEMINI.pass_on(query, QUERY_KEY) is None


@pytest.mark.parametrize(
    ("path", "model", "target"),
    [
        (NATIVE, "gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro:generateContent"),
        (STREAM, "models/gemini-2.5-pro", "/v1/models/gemini-2.5-pro:streamGenerateContent"),
        (NATIVE, "tunedModels/mine", "/v1beta/tunedModels/mine:generateContent"),
        ("/v1beta/tunedModels/mine:generateContent", "gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro:generateContent"),
    ],
)
def test_a_route_to_another_model_changes_the_path(path: str, model: str, target: str):
    assert GEMINI.locate(Call("POST", path, model=model)) == target


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_no_models_name_can_reach_out_of_its_segment(model: str):
    target = GEMINI.locate(Call("POST", NATIVE, model=model))
    assert target.isascii()
    assert target.count("/") == 3
    assert not set(target) & set("?# \r\n\t\0")
    assert target.endswith(":generateContent")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses", "/v1/completions", "/v1/audio/speech"])
def test_paths_of_others_are_not_served(path: str):
    with pytest.raises(NotServed):
        GEMINI.locate(Call("POST", path))


@pytest.mark.parametrize(
    ("path", "field", "token", "sent"),
    [
        (NATIVE, "x-goog-api-key", "AIzaX", None),
        (NATIVE, "?key", "AIzaX", None),
        (NATIVE, "authorization", "ya29.login", None),
        (NATIVE, "authorization", "AIzaX", ("x-goog-api-key", b"AIzaX")),
        (NATIVE, "x-api-key", "AIzaX", ("x-goog-api-key", b"AIzaX")),
        ("/v1/chat/completions", "authorization", "AIzaX", None),
        ("/v1/chat/completions", "x-goog-api-key", "AIzaX", ("Authorization", b"Bearer AIzaX")),
        ("/v1beta/openai/embeddings", "x-goog-api-key", "AIzaX", ("Authorization", b"Bearer AIzaX")),
        ("/v1/chat/completions", "?key", "AIzaX", ("Authorization", b"Bearer AIzaX")),
    ],
)
def test_a_clients_credential_gets_the_form_the_path_takes(path: str, field: str, token: str, sent: object):
    own = credential(field, token)
    assert GEMINI.pass_on(Call("POST", path, credential=own), own) == sent


def test_a_key_that_becomes_a_bearer_token_leaves_the_query():
    call = attrs.evolve(CHAT, query="a=1&key=AIzaX&b=2", has_query=True, credential=QUERY_KEY)
    assert GEMINI.locate(call) == "/v1beta/openai/chat/completions?a=1&b=2"
    assert GEMINI.locate(attrs.evolve(call, query="key=AIzaX")) == "/v1beta/openai/chat/completions"


def test_a_held_credential_gets_the_form_the_path_takes():
    assert GEMINI.authorize(GENERATE, Secret(b"AIzaX")) == ("x-goog-api-key", b"AIzaX")
    assert GEMINI.authorize(CHAT, Secret(b"AIzaX")) == ("Authorization", b"Bearer AIzaX")


@pytest.mark.parametrize(
    ("path", "query", "media_type", "kind"),
    [
        (NATIVE, "", "application/json; charset=UTF-8", GenerateReader),
        (STREAM, "alt=sse", "text/event-stream", GenerateEventReader),
        (STREAM, "", "application/json", GenerateArrayReader),
        (STREAM, "alt=sse", "application/json", GenerateArrayReader),
        (STREAM, "alt=sse", "", GenerateEventReader),
        (STREAM, "", "", GenerateArrayReader),
        (STREAM, "", "text/html", None),
        ("/v1/models/m:embedContent", "", "application/json", GenerateReader),
        ("/v1/models/m:countTokens", "", "application/json", UnbilledReader),
        ("/v1beta/cachedContents", "", "application/json", CachedContentReader),
        ("/v1beta/models/m:batchGenerateContent", "", "application/json", OpenBatchReader),
        ("/v1beta/interactions", "", "application/json", InteractionReader),
        ("/v1beta/decisions", "", "application/json", DecisionReader),
        ("/v1beta/interactions", "", "text/event-stream", InteractionEventReader),
        ("/upload/v1beta/files", "", "application/json", UnbilledReader),
        ("/v1beta/tunedModels", "", "application/json", None),
        ("/v1/chat/completions", "", "application/json", CompatibleReader),
        ("/v1beta/openai/chat/completions", "", "text/event-stream", CompatibleEventReader),
        ("/v1/embeddings", "", "application/json", CompatibleReader),
    ],
)
def test_each_answer_to_a_post_gets_its_reader(path: str, query: str, media_type: str, kind: type | None):
    call = Call("POST", path, query=query, has_query=bool(query))
    assert type(GEMINI.reader(call, Answer(200, {"content-type": media_type}))) is (kind or type(None))
    if kind is not UnbilledReader:
        assert GEMINI.reader(call, Answer(500, {"content-type": media_type})) is None


def test_the_tier_of_the_head_reaches_the_reading():
    fields = {"content-type": "application/json", "x-gemini-service-tier": "Flex"}
    reader = GEMINI.reader(GENERATE, Answer(200, fields))
    assert reader is not None
    reader.feed(b'{"usageMetadata":{"promptTokenCount":3}}')
    assert reader.finish(complete=True).variant == "flex"


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1beta/interactions/int_1", 200, FetchedInteractionReader),
        ("/v1beta/batches/b1", 200, BatchReader),
        ("/download/v1beta/files/f1:download", 200, ResultsReader),
        ("/v1beta/files/f1", 200, UnbilledReader),
        ("/v1beta/models", 200, UnbilledReader),
        ("/v1beta/batches/b1", 404, UnbilledReader),
        ("/v1beta/openai/batches/b1", 200, DialectProvider.FETCHED["batches/{id}"][0]),
        ("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", 101, type(None)),
    ],
)
def test_each_answer_that_is_fetched_gets_its_reader(path: str, status: int, kind: type):
    assert type(GEMINI.reader(Call("GET", path), Answer(status, {"content-type": "application/json"}))) is kind


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (402, "RESOURCE_EXHAUSTED"),
        (403, "PERMISSION_DENIED"),
        (413, "INVALID_ARGUMENT"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_lectrs_refusals_have_its_shape_on_its_paths(status: int, word: str):
    body = GEMINI.refuse(GENERATE, Refusal(status, "some_code", "what to do"))
    assert body is not None
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "some_code", "domain": "lectr"}
    assert json.loads(body) == {"error": {"code": status, "message": "what to do", "status": word, "details": [reason]}}


def test_a_refusal_says_how_long_to_wait_as_the_provider_does():
    body = GEMINI.refuse(GENERATE, Refusal(429, "rate_limit_exceeded", "slow down", retry_after_s=37))
    assert body is not None
    wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}
    assert json.loads(body)["error"]["details"][1] == wait


def test_lectrs_refusals_keep_their_own_shape_on_the_compatible_path():
    assert GEMINI.refuse(CHAT, Refusal(401, "missing_lectr_key", "send it")) is None


def test_the_path_says_whether_an_answer_streams():
    assert GEMINI.streams_in_path(STREAM)
    assert not GEMINI.streams_in_path(NATIVE)
    assert not GEMINI.streams_in_path("/v1/chat/completions")
