"""What a reader found in a provider's answer: numbers, names and states, never content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from lectr_core.model.units import Units
from lectr_core.model.value import value

Tree = Mapping[str, Any]  # Any: a recursive tree of numbers, which msgspec cannot name
"""A provider's usage object as sent, less everything that is neither a number nor a short enumerated word."""

UsageState = Literal["reported", "partial", "absent", "unreadable", "open", "closed", "unbilled", "in_turns"]


@value
class Share:
    """What an answer used that is priced by itself: of another model than its own, at another tier, for another prompt."""

    model: str | None
    """As the provider names it; None where it does not."""
    units: Units
    """Disjoint counts, as in `Usage`."""
    variant: str | None = None
    """As in `Reading`."""
    longest_prompt: int | None = None
    """As in `Terms`."""


@value
class Terms:
    """What is rare, and changes what an answer costs. Most answers have none of it."""

    shares: tuple[Share, ...] = ()
    """Used beside `Usage.units`, and in none of them."""
    longest_prompt: int | None = None
    """Where the counts are sums over several prompts: tokens of the longest one. Some prices depend on the length."""
    region: str | None = None
    """Where it was worked on, if that may change the price."""
    cost_nanousd: int | None = None
    """What it cost by the provider's own account."""
    doubt: str | None = None
    """Why its usual price may not be the one billed; for people."""
    input_open: bool = False
    """Of counts that are partial: whether the prompt's may still have grown."""
    once: str | None = None
    """Set where a later answer may report this usage again: under which name it is counted, the first time alone."""
    untold: str | None = None
    """What may be billed beside the counts and is told by no answer, for people: the cost is then a lower bound."""


@value
class Usage:
    """How much a request used, as the provider reports it."""

    units: Units
    """Disjoint counts by the names in `units.py`, each ≥ 0 and < 2^53; a unit that is 0 may be left out."""
    raw: Tree = attrs.field(factory=dict)
    """The provider's own tree, kept so that a count can be checked and taken apart again later."""
    adds_up: bool | None = None
    """Whether the parts sum to the provider's own totals; None where it gives none."""
    terms: Terms | None = None
    """What else decides the cost; None for most."""


@value
class Reading:
    """All that was learnt from one answer. Every field may be missing: an unknown answer is no error."""

    state: UsageState = "absent"
    """`reported`: final counts. `partial`: a lower bound, of a stream that broke off or of usage that leaves a part out.
    `absent`: the answer held none. `unreadable`: it was too large, too deep or no valid JSON. `open`: it is used later, and
    told by another answer. `closed`: it was open, and that answer has come; only a store says so. `unbilled`: a request of
    a kind that no tokens are billed for. `in_turns`: a connection whose counts stand with its turns; only the gateway
    itself says so."""
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
    awaits: str | None = None
    """Under which name (`Terms.once`) the usage of what `answer_id` names is told, where that is another name."""


@value(kw_only=True)
class Turn:
    """News of one turn within a connection: that it began, that it has output, or that it is over."""

    key: str
    """Tells the turns of one connection apart while they are open. Never recorded."""
    model: str | None = None
    """The model that was asked for it, as far as it is known when it begins."""
    has_output: bool = False
    """Its first piece of output has come."""
    reading: Reading | None = None
    """All that was learnt, once it is over; a turn nobody heard of before begins and ends in one."""


ErrorCategory = Literal["rate_limit", "overload", "money", "auth", "client", "server", "in_band", "timeout", "network"]
"""Why a request failed. `money`: quota or spend limit, never worth a retry. `in_band`: an error inside a 200."""
