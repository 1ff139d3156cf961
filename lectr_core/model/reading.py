"""What a reader found in a provider's answer: numbers, names and states, never content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from lectr_core.model.units import Units
from lectr_core.model.value import value

Tree = Mapping[str, Any]  # Any: a recursive tree of numbers, which msgspec cannot name
"""A provider's usage object as sent, less everything that is neither a number nor a short enumerated word."""

UsageState = Literal["reported", "partial", "absent", "unreadable"]


@value
class Usage:
    """How much a request used, as the provider reports it."""

    units: Units
    """Disjoint counts by the names in `units.py`, each ≥ 0 and < 2^53; a unit that is 0 may be left out."""
    raw: Tree = attrs.field(factory=dict)
    """The provider's own tree, kept so that a count can be checked and taken apart again later."""
    adds_up: bool | None = None
    """Whether the parts sum to the provider's own totals; None where it gives none."""


@value
class Reading:
    """All that was learnt from one answer. Every field may be missing: an unknown answer is no error."""

    state: UsageState = "absent"
    """`reported`: final counts. `partial`: counts of a stream that broke off, a lower bound. `absent`: the answer held
    none. `unreadable`: it was too large, too deep or no valid JSON."""
    usage: Usage | None = None
    """Set where state is `reported` or `partial`."""
    model: str | None = None
    """The model as the provider names it."""
    variant: str | None = None
    """What changes the price beside the model: a service tier or speed as the provider reports it (`flex`, `priority`,
    `batch`, `fast`); None for the usual one."""
    answer_id: str | None = None
    """The provider's id for the answer, where its head had no request id."""
    finish_reason: str | None = None
    """The last one reported, in the provider's word."""
    error_category: str | None = None
    """Set where an error stood inside an answer of status 200; a word from `ErrorCategory`."""
    deltas: int = 0
    """How many pieces of the answer carried output."""
    delta_chars: int = 0
    """Length of those pieces' strings, JSON escapes counted as sent. No text is kept."""


ErrorCategory = Literal["rate_limit", "overload", "money", "auth", "client", "server", "in_band", "timeout", "network"]
"""Why a request failed. `money`: quota or spend limit, never worth a retry. `in_band`: an error inside a 200."""
