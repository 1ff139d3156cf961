"""Readers of the provider's own answers: one object, a JSON array or server-sent events, all made of the same frame.

Only declared fields are decoded; the text of an answer is measured where it lies and never becomes an object. Called by
`provider.py`. What the counts mean is in `usage.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core import (
    ABSENT,
    BAD_INPUT,
    ArrayReader,
    EventReader,
    Findings,
    Reading,
    Usage,
    WholeReader,
    count,
    counted_images,
    numbers,
    raw_chars,
    raw_tree,
    raw_word,
    units,
)
from lectr_provider_gemini.usage import of_partial, tier_of, usage_of, with_maps, with_searches

# Usage metadata with every detail known today is below 2 KiB; what is far beyond is none.
_MAX_USAGE_BYTES: Final = 64 * 1024


@attrs.define
class _Part:
    text: msgspec.Raw = ABSENT
    functionCall: msgspec.Raw = ABSENT
    inlineData: msgspec.Raw = ABSENT
    executableCode: msgspec.Raw = ABSENT
    codeExecutionResult: msgspec.Raw = ABSENT

    @property
    def chars(self) -> int | None:
        """How long its text or call is, JSON escapes as sent; 0 for other output, None for none."""
        chars = raw_chars(self.text) + (len(self.functionCall) if _said(self.functionCall) else 0)
        if chars:
            return chars
        return 0 if _said(self.inlineData) or _said(self.executableCode) or _said(self.codeExecutionResult) else None


@attrs.define
class _Content:
    parts: list[_Part] | None = None


@attrs.define
class _Grounding:
    webSearchQueries: list[msgspec.Raw] | None = None
    groundingChunks: msgspec.Raw = ABSENT


@attrs.define
class _Source:
    maps: msgspec.Raw = ABSENT


@attrs.define
class _Embedding:
    statistics: msgspec.Raw = ABSENT


@attrs.define
class _Prediction:
    embeddings: msgspec.Raw = ABSENT


@attrs.define
class _Candidate:
    content: _Content | None = None
    finishReason: msgspec.Raw = ABSENT
    groundingMetadata: _Grounding | None = None


@attrs.define
class _Feedback:
    blockReason: msgspec.Raw = ABSENT


@attrs.define
class _Frame:
    # Raw, so that a wrong type in one field does not lose the others.
    candidates: msgspec.Raw = ABSENT
    usageMetadata: msgspec.Raw = ABSENT
    modelVersion: msgspec.Raw = ABSENT
    responseId: msgspec.Raw = ABSENT
    promptFeedback: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    predictions: msgspec.Raw = ABSENT


_frame = msgspec.json.Decoder(_Frame)
_frames = msgspec.json.Decoder(list[_Frame])
_candidates = msgspec.json.Decoder(list[_Candidate])
_feedback = msgspec.json.Decoder(_Feedback)
_sources = msgspec.json.Decoder(list[_Source])
_predictions = msgspec.json.Decoder(list[_Prediction])
_embedding = msgspec.json.Decoder(_Embedding)


class _Learnt(Findings):
    """What the frames of one answer have said so far."""

    def __init__(self, tier: str | None) -> None:
        super().__init__()
        self.tier = tier
        self._usage: dict[str, object] = {}
        """Every field as last sent; not yet sifted, because a stream repeats all of them in every frame."""
        self._queries: set[int] = set()
        """Marks of the searches that were made: each is billed once, and an empty one not at all."""
        self._is_on_maps = False
        self._predicted: Usage | None = None

    def take(self, data: bytes) -> list[int]:
        """Learn from one frame, or from a list of them. Returns the length of each piece of output. Errors: ValueError."""
        # An error may come wrapped in a list of one.
        frames = _frames.decode(data) if data.lstrip()[:1] == b"[" else [_frame.decode(data)]
        return [chars for frame in frames for chars in self._take(frame)]

    def conclude(self, *, final: bool) -> Reading:
        """Everything learnt. Counts are a lower bound where the answer is not *final*, or failed."""
        tree = numbers(self._usage)
        self.tier = tier_of(tree) or self.tier
        usage = self._predicted
        if tree:
            usage = with_searches(usage_of(tree), len(self._queries), self.model)
            usage = with_maps(usage) if self._is_on_maps else usage
        if final and self.error_category is None:
            return self.reading(usage)
        reading = self.reading(None if usage is None else of_partial(usage))
        return attrs.evolve(reading, state="partial") if reading.state == "reported" else reading

    def _take(self, frame: _Frame) -> list[int]:
        if len(frame.usageMetadata) <= _MAX_USAGE_BYTES and _said(frame.usageMetadata):
            tree = msgspec.json.decode(frame.usageMetadata)
            if isinstance(tree, dict):
                # Counts are cumulative: per field, the last one that is not null wins.
                self._usage.update((name, value) for name, value in tree.items() if value is not None)
        if self.model is None:
            self.model = raw_word(frame.modelVersion)
        if self.answer_id is None:
            self.answer_id = raw_word(frame.responseId)
        if _said(frame.error):
            self.error_category = "in_band"
        if _said(frame.predictions):
            self._predicted = _of_predictions(frame.predictions)
        try:
            return self._take_output(frame)
        except BAD_INPUT:
            return []  # output of a shape unknown today: what the frame says of usage holds all the same

    def _take_output(self, frame: _Frame) -> list[int]:
        if _said(frame.promptFeedback):
            self.finish_reason = raw_word(_feedback.decode(frame.promptFeedback).blockReason) or self.finish_reason
        pieces: list[int] = []
        for candidate in _candidates.decode(frame.candidates) if _said(frame.candidates) else ():
            if candidate.finishReason:
                self.finish_reason = raw_word(candidate.finishReason) or self.finish_reason
            if candidate.groundingMetadata is not None:
                self._take_grounding(candidate.groundingMetadata)
            parts = candidate.content.parts if candidate.content is not None else None
            pieces += [chars for chars in (part.chars for part in parts or ()) if chars is not None]
        return pieces

    def _take_grounding(self, grounding: _Grounding) -> None:
        queries = grounding.webSearchQueries or ()
        self._queries.update(hash(bytes(query)) for query in queries if len(query) > len(b'""'))
        if _said(grounding.groundingChunks):
            self._is_on_maps = self._is_on_maps or any(_said(one.maps) for one in _sources.decode(grounding.groundingChunks))


def _of_predictions(raw: msgspec.Raw) -> Usage | None:
    """What predictions used: embeddings count their own tokens, of images there is only the number."""
    try:
        embedded = [one.embeddings for one in _predictions.decode(raw) if _said(one.embeddings)]
    except BAD_INPUT:
        embedded = []
    if not embedded:
        return counted_images(raw)
    tokens = [number for number in map(_tokens, embedded) if number is not None]
    return Usage({units.INPUT: sum(tokens)}, {"token_count": sum(tokens)}) if len(tokens) == len(embedded) else None


def _tokens(embedding: msgspec.Raw) -> int | None:
    try:
        return count(raw_tree(_embedding.decode(embedding).statistics).get("token_count"))
    except BAD_INPUT:
        return None


class GenerateReader(WholeReader):
    """An answer in one piece: generated content, embeddings, predictions."""

    def __init__(self, tier: str | None = None) -> None:
        """*tier*: the service tier of the answer's head, where it has one."""
        super().__init__()
        self._tier = tier

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        learnt = _Learnt(self._tier)
        pieces = learnt.take(body)
        reading = learnt.conclude(final=True)
        return attrs.evolve(reading, deltas=len(pieces), delta_chars=sum(pieces))


class GenerateEventReader(EventReader):
    """Generated content as server-sent events (`alt=sse`). There is no last event of its own kind."""

    def __init__(self, tier: str | None = None) -> None:
        """*tier*: the service tier of the answer's head, where it has one."""
        super().__init__()
        self._learnt = _Learnt(tier)

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        for chars in self._learnt.take(data):
            self.saw_output(chars)

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`. Without a reason to stop, the counts are those of the moment: a lower bound."""
        return self._learnt.conclude(final=self._learnt.finish_reason is not None)


class GenerateArrayReader(ArrayReader):
    """Generated content as a JSON array that grows, or as the one object that some upstreams send instead."""

    def __init__(self, tier: str | None = None) -> None:
        """*tier*: the service tier of the answer's head, where it has one."""
        super().__init__()
        self._learnt = _Learnt(tier)

    def on_item(self, item: bytes) -> None:
        """See `ArrayReader`."""
        for chars in self._learnt.take(item):
            self.saw_output(chars)

    def conclude(self, complete: bool) -> Reading:
        """See `ArrayReader` and `GenerateEventReader.conclude`."""
        return self._learnt.conclude(final=self._learnt.finish_reason is not None)


def _said(raw: msgspec.Raw) -> bool:
    """Whether the field is there and says something: shorter ones are `null`, `{}` and the like."""
    return len(raw) > len(b"null")
