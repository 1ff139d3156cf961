"""Readers of batches: how one stands, and the lines of its results.

A batch is billed for the requests that succeeded, each at the price of a batch. One in which none did costs nothing, and
that is known: by its counts once it has ended, and by its results. Called by `provider.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core import (
    ABSENT,
    LinesReader,
    Reading,
    WholeReader,
    count,
    message_used,
    nothing_billed,
    raw_tree,
    raw_word,
)

_ENDED: Final = "ended"
_IN_VAIN: Final = frozenset({"errored", "canceled", "expired"})
"""How a request of a batch may end without being billed. Source: the SDK's types of a result."""


@attrs.define
class _Batch:
    id: msgspec.Raw = ABSENT
    processing_status: msgspec.Raw = ABSENT
    request_counts: msgspec.Raw = ABSENT


@attrs.define
class _Result:
    type: msgspec.Raw = ABSENT
    message: msgspec.Raw = ABSENT


@attrs.define
class _Line:
    result: _Result | None = None


_batch = msgspec.json.Decoder(_Batch)
_line = msgspec.json.Decoder(_Line)


class BatchReader(WholeReader):
    """A batch that is looked at. What it used stands in its results, unless nothing came of any of its requests."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        batch = _batch.decode(body)
        name, counts = raw_word(batch.id), raw_tree(batch.request_counts)
        has_ended = raw_word(batch.processing_status) == _ENDED
        failed = sum(count(counts.get(how)) or 0 for how in _IN_VAIN)
        if name is not None and has_ended and count(counts.get("succeeded")) == 0 and failed:
            return attrs.evolve(nothing_billed(name), answer_id=name)
        return Reading(state="unbilled", answer_id=name)


class ResultsReader(LinesReader):
    """A batch's results: a message in each line whose request succeeded. The others are not billed."""

    def on_line(self, line: bytes) -> None:
        """See `LinesReader`."""
        result = _line.decode(line).result
        if result is None or len(result.message) <= len(b"null"):
            return
        model, usage = message_used(result.message)
        if usage is not None:
            self.sums.add(model, usage)

    def is_in_vain(self, line: bytes) -> bool:
        """See `LinesReader`."""
        result = _line.decode(line).result
        return result is not None and raw_word(result.type) in _IN_VAIN
