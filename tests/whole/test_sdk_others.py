"""The anthropic, groq and google-genai SDKs from PyPI, unmodified, on their own native paths."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import anthropic
import groq
import pytest
from google import genai
from google.genai import errors, types

from tests.whole import answers
from tests.whole.answers import CACHED, INPUT, OUTPUT, TEXT
from tests.whole.upstream import send, wait
from tests.whole.ways import Way

ASK = [{"role": "user", "content": "say hello"}]
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def messages(way: Way, name: str, kind: Any = anthropic.Anthropic) -> Any:  # Any: the types of an SDK are its own business
    return kind(
        base_url=way.url("anthropic"), api_key=way.key("anthropic"), default_headers=way.headers(name), max_retries=0
    )


def quick(way: Way, name: str, kind: Any = groq.Groq) -> Any:  # Any: the types of an SDK are its own business
    return kind(base_url=way.url("groq"), api_key=way.key("groq"), default_headers=way.headers(name), max_retries=0)


def generative(way: Way, name: str) -> Any:  # Any: the types of an SDK are its own business
    options = types.HttpOptions(base_url=way.url("gemini"), headers=way.headers(name))
    return genai.Client(api_key=way.key("gemini"), http_options=options)


def test_a_message_and_its_credential(way: Way, name: str) -> None:
    with messages(way, name) as client:
        said = client.messages.create(model="claude-haiku-4-5", max_tokens=64, messages=ASK)
    assert said.content[0].text == "".join(TEXT)
    assert (said.usage.input_tokens, said.usage.cache_read_input_tokens) == (INPUT - CACHED, CACHED)
    (seen,) = way.upstream.seen(name)
    assert seen.line == b"POST /v1/messages HTTP/1.1"
    # SDKs of different years send it in one header or the other; it must be there once, and nothing beside it.
    sent = [value for key, value in seen.fields if key.lower() in {b"x-api-key", b"authorization"}]
    assert [value.removeprefix(b"Bearer ") for value in sent] == [way.upstream_key("anthropic").encode()]
    assert seen.field("anthropic-version")


def test_a_streamed_message(way: Way, name: str) -> None:
    with messages(way, name) as client:
        with client.messages.stream(model="claude-haiku-4-5", max_tokens=64, messages=ASK) as stream:
            assert list(stream.text_stream) == TEXT
            final = stream.get_final_message()
    assert final.usage.output_tokens == OUTPUT


def test_a_message_with_a_tool_and_an_image(way: Way, name: str) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    tool = {"name": "weather", "input_schema": {"type": "object", "properties": {}}}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "where?"}]
    with messages(way, name) as client:
        said = client.messages.create(
            model="claude-haiku-4-5", max_tokens=64, messages=[{"role": "user", "content": content}], tools=[tool]
        )
    assert said.stop_reason == "tool_use"
    assert said.content[0].input == {"city": "Oslo"}
    (seen,) = way.upstream.seen(name)
    assert base64.b64encode(PNG) in seen.body


def test_counting_tokens_is_a_call_like_any(way: Way, name: str) -> None:
    with messages(way, name) as client:
        assert client.messages.count_tokens(model="claude-haiku-4-5", messages=ASK).input_tokens == INPUT


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("400 Bad Request", anthropic.BadRequestError),
        ("401 Unauthorized", anthropic.AuthenticationError),
        ("429 Too Many Requests", anthropic.RateLimitError),
        ("529 Overloaded", anthropic.APIStatusError),
    ],
)
def test_an_error_of_the_messages_api(way: Way, name: str, status: str, error: type[anthropic.APIStatusError]) -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"req_9"}'
    way.upstream.script(name, send(answers.whole(body, status=status)))
    with messages(way, name) as client, pytest.raises(error) as caught:
        client.messages.create(model="claude-haiku-4-5", max_tokens=64, messages=ASK)
    assert caught.value.response.content == body
    assert caught.value.status_code == int(status[:3])


def test_an_async_message_stream_left_midway(way: Way, name: str) -> None:
    started = {"type": "ping"}
    way.upstream.script(name, send(answers.stream_head() + answers.chunk(answers.event(started, "ping"))), wait(name))

    async def talk() -> None:
        async with messages(way, name, anthropic.AsyncAnthropic) as client:
            stream = await client.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=ASK, stream=True)
            await stream.close()

    asyncio.run(talk())
    assert way.upstream.seen(name, state="closed")


@pytest.mark.parametrize("stream", [False, True])
def test_a_quick_completion(way: Way, name: str, stream: bool) -> None:
    with quick(way, name) as client:
        said = client.chat.completions.create(model="llama-3.1-8b-instant", messages=ASK, stream=stream)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in said) if stream else said.choices[0].message.content
    assert text == "".join(TEXT)
    (seen,) = way.upstream.seen(name)
    assert seen.field("authorization") == f"Bearer {way.upstream_key('groq')}".encode()


def test_a_quick_completions_error_and_its_async_client(way: Way, name: str) -> None:
    with quick(way, name) as client:
        way.upstream.script(name, send(answers.whole(b'{"error":{"message":"full"}}', status="498 capacity_exceeded")))
        with pytest.raises(groq.APIStatusError) as caught:
            client.chat.completions.create(model="llama-3.1-8b-instant", messages=ASK)
        assert caught.value.status_code == 498

    async def talk() -> Any:  # Any: an SDK's answer
        async with quick(way, f"{name}-2", groq.AsyncGroq) as client:
            said = await client.chat.completions.create(model="llama-3.1-8b-instant", messages=ASK)
        return said.choices[0].message.content

    assert asyncio.run(talk()) == "".join(TEXT)


def test_generated_content_and_its_credential(way: Way, name: str) -> None:
    with generative(way, name) as client:
        said = client.models.generate_content(model="gemini-2.5-flash", contents="hello")
    assert said.text == "".join(TEXT)
    assert said.usage_metadata
    assert said.usage_metadata.total_token_count == INPUT + OUTPUT
    (seen,) = way.upstream.seen(name)
    assert seen.line.endswith(b"/models/gemini-2.5-flash:generateContent HTTP/1.1")
    assert seen.field("x-goog-api-key") == way.upstream_key("gemini").encode()


def test_streamed_generated_content(way: Way, name: str) -> None:
    with generative(way, name) as client:
        chunks = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="hello"))
    assert [chunk.text for chunk in chunks] == TEXT


def test_generated_content_with_a_tool_and_an_image(way: Way, name: str) -> None:
    declared = types.FunctionDeclaration(name="weather", parameters=types.Schema(type=types.Type.OBJECT))
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    parts = [types.Part.from_bytes(data=PNG, mime_type="image/png"), types.Part.from_text(text="where?")]
    with generative(way, name) as client:
        said = client.models.generate_content(model="gemini-2.5-flash", contents=parts, config=config)
    assert said.function_calls
    assert said.function_calls[0].args == {"city": "Oslo"}


def test_an_embedding_of_content(way: Way, name: str) -> None:
    with generative(way, name) as client:
        said = client.models.embed_content(model="gemini-embedding-001", contents="hello")
    assert said.embeddings
    assert said.embeddings[0].values == [0.25, -0.5]


def test_an_error_of_generated_content(way: Way, name: str) -> None:
    body = b'{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED","details":[]}}'
    way.upstream.script(name, send(answers.whole(body, status="429 Too Many Requests")))
    with generative(way, name) as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="gemini-2.5-flash", contents="hello")
    assert caught.value.status == "RESOURCE_EXHAUSTED"


def test_generated_content_asynchronously(way: Way, name: str) -> None:
    async def talk() -> tuple[str | None, list[str | None]]:
        client = generative(way, name)
        said = await client.aio.models.generate_content(model="gemini-2.5-flash", contents="hello")
        stream = await client.aio.models.generate_content_stream(model="gemini-2.5-flash", contents="hello")
        pieces = [chunk.text async for chunk in stream]
        await client.aio.aclose()
        return said.text, pieces

    whole, pieces = asyncio.run(talk())
    assert whole == "".join(TEXT)
    assert pieces == TEXT
