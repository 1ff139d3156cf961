"""The journal as a stream of lines for people: what ended last, and what ends from now on. Changes nothing there.

Called by the command `tail`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import attrs

from lectr_core.journal.layout import stream_names
from lectr_core.journal.reader import StreamReader
from lectr_core.model import units
from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Ended

# Five looks a second seem immediate to a person; each costs some 30 µs a stream.
LOOK_EVERY_S = 0.2
_BATCH = 1000


@attrs.frozen
class Line:
    """One request, as it is shown."""

    id: str
    started_at: str
    """UTC, ISO 8601, milliseconds."""
    org: str | None
    key_id: str | None
    feature: str
    task: str | None
    provider: str | None
    model: str | None
    """As sent, else as requested."""
    model_requested: str | None
    model_actual: str | None
    """As the provider reports it."""
    variant: str | None
    method: str
    endpoint: str
    streamed: bool
    status: int | None
    outcome: str
    ended_by: str
    error_source: str | None
    error_category: str | None
    error_code: str | None
    finish_reason: str | None
    rule: str | None
    attempts: int
    client_retry: int | None
    provider_request_id: str | None
    config_version: str
    request_bytes: int
    response_bytes: int
    duration_ms: float
    ttft_ms: float | None
    input_tokens: int | None
    """As the provider reported them; None where it did not."""
    output_tokens: int | None


@attrs.define
class Follower:
    """Every stream of a journal, each read from where it was left."""

    journal: Path
    wanted: Callable[[Line], bool] = lambda _: True
    """Which lines are of interest."""
    _readers: dict[str, StreamReader] = attrs.field(init=False, factory=dict)

    def newest(self, count: int) -> list[Line]:
        """The last *count* wanted of those that stand in the journal, oldest first. Everything there is then read."""
        found = sorted(self._new(), key=lambda ended: ended.begun.started_ns, reverse=True)
        wanted = (line for line in map(line_of, found) if self.wanted(line))
        return list(islice(wanted, count))[::-1]

    def wait(self) -> list[Line]:
        """What has ended since, of what is wanted. Waits: until something has."""
        while True:
            found = [line for line in map(line_of, self._new()) if self.wanted(line)]
            if found:
                return found
            time.sleep(LOOK_EVERY_S)

    def _new(self) -> Iterator[Ended]:
        there = stream_names(self.journal)
        for gone in self._readers.keys() - set(there):
            self._readers.pop(gone).close()
        for name in there:
            if name not in self._readers:
                self._readers[name] = StreamReader(self.journal / name, Cursor(stream=name))
            try:
                while batch := self._readers[name].read(_BATCH).ended:
                    yield from batch
            except OSError:  # removed between two steps: all of it was stored
                self._readers.pop(name).close()


def line_of(ended: Ended) -> Line:
    """What is shown of a record."""
    begun = ended.begun
    usage = ended.reading.usage.units if ended.reading.usage is not None else None
    started = datetime.fromtimestamp(begun.started_ns / 1e9, UTC)
    return Line(
        id=begun.id,
        started_at=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        org=begun.org,
        key_id=begun.key_id,
        feature=begun.feature,
        task=begun.task,
        provider=begun.provider,
        model=begun.model_sent or begun.model_requested,
        model_requested=begun.model_requested,
        model_actual=ended.reading.model,
        variant=ended.reading.variant,
        method=begun.method,
        endpoint=begun.endpoint,
        streamed=begun.streamed,
        status=ended.status,
        outcome=ended.outcome,
        ended_by=ended.ended_by,
        error_source=ended.error_source,
        error_category=ended.error_category or ended.reading.error_category,
        error_code=ended.error_code,
        finish_reason=ended.reading.finish_reason,
        rule=begun.rule,
        attempts=len(ended.attempts),
        client_retry=ended.client_retry,
        provider_request_id=ended.provider_request_id,
        config_version=begun.config_version,
        request_bytes=max(ended.request_bytes, begun.request_bytes),
        response_bytes=ended.response_bytes,
        duration_ms=ended.duration_ns / 1e6,
        ttft_ms=ended.ttft_ns / 1e6 if ended.ttft_ns is not None else None,
        input_tokens=units.total(usage, units.INPUT_UNITS) if usage is not None else None,
        output_tokens=units.total(usage, units.OUTPUT_UNITS) if usage is not None else None,
    )
