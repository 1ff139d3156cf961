"""How much room the providers' rate limits left, by the hour and by what was on. Pure; drawn from a given chance.

The headers are those of the stand-in (`heads.py`); a limit is the whole company's, so more is taken of it than one gateway
sees. Called by `past.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Final

from lectr_provider_echo import heads
from lectr_provider_echo.catalog import Family
from lectr_provider_echo.history.company import Event

_BUSIEST: Final[dict[Family, float]] = {"openai": 0.38, "anthropic": 0.62, "groq": 0.45, "gemini": 0.3}
"""Share of each limit that the company takes in its busiest hour."""
_QUIET: Final = 0.06
# By the hour of the day (UTC), as a share of the busiest one.
_BY_HOUR: Final = (
    *(0.2, 0.15, 0.12, 0.1, 0.12, 0.18, 0.3, 0.5, 0.78, 0.95, 1.0, 0.97, 0.85, 0.92, 1.0, 0.98, 0.93, 0.85, 0.8, 0.82),
    *(0.78, 0.65, 0.45, 0.3),
)
_RUN_OUT: Final = 0.985
_HOUR_NS: Final = 3_600 * 10**9
_MINUTE_NS: Final = 60 * 10**9


def headroom(
    family: Family, tokens: int, at_ns: int, events: Sequence[Event], *, refused: bool, chance: Random
) -> dict[str, str]:
    """The headers on one answer. *refused*: it was turned away because the limit was used up."""
    if refused:
        taken = 1.0
    elif events and any(event.failing and event.category == "rate_limit" for event in events):
        taken = chance.uniform(_RUN_OUT - 0.1, _RUN_OUT)
    else:
        busy = _QUIET + _BUSIEST[family] * _BY_HOUR[at_ns // _HOUR_NS % 24]
        taken = min(_RUN_OUT, busy * chance.uniform(0.75, 1.25))
    return dict(heads.limits(family, taken, tokens, _whole_again(at_ns // _MINUTE_NS)))


@lru_cache(maxsize=4)
def _whole_again(minute: int) -> str:
    return datetime.fromtimestamp((minute + 1) * 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
