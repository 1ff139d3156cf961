"""Chat completions and plain completions, as OpenAI speaks them, with Groq's additions. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from lectr_provider_echo.asked import Asked
from lectr_provider_echo.draft import Draft
from lectr_provider_echo.script import Tree

_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls", "filter": "content_filter"}
_PADDING = "abcdefghijkmnopqrstuvwxyzABCDEFGHJK23456789"


def whole(asked: Asked, draft: Draft, now_s: int) -> Tree:
    """The answer to a request that is not streamed."""
    choice: Tree = {"index": 0, "logprobs": None, "finish_reason": _FINISH[draft.finish]}
    if asked.kind == "text":
        choice["text"] = draft.text
    else:
        choice["message"] = _message(draft)
    frame = _frame(asked, draft, now_s, "")
    return {**frame, "choices": [choice], "usage": usage(asked, draft), **_groq(asked, draft, last=False)}


def events(asked: Asked, draft: Draft, now_s: int, chance: Random) -> Iterator[tuple[Tree, bool]]:
    """The events of a stream, each with whether it carries a piece of the answer.

    Usage comes in an event of its own, and only if asked for; Groq adds `x_groq` to its first and last event.
    """
    plain = asked.kind == "text"
    frame = _frame(asked, draft, now_s, "" if plain else ".chunk")
    silent: Tree = {"usage": None} if asked.wants_usage else {}
    if not plain:
        opening = _delta({"role": "assistant", "content": None if draft.tool else ""}, None)
        yield {**frame, **opening, **silent, **_groq(asked, draft, last=False)}, False
    for word in draft.words:
        if plain:
            choice = {"index": 0, "text": word, "logprobs": None, "finish_reason": None}
            yield {**frame, "choices": [choice], **silent}, True
        else:
            yield {**frame, **_delta({"content": word}, None), **silent, **_padding(asked, word, chance)}, True
    if draft.tool:
        function = {"name": draft.tool, "arguments": ""}
        call = {"index": 0, "id": f"call_{draft.number}", "type": "function", "function": function}
        yield {**frame, **_delta({"tool_calls": [call]}, None), **silent}, True
        for part in draft.arguments:
            yield {**frame, **_delta({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}, None), **silent}, True
    finish = _FINISH[draft.finish]
    ending = _delta({}, finish)
    if plain:
        ending = {"choices": [{"index": 0, "text": "", "logprobs": None, "finish_reason": finish}]}
    yield {**frame, **ending, **silent, **_groq(asked, draft, last=True)}, False
    if asked.wants_usage:
        yield {**frame, "choices": [], "usage": usage(asked, draft)}, False


def usage(asked: Asked, draft: Draft) -> Tree:
    """What the answer used, as this family counts it."""
    tree: Tree = {
        "prompt_tokens": draft.prompt_tokens,
        "completion_tokens": draft.completion_tokens,
        "total_tokens": draft.prompt_tokens + draft.completion_tokens,
    }
    if asked.family == "openai":
        tree["prompt_tokens_details"] = {"cached_tokens": draft.cached_tokens, "audio_tokens": 0}
        tree["completion_tokens_details"] = {
            "reasoning_tokens": draft.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        }
    elif asked.family == "groq":
        tree |= {"queue_time": 0.02, "prompt_time": 0.01, "completion_time": round(draft.lasts_s, 6)}
        tree["total_time"] = round(tree["prompt_time"] + tree["completion_time"], 6)
        if draft.cached_tokens:
            tree["prompt_tokens_details"] = {"cached_tokens": draft.cached_tokens}
        if draft.reasoning_tokens:
            tree["completion_tokens_details"] = {"reasoning_tokens": draft.reasoning_tokens}
    return tree


def _frame(asked: Asked, draft: Draft, now_s: int, kind: str) -> Tree:
    name = "text_completion" if asked.kind == "text" else f"chat.completion{kind}"
    prefix = "cmpl" if asked.kind == "text" else "chatcmpl"
    frame: Tree = {"id": f"{prefix}-{draft.number}", "object": name, "created": now_s, "model": draft.model}
    if asked.family in ("openai", "groq"):
        tier = "default" if asked.family == "openai" else "on_demand"
        frame |= {"service_tier": tier, "system_fingerprint": f"fp_{draft.number[:10]}"}
    return frame


def _message(draft: Draft) -> Tree:
    message: Tree = {"role": "assistant", "content": None if draft.tool else draft.text, "refusal": None}
    if draft.tool:
        function = {"name": draft.tool, "arguments": "".join(draft.arguments)}
        message["tool_calls"] = [{"id": f"call_{draft.number}", "type": "function", "function": function}]
    return message


def _delta(delta: Tree, finish: str | None) -> Tree:
    return {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}


def _groq(asked: Asked, draft: Draft, *, last: bool) -> Tree:
    if asked.family != "groq":
        return {}
    said: Tree = {"id": f"req_{draft.number}"}
    return {"x_groq": {**said, "usage": usage(asked, draft)} if last else said}


def _padding(asked: Asked, word: str, chance: Random) -> Tree:
    """OpenAI pads each piece with a random string, so that the length of an event gives nothing away."""
    if asked.family != "openai":
        return {}
    return {"obfuscation": "".join(chance.choices(_PADDING, k=1 + (16 - len(word)) % 16))}
