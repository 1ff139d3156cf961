"""Gemini's generateContent: the whole object and the parts of its stream, which are events or one JSON array. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lectr_provider_echo.draft import Draft
from lectr_provider_echo.script import Tree

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool": "STOP", "filter": "SAFETY"}


def whole(draft: Draft) -> Tree:
    """The answer to a request that is not streamed."""
    part = _call(draft) if draft.tool else {"text": draft.text}
    return _part(draft, [part], last=True)


def events(draft: Draft) -> Iterator[tuple[Tree, bool]]:
    """The parts of a stream. Each one counts what was used so far; the last one is right."""
    if draft.tool:
        yield _part(draft, [_call(draft)], last=True), True
        return
    for at, word in enumerate(draft.words, 1):
        yield _part(draft, [{"text": word}], last=at == len(draft.words)), True


def _call(draft: Draft) -> Tree:
    return {"functionCall": {"name": draft.tool, "args": json.loads("".join(draft.arguments))}}


def _part(draft: Draft, parts: list[Tree], *, last: bool) -> Tree:
    candidate: Tree = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = _FINISH[draft.finish]
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(draft, last=last),
        "modelVersion": draft.model,
        "responseId": draft.number,
    }


def _usage(draft: Draft, *, last: bool) -> Tree:
    """`promptTokenCount` includes the cached ones; `candidatesTokenCount` does not include the thoughts."""
    said = draft.output_tokens if last else 1
    tree: Tree = {"promptTokenCount": draft.prompt_tokens, "candidatesTokenCount": said}
    if draft.reasoning_tokens:
        tree["thoughtsTokenCount"] = draft.reasoning_tokens
    if draft.cached_tokens:
        tree["cachedContentTokenCount"] = draft.cached_tokens
    tree["totalTokenCount"] = draft.prompt_tokens + said + draft.reasoning_tokens
    tree["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": draft.prompt_tokens}]
    return tree
