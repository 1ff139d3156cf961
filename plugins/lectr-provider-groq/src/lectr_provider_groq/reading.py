"""What Groq adds to answers of the usual dialect: `x_groq`, and the usage of each model of a compound system.

A stream's last chunk has its usage in `x_groq`, also where the client did not ask for usage; where it did, both places hold
the same numbers, so that one of them is taken and they are never added. A whole answer has `x_groq.usage`, too, but there it
tells of the hardware's caches and is no usage. Called by the provider's `reader`.
"""

from __future__ import annotations

import attrs
import msgspec

from lectr_core import ABSENT, BAD_INPUT, CompletionsEventReader, CompletionsReader, Reading, Tree, raw_tree, raw_word


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
    """Keep the usage of each model beside the sum: only the sum is counted, the parts say at whose price."""
    usage = reading.usage
    if usage is None or not breakdown:
        return reading
    return attrs.evolve(reading, usage=attrs.evolve(usage, raw={**usage.raw, "usage_breakdown": breakdown}))


def _is_usage(raw: msgspec.Raw) -> bool:
    """Whether it counts tokens; a whole answer has an object of that name that counts something else."""
    try:
        _counts.decode(raw)
    except BAD_INPUT:
        return False
    return True


def _given(raw: msgspec.Raw) -> bool:
    return len(raw) > len(b"null")
