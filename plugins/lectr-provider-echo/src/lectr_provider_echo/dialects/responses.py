"""OpenAI's Responses: the whole object, and the named events of its stream. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lectr_provider_echo.asked import Asked
from lectr_provider_echo.draft import Draft
from lectr_provider_echo.script import Tree


def whole(asked: Asked, draft: Draft, now_s: int) -> Tree:
    """The answer to a request that is not streamed."""
    return _response(asked, draft, now_s, _output(draft), done=True)


def events(asked: Asked, draft: Draft, now_s: int) -> Iterator[tuple[Tree, bool]]:
    """The events of a stream, each with whether it carries a piece of the answer. Usage is in the last one."""
    for number, (event, is_piece) in enumerate(_unnumbered(asked, draft, now_s)):
        yield {"type": event.pop("type"), "sequence_number": number, **event}, is_piece


def _unnumbered(asked: Asked, draft: Draft, now_s: int) -> Iterator[tuple[Tree, bool]]:
    item = _output(draft)[-1]
    place: Tree = {"item_id": item["id"], "output_index": 0}
    yield {"type": "response.created", "response": _response(asked, draft, now_s, [], done=False)}, False
    yield {"type": "response.in_progress", "response": _response(asked, draft, now_s, [], done=False)}, False
    if draft.tool:
        begun = {**item, "arguments": "", "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": 0, "item": begun}, False
        for part in draft.arguments:
            yield {"type": "response.function_call_arguments.delta", **place, "delta": part}, True
        yield {"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}, False
    else:
        begun = {**item, "content": [], "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": 0, "item": begun}, False
        place["content_index"] = 0
        part = item["content"][0]
        yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}, False
        for word in draft.words:
            yield {"type": "response.output_text.delta", **place, "delta": word, "logprobs": []}, True
        yield {"type": "response.output_text.done", **place, "text": draft.text, "logprobs": []}, False
        yield {"type": "response.content_part.done", **place, "part": part}, False
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}, False
    ending = "response.incomplete" if _is_cut(draft) else "response.completed"
    yield {"type": ending, "response": _response(asked, draft, now_s, _output(draft), done=True)}, False


def _is_cut(draft: Draft) -> bool:
    return draft.finish in ("length", "filter")


def _output(draft: Draft) -> list[Tree]:
    if draft.tool:
        call = {"type": "function_call", "id": f"fc_{draft.number}", "call_id": f"call_{draft.number}"}
        return [{**call, "status": "completed", "name": draft.tool, "arguments": "".join(draft.arguments)}]
    part = {"type": "output_text", "text": draft.text, "annotations": [], "logprobs": []}
    status = "incomplete" if _is_cut(draft) else "completed"
    return [{"type": "message", "id": f"msg_{draft.number}", "status": status, "role": "assistant", "content": [part]}]


def _response(asked: Asked, draft: Draft, now_s: int, output: list[Tree], *, done: bool) -> Tree:
    status, incomplete = "in_progress", None
    if done:
        status = "incomplete" if _is_cut(draft) else "completed"
        reasons = {"length": "max_output_tokens", "filter": "content_filter"}
        incomplete = {"reason": reasons[draft.finish]} if _is_cut(draft) else None
    return {
        "id": f"resp_{draft.number}",
        "object": "response",
        "created_at": now_s,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": incomplete,
        "instructions": None,
        "max_output_tokens": asked.max_tokens,
        "model": draft.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default" if done else "auto",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": _usage(draft) if done else None,
        "user": None,
        "metadata": {},
    }


def _usage(draft: Draft) -> Tree:
    return {
        "input_tokens": draft.prompt_tokens,
        "input_tokens_details": {"cached_tokens": draft.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": draft.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": draft.reasoning_tokens},
        "total_tokens": draft.prompt_tokens + draft.completion_tokens,
    }
