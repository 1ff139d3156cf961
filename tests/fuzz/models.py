"""Good answers of every dialect, and a reader of every installed provider for each kind: what the fuzzers begin with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import attrs

from lectr_core.assembly.plugins import load_plugins
from lectr_core.model.call import Answer, Call
from lectr_core.model.settings import GatewaySettings, Settings
from lectr_core.ports import Reader
from lectr_core.wire.framing import ChunkedBody
from tests.accounting import of_anthropic, of_gemini, of_openai, of_others
from tests.accounting.case import SSE
from tests.whole import answers

ROOT: Final = Path(__file__).resolve().parents[2]
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
GEMINI: Final = "/v1beta/models/gemini-2.5-flash"
PATHS: Final = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/openai/deployments/d/chat/completions",
    "/openai/v1/responses",
    GEMINI + ":generateContent",
    GEMINI + ":streamGenerateContent",
    GEMINI + ":embedContent",
    GEMINI + ":countTokens",
    "/v1/images/generations",
    "/v1/audio/transcriptions",
    "/v1/audio/speech",
    "/v1/batches",
    "/v1beta/interactions",
    "/v1beta/cachedContents",
)
FETCHED: Final = (
    "/v1/responses/resp_1",
    "/v1/batches/batch_1",
    "/v1/files/file-1/content",
    "/v1/messages/batches/msgbatch_1/results",
    "/v1beta/interactions/int_1",
    "/v1beta/batches/b1",
    "/download/v1beta/files/f1:download",
)


@attrs.frozen
class Model:
    """One kind of reader, and answers that it is meant for."""

    what: str
    make: Callable[[], Reader]
    bodies: tuple[bytes, ...]


@cache
def bodies() -> dict[str, tuple[bytes, ...]]:
    """Good answers by media type; an array that is streamed is JSON."""
    found: dict[str, list[bytes]] = {JSON: [], EVENTS: []}
    for path in PATHS:
        for streamed in (False, True):
            for query in ("", "?alt=sse"):
                asked = {"model": "m", "stream": streamed, "tools": [1], "stream_options": {"include_usage": True}}
                for tree in (asked, asked | {"tools": None}):
                    head = f"POST {path}{query} HTTP/1.1\r\n\r\n".encode()
                    steps = answers.by_default(head, json.dumps(tree).encode())
                    sent_head, _, body = b"".join(base64.b64decode(step["send"]) for step in steps).partition(b"\r\n\r\n")
                    if b"chunked" in sent_head:
                        body = b"".join(ChunkedBody().take(body)[1])
                    found[EVENTS if b"event-stream" in sent_head else JSON].append(body)
    for file in sorted(ROOT.glob("plugins/*/tests/transcripts/*")):
        found[EVENTS if file.suffix == ".sse" else JSON].append(file.read_bytes())
    for table in (of_openai.CASES, of_anthropic.CASES, of_gemini.CASES, of_others.CASES):
        for case in table.values():
            found[EVENTS if case.media_type == SSE else JSON].append(case.body)
    return {media: tuple(dict.fromkeys(each)) for media, each in found.items()}


@cache
def readers() -> tuple[Model, ...]:
    """Every reader that an installed provider makes, once for each class, provider and media type."""
    settings = Settings(gateway=GatewaySettings(), sections={}, version="0" * 12)
    found: dict[tuple[str, type, str], Model] = {}
    for _, provider in load_plugins().providers(settings):
        for method, path in (*(("POST", path) for path in PATHS), *(("GET", path) for path in FETCHED)):
            for media in (JSON, EVENTS):
                for streamed in (False, True):
                    query = "alt=sse" if media == EVENTS else ""
                    call = Call(method, path, query=query, has_query=bool(query), model="m", streamed=streamed)
                    answer = Answer(200, {"content-type": media})

                    def make(ask=provider.reader, call=call, answer=answer):
                        return ask(call, answer)

                    reader = make()
                    if reader is not None:
                        key = (provider.id, type(reader), media)
                        found.setdefault(key, Model(f"{provider.id} {type(reader).__name__} {media}", make, bodies()[media]))
    return tuple(found.values())
