"""What a request asks for, read out of any dialect's body.

Unlike Lectr, the stand-in plays a model, so it looks at content: only to count it and to give it back. Pure; it keeps
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import attrs

from lectr_provider_echo.catalog import Family
from lectr_provider_echo.script import Ask, Tree

# A picture costs about this much with every provider; what it shows does not matter here.
IMAGE_TOKENS = 765
# Deeper than any SDK nests a body; beyond it nothing is counted.
_MAX_DEPTH = 24

Kind = Literal[
    "completions", "text", "responses", "messages", "generate", "embeddings", "gemini_embeddings", "count", "models"
]


@attrs.frozen(kw_only=True)
class Asked:
    """One request, understood."""

    family: Family
    kind: Kind
    model: str
    prompt_tokens: int
    last_text: str = attrs.field(repr=False)
    """The last text of the request: what the model `echo` answers."""
    streamed: bool = False
    wants_usage: bool = False
    """`stream_options.include_usage`."""
    max_tokens: int | None = None
    tools: tuple[str, ...] = ()
    thinks: bool = False
    """The request turns reasoning on."""
    inputs: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Texts to embed."""
    dimensions: int | None = None
    base64: bool = False
    """Embeddings as base64 of little-endian floats."""
    array: bool = False
    """A stream as one JSON array instead of events."""
    single: bool = False
    """One embedding asked, not a batch."""


class NotJson(Exception):
    """The body is not what the dialect needs. Act: the client."""


def read(ask: Ask, family: Family, kind: Kind, path_model: str | None = None) -> Asked:
    """Understand a request that has a JSON body. Errors: NotJson."""
    tree = _object(ask.body)
    model = path_model if path_model is not None else tree.get("model")
    if not isinstance(model, str) or not model:
        raise NotJson("you must provide a model parameter")
    texts = list(_texts(tree, 0))
    inputs = _inputs(tree)
    return Asked(
        family=family,
        kind=kind,
        model=model,
        prompt_tokens=_count(texts),
        last_text=_last_text(tree),
        streamed=tree.get("stream") is True,
        wants_usage=_at(tree, "stream_options", "include_usage") is True,
        max_tokens=_max_tokens(tree),
        tools=tuple(_tool_names(tree)) if _tools_allowed(tree) else (),
        thinks=_thinking(tree),
        inputs=inputs,
        dimensions=_whole_number(tree.get("dimensions")) or _whole_number(tree.get("outputDimensionality")),
        base64=tree.get("encoding_format") == "base64",
        array=ask.query.get("alt") != "sse",
        single="content" in tree,
    )


def _object(body: bytes) -> Tree:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise NotJson("we could not parse the JSON body of your request") from exc
    if not isinstance(tree, dict):
        raise NotJson("the body of your request must be a JSON object")
    return tree


_SPOKEN = frozenset(
    {
        "messages",
        "input",
        "instructions",
        "contents",
        "content",
        "system",
        "systemInstruction",
        "prompt",
        "tools",
        "requests",
    }
)
_PICTURES = frozenset({"url", "image_url", "data"})


def _texts(value: Any, depth: int, name: str = "") -> Iterator[str | None]:  # Any: JSON
    """Every text of the request; None for each picture."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield None if name in _PICTURES and len(value) > 20 else value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1, name)
    elif isinstance(value, dict):
        for key, item in value.items():
            if depth > 0 or key in _SPOKEN:
                yield from _texts(item, depth + 1, key)


def _count(texts: list[str | None]) -> int:
    """About what a tokenizer would say: four characters a token, and a little for the frame around them."""
    return 7 + sum(IMAGE_TOKENS if text is None else -(-len(text) // 4) for text in texts)


def _last_text(tree: Tree) -> str:
    for name in ("messages", "contents", "input", "prompt"):
        value = tree.get(name)
        if isinstance(value, list) and value:
            value = value[-1]
        if isinstance(value, dict):
            value = {key: value[key] for key in ("content", "parts", "text") if key in value}
        found = [text for text in _spoken(value) if text]
        if found:
            return found[-1]
    return ""


def _spoken(value: Any) -> Iterator[str]:  # Any: JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _spoken(item)
    elif isinstance(value, dict):
        for key in ("content", "parts", "text"):
            yield from _spoken(value.get(key))


def _inputs(tree: Tree) -> tuple[str, ...]:
    if isinstance(tree.get("requests"), list):
        return tuple(" ".join(_spoken(_at(item, "content"))) for item in tree["requests"])
    if "content" in tree:
        return (" ".join(_spoken(tree["content"])),)
    value = tree.get("input")
    if isinstance(value, list) and value and not isinstance(value[0], int):
        return tuple(item if isinstance(item, str) else json.dumps(item) for item in value)
    return (value if isinstance(value, str) else json.dumps(value),)


def _max_tokens(tree: Tree) -> int | None:
    for name in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
        if (found := _whole_number(tree.get(name))) is not None:
            return found
    return _whole_number(_at(tree, "generationConfig", "maxOutputTokens"))


def _tools_allowed(tree: Tree) -> bool:
    choice = tree.get("tool_choice")
    return choice != "none" and _at(choice, "type") != "none"


def _tool_names(tree: Tree) -> Iterator[str]:
    tools = tree.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        declared = _at(tool, "functionDeclarations") or _at(tool, "function_declarations") or [_at(tool, "function") or tool]
        for item in declared if isinstance(declared, list) else ():
            name = _at(item, "name")
            if isinstance(name, str):
                yield name


def _thinking(tree: Tree) -> bool:
    return (
        _at(tree, "thinking", "type") in ("enabled", "adaptive")
        or tree.get("reasoning_effort") in ("low", "medium", "high", "xhigh")
        or _at(tree, "reasoning", "effort") in ("low", "medium", "high", "xhigh")
    )


def _at(value: Any, *names: str) -> Any:  # Any: JSON
    """What stands under *names*, one inside the other; None where there is nothing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _whole_number(value: Any) -> int | None:  # Any: JSON
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
