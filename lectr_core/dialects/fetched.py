"""Answers that are fetched, and requests that start what is told later.

What a request fetches was mostly counted when it was made: nothing is billed for it again. Two things are told only when
they are fetched: a response that was worked on in the background, and the results of a batch. Both can be fetched again and
again, so that they carry a name under which they are counted once. Called through `dialects/provider.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core.dialects.completions import completion_usage
from lectr_core.dialects.findings import ABSENT, Findings, raw_tree, raw_word
from lectr_core.dialects.lines import BATCH, LinesReader, nothing_billed
from lectr_core.dialects.reading import WholeReader
from lectr_core.dialects.responses import ResponsesEventReader, ResponsesReader, response_usage
from lectr_core.dialects.usage import count
from lectr_core.model.reading import Reading, Terms, Tree, Usage

_FINISHED: Final = frozenset({"completed", "expired", "cancelled"})
_IN_VAIN: Final = frozenset({"failed", "expired", "cancelled"})
"""Ends of a batch that may have come before any of its requests was answered: without results, nothing is billed. One that
is completed without results is known to be so where it counts its requests, and all of them failed."""


def usage_of_either(tree: Tree) -> Usage:
    """A usage object of either dialect: its names tell which."""
    return response_usage(tree) if "input_tokens" in tree else completion_usage(tree)


class UnbilledReader:
    """For requests that no tokens are billed for. Looks at nothing. Satisfies `ports.Reader`."""

    def __init__(self) -> None:
        self.first_token_seen = False

    def feed(self, data: bytes | memoryview) -> None:
        """See `ports.Reader`."""

    def finish(self, *, complete: bool) -> Reading:
        """See `ports.Reader`."""
        return Reading(state="unbilled")


class OpenReader(WholeReader):
    """The answer to a request that starts what is told later: it has an id, and no usage."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        batch = _batch.decode(body)
        return Reading(state="open", model=raw_word(batch.model), answer_id=raw_word(batch.id))


def not_again(reading: Reading) -> Reading:
    """Of a fetched response only what was not counted when it was made: what was worked on in the background."""
    usage = reading.usage
    if usage is not None and usage.terms is not None and usage.terms.once is not None:
        return reading
    return attrs.evolve(reading, state="unbilled", usage=None)


class FetchedResponseReader(ResponsesReader):
    """A response that is fetched, or cancelled."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        return not_again(super().read(body))


class FetchedResponseEventReader(ResponsesEventReader):
    """A response whose events are fetched: those that come and those that came."""

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return not_again(super().conclude(complete))


class _Batch(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    output_file_id: msgspec.Raw = ABSENT
    request_counts: msgspec.Raw = ABSENT


_batch = msgspec.json.Decoder(_Batch)


class BatchReader(WholeReader):
    """A batch that is looked at. Finished, it may sum up its usage: then its results need not be downloaded.

    Sum and results are one and the same, so both have the name of the file that holds the results.
    """

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        batch = _batch.decode(body)
        findings = Findings()
        findings.model, findings.answer_id = raw_word(batch.model), raw_word(batch.id)
        findings.finish_reason, findings.tier = raw_word(batch.status), BATCH
        tree, file = raw_tree(batch.usage), raw_word(batch.output_file_id)
        counts = raw_tree(batch.request_counts)
        requests = count(counts.get("completed"))
        # Where the results are told, whether or not they are summed up here.
        awaits = file if findings.answer_id is not None else None
        is_told = findings.finish_reason in _FINISHED and findings.model is not None and file is not None
        is_vain = findings.finish_reason in _IN_VAIN or (
            findings.finish_reason == "completed" and requests == 0 and bool(count(counts.get("failed")))
        )
        if is_vain and not requests and file is None and findings.answer_id is not None:
            nothing = nothing_billed(findings.answer_id).usage
            return attrs.evolve(findings.reading(nothing), model=findings.model)
        reading = findings.reading(usage_of_either(tree) if tree and is_told else None)
        if reading.usage is None or not any(reading.usage.units.values()):
            return attrs.evolve(reading, state="unbilled", usage=None, awaits=awaits)
        mean = max(1, (count(tree.get("input_tokens")) or 0) // max(1, requests or 1))
        terms = attrs.evolve(reading.usage.terms or Terms(), once=file, longest_prompt=mean)
        return attrs.evolve(reading, usage=attrs.evolve(reading.usage, terms=terms))


class _Body(msgspec.Struct, gc=False):
    model: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    tool_usage: msgspec.Raw = ABSENT


class _Response(msgspec.Struct, gc=False):
    body: _Body | None = None


class _Line(msgspec.Struct, gc=False):
    response: _Response | None = None


_line = msgspec.json.Decoder(_Line)


class BatchLinesReader(LinesReader):
    """The file with a batch's results: each line holds an answer of one of the dialects. Other files hold none."""

    def on_line(self, line: bytes) -> None:
        """See `LinesReader`."""
        response = _line.decode(line).response
        body = response.body if response is not None else None
        tree = raw_tree(body.usage) if body is not None else {}
        if body is not None and tree:
            tools = raw_tree(body.tool_usage)
            self.sums.add(raw_word(body.model), self.usage_of({**tree, "tool_usage": tools} if tools else tree))

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return usage_of_either(tree)
