"""Pricing again what was counted before: the counts stay, the money and the bounds are those of the prices that hold now.

By construction the same as if these prices had held from the beginning: the very rules that accounted for the record the
first time run again, and what they then learnt from elsewhere (what was predicted, whether another record had counted it
already) they are told from the record itself. Pure. Called by assembly, for commands that restate a past.
"""

from __future__ import annotations

import attrs

from lectr_core.cold.account import COUNTED, IMPOSSIBLE, Find, account
from lectr_core.cold.calibration import Prediction, Way
from lectr_core.cold.conformal import Interval
from lectr_core.cold.measure import complete, measure, prompt_at_most
from lectr_core.model import units
from lectr_core.model.record import Account, Ended

_PREDICTED = ("measured", "estimated")


@attrs.frozen
class Recorded:
    """The predictions that a record was made with, in place of a calibration that has learnt since."""

    before: Account

    def predict(self, ended: Ended, way: Way) -> Prediction:
        """What was predicted then, as far as it is asked for again."""
        it = self.before
        if way == "input":
            middle = it.input_tokens or 0
            held = Interval(it.input_tokens_low or 0, middle, _or(it.input_tokens_high, middle))
            cached = it.units.get(units.CACHE_READ, 0) / middle if middle else 0.0
            return Prediction(held, it.tokens_source, "", cached)
        middle = it.output_tokens or 0
        high = it.output_tokens_high if it.output_tokens_high_uncut is None else it.output_tokens_high_uncut
        is_estimated = it.output_tokens_high_uncut is not None or ended.reading.state == "partial"
        source = it.tokens_source if is_estimated else "measured"
        return Prediction(Interval(it.output_tokens_low or 0, middle, _or(high, middle)), source, "")

    def knows(self, ended: Ended, way: Way) -> bool:
        """It did, or there would be no prediction."""
        return True


def restate(ended: Ended, before: Account, find: Find) -> Account:
    """*before*, the account of *ended* as it was recorded, with the prices that *find* finds.

    Shapes: *ended* needs what pricing looks at: provider, models, day, outcome, status, attempts, `max_tokens`, whether
        there was a body and text in the answer, and the usage with its terms; units as they were reported.
    """
    if before in (COUNTED, IMPOSSIBLE):
        return before
    found = account(ended, find)
    if before.closes:
        found = attrs.evolve(found, closes=before.closes)
    if before.tokens_source not in _PREDICTED:
        prompt = before.input_tokens_high_uncut
        if prompt is None:
            return found
        return attrs.evolve(prompt_at_most(ended, found, find, prompt), tokens_note=before.tokens_note)
    recorded = Recorded(before)
    again = complete if ended.reading.state == "partial" else measure
    made = again(ended, found, find, recorded)
    return attrs.evolve(made, tokens_source=before.tokens_source, tokens_note=before.tokens_note)


def _or(number: int | None, other: int) -> int:
    return other if number is None else number
