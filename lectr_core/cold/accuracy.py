"""How good predictions were: those made for requests that did report, before their report was looked at. Pure.

Counted are only predictions from a model's own calibration, those that a record calls `measured`. Of widths and errors a
histogram is kept in steps of 5 %, so a median is right to 3 % of itself. Called by `calibration.py`.
"""

from __future__ import annotations

import math
from typing import Final

import attrs

from lectr_core.cold.conformal import Interval
from lectr_core.model.accuracy import Accuracy

_STEP: Final = math.log(1.05)
_SMALLEST: Final = 0.0005
"""What is below counts as this: half a token in a thousand."""
_LAST: Final = 240
"""The step of what is sixty times the truth or more."""


@attrs.define
class Tally:
    """Of one provider, model and endpoint, and of one way: prompt or answer."""

    checked: int = 0
    held: int = 0
    widths: dict[int, int] = attrs.field(factory=dict)
    """Half the interval, relative to its middle, by step."""
    errors: dict[int, int] = attrs.field(factory=dict)
    """Of the middle, relative to the truth, by step."""
    predicted_tokens: int = 0
    reported_tokens: int = 0

    def add(self, said: Interval, truth: int) -> None:
        """Compare."""
        self.checked += 1
        self.held += said.holds(truth)
        _count(self.widths, (said.high - said.low) / 2 / max(said.middle, 1))
        _count(self.errors, abs(said.middle - truth) / max(truth, 1))
        self.predicted_tokens += said.middle
        self.reported_tokens += truth

    def told(self, way: str, provider: str, model: str, endpoint: str) -> Accuracy:
        """As people are told."""
        return Accuracy(
            provider=provider,
            model=model,
            endpoint=endpoint,
            way="input" if way == "input" else "output",
            checked=self.checked,
            held=self.held,
            half_width=_median(self.widths),
            error=_median(self.errors),
            predicted_tokens=self.predicted_tokens,
            reported_tokens=self.reported_tokens,
        )


def _count(steps: dict[int, int], share: float) -> None:
    step = min(_LAST, max(0, math.ceil(math.log(share / _SMALLEST) / _STEP))) if share > _SMALLEST else 0
    steps[step] = steps.get(step, 0) + 1


def _median(steps: dict[int, int]) -> float:
    left = sum(steps.values()) / 2
    for step in sorted(steps):
        left -= steps[step]
        if left <= 0:
            return 0.0 if step == 0 else _SMALLEST * math.exp((step - 0.5) * _STEP)
    return 0.0
