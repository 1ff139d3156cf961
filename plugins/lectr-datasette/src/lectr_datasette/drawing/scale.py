"""The scales of charts: how high a value is drawn, and which round numbers stand beside it. Pure; called by `chart.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import attrs

_LINES: Final = 4
_STEPS: Final = (1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0)
_FEW_DECADES: Final = 2
"""Up to so many powers of ten, three times each stands there too."""
Axis = Callable[[float, float], str]
"""What stands at a value, and how far it is to the next one: so all of them have as many digits."""


@attrs.frozen
class Scale:
    """From nothing to a round number, or by powers of ten."""

    top: float
    """0: there is nothing to draw."""
    bottom: float = 0.0
    """Above 0: by powers of ten, from here on."""

    def share(self, value: float) -> float:
        """How high: 0 to 1 within the scale, more above it."""
        if not self.bottom:
            return value / self.top
        return math.log(max(value, self.bottom) / self.bottom) / math.log(self.top / self.bottom)

    def marks(self) -> list[tuple[float, float]]:
        """Values that stand beside it, the least first, each with the way to the next."""
        if not self.top:
            return []
        if not self.bottom:
            step = self.top / _LINES
            return [(step * at, step) for at in range(_LINES + 1)]
        decades = round(math.log10(self.top / self.bottom))
        found = [self.bottom * 10**at for at in range(decades + 1)]
        if decades <= _FEW_DECADES:
            found = sorted([*found, *(3 * value for value in found[:-1])])
        return [(value, value) for value in found]


def linear(highest: float, *, of_counts: bool = False) -> Scale:
    """From 0 on. *of_counts*: every mark is a whole number."""
    top = nice_ceiling(highest)
    while of_counts and top % _LINES:
        top = nice_ceiling(top * 1.01 if top >= _LINES else _LINES)
    return Scale(top)


def by_powers(lowest: float, highest: float) -> Scale:
    """By powers of ten around both; nothing where there is nothing above 0."""
    if highest <= 0 or lowest <= 0:
        return Scale(0.0)
    bottom = 10.0 ** math.floor(math.log10(lowest))
    top = 10.0 ** math.ceil(math.log10(highest))
    return Scale(top if top > bottom else bottom * 10, bottom)


def nice_ceiling(value: float) -> float:
    """The next round number from *value* on that four steps divide well; 0 of 0."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in _STEPS if step * power >= value), 10.0 * power)
