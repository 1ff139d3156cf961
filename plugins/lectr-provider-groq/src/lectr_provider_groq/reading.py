"""What Groq adds to answers of the usual dialect: `x_groq`, and the usage of each model of a compound system.

A stream's last chunk has its usage in `x_groq`, also where the client did not ask for usage; where it did, both places hold
the same numbers, so that one of them is taken and they are never added. A whole answer has `x_groq.usage`, too, but there it
tells of the hardware's caches and is no usage. A transcript is billed for ten seconds at least. Called by the provider's
`reader`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core import (
    ABSENT,
    BAD_INPUT,
    CompletionsEventReader,
    CompletionsReader,
    Reading,
    Share,
    Terms,
    TranscriptReader,
    Tree,
    Usage,
    branch,
    completion_usage,
    raw_tree,
    raw_word,
    transcript_usage,
    units,
)

LEAST_SECONDS: Final = 10
"""What a shorter recording is billed as. Source: the provider's page on speech to text."""


@attrs.define
class _Extra:
    id: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    usage_breakdown: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


@attrs.define
class _Answer:
    x_groq: msgspec.Raw = ABSENT
    usage_breakdown: msgspec.Raw = ABSENT


@attrs.define
class _Counts:
    prompt_tokens: int


_answer = msgspec.json.Decoder(_Answer)
_extra = msgspec.json.Decoder(_Extra)
_counts = msgspec.json.Decoder(_Counts)


class GroqReader(CompletionsReader):
    """A whole answer."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        reading = super().read(body)
        if b'"x_groq"' not in body and b'"usage_breakdown"' not in body:
            return reading
        answer = _answer.decode(body)
        extra = _extra_of(answer.x_groq)
        reading = with_breakdown(reading, raw_tree(answer.usage_breakdown))
        return attrs.evolve(
            reading,
            answer_id=raw_word(extra.id) or reading.answer_id,
            error_category="in_band" if _given(extra.error) else reading.error_category,
        )


class GroqEventReader(CompletionsEventReader):
    """A stream of chunks."""

    def __init__(self) -> None:
        super().__init__()
        self._breakdown: Tree = {}

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        super().on_event(name, data)
        if b'"x_groq"' not in data and b'"usage_breakdown"' not in data:
            return
        answer = _answer.decode(data)
        self._breakdown = raw_tree(answer.usage_breakdown) or self._breakdown
        extra = _extra_of(answer.x_groq)
        if _is_usage(extra.usage):
            self.note_usage(extra.usage)
        self._breakdown = raw_tree(extra.usage_breakdown) or self._breakdown
        self.findings.answer_id = raw_word(extra.id) or self.findings.answer_id
        if _given(extra.error):
            self.findings.error_category = "in_band"

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return with_breakdown(super().conclude(complete), self._breakdown)


def _extra_of(raw: msgspec.Raw) -> _Extra:
    """`x_groq`; empty where it is none."""
    try:
        return _extra.decode(raw)
    except BAD_INPUT:
        return _Extra()


def with_breakdown(reading: Reading, breakdown: Tree) -> Reading:
    """Price each model of a system apart: the sum keeps what they leave, which is nothing if all of them are told."""
    usage = reading.usage
    if usage is None or not breakdown:
        return reading
    shares = [share for share in map(_share, breakdown.get("models") or ()) if share is not None]
    left = dict(usage.units)
    fits = True
    for unit, number in ((unit, number) for share in shares for unit, number in share.units.items()):
        fits = fits and number <= left.get(unit, 0)
        left[unit] = max(0, left.get(unit, 0) - number)
    raw = {**usage.raw, "usage_breakdown": breakdown}
    told = attrs.evolve(usage, raw=raw)
    if shares:
        own = {unit: number for unit, number in left.items() if number}
        told = attrs.evolve(told, units=own, terms=Terms(tuple(shares)), adds_up=usage.adds_up if fits else False)
    return attrs.evolve(reading, usage=told)


def _share(entry: object) -> Share | None:
    model = entry.get("model") if isinstance(entry, dict) else None
    counts = completion_usage(branch(entry, "usage")).units
    return Share(model, counts) if isinstance(model, str) and counts else None


class GroqTranscriptReader(TranscriptReader):
    """A whole transcript. Without a duration or usage in it, nothing is known."""

    def usage_of(self, tree: Tree) -> Usage:
        """See `TranscriptReader`."""
        usage = transcript_usage(tree)
        seconds = usage.units.get(units.AUDIO_SECONDS)
        if seconds is None:
            return usage
        return attrs.evolve(usage, units={**usage.units, units.AUDIO_SECONDS: max(seconds, LEAST_SECONDS)})


def _is_usage(raw: msgspec.Raw) -> bool:
    """Whether it counts tokens; a whole answer has an object of that name that counts something else."""
    try:
        _counts.decode(raw)
    except BAD_INPUT:
        return False
    return True


def _given(raw: msgspec.Raw) -> bool:
    return len(raw) > len(b"null")
