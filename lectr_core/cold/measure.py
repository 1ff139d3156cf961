"""An account for a request whose answer told no counts: tokens as predicted, with their interval, and what they cost.

An answer that came to its end gets the interval as it is. One that was cut off has at least what had come by then, and at
most what its own ceilings allow: those of `bounds.py`. Of one that ended before any text came, only the prompt's
upper end is measured: a whole context window says next to nothing. Where nothing speaks for tokens at all, the account
stays as it is.
Never here: learning (`calibration.py`). Pure but for asking for rates. Called by `deliver.py`, and for commands
by `assembly/accounting.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Final, Protocol

import attrs

from lectr_core.cold.account import Find, ask
from lectr_core.cold.bounds import ceiling
from lectr_core.cold.bounds import most as cost_of
from lectr_core.cold.calibration import Prediction, Way
from lectr_core.cold.conformal import Interval
from lectr_core.cold.money import MAX_NANOUSD, price
from lectr_core.cold.prices import Rates
from lectr_core.model import units
from lectr_core.model.reading import Reading
from lectr_core.model.record import Account, Ended

CUT_OFF: Final = "cut off: at least what had come, at most what the request allowed"
NOT_TOLD: Final = "the report leaves the answer out: as measured"
BEFORE_TEXT: Final = "ended before any text: nothing counted, the prompt's upper end as measured"

_CHEAP_INPUT: Final = (units.INPUT, units.CACHE_READ)
_DEAR_INPUT: Final = (units.INPUT, *sorted(units.CACHE_WRITE_UNITS))
_OF_OUTPUT: Final = (units.OUTPUT, units.REASONING)


class Predicts(Protocol):
    """What is needed of a calibration."""

    def predict(self, ended: Ended, way: Way) -> Prediction:
        """Tokens of one request."""
        ...

    def knows(self, ended: Ended, way: Way) -> bool:
        """Whether that would come from the model's own reported requests."""
        ...


def told_or_measured(ended: Ended, found: Account, find: Find, known: Predicts) -> Account:
    """*found* where the provider told everything; else with what can be predicted of the rest."""
    if found.tokens_source == "unknown":
        return measure(ended, found, find, known)
    if ended.reading.state == "partial":
        return complete(ended, found, find, known)
    return found


def measure(ended: Ended, found: Account, find: Find, known: Predicts) -> Account:
    """*found* with predicted tokens and their cost, where there is reason to; else *found* itself."""
    if not _is_worth_it(ended, found, known):
        return _with_prompt(ended, found, find, known)
    asked, given = known.predict(ended, "input"), known.predict(ended, "output")
    is_whole = ended.outcome == "ok"
    of_prompt, of_answer = asked.interval, given.interval
    limits = ceiling(ask(ended, 0), find, ended.begun.max_tokens, ended.begun.choices)
    output_high: int | None = of_answer.high
    uncut = None
    if not is_whole:
        output_high = limits.output_tokens
    elif given.source == "estimated":
        uncut = of_answer.high
        output_high = None if limits.output_tokens is None else min(of_answer.high, limits.output_tokens)
    if output_high is not None and output_high < of_answer.middle:
        output_high = None
    notes = (asked.note, given.note, None if is_whole else CUT_OFF)
    counted = Account(
        units=_split(of_prompt, of_answer, asked.cached),
        tokens_source="measured" if asked.source == given.source == "measured" else "estimated",
        tokens_note="; ".join(filter(None, notes)),
        input_tokens=of_prompt.middle,
        input_tokens_low=of_prompt.low,
        input_tokens_high=of_prompt.high,
        output_tokens=of_answer.middle,
        output_tokens_low=of_answer.low,
        output_tokens_high=output_high,
        output_tokens_high_uncut=uncut,
    )
    return _priced(counted, ended, find)


def _with_prompt(ended: Ended, found: Account, find: Find, known: Predicts) -> Account:
    """*found*, with the prompt's upper end as measured where nothing was counted and others of its kind were."""
    is_bounded = found.input_tokens is None and found.input_tokens_low is not None
    if not is_bounded or ended.reading.state not in ("absent", "unreadable") or ended.begun.connection is not None:
        return found
    if not max(ended.request_bytes, ended.begun.request_bytes) or not known.knows(ended, "input"):
        return found
    asked = known.predict(ended, "input")
    return attrs.evolve(prompt_at_most(ended, found, find, asked.interval.high), tokens_note=f"{BEFORE_TEXT}; {asked.note}")


def prompt_at_most(ended: Ended, found: Account, find: Find, tokens: int) -> Account:
    """*found*, whose prompt has no counts, with *tokens* as its upper end where the model's own limit is none below."""
    limits = ceiling(ask(ended, 0), find, ended.begun.max_tokens, ended.begun.choices)
    high = tokens if limits.input_tokens is None else min(tokens, limits.input_tokens)
    return attrs.evolve(
        found,
        input_tokens_high=high,
        input_tokens_high_uncut=tokens,
        cost_high_nanousd=cost_of(attrs.evolve(limits, input_tokens=high)),
    )


def complete(ended: Ended, found: Account, find: Find, known: Predicts) -> Account:
    """*found* of a stream that broke off, with what was seen of its answer where that is more than was reported of it.

    Some providers count a prompt when the answer begins and the answer when it is over: of one that is cut off in between,
    the pieces tell more than the report does.
    """
    reading, reported = ended.reading, found.output_tokens
    if reading.state != "partial" or not reading.delta_chars or reported is None or ended.begun.connection is not None:
        return found
    if found.by_model or _is_told(reading) or (reported and not found.input_tokens):
        return found  # the last: the report leaves the prompt out, not the answer
    given = known.predict(ended, "output")
    seen = given.interval
    if seen.middle <= reported:
        return found
    counts = {**found.units, units.OUTPUT: found.units.get(units.OUTPUT, 0) + seen.middle - reported}
    # An answer that came to its end, and of which nothing was reported, is measured as if nothing had been at all.
    is_whole = ended.outcome == "ok" and not reported and reading.finish_reason is not None
    high = found.output_tokens_high
    if is_whole and given.source == "measured":
        high = seen.high
    elif is_whole and high is not None:
        high = min(seen.high, high)
    counted = attrs.evolve(
        found,
        units=counts,
        tokens_source=given.source,
        tokens_note="; ".join(("input as reported", given.note, NOT_TOLD if is_whole else CUT_OFF)),
        output_tokens=seen.middle,
        output_tokens_low=max(reported, seen.low),
        output_tokens_high=high if high is None or high >= seen.middle else None,
    )
    rates = find(ask(ended, found.input_tokens or 0))
    if found.cost_nanousd is None or rates is None or units.OUTPUT not in rates.per_unit:
        return counted
    each = Fraction(rates.per_unit[units.OUTPUT], rates.scale)
    cost = found.cost_nanousd + round((seen.middle - reported) * each)
    top = found.cost_high_nanousd
    if is_whole and top is not None:
        dearest = max(rates.per_unit[unit] for unit in _OF_OUTPUT if unit in rates.per_unit)
        top = min(top, found.cost_nanousd + math.ceil(seen.high * Fraction(dearest, rates.scale)))
    return attrs.evolve(
        counted,
        cost_nanousd=cost,
        cost_low_nanousd=found.cost_nanousd + math.floor((max(reported, seen.low) - reported) * each),
        cost_high_nanousd=top if top is None or top >= cost else None,
        cost_parts_nanousd={
            **found.cost_parts_nanousd,
            units.OUTPUT: found.cost_parts_nanousd.get(units.OUTPUT, 0) + cost - found.cost_nanousd,
        },
    )


def _is_told(reading: Reading) -> bool:
    """Whether the provider itself said what the request cost. Not whether that is the cost: which price is taken must not
    change the counts."""
    terms = reading.usage.terms if reading.usage is not None else None
    return terms is not None and terms.cost_nanousd is not None


def _is_worth_it(ended: Ended, found: Account, known: Predicts) -> bool:
    """An answer was begun that has no counts, of a kind that has tokens: text was seen in it, or others of it reported."""
    if found.tokens_source != "unknown" or ended.reading.state != "absent" or ended.begun.connection is not None:
        return False
    if not max(ended.request_bytes, ended.begun.request_bytes) or (ended.status or 200) >= 400:
        return False
    if ended.reading.delta_chars:
        return True
    return ended.outcome == "ok" and known.knows(ended, "input") and known.knows(ended, "output")


def _split(of_prompt: Interval, of_answer: Interval, cached: float) -> units.Units:
    read = min(of_prompt.middle, round(of_prompt.middle * min(max(cached, 0.0), 1.0)))
    counts = {units.INPUT: of_prompt.middle - read, units.CACHE_READ: read, units.OUTPUT: of_answer.middle}
    return {unit: count for unit, count in counts.items() if count}


def _priced(counted: Account, ended: Ended, find: Find) -> Account:
    """With the cost of the middle, and of either end: its prompt all from the cache, or all written to it."""
    middle, low, high = counted.input_tokens or 0, counted.input_tokens_low or 0, counted.input_tokens_high
    rates = find(ask(ended, middle))
    money = price(counted.units, rates, is_final=True, model=next((one.model for one in ask(ended, middle)), None))
    lowest = _amount(find(ask(ended, low)), (low, _CHEAP_INPUT), (counted.output_tokens_low, _OF_OUTPUT), most=False)
    highest = None
    if high is not None:
        highest = _amount(find(ask(ended, high)), (high, _DEAR_INPUT), (counted.output_tokens_high, _OF_OUTPUT), most=True)
    quote = rates.quote if rates is not None else None
    cost = money.cost
    return attrs.evolve(
        counted,
        cost_nanousd=cost,
        cost_low_nanousd=lowest if cost is None or lowest is None else min(lowest, cost),
        cost_high_nanousd=highest if cost is None or highest is None else max(highest, cost),
        cost_parts_nanousd=money.parts,
        cost_basis=money.basis,
        price_id=quote.price_id if quote is not None else None,
        price_source=quote.source if quote is not None else None,
        price_date=quote.dated if quote is not None else None,
        price_note=money.note,
    )


def _amount(rates: Rates | None, *counts: tuple[int | None, Iterable[str]], most: bool) -> int | None:
    """What so many units cost at the cheapest or dearest of their rates. Units: nano-dollars, rounded outward."""
    total = Fraction(0)
    for count, names in counts:
        if count == 0:
            continue
        known = [rates.per_unit[name] for name in names if name in rates.per_unit] if rates is not None else []
        if count is None or rates is None or not known:
            return None
        total += Fraction(count * (max(known) if most else min(known)), rates.scale)
    amount = -(-total.numerator // total.denominator) if most else total.numerator // total.denominator
    return amount if amount <= MAX_NANOUSD else None
