"""A small linear model that learns one observation at a time: recursive least squares on relative errors. Pure.

Never here: what is predicted from what (`visible.py`), or how sure a prediction is (`conformal.py`). An observation far off
counts for less, so that one strange request does not bend the line. Called by `calibration.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

FORGETTING: Final = 0.9995
"""What an observation still counts when the next one has come: half of it after 1,400."""

_SMALLEST: Final = 8.0
"""Below so many tokens an error counts by its size, not by its share: 1 instead of 2 is no matter."""
_FAR: Final = 3.0
"""An error of so many usual ones counts for less."""
_USUAL: Final = 0.1
"""Relative error that is usual before anything is known."""
_WIDEST: Final = 100.0
"""No weight is less sure than this: what a stream never varies cannot be learnt from it."""


@attrs.define
class Fit:
    """Weights, and how sure each of them is."""

    weights: list[float]
    spread: list[list[float]]
    """Their covariance, relative to the squared usual error."""
    usual: float = _USUAL
    """Relative error, smoothed."""
    count: int = 0

    @classmethod
    def begin(cls, weights: Sequence[float], unsure: Sequence[float]) -> Fit:
        """A model that holds *weights* for likely, each within *unsure*."""
        size = len(weights)
        return cls(
            list(weights),
            [[(unsure[row] / _USUAL) ** 2 if row == column else 0.0 for column in range(size)] for row in range(size)],
        )

    def predict(self, features: Sequence[float]) -> float:
        """Units: tokens, never below 0."""
        return max(0.0, sum(weight * feature for weight, feature in zip(self.weights, features, strict=True)))

    def learn(self, features: Sequence[float], truth: float) -> None:
        """Take one observation. Units: tokens."""
        guess = self.predict(features)
        scale = max(guess, _SMALLEST)
        error = (truth - sum(weight * feature for weight, feature in zip(self.weights, features, strict=True))) / scale
        row = [feature / scale for feature in features]
        far = abs(error) / (_FAR * self.usual)
        noise = max(1.0, far)
        spread = self.spread
        pulled = [sum(part * feature for part, feature in zip(line, row, strict=True)) for line in spread]
        total = noise + sum(feature * part for feature, part in zip(row, pulled, strict=True))
        gain = [part / total for part in pulled]
        self.weights = [weight + part * error for weight, part in zip(self.weights, gain, strict=True)]
        size = range(len(gain))
        grown = [[spread[i][j] - gain[i] * pulled[j] for j in size] for i in size]
        if max(grown[i][i] for i in size) < _WIDEST:
            grown = [[part / FORGETTING for part in line] for line in grown]
        self.spread = grown
        self.count += 1
        share = max(0.01, 1.0 / (self.count + 1))
        self.usual += share * (min(abs(error), _FAR * self.usual) - self.usual)
        self.usual = max(self.usual, 0.001)
