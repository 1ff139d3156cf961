"""Writes a history through the sinks themselves, in the batches and with the cursors that real records come with.

Called by the command and by tests and benchmarks. Knows no sink and no price list: both are what is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import islice
from random import Random
from typing import Final

import attrs

from lectr_core import Accountant, Cursor, Ended, KeepsAccuracy, KeepsPrices, OperatorError, Sink
from lectr_provider_echo.history.asking import Ask, ask
from lectr_provider_echo.history.calendar import DAY_NS, Span, begin
from lectr_provider_echo.history.past import Moment, ended, is_tried_again

BATCH: Final = 5_000
"""Records per write: more than a gateway hands over at once, since nobody waits to see them."""
MOST_RETRIES: Final = 2
_TRIED_AGAIN: Final = 0.75
_S_NS: Final = 1_000_000_000

Progress = Callable[[int], None]
"""Is told how many records are stored."""


@attrs.frozen(kw_only=True)
class History:
    """Which history: the same values make the same requests."""

    days: float
    requests: int
    seed: int
    until_ns: int
    """When it ends: wall clock, nanoseconds since 1970."""

    @property
    def span(self) -> Span:
        """Its whole time."""
        return Span(self.until_ns - int(self.days * DAY_NS), self.until_ns)

    @property
    def stream(self) -> str:
        """Under which name its records are stored."""
        return f"history-{self.seed}"


def exchanges(history: History) -> Iterator[Ended]:
    """All exchanges of a history, in order of their beginning. SDKs try again what failed, and that counts too."""
    return islice(_exchanges(history), history.requests)


def _exchanges(history: History) -> Iterator[Ended]:
    chance = Random(history.seed)
    span = history.span
    waiting: list[tuple[int, int, Ask, int]] = []
    seq = too_many = 0
    hour = -1
    events = span.events(span.since_ns)
    for at_ns, feature in begin(span, history.requests, chance):
        while waiting and waiting[0][0] <= at_ns:
            again_ns, _, same, retry = heappop(waiting)
            seq += 1
            too_many += 1
            made = ended(Moment(seq=seq, at_ns=again_ns, retry=retry), same, events, chance)
            _try_again(made, same, retry, waiting, chance)
            yield made
        if too_many:
            too_many -= 1
            continue
        if at_ns // (60 * _S_NS) != hour:
            hour = at_ns // (60 * _S_NS)
            events = span.events(at_ns)
        seq += 1
        asked = ask(feature, events, chance)
        made = ended(Moment(seq=seq, at_ns=at_ns), asked, events, chance)
        _try_again(made, asked, 0, waiting, chance)
        yield made


def _try_again(made: Ended, asked: Ask, retry: int, waiting: list[tuple[int, int, Ask, int]], chance: Random) -> None:
    if made.outcome == "ok" or retry >= MOST_RETRIES or not is_tried_again(made, asked.feature.patience_s):
        return
    if chance.random() < _TRIED_AGAIN:
        pause_ns = int(chance.uniform(0.5, 1.5) * 2**retry * _S_NS)
        heappush(waiting, (made.begun.started_ns + made.duration_ns + pause_ns, made.begun.seq, asked, retry + 1))


async def fill(history: History, sinks: Sequence[Sink], accountant: Accountant, progress: Progress) -> int:
    """Store the history in every sink, as *accountant* counts it. Returns how many records it has.

    Waits: on the sinks. Cancel: whole batches are stored, and their cursor says so.
    Errors: OperatorError where a sink has this history already, or cannot store it.
    """
    for sink in sinks:
        if history.stream in await sink.open():
            await sink.close()
            raise OperatorError(f"the history of seed {history.seed} is there already; choose another --seed or --data")
    made = exchanges(history)
    stored = 0
    try:
        while batch := [accountant.record(history.stream, one) for one in islice(made, BATCH)]:
            stored += len(batch)
            is_last = stored == history.requests
            cursor = Cursor(stream=history.stream, highest=stored, stored=stored, finished=is_last)
            for sink in sinks:
                await sink.write(batch, [cursor])
                if is_last and isinstance(sink, KeepsPrices):
                    await sink.keep_prices(accountant.used())
                if is_last and isinstance(sink, KeepsAccuracy):
                    await sink.keep_accuracy(accountant.accuracy())
            progress(stored)
    finally:
        for sink in sinks:
            await sink.close()
    return stored
