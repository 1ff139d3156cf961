"""Readers of batches: their results stand in the batch itself, or in a file of lines. Both are counted once.

Called by `provider.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core import ABSENT, LinesReader, Reading, Sums, WholeReader, nothing_billed, numbers, raw_word
from lectr_provider_gemini.usage import usage_of

_FAILED: Final = "BATCH_STATE_FAILED"
_IN_VAIN: Final = frozenset({_FAILED, "BATCH_STATE_EXPIRED", "BATCH_STATE_CANCELLED"})
"""Ends of a batch that may have come before any of its requests was answered."""


@attrs.define
class _Answer:
    usageMetadata: msgspec.Raw = ABSENT
    modelVersion: msgspec.Raw = ABSENT


@attrs.define
class _Result:
    response: _Answer | None = None
    error: msgspec.Raw = ABSENT

    @property
    def is_in_vain(self) -> bool:
        """Whether an error stands in place of an answer."""
        return self.response is None and len(self.error) > len(b"null")


@attrs.define
class _Inlined:
    inlinedResponses: list[_Result] | None = None


@attrs.define
class _Output:
    inlinedResponses: _Inlined | None = None
    responsesFile: msgspec.Raw = ABSENT


@attrs.define
class _Metadata:
    model: msgspec.Raw = ABSENT
    state: msgspec.Raw = ABSENT
    batchStats: msgspec.Raw = ABSENT
    output: _Output | None = None


@attrs.define
class _Batch:
    name: msgspec.Raw = ABSENT
    metadata: _Metadata | None = None
    response: _Output | None = None


_batch = msgspec.json.Decoder(_Batch)
_line = msgspec.json.Decoder(_Result)


def _add(sums: Sums, answer: _Answer | None, model: str | None) -> None:
    if answer is None or len(answer.usageMetadata) <= len(b"null"):
        return
    tree = numbers(msgspec.json.decode(answer.usageMetadata))
    if tree:
        sums.add(raw_word(answer.modelVersion) or model, usage_of(tree))


def _ended_in_vain(told: _Metadata | None) -> bool:
    """Whether a batch without any output is known to have come to nothing: a count of 0 is left out as sent."""
    state = raw_word(told.state) if told is not None else None
    if told is None or state not in _IN_VAIN:
        return False
    stats = msgspec.json.decode(told.batchStats) if told.batchStats else None
    if not isinstance(stats, dict) or not stats.get("requestCount"):
        return state == _FAILED
    return str(stats.get("successfulRequestCount") or 0) == "0"


class OpenBatchReader(WholeReader):
    """A batch that begins."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        return Reading(state="open", answer_id=raw_word(_batch.decode(body).name))


class BatchReader(WholeReader):
    """A batch that is looked at: finished, it may hold its results."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        batch = _batch.decode(body)
        name = raw_word(batch.name)
        model = raw_word(batch.metadata.model) if batch.metadata is not None else None
        sums = Sums()
        outputs = [batch.metadata.output if batch.metadata is not None else None, batch.response]
        inlined = next((one.inlinedResponses for one in outputs if one is not None and one.inlinedResponses), None)
        results = (inlined.inlinedResponses or ()) if inlined is not None else ()
        for result in results:
            _add(sums, result.response, model.removeprefix("models/") if model is not None else None)
        if not sums.requests or name is None:
            files = [raw_word(one.responsesFile) for one in outputs if one is not None]
            file = next((one.rpartition("/")[2] for one in files if one), None)  # as the path of its download names it
            is_vain = all(one.is_in_vain for one in results) if results else _ended_in_vain(batch.metadata)
            if name is not None and file is None and is_vain:
                return attrs.evolve(nothing_billed(name), answer_id=name)
            return Reading(state="unbilled", answer_id=name, awaits=file)
        return attrs.evolve(sums.reading(name), answer_id=name)


class ResultsReader(LinesReader):
    """The file with a batch's results."""

    MARK = b'"usageMetadata"'

    def on_line(self, line: bytes) -> None:
        """See `LinesReader`."""
        _add(self.sums, _line.decode(line).response, None)

    def is_in_vain(self, line: bytes) -> bool:
        """See `LinesReader`: an error stands in place of the answer."""
        return _line.decode(line).is_in_vain
