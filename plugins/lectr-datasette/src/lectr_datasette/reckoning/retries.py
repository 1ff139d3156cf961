"""Which requests are the same one, sent again. Pure.

A client's SDK says only that a request is its second or third try, not of what. So it is inferred: the last request of the
same key, feature, model, route and size that failed, was over when this one began, and was one try less. That is probably
right, and said so; two that are alike in all of it, at the same time, can be taken for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from lectr_datasette.asking.query import Row

LONGEST_PAUSE: Final = timedelta(minutes=2)
"""Between two tries. SDKs wait some seconds, or as long as the provider says if that is not over a minute."""
_CLOCK: Final = timedelta(milliseconds=50)
_SAME: Final = ("org", "key_id", "feature", "model_requested", "endpoint", "request_bytes", "streamed", "max_tokens")


@attrs.frozen
class Try:
    """One of them."""

    row: Mapping[str, Any]  # Any: SQLite's values
    number: int
    """0 is the first."""
    begun: datetime
    ended: datetime


@attrs.frozen
class Chain:
    """One request with its repeats, the first one first."""

    tries: tuple[Try, ...]

    @property
    def starts_unseen(self) -> bool:
        """Whether the first one is not among them."""
        return self.tries[0].number > 0

    @property
    def last(self) -> Mapping[str, Any]:  # Any: as above
        """How it ended."""
        return self.tries[-1].row

    @property
    def paid_nanousd(self) -> int:
        """What the tries before the last one cost, as far as it is known."""
        return sum(each.row["cost_nanousd"] or 0 for each in self.tries[:-1])

    @property
    def paid_unknown(self) -> bool:
        """Whether one of them may have cost something, nobody knows how much: it was not turned away."""
        return any(
            each.row["cost_nanousd"] is None and each.row["outcome"] not in {"provider_error", "lectr_refused"}
            for each in self.tries[:-1]
        )

    @property
    def took(self) -> timedelta:
        """From the first to the end of the last."""
        return self.tries[-1].ended - self.tries[0].begun


def chains(rows: Iterable[Row]) -> list[Chain]:
    """Every request among *rows* that was sent again, in order of its last try. *rows*: any order."""
    tries = sorted((_try(row) for row in rows), key=lambda each: (each.begun, each.number))
    open_ones: dict[tuple[object, ...], list[list[Try]]] = {}
    made: list[list[Try]] = []
    for each in tries:
        key = tuple(each.row[name] for name in _SAME)
        waiting = open_ones.setdefault(key, [])
        chain = _followed(each, waiting) if each.number else None
        if chain is not None:
            chain.append(each)
        else:
            chain = [each]
            made.append(chain)
        if each.row["outcome"] != "ok" and chain not in waiting:
            waiting.append(chain)
    found = [Chain(tuple(chain)) for chain in made if len(chain) > 1 or chain[0].number]
    return sorted(found, key=lambda chain: chain.tries[-1].begun)


def chain_of(id: str, rows: Iterable[Row]) -> Chain | None:
    """The chain that a request is in; None where it was sent once."""
    return next((chain for chain in chains(rows) if any(each.row["id"] == id for each in chain.tries)), None)


def _followed(each: Try, waiting: list[list[Try]]) -> list[Try] | None:
    """The chain that *each* goes on with: the one whose last try ended last before it."""
    fitting = [
        chain
        for chain in waiting
        if chain[-1].number == each.number - 1
        and chain[-1].row["outcome"] != "ok"
        and chain[-1].ended <= each.begun + _CLOCK
        and each.begun - chain[-1].ended <= LONGEST_PAUSE
    ]
    return max(fitting, key=lambda chain: chain[-1].ended, default=None)


def _try(row: Row) -> Try:
    kept = {name: row[name] for name in row.keys()}  # noqa: SIM118  # a row of SQLite iterates over values
    begun = datetime.fromisoformat(kept["started_at"])
    took = timedelta(milliseconds=kept["duration_ms"] or 0)
    return Try(kept, kept["client_retry"] or 0, begun, begun + took)
