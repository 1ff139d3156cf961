"""What a request may have cost that did not end well: from what is certain to what its own ceilings allow. Pure.

A request that was cancelled, failed or cut off may be billed for more than what was reported, up to two ceilings: the
request's own `max_tokens` for the answer, the model's context window for the prompt. Where several answers were asked for,
the first holds for each of them. Where one is not known, there is no upper bound, and the note says so. Never here: a best
guess. Called by `account.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

import attrs

from lectr_core.cold.money import MAX_NANOUSD
from lectr_core.cold.prices import Rates
from lectr_core.model import units
from lectr_core.model.price import PriceQuestion

REFUSED_STATUS: Final = frozenset({401, 402, 403, 404, 405, 413, 415, 429})
"""With these a provider says no before any work is done: nothing is billed."""

MOST_TOKENS: Final = 10**9
"""A ceiling beyond it is none. Both its factors are what a client wrote, and whoever may write them must not be able to make
sums so large that a store cannot keep them: 2^63 takes nine thousand million of such requests. No model answers with more
than some 2^20 tokens, and none takes an order for a thousand such answers."""

NO_LIMIT: Final = "no upper bound: the model's limit is not known"
NO_CHOICES: Final = "no upper bound: how many answers were asked for is not known"
LIMITED: Final = "upper bound from max_tokens and the context window: for one answer, the usual tier, without tool calls"
SEVERAL: Final = "upper bound from max_tokens and the context window: for {} answers, the usual tier, without tool calls"

Find = Callable[[tuple[PriceQuestion, ...]], Rates | None]


@attrs.frozen
class Ceiling:
    """The most that can have been used, and what one more token costs at most. None: not known."""

    input_tokens: int | None
    output_tokens: int | None
    per_input: Fraction | None
    """Nano-dollars for the dearest kind of prompt token."""
    per_output: Fraction | None
    note: str


def ceiling(questions: tuple[PriceQuestion, ...], find: Find, max_tokens: int | None, choices: int | None = 1) -> Ceiling:
    """How far it can have gone. The rates are those of a prompt as long as the model takes: long ones can cost more.

    Shapes: *max_tokens* is the limit of one answer, *choices* how many were asked for; the prompt is billed once.
    """
    rates = find(tuple(attrs.evolve(question, input_tokens=0) for question in questions)) if questions else None
    limit = rates.quote.limit_tokens if rates is not None else None
    fitting = max_tokens if max_tokens is not None and 0 < max_tokens <= MOST_TOKENS else None
    if rates is None or limit is None:
        return Ceiling(None, _times(fitting, choices), None, _dearest(rates, units.OUTPUT_UNITS), NO_LIMIT)
    longest = find(tuple(attrs.evolve(question, input_tokens=limit) for question in questions)) or rates
    return Ceiling(
        limit,
        _times(limit if fitting is None else min(fitting, limit), choices),
        _dearest(longest, units.INPUT_UNITS),
        _dearest(longest, units.OUTPUT_UNITS),
        NO_CHOICES if choices is None else LIMITED if choices <= 1 else SEVERAL.format(choices),
    )


def _times(each: int | None, choices: int | None) -> int | None:
    """What so many answers can have. None: not known, or more than makes sense."""
    most = None if each is None or choices is None else each * max(1, choices)
    return most if most is None or most <= MOST_TOKENS else None


def most(ceiling: Ceiling) -> int | None:
    """The cost of everything that *ceiling* allows, in nano-dollars, rounded up."""
    return _more(Fraction(0), (ceiling.input_tokens, ceiling.per_input), (ceiling.output_tokens, ceiling.per_output))


def most_beyond(known: Fraction | None, ceiling: Ceiling, more_input: int | None, more_output: int | None) -> int | None:
    """The cost of *known* and of so many tokens more, in nano-dollars, rounded up."""
    return None if known is None else _more(known, (more_input, ceiling.per_input), (more_output, ceiling.per_output))


def _more(known: Fraction, *extra: tuple[int | None, Fraction | None]) -> int | None:
    for count, rate in extra:
        if count == 0 or rate == 0:
            continue
        if count is None or rate is None:
            return None
        known += count * rate
    total = -(-known.numerator // known.denominator)
    return total if total <= MAX_NANOUSD else None


def _dearest(rates: Rates | None, names: frozenset[str]) -> Fraction | None:
    known = [rate for unit, rate in rates.per_unit.items() if unit in names] if rates is not None else []
    return Fraction(max(known), rates.scale) if rates is not None and known else None
