"""From a request to the answer the stand-in will play: which provider is meant, what it would say, what goes wrong.

Pure: chance and the time come in as arguments. Called by the server; the dialects are called from here alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

import attrs

from lectr_provider_echo import faults, heads
from lectr_provider_echo.asked import Asked, Kind, NotJson, read
from lectr_provider_echo.catalog import MODELS, PACES, Family
from lectr_provider_echo.dialects import completions, embeddings, generate, listing, messages, responses
from lectr_provider_echo.draft import Draft, draft
from lectr_provider_echo.script import Ask, Piece, Script, Tree, compact, stream, whole

# Of the time to the first token, the share before the head: providers send it when they begin to compute.
_HEAD_SHARE: Final = 0.8
_OPENAI_KINDS: Final[dict[str, Kind]] = {
    "chat/completions": "completions",
    "completions": "text",
    "responses": "responses",
    "embeddings": "embeddings",
}
_GEMINI_ACTION: Final = re.compile(r"/v1(?:beta|alpha)?/(?:models|tunedModels)/(?P<model>[^:]+):(?P<action>\w+)$")
_MODEL_LIST: Final = re.compile(r"/v1(?:beta|alpha)?/models(?:/(?P<model>[^:]+))?$")
_GEMINI_KINDS: Final[dict[str, Kind]] = {
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "count",
    "embedContent": "gemini_embeddings",
    "batchEmbedContents": "gemini_embeddings",
}


@attrs.frozen(kw_only=True)
class Meant:
    """Which provider's endpoint a path means."""

    family: Family
    kind: Kind
    native: bool = False
    """The family's own dialect, not OpenAI's."""
    model: str | None = None
    """Named by the path."""
    streamed: bool | None = None
    """Said by the path; None: the body says it."""


def answer(ask: Ask, chance: Random, now_s: int, *, error_share: float = 0.0) -> Script:
    """The answer to one request.

    Units: *now_s* wall clock, seconds since 1970; *error_share* of all requests that fail by chance, 0 to 1.
    """
    number = f"{chance.getrandbits(96):024x}"
    meant = meaning(ask)
    if meant is None:
        family: Family = "anthropic" if _speaks_anthropic(ask) else "openai"
        return faults.refusal(family, "not_found", number, native=family == "anthropic")
    if ask.credential.startswith("wrong"):
        return faults.refusal(meant.family, "auth", number, native=meant.native)
    if meant.kind == "models":
        return _listed(meant, number, chance)
    try:
        asked = read(ask, meant.family, meant.kind, meant.model)
    except NotJson as exc:
        return faults.refusal(meant.family, "bad_request", number, native=meant.native, message=str(exc))
    if meant.streamed is not None:
        asked = attrs.evolve(asked, streamed=meant.streamed)
    return _speak(asked, meant.native, number, chance, now_s, error_share)


def meaning(ask: Ask) -> Meant | None:
    """Which endpoint of which provider this is; None where no provider has such a path."""
    path = ask.path.rstrip("/")
    if path.startswith("/openai/v1/"):
        return _openai_kind(path.removeprefix("/openai/v1/"), "groq", ask)
    if path.startswith("/v1beta/openai/"):
        return _openai_kind(path.removeprefix("/v1beta/openai/"), "gemini", ask)
    if path.startswith("/v1/messages"):
        kinds: dict[str, Kind] = {"": "messages", "/count_tokens": "count"}
        kind = kinds.get(path.removeprefix("/v1/messages"))
        return None if kind is None or ask.method != "POST" else Meant(family="anthropic", kind=kind, native=True)
    if found := _MODEL_LIST.fullmatch(path):
        return _model_list(path, found["model"], ask)
    if found := _GEMINI_ACTION.fullmatch(path):
        return _gemini_kind(found["model"], found["action"], ask)
    if path.startswith("/v1/"):
        return _openai_kind(path.removeprefix("/v1/"), _family_of_model(ask), ask)
    return None


def _openai_kind(rest: str, family: Family, ask: Ask) -> Meant | None:
    if ask.method == "GET" and (rest == "models" or rest.startswith("models/")):
        return Meant(family=family, kind="models", model=rest.removeprefix("models").lstrip("/") or None)
    kind = _OPENAI_KINDS.get(rest)
    return None if kind is None or ask.method != "POST" else Meant(family=family, kind=kind)


def _model_list(path: str, model: str | None, ask: Ask) -> Meant | None:
    """Three providers have a list at this path; version and header say whose is meant."""
    if ask.method not in ("GET", "HEAD"):
        return None
    if not path.startswith("/v1/") or "x-goog-api-key" in ask.fields or "key" in ask.query:
        return Meant(family="gemini", kind="models", native=True, model=model)
    if _speaks_anthropic(ask):
        return Meant(family="anthropic", kind="models", native=True, model=model)
    return Meant(family="openai", kind="models", model=model)


def _gemini_kind(model: str, action: str, ask: Ask) -> Meant | None:
    kind = _GEMINI_KINDS.get(action)
    if kind is None or ask.method != "POST":
        return None
    return Meant(family="gemini", kind=kind, native=True, model=model, streamed=action == "streamGenerateContent")


def _speaks_anthropic(ask: Ask) -> bool:
    return "anthropic-version" in ask.fields


def _family_of_model(ask: Ask) -> Family:
    """At `/v1/…` OpenAI answers, but Anthropic has chat completions there too."""
    return "anthropic" if re.search(rb'"model"\s*:\s*"claude', ask.body) else "openai"


def _listed(meant: Meant, number: str, chance: Random) -> Script:
    fields = heads.fields(meant.family, "", number, 0, 0.02, chance)
    if meant.model is None:
        return whole(200, fields, listing.models(meant.family, native=meant.native), 0.02)
    if meant.model not in MODELS[meant.family]:
        return faults.refusal(meant.family, "not_found", number, native=meant.native)
    return whole(200, fields, listing.model(meant.family, meant.model, native=meant.native), 0.02)


def _speak(asked: Asked, native: bool, number: str, chance: Random, now_s: int, error_share: float) -> Script:
    fault = faults.drawn(asked.model, asked.streamed, error_share, chance)
    if fault is not None and faults.is_refusal(fault):
        after_s = PACES[asked.family].first_s * 0.3
        return faults.refusal(asked.family, fault, number, native=native, after_s=after_s)
    said = draft(asked, chance, filtered=fault == "filter")
    fields = heads.fields(asked.family, said.model, number, asked.prompt_tokens, said.first_s, chance)
    if asked.kind in ("embeddings", "gemini_embeddings", "count"):
        return whole(200, fields, _counted(asked), said.first_s * 0.4)
    if not asked.streamed:
        made = whole(200, fields, _whole(asked, said, now_s), said.lasts_s)
        return _broken(made) if fault == "cut" else made
    parts = list(_events(asked, said, now_s, chance))
    if fault in ("cut", "in_band"):
        parts = parts[: max(2, len(parts) // 2)]
    frames = _framed(asked, [part for part, _ in parts], ends=fault is None or fault == "filter")
    if fault == "in_band":
        frames.append(_in_band(asked, number))
    waits = _waits(said, [is_piece for _, is_piece in parts])
    pieces = [Piece(next(waits, 0.0), frame) for frame in frames]
    media_type = "application/json" if _is_array(asked) else "text/event-stream; charset=utf-8"
    made = stream(fields, media_type, pieces, said.first_s * _HEAD_SHARE)
    return attrs.evolve(made, breaks_off=fault == "cut")


def _counted(asked: Asked) -> Tree:
    if asked.kind == "embeddings":
        return embeddings.openai(asked)
    if asked.kind == "gemini_embeddings":
        return embeddings.gemini(asked)
    return messages.counted(asked) if asked.family == "anthropic" else {"totalTokens": asked.prompt_tokens}


def _whole(asked: Asked, said: Draft, now_s: int) -> Tree:
    if asked.kind == "responses":
        return responses.whole(asked, said, now_s)
    if asked.kind == "messages":
        return messages.whole(said)
    if asked.kind == "generate":
        return generate.whole(said)
    return completions.whole(asked, said, now_s)


def _events(asked: Asked, said: Draft, now_s: int, chance: Random) -> Iterable[tuple[Tree, bool]]:
    if asked.kind == "responses":
        return responses.events(asked, said, now_s)
    if asked.kind == "messages":
        return messages.events(said)
    if asked.kind == "generate":
        return generate.events(said)
    return completions.events(asked, said, now_s, chance)


def _is_array(asked: Asked) -> bool:
    return asked.kind == "generate" and asked.array


def _framed(asked: Asked, trees: list[Tree], *, ends: bool) -> list[bytes]:
    """Events in the framing of their dialect. *ends*: with whatever closes the stream."""
    if _is_array(asked):
        frames = [(b"[" if at == 0 else b",\r\n") + compact(tree) for at, tree in enumerate(trees)]
        return [*frames, b"\n]"] if ends else frames
    if asked.kind == "generate":
        return [b"data: " + compact(tree) + b"\r\n\r\n" for tree in trees]
    if asked.kind in ("responses", "messages"):
        return [b"event: " + tree["type"].encode() + b"\ndata: " + compact(tree) + b"\n\n" for tree in trees]
    frames = [b"data: " + compact(tree) + b"\n\n" for tree in trees]
    return [*frames, b"data: [DONE]\n\n"] if ends else frames


def _in_band(asked: Asked, number: str) -> bytes:
    """An error in the middle of a stream that began as a success."""
    text = "Overloaded"
    if asked.kind == "messages":
        tree = faults.tree("anthropic", "overload", number, text, 529, native=True)
        return b"event: error\ndata: " + compact(tree) + b"\n\n"
    if asked.kind == "responses":
        tree = {"type": "error", "code": "server_error", "message": text, "param": None, "sequence_number": 99}
        return b"event: error\ndata: " + compact(tree) + b"\n\n"
    tree = faults.tree(asked.family, "overload", number, text, 503, native=asked.kind == "generate")
    if _is_array(asked):
        return b",\r\n" + compact(tree) + b"\n]"
    return b"data: " + compact(tree) + b"\n\n"


def _waits(said: Draft, are_pieces: list[bool]) -> Iterator[float]:
    """Before the first piece the rest of the time to the first token; between pieces the pace; elsewhere nothing."""
    begun = False
    for is_piece in are_pieces:
        if is_piece and not begun:
            begun = True
            yield said.first_s * (1 - _HEAD_SHARE)
        else:
            yield said.each_s if is_piece else 0.0


def _broken(made: Script) -> Script:
    """A whole answer of which only half arrives."""
    body = made.body
    return attrs.evolve(made, pieces=(Piece(0.0, body[: len(body) // 2]),), promised_bytes=len(body), breaks_off=True)
