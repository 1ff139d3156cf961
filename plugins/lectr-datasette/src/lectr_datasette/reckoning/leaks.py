"""Where money goes for nothing, from what is recorded of each request and never from what was said. Pure.

What is not known exactly is marked as about: it assumes that a request is like the others of its feature and model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from lectr_datasette.asking.query import Row

# A ceiling is far above use where even the longest of many answers took less than an eighth of it.
FAR_ABOVE: Final = 8
LEAST_CEILING: Final = 512
LEAST_ANSWERS: Final = 20
_TURNED_AWAY: Final = frozenset({"provider_error", "lectr_refused"})


@attrs.define
class Waste:
    """What one feature paid for and had nothing of."""

    feature: str
    requests: int = 0
    left: int = 0
    left_nanousd: int = 0
    left_unknown: int = 0
    """Of those left early, how many have no known cost."""
    failed: int = 0
    """Failed after tokens had been used."""
    failed_nanousd: int = 0
    retries: int = 0
    retries_nanousd: float = 0.0
    """About."""

    @property
    def known_nanousd(self) -> int:
        """What was paid for answers that nobody had."""
        return self.left_nanousd + self.failed_nanousd

    @property
    def matters(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.left or self.failed_nanousd or self.retries)


def waste(rows: Iterable[Row]) -> list[Waste]:
    """By feature, the costliest first. *rows* are sums by feature, provider, model and outcome."""
    found: dict[str, Waste] = {}
    for row in rows:
        of = found.setdefault(row["feature"], Waste(row["feature"]))
        of.requests += row["requests"]
        if row["outcome"] == "client_disconnected":
            of.left += row["requests"]
            of.left_nanousd += row["cost_nanousd"]
            of.left_unknown += row["cost_unknown"]
        elif row["outcome"] != "ok" and row["cost_nanousd"]:
            of.failed += row["requests"]
            of.failed_nanousd += row["cost_nanousd"]
        if row["client_retries"]:
            of.retries += row["client_retries"]
            of.retries_nanousd += row["cost_nanousd"] * row["client_retries"] / row["requests"]
    return sorted((each for each in found.values() if each.matters), key=lambda each: (-each.known_nanousd, -each.retries))


@attrs.frozen
class Hidden:
    """Answers whose usage is not known, of one feature and model."""

    feature: str
    provider: str
    model: str
    requests: int
    """Without known usage."""
    of: int
    """All that were answered."""
    mean_nanousd: float | None
    """What one with known cost costs; None: there is none to compare with."""

    @property
    def about_nanousd(self) -> float | None:
        """What they cost, if they are like the others."""
        return None if self.mean_nanousd is None else self.mean_nanousd * self.requests


def hidden(rows: Iterable[Row]) -> list[Hidden]:
    """By feature and model, the costliest first. *rows* as above."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        if row["outcome"] in _TURNED_AWAY:
            continue
        of = found.setdefault((row["feature"], row["provider"], row["model"]), [0, 0, 0, 0])
        of[0] += row["tokens_unknown"]
        of[1] += row["requests"]
        of[2] += row["cost_nanousd"]
        of[3] += row["requests"] - row["cost_unknown"]
    made = [
        Hidden(*key, unknown, requests, cost / priced if priced and cost else None)
        for key, (unknown, requests, cost, priced) in found.items()
        if unknown
    ]
    return sorted(made, key=lambda each: (-(each.about_nanousd or 0), -each.requests))


@attrs.frozen
class Ceiling:
    """How far a feature's `max_tokens` is above what its answers take."""

    feature: str
    model: str
    max_tokens: int
    """The usual one."""
    longest: int
    """Tokens of the longest answer looked at."""
    answers: int

    @property
    def times(self) -> float:
        """The ceiling in longest answers."""
        return self.max_tokens / max(1, self.longest)


def ceilings(rows: Iterable[Row]) -> list[Ceiling]:
    """Features that allow far more than they take, the farthest first."""
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for row in rows:
        if row["outcome"] == "ok" and row["max_tokens"] and row["output_tokens"] is not None:
            found.setdefault((row["feature"], row["model"]), []).append((row["max_tokens"], row["output_tokens"]))
    made = []
    for (feature, model), pairs in found.items():
        allowed = sorted(ceiling for ceiling, _ in pairs)[len(pairs) // 2]
        made.append(Ceiling(feature, model, allowed, max(taken for _, taken in pairs), len(pairs)))
    far = [
        each
        for each in made
        if each.answers >= LEAST_ANSWERS and each.max_tokens >= LEAST_CEILING and each.times >= FAR_ABOVE
    ]
    return sorted(far, key=lambda each: -each.times)
