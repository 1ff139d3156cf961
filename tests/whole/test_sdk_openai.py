"""The openai SDK from PyPI, unmodified: what it returns and raises is the same with and without a gateway between."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import Any

import openai
import pytest

from tests.whole import answers
from tests.whole.answers import CACHED, INPUT, OUTPUT, TEXT
from tests.whole.upstream import send, wait
from tests.whole.ways import Way

IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
ASK = [{"role": "user", "content": "say hello"}]


def sync_client(way: Way, name: str, retries: int = 0) -> Any:  # Any: the types of an SDK are its own business
    return openai.OpenAI(
        base_url=f"{way.url('openai')}/v1", api_key=way.key("openai"), default_headers=way.headers(name), max_retries=retries
    )


def async_client(way: Way, name: str) -> Any:  # Any: the types of an SDK are its own business
    return openai.AsyncOpenAI(
        base_url=f"{way.url('openai')}/v1", api_key=way.key("openai"), default_headers=way.headers(name), max_retries=0
    )


def test_a_chat_completion_and_its_credential(way: Way, name: str) -> None:
    with sync_client(way, name) as client:
        said = client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
    assert said.choices[0].message.content == "".join(TEXT)
    assert said.usage
    assert (said.usage.prompt_tokens, said.usage.completion_tokens) == (INPUT, OUTPUT)
    (seen,) = way.upstream.seen(name)
    assert seen.line == b"POST /v1/chat/completions HTTP/1.1"
    assert seen.field("authorization") == f"Bearer {way.upstream_key('openai')}".encode()


@pytest.mark.parametrize("usage", [True, False])
def test_a_streamed_chat_completion(way: Way, name: str, usage: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if usage else {}
    with sync_client(way, name) as client:
        chunks = list(client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "".join(TEXT)
    counted = [chunk.usage for chunk in chunks if chunk.usage]
    assert [found.prompt_tokens_details.cached_tokens for found in counted] == ([CACHED] if usage else [])


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(way: Way, name: str, stream: bool) -> None:
    with sync_client(way, name) as client:
        said = client.chat.completions.create(model="gpt-4o", messages=ASK, tools=[TOOL], stream=stream)
        calls = next(chunk.choices[0].delta.tool_calls for chunk in said) if stream else said.choices[0].message.tool_calls
    assert [(call.function.name, call.function.arguments) for call in calls] == [("weather", '{"city":"Oslo"}')]


def test_an_image_reaches_the_provider_as_sent(way: Way, name: str) -> None:
    parts = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": IMAGE}}]
    with sync_client(way, name) as client:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": parts}])
    (seen,) = way.upstream.seen(name)
    assert IMAGE.encode() in seen.body


def test_embeddings(way: Way, name: str) -> None:
    with sync_client(way, name) as client:
        said = client.embeddings.create(model="text-embedding-3-small", input="hello")
    assert said.data[0].embedding == [0.25, -0.5]
    assert said.usage.prompt_tokens == INPUT


@pytest.mark.parametrize("stream", [False, True])
def test_a_response(way: Way, name: str, stream: bool) -> None:
    with sync_client(way, name) as client:
        if stream:
            events = list(client.responses.create(model="gpt-4.1", input="hello", stream=True))
            assert [event.delta for event in events if event.type == "response.output_text.delta"] == TEXT
            said = events[-1].response
        else:
            said = client.responses.create(model="gpt-4.1", input="hello")
    assert said.output_text == "".join(TEXT)
    assert said.usage.output_tokens == OUTPUT


def test_a_list_of_models_and_an_upload(way: Way, name: str) -> None:
    with sync_client(way, name) as client:
        assert [model.id for model in client.models.list()] == ["gpt-4o-mini"]
        # Larger than any buffer on the way; multipart, so nothing reads it.
        size = 3_000_000
        assert client.files.create(file=("a.jsonl", io.BytesIO(b"x" * size)), purpose="batch").id == "file-1"
    upload = way.upstream.seen(name, least=2)[-1]
    assert upload.body_bytes > size


ERRORS = [
    ("400 Bad Request", openai.BadRequestError),
    ("401 Unauthorized", openai.AuthenticationError),
    ("404 Not Found", openai.NotFoundError),
    ("422 Unprocessable", openai.UnprocessableEntityError),
    ("429 Too Many Requests", openai.RateLimitError),
    ("500 Oh", openai.InternalServerError),
    ("503 Busy", openai.InternalServerError),
]


@pytest.mark.parametrize(("status", "error"), ERRORS)
def test_a_providers_error_is_the_sdks_usual_exception(way: Way, name: str, status: str, error: type[Exception]) -> None:
    body = b'{"error": {"message": "no: \xc3\xbc", "type": "t", "param": null, "code": "c"}}'
    way.upstream.script(name, send(answers.whole(body, status=status)))
    with sync_client(way, name) as client, pytest.raises(error) as caught:
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert isinstance(caught.value, openai.APIStatusError)
    assert caught.value.response.content == body
    assert caught.value.code == "c"
    assert caught.value.response.headers["x-request-id"] == "req_standin"


def test_the_sdk_retries_as_it_would(way: Way, name: str) -> None:
    fields = (("Retry-After-Ms", "1"), ("Content-Type", "application/json"), ("Content-Length", "2"))
    way.upstream.script(name, send(answers.head("429 Too Many Requests", *fields) + b"{}"))
    with sync_client(way, name, retries=2) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert [seen.field("x-stainless-retry-count") for seen in way.upstream.seen(name, least=3)] == [b"0", b"1", b"2"]


def test_a_stream_that_breaks_off_raises(way: Way, name: str) -> None:
    cut = answers.stream_head() + answers.chunk(answers.event({"choices": [], "id": "1"})) + b"20\r\nhalf a ch"
    way.upstream.script(name, send(cut), {"close": "fin"})
    with sync_client(way, name) as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=ASK, stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(stream)


def test_leaving_a_stream_midway_reaches_the_provider(way: Way, name: str) -> None:
    begun = answers.stream_head() + answers.chunk(answers.event({"choices": [], "id": "1"}))
    way.upstream.script(name, send(begun), wait(name))
    with sync_client(way, name) as client:
        stream = client.chat.completions.create(model="gpt-4o", messages=ASK, stream=True)
        assert next(iter(stream)).id == "1"
        stream.close()
    (seen,) = way.upstream.seen(name, state="closed")
    assert seen.closed


def test_giving_up_before_the_answer_begins_reaches_the_provider(way: Way, name: str) -> None:
    way.upstream.script(name, wait(name))
    with sync_client(way, name) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="gpt-4o", messages=ASK, timeout=0.3)
    assert way.upstream.seen(name, state="closed")


def test_the_async_client(way: Way, name: str) -> None:
    async def talk() -> tuple[str | None, list[str]]:
        async with async_client(way, name) as client:
            said = await client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
            stream = await client.chat.completions.create(model="gpt-4o-mini", messages=ASK, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return said.choices[0].message.content, pieces

    whole, pieces = asyncio.run(talk())
    assert whole == "".join(pieces) == "".join(TEXT)


def test_cancelling_an_async_call_reaches_the_provider(way: Way, name: str) -> None:
    way.upstream.script(name, wait(name))

    async def talk() -> None:
        async with async_client(way, name) as client:
            task = asyncio.create_task(client.chat.completions.create(model="gpt-4o", messages=ASK))
            await asyncio.to_thread(way.upstream.seen, name)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(talk())
    assert way.upstream.seen(name, state="closed")


def test_many_async_streams_at_once_do_not_mix(way: Way, name: str) -> None:
    models = [f"gpt-4o-{number}" for number in range(40)]

    async def one(client: Any, model: str) -> set[str]:  # Any: an SDK's client
        stream = await client.chat.completions.create(model=model, messages=ASK, stream=True)
        return {chunk.model async for chunk in stream}

    async def talk() -> list[set[str]]:
        async with async_client(way, name) as client:
            return await asyncio.gather(*(one(client, model) for model in models))

    assert asyncio.run(talk()) == [{model} for model in models]
