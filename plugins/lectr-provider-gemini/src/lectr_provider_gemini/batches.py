"""Readers of batches: their results stand in the batch itself, or in a file of lines. Both are counted once.

Called by `provider.py`.
"""

from __future__ import annotations

import attrs
import msgspec

from lectr_core import ABSENT, LinesReader, Reading, Sums, WholeReader, numbers, raw_word
from lectr_provider_gemini.usage import usage_of


@attrs.define
class _Answer:
    usageMetadata: msgspec.Raw = ABSENT
    modelVersion: msgspec.Raw = ABSENT


@attrs.define
class _Result:
    response: _Answer | None = None


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
        for result in (inlined.inlinedResponses or ()) if inlined is not None else ():
            _add(sums, result.response, model.removeprefix("models/") if model is not None else None)
        if not sums.requests or name is None:
            files = [raw_word(one.responsesFile) for one in outputs if one is not None]
            file = next((one.rpartition("/")[2] for one in files if one), None)  # as the path of its download names it
            return Reading(state="unbilled", answer_id=name, awaits=file)
        return attrs.evolve(sums.reading(name), answer_id=name)


class ResultsReader(LinesReader):
    """The file with a batch's results."""

    MARK = b'"usageMetadata"'

    def on_line(self, line: bytes) -> None:
        """See `LinesReader`."""
        _add(self.sums, _line.decode(line).response, None)
