"""What the stand-in says is what the providers' SDKs and Lectr's readers expect of a provider."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_echo.answer import answer, meaning
from lectr_provider_echo.faults import BY_MODEL
from lectr_provider_echo.script import Ask, Script, Tree

NOW_S = 1_790_000_000
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "say exactly this"}]
SCHEMA = {"type": "object", "properties": {}}

DIALECTS: dict[str, tuple[str, Tree, dict[str, str]]] = {
    "openai chat": ("/v1/chat/completions", {"model": "gpt-4o-mini", "messages": MESSAGES}, {}),
    "openai text": ("/v1/completions", {"model": "gpt-4o-mini", "prompt": "say exactly this"}, {}),
    "openai responses": ("/v1/responses", {"model": "gpt-4o-mini", "input": "say exactly this"}, {}),
    "anthropic messages": (
        "/v1/messages",
        {"model": "claude-sonnet-4-6", "max_tokens": 1000, "messages": MESSAGES[1:]},
        {"anthropic-version": "2023-06-01"},
    ),
    "anthropic chat": ("/v1/chat/completions", {"model": "claude-sonnet-4-6", "messages": MESSAGES}, {}),
    "groq chat": ("/openai/v1/chat/completions", {"model": "llama-3.1-8b-instant", "messages": MESSAGES}, {}),
    "gemini chat": ("/v1beta/openai/chat/completions", {"model": "gemini-2.0-flash", "messages": MESSAGES}, {}),
    "gemini generate": (
        "/v1beta/models/gemini-2.0-flash:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "say exactly this"}]}]},
        {},
    ),
}


def ask_of(dialect: str, *, model: str | None = None, streamed: bool = False, sse: bool = True, **more: object) -> Ask:
    """The usual request of *dialect*, with another model, streamed, or with *more* in its body."""
    path, body, fields = DIALECTS[dialect]
    body = {**body, **more}
    query: dict[str, str] = {}
    if dialect == "gemini generate":
        path = path.replace("gemini-2.0-flash", model or "gemini-2.0-flash")
        if streamed:
            path, query = path.replace("generateContent", "streamGenerateContent"), {"alt": "sse"} if sse else {}
    else:
        body |= {"model": model or body["model"]} | ({"stream": True} if streamed else {})
    return Ask(
        method="POST", path=path, query=query, fields={**fields, "authorization": "Bearer k"}, body=json.dumps(body).encode()
    )


EVERY_DIALECT = pytest.mark.parametrize("dialect", sorted(DIALECTS))


def said(ask: Ask, seed: int = 1, error_share: float = 0.0) -> Script:
    return answer(ask, Random(seed), NOW_S, error_share=error_share)


def data_of(script: Script) -> list[Tree]:
    """The JSON of every event of a stream, `[DONE]` left out."""
    lines = script.body.replace(b"\r\n", b"\n").decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line != "data: [DONE]"]


def text_of(dialect: str, tree: Tree) -> str:
    """The text of a whole answer."""
    if dialect == "openai text":
        return str(tree["choices"][0]["text"])
    if dialect == "openai responses":
        return str(tree["output"][-1]["content"][0]["text"])
    if dialect == "anthropic messages":
        return str(tree["content"][-1]["text"])
    if dialect == "gemini generate":
        return str(tree["candidates"][0]["content"]["parts"][0]["text"])
    return str(tree["choices"][0]["message"]["content"])


def streamed_text_of(dialect: str, events: list[Tree]) -> str:
    """The text of a stream, put together from its pieces."""
    if dialect == "openai responses":
        return "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    if dialect == "anthropic messages":
        return "".join(event["delta"]["text"] for event in events if event.get("delta", {}).get("type") == "text_delta")
    if dialect == "gemini generate":
        return "".join(text_of(dialect, event) for event in events)
    choices = [choice for event in events for choice in event["choices"]]
    if dialect == "openai text":
        return "".join(choice["text"] for choice in choices)
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@EVERY_DIALECT
def test_model_echo_gives_the_last_text_back(dialect: str) -> None:
    whole = said(ask_of(dialect, model="echo"))
    assert (whole.status, text_of(dialect, json.loads(whole.body))) == (200, "say exactly this")
    streamed = said(ask_of(dialect, model="echo", streamed=True))
    assert streamed.streamed
    assert streamed_text_of(dialect, data_of(streamed)) == "say exactly this"


@EVERY_DIALECT
def test_same_chance_gives_same_bytes_and_waits(dialect: str) -> None:
    ask = ask_of(dialect, streamed=True)
    assert said(ask, 7) == said(ask, 7)
    assert said(ask, 7) != said(ask, 8)


@EVERY_DIALECT
def test_a_streamed_answer_takes_its_time_before_and_between_pieces(dialect: str) -> None:
    script = said(ask_of(dialect, streamed=True))
    assert script.head_after_s > 0
    assert sum(piece.after_s > 0 for piece in script.pieces) > 1
    assert script.lasts_s < 120


def usage_of(dialect: str, tree: Tree) -> tuple[int, int, int]:
    """(input, output, total) of a whole answer, added up as the provider says it must be."""
    if dialect == "gemini generate":
        counts = tree["usageMetadata"]
        output = counts["candidatesTokenCount"] + counts.get("thoughtsTokenCount", 0)
        return counts["promptTokenCount"], output, counts["totalTokenCount"]
    counts = tree["usage"]
    if dialect == "anthropic messages":
        cached = counts["cache_creation_input_tokens"] + counts["cache_read_input_tokens"]
        tokens = counts["input_tokens"] + cached
        return tokens, counts["output_tokens"], tokens + counts["output_tokens"]
    if dialect == "openai responses":
        return counts["input_tokens"], counts["output_tokens"], counts["total_tokens"]
    return counts["prompt_tokens"], counts["completion_tokens"], counts["total_tokens"]


@EVERY_DIALECT
@given(seed=st.integers(0, 10_000), length=st.integers(1, 12_000))
def test_usage_adds_up(dialect: str, seed: int, length: int) -> None:
    field = {"openai responses": "input", "openai text": "prompt", "gemini generate": "contents"}.get(dialect, "messages")
    prompts: dict[str, Tree] = {
        "input": {"input": "x" * length},
        "prompt": {"prompt": "x" * length},
        "contents": {"contents": [{"parts": [{"text": "x" * length}]}]},
        "messages": {"messages": [{"role": "user", "content": "x" * length}]},
    }
    tree = json.loads(said(ask_of(dialect, **prompts[field]), seed).body)
    given_tokens, output, total = usage_of(dialect, tree)
    assert given_tokens >= length // 4
    assert output >= 1
    assert given_tokens + output == total


def test_usage_ends_a_chat_stream_only_if_asked_for() -> None:
    silent = data_of(said(ask_of("openai chat", streamed=True)))
    assert not any(event.get("usage") for event in silent)
    asked = data_of(said(ask_of("openai chat", streamed=True, stream_options={"include_usage": True})))
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["total_tokens"] > 0
    assert all(event["usage"] is None for event in asked[:-1])


def test_groq_reports_usage_in_its_own_field_of_first_and_last_event() -> None:
    events = data_of(said(ask_of("groq chat", streamed=True)))
    assert events[0]["x_groq"]["id"] == events[-1]["x_groq"]["id"]
    assert events[-1]["x_groq"]["usage"]["completion_tokens"] > 0


def test_gemini_streams_one_json_array_where_no_events_are_asked() -> None:
    script = said(ask_of("gemini generate", streamed=True, sse=False))
    parts = json.loads(script.body)
    assert len(parts) > 1
    assert parts[-1]["candidates"][0]["finishReason"] == "STOP"
    assert script.fields[0] == ("content-type", "application/json")


@pytest.mark.parametrize(
    "dialect", ["openai chat", "groq chat", "openai responses", "anthropic messages", "gemini generate"]
)
def test_a_request_with_tools_is_sometimes_answered_with_a_call(dialect: str) -> None:
    tool: Tree = {"name": "find_order", "parameters": SCHEMA}
    tools = {
        "anthropic messages": [{"name": "find_order", "input_schema": SCHEMA}],
        "openai responses": [{"type": "function", **tool}],
        "gemini generate": [{"functionDeclarations": [tool]}],
    }.get(dialect, [{"type": "function", "function": tool}])
    bodies = [said(ask_of(dialect, tools=tools), seed).body for seed in range(20)]
    called = [body for body in bodies if b"find_order" in body]
    assert 5 < len(called) < 20


@pytest.mark.parametrize("model", sorted(set(BY_MODEL) - {"echo-cut", "echo-in-band", "echo-filter"}))
@EVERY_DIALECT
def test_models_that_fail_fail_in_the_providers_own_words(dialect: str, model: str) -> None:
    script = said(ask_of(dialect, model=model))
    expected = 529 if model == "echo-529" and dialect == "anthropic messages" else int(model[5:])
    assert script.status in (expected, 503)
    tree = json.loads(script.body)
    if dialect == "anthropic messages":
        assert (tree["type"], tree["error"].keys()) == ("error", {"type", "message"})
    elif dialect == "gemini generate":
        assert tree["error"]["code"] == script.status
    else:
        assert tree["error"].keys() == {"message", "type", "param", "code"}


@EVERY_DIALECT
def test_a_cut_stream_never_ends_properly(dialect: str) -> None:
    script = said(ask_of(dialect, model="echo-cut", streamed=True))
    assert script.breaks_off
    assert not script.body.endswith((b"[DONE]\n\n", b"]"))
    assert not any(event.get("type") in ("message_stop", "response.completed") for event in data_of(script))
    whole = said(ask_of(dialect, model="echo-cut"))
    assert whole.promised_bytes is not None
    assert whole.promised_bytes > len(whole.body)


@EVERY_DIALECT
def test_an_error_in_band_comes_after_a_success_and_is_the_last_event(dialect: str) -> None:
    script = said(ask_of(dialect, model="echo-in-band", streamed=True))
    assert (script.status, script.breaks_off) == (200, False)
    assert "Overloaded" in json.dumps(data_of(script)[-1])


def test_the_share_of_errors_is_kept() -> None:
    ask = ask_of("openai chat", streamed=True)
    failed = sum(said(ask, seed, 0.2).status != 200 or said(ask, seed, 0.2).breaks_off for seed in range(1000))
    assert 100 < failed < 200  # filters and errors in band are failures inside a 200
    assert all(said(ask, seed).status == 200 for seed in range(100))


def test_embeddings_are_equal_for_equal_texts_and_of_the_asked_size() -> None:
    body = json.dumps({"model": "text-embedding-3-small", "input": ["a", "b", "a"], "dimensions": 8}).encode()
    tree = json.loads(said(Ask(method="POST", path="/v1/embeddings", body=body)).body)
    first, second, third = (item["embedding"] for item in tree["data"])
    assert first == third != second
    assert len(first) == 8
    assert tree["usage"]["prompt_tokens"] == tree["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("path", "fields", "shape"),
    [
        ("/v1/models", {}, "data"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "first_id"),
        ("/v1/models", {"x-goog-api-key": "k"}, "models"),
        ("/v1beta/models", {}, "models"),
        ("/openai/v1/models", {}, "data"),
        ("/v1beta/openai/models", {}, "data"),
    ],
)
def test_lists_of_models_have_the_providers_shape(path: str, fields: dict[str, str], shape: str) -> None:
    script = said(Ask(method="GET", path=path, fields=fields))
    assert script.status == 200
    assert shape in json.loads(script.body)


def test_the_providers_ids_and_limits_are_in_the_head() -> None:
    assert {"x-request-id", "x-ratelimit-remaining-tokens"} <= dict(said(ask_of("openai chat")).fields).keys()
    assert {"request-id", "anthropic-ratelimit-requests-remaining"} <= dict(said(ask_of("anthropic messages")).fields).keys()
    assert "retry-after" in dict(said(ask_of("openai chat", model="echo-429")).fields)


def test_a_wrong_key_is_refused() -> None:
    ask = Ask(method="POST", path="/v1/messages", fields={"x-api-key": "wrong-key"}, body=b"{}")
    assert said(ask).status == 401


@given(
    path=st.sampled_from(
        ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/embeddings", "/v1/models/x:countTokens"]
    ),
    body=st.binary(max_size=80)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["model", "messages", "content", "tools", "input", "stream", "max_tokens"]), inner
            )
        ),
    ).map(lambda tree: json.dumps(tree).encode()),
)
def test_any_body_gets_an_answer(path: str, body: bytes) -> None:
    script = said(Ask(method="POST", path=path, body=body))
    assert script.status in (200, 400)
    assert script.streamed or isinstance(json.loads(script.body), dict)


def test_a_path_nobody_has_means_nothing() -> None:
    for path in ("/v1/nonsense", "/v1/messages/batches", "/", "/openai/v1/", "/v1beta/models/x:fly"):
        assert meaning(Ask(method="POST", path=path)) is None
        assert said(Ask(method="POST", path=path)).status == 404
