"""How good a prediction could be at all: weights chosen in hindsight, with all the truths known, for each kind of answers.

What a model that learns reaches is compared with this. Never here: what is predicted from what. Called by `__main__.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

Row = tuple[Sequence[float], float]
"""What is known of one answer, and its true count."""

_ROUNDS: Final = 12
_SMALLEST: Final = 0.003
"""An error below this share counts as this: so that weights can be divided by it."""
_RIDGE: Final = 1e-9


def floor(groups: Iterable[Sequence[Row]]) -> float:
    """The middle error of the best linear formulas, one for each group. Units: share of the true count."""
    errors: list[float] = []
    for rows in groups:
        weights = _best(rows)
        errors += [abs(_dot(weights, known) - truth) / truth for known, truth in rows]
    return statistics.median(errors)


def _best(rows: Sequence[Row]) -> list[float]:
    """Weights with the smallest sum of relative errors: least squares, again and again, divided by the errors before."""
    size = len(rows[0][0])
    trust = [1.0] * len(rows)
    weights = [0.0] * size
    for _ in range(_ROUNDS):
        square = [[0.0] * size for _ in range(size)]
        right = [0.0] * size
        for (known, truth), one in zip(rows, trust, strict=True):
            share = one / (truth * truth)
            for row in range(size):
                part = share * known[row]
                right[row] += part * truth
                for column in range(size):
                    square[row][column] += part * known[column]
        weights = _solved(square, right)
        trust = [1.0 / max(abs(_dot(weights, known) - truth) / truth, _SMALLEST) for known, truth in rows]
    return weights


def _dot(weights: Sequence[float], known: Sequence[float]) -> float:
    return sum(weight * one for weight, one in zip(weights, known, strict=True))


def _solved(square: list[list[float]], right: list[float]) -> list[float]:
    """Gauss, with a little on the diagonal: what never varies gets the weight 0."""
    size = len(right)
    lines = [[*line, value] for line, value in zip(square, right, strict=True)]
    for at in range(size):
        lines[at][at] += _RIDGE * (lines[at][at] + 1e-6)
        for below in range(at + 1, size):
            times = lines[below][at] / lines[at][at]
            lines[below] = [one - times * other for one, other in zip(lines[below], lines[at], strict=True)]
    found = [0.0] * size
    for at in reversed(range(size)):
        rest = sum(lines[at][column] * found[column] for column in range(at + 1, size))
        found[at] = (lines[at][size] - rest) / lines[at][at]
    return found
