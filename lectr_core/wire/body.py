"""The few declared fields of a JSON request body, and the two changes that may be made to it.

A prompt never becomes a Python object here: msgspec skips what is not declared, and a replacement moves bytes without
looking into them. Nothing raises for bad input. Called by the hot rooms: `read_fields` for every JSON body, `replace_model`
and `ask_for_usage` only where a rule says so.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

import msgspec

from lectr_core.model.value import value

_MAX_MODEL_BYTES: Final = 1024
"""A longer `model` is no name of a model. The longest known (a fine-tuned one) has about 150 characters."""

_MAX_NESTED_BYTES: Final = 64 * 1024
"""A longer `generationConfig` (it may hold a schema) is left unread: `max_tokens` is not worth the time."""

_MAX_DIGITS: Final = 15

_MAX_NESTED: Final = 10_000
"""Members of one name at any depth; a body with more is left as it is."""

_ABSENT: Final = msgspec.Raw()

BAD_INPUT: Final = (ValueError, RecursionError, MemoryError)
"""What decoding hostile JSON may raise: msgspec's errors and UnicodeDecodeError are ValueErrors."""


@value
class Fields:
    """What was read out of a request body."""

    readable: bool
    """Whether it is a JSON object that the parser takes. It is passed on either way."""
    model: str | None = None
    streamed: bool | None = None
    max_tokens: int | None = None
    choices: int | None = 1
    """How many answers are asked for at most; each may have `max_tokens`. None: that cannot be told."""
    tool_bytes: int = 0
    """How long the declarations of tools are."""


UNREADABLE: Final = Fields(readable=False, choices=None)


# A Struct, not attrs: msgspec fills it about three times as fast, once a request.
class _Body(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    model: msgspec.Raw = _ABSENT
    stream: msgspec.Raw = _ABSENT
    max_tokens: msgspec.Raw = _ABSENT
    max_completion_tokens: msgspec.Raw = _ABSENT
    max_output_tokens: msgspec.Raw = _ABSENT
    n: msgspec.Raw = _ABSENT
    best_of: msgspec.Raw = _ABSENT
    prompt: msgspec.Raw = _ABSENT
    generationConfig: msgspec.Raw = _ABSENT
    generation_config: msgspec.Raw = _ABSENT
    tools: msgspec.Raw = _ABSENT


class _Asking(msgspec.Struct, gc=False):
    stream: msgspec.Raw = _ABSENT
    stream_options: msgspec.Raw = _ABSENT


class _Generation(msgspec.Struct, gc=False):
    maxOutputTokens: msgspec.Raw = _ABSENT
    max_output_tokens: msgspec.Raw = _ABSENT
    candidateCount: msgspec.Raw = _ABSENT
    candidate_count: msgspec.Raw = _ABSENT


_body = msgspec.json.Decoder(_Body)
_generation = msgspec.json.Decoder(_Generation)
_asking = msgspec.json.Decoder(_Asking)
_text = msgspec.json.Decoder(str)
# What decides where a request goes and how it is answered; how a member of that name looks.
_DECIDING: Final = {name: re.compile(rb'"' + name + rb'"[ \t\n\r]*+:') for name in (b"model", b"stream")}
_NULL: Final = b"null"
_LIST: Final = ord("[")
_model_value = re.compile(rb'model"[ \t\n\r]*+:[ \t\n\r]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")')


def read_fields(body: bytes | bytearray | memoryview) -> Fields:
    """Read the declared fields; a field of the wrong type reads as None. Never raises.

    Units:  time is about 1 µs for a small body and under 1 ms a MiB; the memory used does not grow with the body.
    """
    try:
        found = _body.decode(body)
    except BAD_INPUT:
        return UNREADABLE
    stream = bytes(found.stream) if len(found.stream) <= len(b"false") else b""
    max_tokens = _first_count(found.max_completion_tokens, found.max_tokens, found.max_output_tokens)
    choices = _more_of(_choices(found.n), _choices(found.best_of)) if found.n or found.best_of else 1
    if found.prompt and memoryview(found.prompt)[0] == _LIST:
        choices = None  # a list may be one prompt's tokens, or many prompts with an answer each
    if found.generationConfig or found.generation_config:
        nested_tokens, candidates = _nested_counts(found.generationConfig or found.generation_config)
        max_tokens, choices = nested_tokens if max_tokens is None else max_tokens, _more_of(choices, candidates)
    streamed = {b"true": True, b"false": False}.get(stream)
    return Fields(True, _name(found.model), streamed, max_tokens, choices, len(found.tools))


def _name(raw: msgspec.Raw) -> str | None:
    if not 2 < len(raw) <= _MAX_MODEL_BYTES:
        return None
    try:
        return _text.decode(raw)
    except BAD_INPUT:
        return None


def _first_count(*raws: msgspec.Raw) -> int | None:
    for raw in raws:
        if raw and len(raw) <= _MAX_DIGITS and (digits := bytes(raw)).isdigit():
            return int(digits)
    return None


def _nested_counts(raw: msgspec.Raw) -> tuple[int | None, int | None]:
    """(max_tokens, choices) of a `generationConfig`."""
    if len(raw) > _MAX_NESTED_BYTES:
        return None, None
    if bytes(raw) == _NULL:
        return None, 1
    try:
        found = _generation.decode(raw)
    except BAD_INPUT:
        return None, None
    candidates = _choices(found.candidateCount or found.candidate_count)
    return _first_count(found.maxOutputTokens, found.max_output_tokens), candidates


def _choices(raw: msgspec.Raw) -> int | None:
    if not raw or bytes(raw) == _NULL:
        return 1
    said = _first_count(raw)
    return None if said is None else max(1, said)


def _more_of(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def is_certain(body: bytes | bytearray) -> bool:
    """Whether everybody must read the same `model` and `stream` out of a body: each stands there once or not at all, with
    a value that is one, and the parser takes the body. Never raises.

    Units:  time is that of `read_fields` for a body without such members below its top, some ms for 4 MiB with them.
    """
    try:
        found = _body.decode(body)
    except BAD_INPUT:
        return False
    if found.model and _name(found.model) is None and bytes(found.model) != _NULL:
        return False
    if found.stream and (len(found.stream) > len(b"false") or bytes(found.stream) not in (b"true", b"false", _NULL)):
        return False
    return all(_only_top_level(body, name) is not None for name in _DECIDING if getattr(found, name.decode()))


def replace_model(body: bytes | bytearray, model: str) -> bytes | None:
    """Put *model* in place of the value of the top-level `model`; every other byte stays as it is.

    Shapes: None where that cannot be done safely: the body is no JSON object that the parser takes; `model` is missing,
        no text, there twice, or its name is spelt with escapes; a nested `model` is never touched.
    Units:  time is some ms for a body of 4 MiB.

    How. In valid JSON, `"model"` with no backslash before it and a colon behind is a member's name, never text: a quote
    within text has a backslash before it. So a search finds every member of that name, and the parser itself says which
    of them stand at the top: once those names are spoilt, it finds no `model` any more.
    """
    at = _only_top_level(body, b"model") if _has(body, b"model") else None
    value = None if at is None else _model_value.match(body, at)
    if value is None:
        return None
    try:
        new = msgspec.json.encode(model)
    except UnicodeEncodeError:
        return None
    start, end = value.span(1)
    return b"".join((body[:start], new, body[end:]))


def ask_for_usage(body: bytes | bytearray) -> bytes | None:
    """Put `stream_options.include_usage` in front of the first member of a request for a stream; every other byte stays.

    Shapes: None where that cannot be done safely: the body is no JSON object that the parser takes, does not say once and
        for certain that it wants a stream, or has a `stream_options` of its own.
    Units:  time is that of `is_certain`.
    """
    if not is_certain(body):
        return None
    found = _asking.decode(body)
    if found.stream_options or bytes(found.stream) != b"true":
        return None
    at = body.index(b"{") + 1
    return b"".join((body[:at], b'"stream_options":{"include_usage":true},', body[at:]))


def _only_top_level(body: bytes | bytearray, name: bytes) -> int | None:
    """Where the one member *name* at the top has its name; None where more than one stands there, or it is spelt oddly.

    Shapes: there is one at least.
    """
    found = islice(_DECIDING[name].finditer(body), _MAX_NESTED + 1)
    places = [match.start() + 1 for match in found if body[match.start() - 1 : match.start()] != b"\\"]
    if len(places) > _MAX_NESTED or _has(_spoilt(body, name, places), name):
        return None  # too many, or one is spelt in a way that the search does not see
    # The shortest run of places from the front that hides the member ends with the last one at the top.
    few, enough = 0, len(places)
    while enough - few > 1:
        middle = (few + enough) // 2
        if _has(_spoilt(body, name, places[:middle]), name):
            few = middle
        else:
            enough = middle
    last = places[enough - 1]
    return None if len(places) > 1 and _has(_spoilt(body, name, [last]), name) else last


def _spoilt(body: bytes | bytearray, name: bytes, places: list[int]) -> bytearray:
    copy = bytearray(body)
    for at in places:
        copy[at : at + len(name)] = name.upper()
    return copy


def _has(body: bytes | bytearray, name: bytes) -> bool:
    try:
        return bool(getattr(_body.decode(body), name.decode()))
    except BAD_INPUT:
        return False
