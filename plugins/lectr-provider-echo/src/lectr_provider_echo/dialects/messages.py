"""Anthropic's messages: the whole object, the named events of its stream, and the count of tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lectr_provider_echo.asked import Asked
from lectr_provider_echo.draft import Draft
from lectr_provider_echo.script import Tree

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use", "filter": "refusal"}


def whole(draft: Draft) -> Tree:
    """The answer to a request that is not streamed."""
    content: list[Tree] = []
    if draft.reasoning_tokens:
        content.append({"type": "thinking", "thinking": "The person wants a short answer.", "signature": draft.number})
    if draft.tool:
        content.append({**_tool(draft), "input": {"query": "order 4711", "limit": 5}})
    else:
        content.append({"type": "text", "text": draft.text})
    said = {"content": content, "stop_reason": _STOP[draft.finish], "usage": _usage(draft, draft.completion_tokens)}
    return {**_message(draft), **said}


def events(draft: Draft) -> Iterator[tuple[Tree, bool]]:
    """The events of a stream, each with whether it carries a piece of the answer.

    `message_start` counts the prompt and begins the output at a placeholder; `message_delta` has the final output.
    """
    yield {"type": "message_start", "message": {**_message(draft), "usage": _usage(draft, 1)}}, False
    at = 0
    if draft.reasoning_tokens:
        yield _block(at, {"type": "thinking", "thinking": "", "signature": ""}), False
        yield _delta(at, {"type": "thinking_delta", "thinking": "The person wants a short answer."}), True
        yield _delta(at, {"type": "signature_delta", "signature": draft.number}), False
        yield {"type": "content_block_stop", "index": at}, False
        at += 1
    yield {"type": "ping"}, False
    if draft.tool:
        yield _block(at, {**_tool(draft), "input": {}}), False
        for part in draft.arguments:
            yield _delta(at, {"type": "input_json_delta", "partial_json": part}), True
    else:
        yield _block(at, {"type": "text", "text": ""}), False
        for word in draft.words:
            yield _delta(at, {"type": "text_delta", "text": word}), True
    yield {"type": "content_block_stop", "index": at}, False
    stop = {"stop_reason": _STOP[draft.finish], "stop_sequence": None}
    counts = _usage(draft, draft.completion_tokens)
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    yield {"type": "message_delta", "delta": stop, "usage": {name: counts[name] for name in names}}, False
    yield {"type": "message_stop"}, False


def counted(asked: Asked) -> Tree:
    """The answer of `count_tokens`."""
    return {"input_tokens": asked.prompt_tokens}


def _message(draft: Draft) -> Tree:
    return {
        "id": f"msg_{draft.number}",
        "type": "message",
        "role": "assistant",
        "model": draft.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool(draft: Draft) -> Tree:
    return {"type": "tool_use", "id": f"toolu_{draft.number}", "name": draft.tool}


def _block(at: int, block: Tree) -> Tree:
    return {"type": "content_block_start", "index": at, "content_block": block}


def _delta(at: int, delta: Tree) -> Tree:
    return {"type": "content_block_delta", "index": at, "delta": delta}


def _usage(draft: Draft, output_tokens: int) -> Tree:
    """Anthropic counts apart what others count together: `input_tokens` is only what no cache was involved in."""
    return {
        "input_tokens": draft.prompt_tokens - draft.cached_tokens - draft.cache_write_tokens,
        "cache_creation_input_tokens": draft.cache_write_tokens,
        "cache_read_input_tokens": draft.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": draft.cache_write_tokens, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
