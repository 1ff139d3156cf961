"""The real SDKs through a real gateway: each answer's tokens and cost in the database are those worked out by hand.

The answers and the arithmetic are those of `tests/accounting`; here they go the whole way, from an SDK's call to SQL.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import groq
import openai
import pytest
from google import genai
from google.genai import types

from tests.accounting import of_anthropic, of_gemini, of_jobs, of_openai, of_others
from tests.accounting.case import SSE, Case, whole
from tests.whole import answers
from tests.whole.gateway import Gateway, gateway
from tests.whole.upstream import Upstream, send
from tests.whole.ways import Way

ASK: Any = [{"role": "user", "content": "say ok"}]  # Any: each SDK has types of its own
Client = Any  # Any: as above


def openai_of(way: Way, name: str) -> Client:
    return openai.OpenAI(base_url=f"{way.url('openai')}/v1", api_key=way.key("openai"), default_headers=way.headers(name))


def anthropic_of(way: Way, name: str) -> Client:
    return anthropic.Anthropic(
        base_url=way.url("anthropic"), api_key=way.key("anthropic"), default_headers=way.headers(name), max_retries=0
    )


def groq_of(way: Way, name: str) -> Client:
    return groq.Groq(base_url=way.url("groq"), api_key=way.key("groq"), default_headers=way.headers(name), max_retries=0)


def gemini_of(way: Way, name: str) -> Client:
    options = types.HttpOptions(base_url=way.url("gemini"), headers=way.headers(name))
    return genai.Client(api_key=way.key("gemini"), http_options=options)


def sound() -> io.BytesIO:
    file = io.BytesIO(b"RIFF")
    file.name = "a.wav"
    return file


Call = Callable[[Client, str], Any]  # Any: what the SDK returns; iterated where it is a stream

_CHAT: Call = lambda client, model: client.chat.completions.create(model=model, messages=ASK)  # noqa: E731 - a table's cells
_CHAT_STREAM: Call = lambda client, model: list(  # noqa: E731 - as above
    client.chat.completions.create(model=model, messages=ASK, stream=True)
)
_RESPONSE: Call = lambda client, model: client.responses.create(model=model, input="x")  # noqa: E731 - as above
_RESPONSE_STREAM: Call = lambda client, model: list(  # noqa: E731 - as above
    client.responses.create(model=model, input="x", stream=True)
)
_MESSAGE: Call = lambda client, model: client.beta.messages.create(  # noqa: E731 - as above
    model=model, max_tokens=64, messages=ASK
)
_MESSAGE_STREAM: Call = lambda client, model: list(  # noqa: E731 - as above
    client.beta.messages.create(model=model, max_tokens=64, messages=ASK, stream=True)
)
_CONTENT: Call = lambda client, model: client.models.generate_content(model=model, contents="x")  # noqa: E731 - as above
_CONTENT_STREAM: Call = lambda client, model: list(  # noqa: E731 - as above
    client.models.generate_content_stream(model=model, contents="x")
)

OPENAI: dict[str, Call] = {
    "chat": _CHAT,
    "chat, cached": _CHAT,
    "chat, streamed": _CHAT_STREAM,
    "chat, reasoning": _CHAT,
    "chat, flex": _CHAT,
    "chat, priority": _CHAT,
    "chat, audio": _CHAT,
    "chat, longer": _CHAT,
    "response": _RESPONSE,
    "response, streamed, web searches": _RESPONSE_STREAM,
    "response, file search": _RESPONSE,
    "response, an image drawn by a tool": _RESPONSE,
    "response, incomplete": _RESPONSE_STREAM,
    "response, fetched from the background": lambda client, _: client.responses.retrieve("resp_1"),
    "embeddings": lambda client, model: client.embeddings.create(model=model, input="x", encoding_format="float"),
    "image": lambda client, model: client.images.generate(model=model, prompt="x"),
    "image, and the model that wrote it": lambda client, model: client.images.generate(model=model, prompt="x"),
    "image, edited, streamed": lambda client, model: list(
        client.images.edit(model=model, prompt="x", image=sound(), stream=True)
    ),
    "transcript, by tokens": lambda client, model: client.audio.transcriptions.create(model=model, file=sound()),
    "transcript, by seconds": lambda client, model: client.audio.transcriptions.create(model=model, file=sound()),
    "batch, its results": lambda client, _: client.files.content("file-7").read(),
    "response, an image written by another model": _RESPONSE,
    "response, code ran in a container": _RESPONSE_STREAM,
}
JOBS: dict[str, Call] = {
    "run, streamed": lambda client, model: list(
        client.beta.threads.runs.create(thread_id="thread_1", assistant_id="asst_1", model=model, stream=True)
    ),
    "run, with tools that are billed": lambda client, _: client.beta.threads.runs.retrieve("run_4", thread_id="thread_1"),
    "evaluation, by model": lambda client, _: client.evals.runs.retrieve("evalrun_1", eval_id="eval_1"),
}
ANTHROPIC: dict[str, Call] = {
    "message": _MESSAGE,
    "message, caches of both lifetimes": _MESSAGE,
    "message, over 200,000 tokens with its cache": _MESSAGE,
    "message, streamed, thinking": _MESSAGE_STREAM,
    "message, streamed, caches told at first alone": _MESSAGE_STREAM,
    "message, web searches": _MESSAGE,
    "message, fast": _MESSAGE,
    "message, kept in the US": _MESSAGE,
    "compaction, beside the totals": _MESSAGE_STREAM,
    "adviser, at its own price": _MESSAGE,
    "another model stepped in": _MESSAGE,
    "message, streamed, code ran in a container": _MESSAGE_STREAM,
}
GROQ: dict[str, Call] = {
    "groq": _CHAT,
    "groq, streamed, usage in x_groq": _CHAT_STREAM,
    "groq, a system of models": _CHAT,
    "groq, a transcript": lambda client, model: client.audio.transcriptions.create(model=model, file=sound()),
}
GEMINI: dict[str, Call] = {
    "content, audio, a cache and thoughts": _CONTENT,
    "content, over 200,000 tokens": _CONTENT,
    "content, an image in it": _CONTENT,
    "content, events, searches": _CONTENT_STREAM,
}
CALLS: list[tuple[Case, Callable[[Way, str], Client], Call]] = [
    (cases[name], client, call)
    for cases, client, calls in (
        (of_openai.CASES, openai_of, OPENAI),
        (of_jobs.CASES, openai_of, JOBS),
        (of_anthropic.CASES, anthropic_of, ANTHROPIC),
        (of_others.CASES, groq_of, GROQ),
        (of_gemini.CASES, gemini_of, GEMINI),
    )
    for name, call in calls.items()
]
NAMES = [
    f"{calls[0].provider}-{name}" for calls, name in zip(CALLS, (*OPENAI, *JOBS, *ANTHROPIC, *GROQ, *GEMINI), strict=True)
]


def answer(case: Case) -> bytes:
    """The answer as it stands on the wire."""
    if case.media_type != SSE:
        return answers.whole(case.body, media=case.media_type)
    return answers.stream_head() + answers.chunk(case.body) + answers.chunk(b"")


@pytest.fixture
def by_sdk(upstream: Upstream, holding: Gateway) -> Way:
    return Way(id="holding", upstream=upstream, gateway=holding)


# The SDK says that runs of threads are on their way out; those who still have them are billed for them.
@pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("case", "client_of", "call"), CALLS, ids=NAMES)
def test_an_sdks_call_costs_what_was_worked_out_by_hand(
    case: Case, client_of: Callable[[Way, str], Client], call: Call, by_sdk: Way, holding: Gateway, name: str
) -> None:
    by_sdk.upstream.script(name, send(answer(case)))
    with client_of(by_sdk, name) as client:
        call(client, case.model or "")
    (row,) = holding.stored(1, "feature = ?", name)
    told = (row["usage_state"], row["outcome"], row["price_note"])
    if case.path.endswith(("/resp_1", "/content")) and row["cost_nanousd"] == 0:
        pytest.fail("counted before: each test needs an answer of its own")
    assert (row["provider"], row["tokens_source"]) == (case.provider, "reported"), told
    assert (row["input_tokens"], row["output_tokens"]) == case.tokens
    assert row["cost_nanousd"] == row["cost_low_nanousd"] == case.nanousd, told
    assert row["cost_high_nanousd"] == (case.nanousd if case.is_bounded else None), told
    if row["by_model_json"] is not None:
        assert sum(one["cost_nanousd"] for one in json.loads(row["by_model_json"])) == case.nanousd
    assert (row["cost_basis"], row["usage_check"]) == (case.basis, case.check if case.check is None else int(case.check))


def test_work_in_the_background_is_closed_by_the_first_that_tells_and_counted_with_it(
    by_sdk: Way, holding: Gateway, name: str
) -> None:
    done = of_openai.response("gpt-5", of_openai.spent(100, 10), background=True, id=f"resp_{name}")
    begun = done | {"status": "queued", "usage": None}
    with openai_of(by_sdk, name) as client:
        for document in (begun, begun | {"status": "in_progress"}, done, done):
            by_sdk.upstream.script(name, send(answers.whole(whole(document))))
            if document is begun:
                client.responses.create(model="gpt-5", input="x", background=True)
            else:
                client.responses.retrieve(f"resp_{name}")
    rows = holding.stored(4, "feature = ?", name)
    assert [(row["usage_state"], row["cost_nanousd"], row["input_tokens"]) for row in rows] == [
        ("closed", 0, 0),
        ("unbilled", 0, 0),
        ("reported", 225_000, 100),
        ("reported", 0, 0),
    ]


def test_a_batch_is_closed_when_its_results_are_fetched_and_counted_once(by_sdk: Way, holding: Gateway, name: str) -> None:
    case = of_anthropic.CASES["batch, its results"]
    batch: dict[str, Any] = {  # Any: JSON
        "id": f"msgbatch_{name}",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 2, "errored": 0, "canceled": 0, "expired": 1},
        "created_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-21T12:00:00Z",
        "results_url": f"{holding.url}/v1/messages/batches/msgbatch_{name}/results",
    }
    with anthropic_of(by_sdk, name) as client:
        by_sdk.upstream.script(name, send(answers.whole(whole(batch))))
        asked: Client = {"custom_id": "c", "params": {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": ASK}}
        client.messages.batches.create(requests=[asked])
        client.messages.batches.retrieve(batch["id"])
        by_sdk.upstream.script(name, send(answers.whole(case.body, media="application/x-jsonl")))
        for _ in range(2):
            url = batch["results_url"]
            assert client.get(url, cast_to=str, options={"headers": {"Accept": "application/binary"}})
    rows = holding.stored(4, "feature = ?", name)
    assert [(row["usage_state"], row["cost_nanousd"], row["cost_basis"]) for row in rows] == [
        ("closed", 0, "exact"),
        ("unbilled", 0, "exact"),
        ("reported", case.nanousd, "variant"),
        ("reported", 0, "exact"),
    ]


@pytest.mark.parametrize("closes_by", ["status", "results"])
def test_a_batch_of_messages_of_which_nothing_came_costs_a_known_nothing(
    by_sdk: Way, holding: Gateway, name: str, closes_by: str
) -> None:
    """Where every request failed, nothing else would ever close the row that began it."""
    batch: Client = {
        "id": f"msgbatch_{name}",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 0, "errored": 1, "canceled": 0, "expired": 1},
        "created_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-21T12:00:00Z",
    }
    vain = b"".join(
        json.dumps({"custom_id": kind, "result": {"type": kind}}).encode() + b"\n" for kind in ("errored", "expired")
    )
    with anthropic_of(by_sdk, name) as client:
        by_sdk.upstream.script(name, send(answers.whole(whole(batch))))
        asked: Client = {"custom_id": "c", "params": {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": ASK}}
        client.messages.batches.create(requests=[asked])
        if closes_by == "status":
            client.messages.batches.retrieve(batch["id"])
        else:
            by_sdk.upstream.script(name, send(answers.whole(vain, media="application/x-jsonl")))
            url = f"{holding.url}/v1/messages/batches/{batch['id']}/results"
            assert client.get(url, cast_to=str, options={"headers": {"Accept": "application/binary"}})
    rows = holding.stored(2, "feature = ?", name)
    found = [(row["usage_state"], row["cost_nanousd"], row["cost_high_nanousd"], row["input_tokens"]) for row in rows]
    assert found == [("closed", 0, 0, 0), ("reported", 0, 0, 0)]


def test_counting_tokens_and_looking_things_up_cost_nothing(by_sdk: Way, holding: Gateway, name: str) -> None:
    with anthropic_of(by_sdk, name) as client:
        client.messages.count_tokens(model="claude-haiku-4-5", messages=ASK)
    with openai_of(by_sdk, name) as client:
        list(client.models.list())
    rows = holding.stored(2, "feature = ?", name)
    assert [(row["usage_state"], row["cost_nanousd"], row["input_tokens"]) for row in rows] == [("unbilled", 0, 0)] * 2


def test_what_a_provider_refuses_costs_nothing_and_what_fails_has_bounds(
    tmp_path: Path, upstream: Upstream, name: str
) -> None:
    # A gateway of its own: one that has learnt from others bounds the prompt more closely.
    with gateway(tmp_path, upstream.url, held=True) as running:
        way = Way(id="holding", upstream=upstream, gateway=running)
        with openai_of(way, name) as client:
            options = client.with_options(max_retries=0)
            for status, error in (("429 Too Many", openai.RateLimitError), ("500 Oh", openai.InternalServerError)):
                upstream.script(name, send(answers.whole(b'{"error": {"message": "no"}}', status=status)))
                with pytest.raises(error):
                    options.chat.completions.create(model="gpt-4o-mini", messages=ASK, max_tokens=50)
        refused, failed = running.stored(2, "feature = ?", name)
    assert (refused["cost_low_nanousd"], refused["cost_nanousd"], refused["cost_high_nanousd"]) == (0, 0, 0)
    assert (failed["cost_low_nanousd"], failed["cost_nanousd"], failed["output_tokens_high"]) == (0, None, 50)
    # 128,000 × 0.15 + 50 × 0.60 USD for a million
    assert failed["cost_high_nanousd"] == 19_200_000 + 30_000
