"""A provider of the common dialects: where requests go, what is recorded of a path, and what heads say."""

from __future__ import annotations

import pytest

from lectr_core import (
    Answer,
    Call,
    CompletionsEventReader,
    CompletionsReader,
    Credential,
    DialectProvider,
    GatewaySettings,
    OperatorError,
    Origin,
    ProviderConfigMissing,
    ProviderSettings,
    ResponsesEventReader,
    ResponsesReader,
    Secret,
    Settings,
    Upstream,
    parse_base_url,
    upstream_of,
)
from lectr_core.dialects.unlabelled import UnlabelledReader
from lectr_core.testing import Case, check_provider

ADDRESSES: list[tuple[str, Origin, str]] = [
    ("https://host.example", Origin("https", "host.example", 443), ""),
    ("https://Host.Example/", Origin("https", "host.example", 443), ""),
    ("http://127.0.0.1:8080/a/v1/", Origin("http", "127.0.0.1", 8080), "/a/v1"),
    ("http://[::1]:1", Origin("http", "::1", 1), ""),
    ("https://host/a%20b", Origin("https", "host", 443), "/a%20b"),
]


@pytest.mark.parametrize(("text", "origin", "prefix"), ADDRESSES)
def test_an_address_is_origin_and_prefix(text: str, origin: Origin, prefix: str) -> None:
    assert parse_base_url(text) == (origin, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host.example",
        "ftp://host.example",
        "https://",
        "https:///path",
        "https://user:canary@host",
        "https://host?key=canary",
        "https://host#canary",
        "https://host:port",
        "https://[::1",
        "https://ho st",
        "https://host/a\tb",
        "https://hôst",
    ],
)
def test_what_is_no_plain_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(OperatorError, match=r"^base_url: expected") as caught:
        parse_base_url(text)
    assert "canary" not in str(caught.value)


def settings(**environ: str) -> Settings:
    return Settings(GatewaySettings(), {}, "0" * 12, environ)


def test_settings_come_to_an_address_and_a_held_secret() -> None:
    upstream = upstream_of(settings(), "provider.mine", ProviderSettings(), "https://host")
    assert upstream == Upstream("https://host", None)
    mine = ProviderSettings(base_url="http://other", api_key_env="MINE")
    upstream = upstream_of(settings(MINE=" sk-1\n"), "provider.mine", mine, "https://host")
    assert upstream.base_url == "http://other"
    assert upstream.held is not None
    assert upstream.held.reveal() == b"sk-1"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (ProviderSettings(base_url="canary"), "provider.mine.base_url: expected"),
        (ProviderSettings(api_key_env="NONE"), "provider.mine.api_key_env: .*'NONE', which is not"),
        (ProviderSettings(api_key_env="EMPTY"), "provider.mine.api_key_env: .*'EMPTY', which is not"),
        (ProviderSettings(api_key_env="ODD"), "provider.mine.api_key_env: expected one word of ASCII in 'ODD'"),
    ],
)
def test_faults_in_the_settings_name_their_place_and_no_secret(section: ProviderSettings, message: str) -> None:
    with pytest.raises(OperatorError, match=message) as caught:
        upstream_of(settings(EMPTY="", ODD="canary canary"), "provider.mine", section)
    assert "canary" not in str(caught.value)


def bearer(token: bytes, field: bytes = b"authorization") -> Credential:
    return Credential(field, b"bearer" if field == b"authorization" else b"", Secret(token))


PREFIXES: list[tuple[str, str, str, str]] = [
    ("https://h", "/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"),
    ("https://h", "/chat/completions", "/chat/completions", "/chat/completions"),
    ("https://h/v1", "/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"),
    ("https://h/v1", "/chat/completions", "/v1/chat/completions", "/v1/chat/completions"),
    ("https://h/v1", "/v10/chat", "/v1/v10/chat", "/v1/{path}"),
    ("https://h/api", "/v1/models/a%2Fb", "/api/v1/models/a%2Fb", "/v1/models/{id}"),
    ("https://h/api", "/api/v1/models", "/api/v1/models", "/v1/models"),
    ("https://h/api/v1", "/v1/responses", "/api/v1/responses", "/v1/responses"),
    ("https://h/api/v1", "/api/v1/responses", "/api/v1/responses", "/v1/responses"),
    ("https://h/api/v1", "/v1", "/api/v1", "/v1"),
]


@pytest.mark.parametrize(("base_url", "path", "target", "endpoint"), PREFIXES)
def test_what_address_and_path_share_is_sent_once(base_url: str, path: str, target: str, endpoint: str) -> None:
    check_provider(DialectProvider("acme", base_url), [Case(call=Call("POST", path), target=target, endpoint=endpoint)])


ENDPOINTS: list[tuple[str, str]] = [
    ("/v1/files/file-abc/content", "/v1/files/{id}/content"),
    ("/v1/chat/completions/", "/v1/chat/completions"),
    ("/v1/threads/t-1/runs/r-1/submit_tool_outputs", "/v1/threads/{id}/runs/{id}/submit_tool_outputs"),
    ("/v1/secret-plans", "/v1/{path}"),
    ("/v1/files/" + "a/" * 20, "/v1/{path}"),
    ("/my@mail.example/x", "/{path}"),
    ("/", "/"),
]


@pytest.mark.parametrize(("path", "endpoint"), ENDPOINTS)
def test_a_record_holds_only_fixed_words_of_a_path(path: str, endpoint: str) -> None:
    assert DialectProvider("acme", "https://h").endpoint(path) == endpoint


def test_what_speaks_for_it_is_the_longest_family() -> None:
    provider = DialectProvider("acme", "https://h", families=["acme-", "acme-big-"], key_prefixes=[b"ak-"])
    assert provider.claims_model("Acme-Big-7") == len("acme-big-")
    assert provider.claims_model("acme-7") == len("acme-")
    assert provider.claims_model("other") == 0
    assert provider.claims_credential(bearer(b"ak-1"))
    assert not provider.claims_credential(bearer(b"sk-1"))
    assert not provider.claims_path("/v1/chat/completions")
    assert provider.model_in_path("/v1/models/x") is None


def test_credentials_go_out_as_bearer_tokens() -> None:
    call = Call("POST", "/v1/chat/completions")
    provider = DialectProvider("acme", "https://h", Secret(b"held"))
    assert provider.authorize(call, Secret(b"k")) == ("Authorization", b"Bearer k")
    assert provider.pass_on(call, bearer(b"k")) is None
    assert provider.pass_on(call, bearer(b"k", b"x-api-key")) == ("Authorization", b"Bearer k")


def test_without_an_address_nothing_is_located() -> None:
    provider = DialectProvider("acme", None)
    check_provider(provider, [Case(call=Call("POST", "/v1/chat/completions"), refused=ProviderConfigMissing)])
    assert provider.origin is None


READERS: list[tuple[str, str, int, str, type | None]] = [
    ("POST", "/v1/chat/completions", 200, "application/json", CompletionsReader),
    ("POST", "/v1/chat/completions", 200, "text/event-stream; charset=utf-8", CompletionsEventReader),
    ("POST", "/v1/completions", 200, "application/json; charset=utf-8", CompletionsReader),
    ("POST", "/v1/embeddings", 200, "application/json", CompletionsReader),
    ("POST", "/v1/responses", 200, "application/json", ResponsesReader),
    ("POST", "/v1/responses", 200, "Text/Event-Stream", ResponsesEventReader),
    ("POST", "/v1/responses/compact", 200, "application/json", ResponsesReader),
    ("POST", "/v1/chat/completions", 429, "application/json", None),
    ("POST", "/v1/chat/completions", 200, "application/octet-stream", None),
    ("POST", "/v1/chat/completions", 200, "", UnlabelledReader),
    ("POST", "/v1/nothing/known", 200, "application/json", None),
]


@pytest.mark.parametrize(("method", "path", "status", "media_type", "kind"), READERS)
def test_a_reader_is_chosen_by_path_and_media_type(
    method: str, path: str, status: int, media_type: str, kind: type | None
) -> None:
    reader = DialectProvider("acme", "https://h/v1").reader(Call(method, path), Answer(status, {"content-type": media_type}))
    assert type(reader) is (kind or type(None))


CATEGORIES = [
    (200, None),
    (304, None),
    (400, "client"),
    (401, "auth"),
    (402, "money"),
    (403, "auth"),
    (404, "client"),
    (408, "rate_limit"),
    (409, "rate_limit"),
    (429, "rate_limit"),
    (498, "overload"),
    (500, "server"),
    (502, "server"),
    (503, "overload"),
    (504, "overload"),
    (529, "overload"),
]


@pytest.mark.parametrize(("status", "category"), CATEGORIES)
def test_an_error_is_classified_by_its_status(status: int, category: str | None) -> None:
    assert DialectProvider("acme", "https://h").classify(Answer(status, {})) == category


def test_rate_limits_and_the_request_id_are_kept_and_nothing_else() -> None:
    fields = {
        "x-request-id": "req_1",
        "x-ratelimit-remaining-tokens": "12",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-odd": "\x01",
        "retry-after": "2",
        "retry-after-ms": "1500",
        "set-cookie": "canary",
    }
    provider = DialectProvider("acme", "https://h")
    assert provider.request_id(Answer(200, fields)) == "req_1"
    assert provider.request_id(Answer(200, {"x-request-id": "x" * 500})) is None
    assert provider.headroom(Answer(429, fields)) == {
        "x-ratelimit-remaining-tokens": "12",
        "x-ratelimit-reset-requests": "6m0s",
        "retry-after": "2",
        "retry-after-ms": "1500",
    }
