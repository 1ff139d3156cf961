"""Answers with text whose usage leaves out the prompt, the answer, or both: never a certain 0, and what is known stays."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.accounting.case import SSE, Case, events, whole
from tests.accounting.of_anthropic import message, stream
from tests.accounting.of_gemini import FLASH, frame, of
from tests.accounting.of_openai import CHAT, RESPONSES, chat, chunks, response, spent
from tests.accounting.test_by_hand import accounted, read

GPT, CLAUDE = "gpt-4o", "claude-sonnet-4-5"


def answer(provider: str, model: str, path: str, body: bytes, **more: Any) -> Case:  # Any: fields of Case
    return Case(provider=provider, path=path, model=model, body=body, tokens=(0, 0), rates=(), nanousd=0, **more)


def of_chat(prompt: object, completion: object, total: object) -> list[Case]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return [
        answer("openai", GPT, CHAT, whole(chat(GPT, usage))),
        answer("openai", GPT, CHAT, chunks(GPT, usage), media_type=SSE),
        answer("together", GPT, CHAT, chunks(GPT, usage), media_type=SSE),
    ]


def of_messages(asked: object, given: object) -> list[Case]:
    usage = {"input_tokens": asked, "output_tokens": given}
    return [
        answer("anthropic", CLAUDE, "/v1/messages", whole(message(CLAUDE, usage))),
        answer("anthropic", CLAUDE, "/v1/messages", stream(CLAUDE, usage, usage), media_type=SSE),
    ]


def of_contents(asked: int, given: int) -> list[Case]:
    document = frame(FLASH, {"promptTokenCount": asked, "candidatesTokenCount": given, "totalTokenCount": asked + given})
    return [
        answer("gemini", FLASH, of(FLASH), whole(document)),
        answer("gemini", FLASH, of(FLASH, "streamGenerateContent"), events(document), media_type=SSE),
    ]


EMBEDDED = {"object": "list", "data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 0, "total_tokens": 0}}
NOTHING: Final = [
    *of_chat(0, 0, 0),
    *of_chat(None, None, 15),
    *of_messages(0, 0),
    *of_contents(0, 0),
    answer("openai", "text-embedding-3-small", "/v1/embeddings", whole(EMBEDDED)),
    answer("openai", GPT, RESPONSES, whole(response(GPT, spent(0, 0)))),
    answer("openai", GPT, RESPONSES, events({"type": "response.completed", "response": response(GPT, spent(0, 0))}),
        media_type=SSE),
    answer("gemini", "x", of("x", "predict"), whole({"predictions": [{"embeddings": {"values": [0.5]}}]})),
]  # fmt: skip
NO_ANSWER: Final = [
    *of_chat(10, 0, 10),
    *of_chat(10, None, None),
    *of_chat(10, 2.25, 12.25),
    *of_messages(10, 0),
    *of_contents(10, 0),
]
NO_PROMPT: Final = [*of_chat(0, 12, 12), *of_messages(0, 12), *of_messages(None, 12), *of_contents(0, 12)]


@pytest.mark.parametrize("case", NOTHING)
def test_nothing_counted_is_no_usage(case: Case) -> None:
    """As if there were none, so that the tokens are measured and nothing is learnt from the zeros."""
    reading = read(case, [case.body])
    found = accounted(case, reading)
    assert (reading.state, reading.usage) == ("absent", None)
    assert (found.input_tokens, found.output_tokens, found.cost_nanousd) == (None, None, None)


@pytest.mark.parametrize("case", NO_ANSWER)
def test_an_answer_that_is_not_counted_has_bounds(case: Case) -> None:
    reading = read(case, [case.body])
    found = accounted(case, reading)
    assert reading.state == "partial"
    assert (found.input_tokens_low, found.input_tokens, found.input_tokens_high) == (10, 10, 10)
    assert found.output_tokens_low == 0
    assert found.output_tokens_high is None or found.output_tokens_high > 1_000
    assert found.cost_high_nanousd is None or (found.cost_nanousd or 0) < found.cost_high_nanousd


@pytest.mark.parametrize("case", NO_PROMPT)
def test_a_prompt_that_is_not_counted_has_bounds(case: Case) -> None:
    reading = read(case, [case.body])
    found = accounted(case, reading)
    assert reading.state == "partial"
    assert (found.output_tokens_low, found.output_tokens) == (12, 12)
    assert found.input_tokens_low == 0
    assert found.input_tokens_high is None or found.input_tokens_high > 1_000
    assert found.cost_high_nanousd is None or (found.cost_nanousd or 0) < found.cost_high_nanousd


def test_a_prompt_without_an_answer_in_sight_may_have_none() -> None:
    """Embeddings, and answers that were refused before their first word."""
    usage = {"prompt_tokens": 10, "completion_tokens": 0, "total_tokens": 10}
    document = chat(GPT, usage) | {
        "choices": [{"index": 0, "message": {"content": None}, "finish_reason": "content_filter"}]
    }
    case = answer("openai", GPT, CHAT, whole(document))
    found = accounted(case, read(case, [case.body]))
    assert (found.output_tokens_low, found.output_tokens, found.output_tokens_high) == (0, 0, 0)
    assert found.cost_high_nanousd == found.cost_nanousd == 25_000
