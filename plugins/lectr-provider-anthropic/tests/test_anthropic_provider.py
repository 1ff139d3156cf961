"""Where the provider's requests go, what is recognised as its own, and with which credential and headers."""

from __future__ import annotations

import json

import pytest
from lectr_provider_anthropic import lectr_providers, lectr_settings
from lectr_provider_anthropic.batches import BatchReader, ResultsReader
from lectr_provider_anthropic.provider import anthropic_of

from lectr_core import (
    Answer,
    Call,
    CompletionsEventReader,
    CompletionsReader,
    Credential,
    GatewaySettings,
    MessagesEventReader,
    MessagesReader,
    NotServed,
    OpenReader,
    Provider,
    ProviderSettings,
    Refusal,
    Secret,
    Settings,
    UnbilledReader,
)
from lectr_core.testing import Case, check_provider


def settings(environ: dict[str, str] | None = None, **section: str) -> Settings:
    return Settings(GatewaySettings(), {"provider.anthropic": ProviderSettings(**section)}, "v", environ or {})  # type: ignore[arg-type]  # only texts are given here


ANTHROPIC = anthropic_of(settings())
MESSAGES = Call("POST", "/v1/messages")
CHAT = Call("POST", "/v1/chat/completions")


def credential(field: str, token: str) -> Credential:
    return Credential(field.encode(), b"bearer" if field == "authorization" else b"", Secret(token.encode()))


def test_the_hooks_offer_one_provider_without_any_settings():
    [section] = lectr_settings()
    assert section.path == "provider.anthropic"
    [provider] = lectr_providers(Settings(GatewaySettings(), {}, "v"))
    assert isinstance(provider, Provider)
    assert (provider.id, str(provider.origin), provider.held, provider.accepts_unclaimed) == (
        "anthropic",
        "https://api.anthropic.com",
        None,
        False,
    )


def test_it_keeps_the_promises_of_every_provider():
    check_provider(ANTHROPIC, [Case(call=MESSAGES, target="/v1/messages", endpoint="/v1/messages", claims_path=True)])


def test_address_and_credential_come_from_the_settings():
    provider = anthropic_of(settings({"KEY": "sk-ant-api03-x"}, base_url="http://127.0.0.1:9/proxy", api_key_env="KEY"))
    assert str(provider.origin) == "http://127.0.0.1:9"
    assert provider.held is not None
    assert provider.held.reveal() == b"sk-ant-api03-x"
    assert provider.locate(MESSAGES) == "/proxy/v1/messages"
    assert provider.endpoint("/v1/messages") == "/v1/messages"


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/v1/messages", True),
        ("/v1/messages/count_tokens", True),
        ("/v1/messages/batches/msgbatch_01/results", True),
        ("/anthropic/v1/messages", True),
        ("/v1/complete", True),
        ("/v1/completions", False),
        ("/v1/messagesX", False),
        ("/v1/chat/completions", False),
        ("/v1/threads/t/messages", False),
        ("/v1/models", False),
        ("/", False),
    ],
)
def test_only_its_own_paths_are_claimed(path: str, own: bool):
    assert ANTHROPIC.claims_path(path) is own


@pytest.mark.parametrize(("model", "length"), [("claude-of-tomorrow", 7), ("Claude-3", 7), ("gpt-4o", 0), ("", 0)])
def test_its_models_are_recognised_by_family(model: str, length: int):
    assert ANTHROPIC.claims_model(model) == length


@pytest.mark.parametrize(("token", "own"), [("sk-ant-api03-x", True), ("sk-ant-oat01-x", True), ("sk-proj-x", False)])
def test_its_keys_are_recognised_by_shape(token: str, own: bool):
    assert ANTHROPIC.claims_credential(credential("authorization", token)) is own


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/messages", "/v1/messages"),
        ("/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("/v1/messages/batches/msgbatch_01/results", "/v1/messages/batches/{id}/results"),
        ("/v1/models/claude-x", "/v1/models/{id}"),
        ("/v1/files/file_01/content", "/v1/files/{id}/content"),
        ("/v1/complete", "/v1/complete"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/a-secret/in-the-path", "/{path}"),
    ],
)
def test_the_endpoint_holds_nothing_that_a_client_chose(path: str, endpoint: str):
    assert ANTHROPIC.endpoint(path) == endpoint


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages",
        "/v1/messages/batches/x%2Fy",
        "/v1/complete",
        "/v1/models",
        "/v1/files",
        "/v1/chat/completions",
        "/v1/new",
    ],
)
def test_paths_go_upstream_as_they_are(path: str):
    assert ANTHROPIC.locate(Call("POST", path)) == path
    assert ANTHROPIC.locate(Call("POST", path, query="beta=true", has_query=True)) == f"{path}?beta=true"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/responses", "/v1/audio/speech", "/v1beta/models/m:generateContent"])
def test_paths_of_others_are_not_served(path: str):
    with pytest.raises(NotServed):
        ANTHROPIC.locate(Call("POST", path))


@pytest.mark.parametrize(
    ("path", "field", "token", "sent"),
    [
        ("/v1/messages", "x-api-key", "sk-ant-api03-x", None),
        ("/v1/messages", "authorization", "sk-ant-oat01-x", None),
        ("/v1/messages", "authorization", "a-token-of-another-issuer", None),
        ("/v1/messages", "authorization", "sk-ant-api03-x", ("x-api-key", b"sk-ant-api03-x")),
        ("/v1/messages", "authorization", "sk-ant-admin01-x", ("x-api-key", b"sk-ant-admin01-x")),
        ("/v1/messages", "x-goog-api-key", "sk-ant-api03-x", ("x-api-key", b"sk-ant-api03-x")),
        ("/v1/messages", "api-key", "sk-ant-oat01-x", ("Authorization", b"Bearer sk-ant-oat01-x")),
        ("/v1/chat/completions", "authorization", "sk-ant-api03-x", None),
        ("/v1/chat/completions", "x-api-key", "sk-ant-api03-x", None),
        ("/v1/chat/completions", "api-key", "sk-ant-api03-x", ("Authorization", b"Bearer sk-ant-api03-x")),
    ],
)
def test_a_clients_credential_gets_the_form_the_path_takes(path: str, field: str, token: str, sent: object):
    assert ANTHROPIC.pass_on(Call("POST", path), credential(field, token)) == sent


@pytest.mark.parametrize(
    ("call", "token", "sent"),
    [
        (MESSAGES, b"sk-ant-api03-x", ("x-api-key", b"sk-ant-api03-x")),
        (MESSAGES, b"sk-ant-oat01-x", ("Authorization", b"Bearer sk-ant-oat01-x")),
        (CHAT, b"sk-ant-api03-x", ("Authorization", b"Bearer sk-ant-api03-x")),
    ],
)
def test_a_held_credential_gets_the_form_the_path_takes(call: Call, token: bytes, sent: tuple[str, bytes]):
    assert ANTHROPIC.authorize(call, Secret(token)) == sent


@pytest.mark.parametrize(
    ("call", "media_type", "kind"),
    [
        (MESSAGES, "application/json", MessagesReader),
        (MESSAGES, "text/event-stream; charset=utf-8", MessagesEventReader),
        (CHAT, "application/json", CompletionsReader),
        (CHAT, "text/event-stream", CompletionsEventReader),
        (MESSAGES, "text/html", None),
        (Call("POST", "/v1/messages/count_tokens"), "application/json", UnbilledReader),
        (Call("POST", "/v1/messages/batches"), "application/json", OpenReader),
        (Call("GET", "/v1/messages/batches/msgbatch_1/results"), "application/x-jsonl", ResultsReader),
        (Call("GET", "/v1/messages/batches/msgbatch_1"), "application/json", BatchReader),
        (Call("DELETE", "/v1/messages/batches/msgbatch_1"), "application/json", UnbilledReader),
        (Call("POST", "/v1/agents"), "application/json", None),
        (Call("GET", "/v1/models"), "application/json", UnbilledReader),
    ],
)
def test_each_answer_gets_its_reader(call: Call, media_type: str, kind: type | None):
    reader = ANTHROPIC.reader(call, Answer(200, {"content-type": media_type}))
    assert type(reader) is (kind or type(None))


@pytest.mark.parametrize(
    ("status", "category"),
    [
        (200, None),
        (400, "client"),
        (401, "auth"),
        (402, "money"),
        (403, "auth"),
        (429, "rate_limit"),
        (500, "server"),
        (504, "overload"),
        (529, "overload"),
    ],
)
def test_errors_are_classified_by_status(status: int, category: str | None):
    assert ANTHROPIC.classify(Answer(status, {})) == category


def test_the_request_id_and_the_headroom_come_from_its_headers():
    fields = {
        "request-id": "req_011",
        "anthropic-ratelimit-tokens-remaining": "39000",
        "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z",
        "anthropic-organization-id": "an-org",
        "retry-after": "12",
    }
    answer = Answer(429, fields)
    assert ANTHROPIC.request_id(answer) == "req_011"
    assert set(ANTHROPIC.headroom(answer)) == {
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
        "retry-after",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (502, "api_error"),
        (503, "overloaded_error"),
    ],
)
def test_lectrs_refusals_have_its_shape_on_its_paths(status: int, kind: str):
    body = ANTHROPIC.refuse(MESSAGES, Refusal(status, "some_code", "what to do"))
    assert body is not None
    assert json.loads(body) == {
        "type": "error",
        "error": {"type": kind, "message": "what to do", "details": {"error_code": "some_code"}},
    }


def test_lectrs_refusals_keep_their_own_shape_on_the_compatible_path():
    assert ANTHROPIC.refuse(CHAT, Refusal(401, "missing_lectr_key", "send it")) is None


def test_the_sdk_raises_its_own_exception_for_a_refusal():
    anthropic = pytest.importorskip("anthropic", reason="the provider's SDK is not installed")
    httpx = pytest.importorskip("httpx2", reason="the provider's SDK is not installed")
    body = ANTHROPIC.refuse(MESSAGES, Refusal(401, "missing_lectr_key", "send it as X-Lectr-Key"))
    with anthropic.Anthropic(
        api_key="sk-ant-api03-x",
        base_url="http://127.0.0.1:9",
        http_client=httpx.Client(
            transport=httpx.MockTransport(
                lambda request: httpx.Response(401, content=body, headers={"content-type": "application/json"})
            )
        ),
    ) as client:
        with pytest.raises(anthropic.AuthenticationError) as raised:
            client.messages.create(model="claude-x", max_tokens=1, messages=[{"role": "user", "content": "hi"}])
    assert raised.value.type == "authentication_error"
    assert raised.value.error_code == "missing_lectr_key"
