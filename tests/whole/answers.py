"""What the stand-in answers where no script says otherwise: believable answers of each dialect, with known counts.

Pure: bytes in, steps out. The numbers are constants here so that tests can say what a record must hold.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

import brotli
import zstandard

# Of every answer; `input` holds the cached part.
INPUT: Final = 31
CACHED: Final = 8
OUTPUT: Final = 12
REASONING: Final = 4

Step = dict[str, Any]  # Any: JSON
Tree = dict[str, Any]  # Any: JSON

TEXT: Final = ["Hel", "lo ", "wörld", " \U0001f30d"]
"""What the stand-in says, in the pieces in which it streams it."""

CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def head(status: str, *fields: tuple[str, str]) -> bytes:
    """A response head, byte for byte."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK: Final = b"0\r\n\r\n"

USUAL: Final = (
    ("Date", "Mon, 23 Nov 2026 12:00:00 GMT"),
    ("Server", "stand-in"),
    ("X-Request-ID", "req_standin"),
    ("x-ratelimit-remaining-requests", "4999"),
    ("Set-Cookie", "a=1; Path=/"),
    ("set-cookie", "b=2; Path=/"),
)


def whole(body: bytes, *, status: str = "200 OK", media: str = "application/json", coding: str | None = None) -> bytes:
    """A response with its length said."""
    packed = CODINGS[coding](body) if coding else body
    coded = (("Content-Encoding", coding),) if coding else ()
    return head(status, *USUAL, ("Content-Type", media), *coded, ("Content-Length", str(len(packed)))) + packed


def stream_head(media: str = "text/event-stream; charset=utf-8") -> bytes:
    """The head of a response in chunks."""
    return head("200 OK", *USUAL, ("Content-Type", media), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked"))


def event(data: Tree | str, name: str | None = None) -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def by_default(request_head: bytes, body: bytes) -> list[Step]:
    """The steps that answer a request without a script of its own."""
    method, target = request_head.split(b" ", 2)[:2]
    path, _, query = target.decode("latin-1").partition("?")
    try:
        asked = json.loads(body) if body else {}
    except ValueError:
        asked = {}
    if not isinstance(asked, dict):
        asked = {}
    for suffix, make in _MAKERS.items():
        if path.endswith(suffix):
            return _steps(make(asked), streamed=_is_streamed(path, asked), as_array="alt=sse" not in query)
    if method == b"GET" and path.endswith("/models"):
        return _steps({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1, "owned_by": "x"}]})
    if path.endswith(("/files", "/transcriptions")):
        return _steps(
            {"id": "file-1", "object": "file", "bytes": len(body), "created_at": 1, "filename": "a", "text": "heard"}
        )
    return [_send(whole(b'{"error":{"message":"no such path","type":"invalid_request_error"}}', status="404 Not Found"))]


def _send(data: bytes) -> Step:
    return {"send": base64.b64encode(data).decode()}


def _is_streamed(path: str, asked: Tree) -> bool:
    return asked.get("stream") is True or path.endswith(":streamGenerateContent")


def _steps(
    made: Tree | list[tuple[str | None, Tree | str]], *, streamed: bool = False, as_array: bool = False
) -> list[Step]:
    if isinstance(made, dict):
        return [_send(whole(json.dumps(made, ensure_ascii=False).encode()))]
    if (
        as_array
        and streamed
        and all(name is None and isinstance(data, dict) and "candidates" in data for name, data in made)
    ):
        text = "[" + ",\r\n".join(json.dumps(data) for _, data in made) + "]"
        return [_send(stream_head("application/json")), _send(chunk(text.encode())), _send(LAST_CHUNK)]
    return [_send(stream_head()), *(_send(chunk(event(data, name))) for name, data in made), _send(LAST_CHUNK)]


Events = list[tuple[str | None, Tree | str]]


def chat_usage() -> Tree:
    """Usage as chat completions have it."""
    return {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
        "completion_tokens_details": {"reasoning_tokens": REASONING},
    }


def _chat(asked: Tree) -> Tree | Events:
    base: Tree = {"id": "chatcmpl-1", "created": 1, "model": asked.get("model", "?")}
    call: Tree = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    if asked.get("stream") is not True:
        message: Tree = {"role": "assistant", "content": "".join(TEXT)}
        if asked.get("tools"):
            message = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if asked.get("tools") else "stop"}
        return {**base, "object": "chat.completion", "choices": [choice], "usage": chat_usage()}
    base["object"] = "chat.completion.chunk"
    deltas: list[Tree] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in TEXT)]
    if asked.get("tools"):
        deltas = [{"role": "assistant", "tool_calls": [{"index": 0, **call}]}]
    frames: Events = [(None, {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}) for delta in deltas]
    frames.append((None, {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
    if (asked.get("stream_options") or {}).get("include_usage"):
        frames.append((None, {**base, "choices": [], "usage": chat_usage()}))
    return [*frames, (None, "[DONE]")]


def _responses(asked: Tree) -> Tree | Events:
    part = {"type": "output_text", "text": "".join(TEXT), "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": REASONING},
        "total_tokens": INPUT + OUTPUT,
    }
    done: Tree = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked.get("model", "?"),
    }
    done |= {"output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage}
    if asked.get("stream") is not True:
        return done
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    frames: Events = [("response.created", {"type": "response.created", "sequence_number": 0, "response": begun})]
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    for number, piece in enumerate(TEXT, start=1):
        kind = "response.output_text.delta"
        frames.append((kind, {"type": kind, "sequence_number": number, "delta": piece, **place}))
    return [*frames, ("response.completed", {"type": "response.completed", "sequence_number": 9, "response": done})]


def _embeddings(asked: Tree) -> Tree:
    vector: Any = [0.25, -0.5]  # Any: a list or its packed form
    if asked.get("encoding_format") == "base64":
        vector = "AACAPgAAAL8="
    usage = {"prompt_tokens": INPUT, "total_tokens": INPUT}
    data = [{"object": "embedding", "index": 0, "embedding": vector}]
    return {"object": "list", "model": asked.get("model", "?"), "data": data, "usage": usage}


def _messages(asked: Tree) -> Tree | Events:
    usage = {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "cache_creation_input_tokens": 0}
    message: Tree = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.get("model", "?")}
    text = {"type": "text", "text": "".join(TEXT)}
    tool = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}
    stop = "tool_use" if asked.get("tools") else "end_turn"
    if asked.get("stream") is not True:
        said = {"content": [tool if asked.get("tools") else text], "stop_reason": stop, "stop_sequence": None}
        return {**message, **said, "usage": {**usage, "output_tokens": OUTPUT, "service_tier": "standard"}}
    begun = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1}}
    frames: list[Tree] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}} for piece in TEXT),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": OUTPUT}},
        {"type": "message_stop"},
    ]
    return [(frame["type"], frame) for frame in frames]


def _generate(asked: Tree) -> Tree:
    parts: list[Tree] = [{"text": "".join(TEXT)}]
    if asked.get("tools"):
        parts = [{"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}]
    return _generated(parts, "STOP")


def _generated(parts: list[Tree], finish: str | None) -> Tree:
    candidate: Tree = {"index": 0, "content": {"role": "model", "parts": parts}}
    usage = {
        "promptTokenCount": INPUT,
        "cachedContentTokenCount": CACHED,
        "candidatesTokenCount": OUTPUT - REASONING,
        "thoughtsTokenCount": REASONING,
        "totalTokenCount": INPUT + OUTPUT,
    }
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "gen_1"}


def _generate_stream(asked: Tree) -> Events:
    frames = [_generated([{"text": piece}], "STOP" if piece is TEXT[-1] else None) for piece in TEXT]
    return [(None, frame) for frame in frames]


_MAKERS: Final[dict[str, Callable[[Tree], Tree | Events]]] = {
    "/chat/completions": _chat,
    "/responses": _responses,
    "/embeddings": _embeddings,
    "/messages": _messages,
    "/messages/count_tokens": lambda asked: {"input_tokens": INPUT},
    ":generateContent": _generate,
    ":streamGenerateContent": _generate_stream,
    ":embedContent": lambda asked: {"embedding": {"values": [0.25, -0.5]}},
    ":batchEmbedContents": lambda asked: {"embeddings": [{"values": [0.25, -0.5]}]},
    ":countTokens": lambda asked: {"totalTokens": INPUT},
}
