"""What this gateway's own reported traffic says of tokens: learnt record by record, used where nothing was reported.

Every reported request is predicted first, compared, and only then learnt from. A kind of requests (`visible.py`) has a
linear model and the errors it made; a prediction comes from the narrowest kind that has made enough of them. Where a model
has none, other models' are used, or what is likely of any: such a prediction is `estimated`, not `measured`. Bounded: kinds
and tallies that were not used for longest are let go of. Never here: files (`calibration_file.py`), money (`measure.py`).
Called by `deliver.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, Literal

import attrs

from lectr_core.cold import visible
from lectr_core.cold.accuracy import Tally
from lectr_core.cold.conformal import Interval, Scores, interval, score
from lectr_core.cold.regression import Fit
from lectr_core.cold.visible import Counts, Key, Kind
from lectr_core.model.accuracy import Accuracy
from lectr_core.model.record import Account, Ended, TokensSource

MOST_KINDS: Final = 400
"""One takes some 20 KB. Features are named by clients: without a bound they could take all memory."""
MOST_TALLIES: Final = 400
SETTLED: Final = 600
"""Requests of a model after which one in `THINNED` is learnt from: more would say little that is new, at 0.1 ms each."""
THINNED: Final = 8

_WARMING: Final = 20
"""First predictions of a kind, made while it knew nearly nothing: their errors say nothing of later ones."""

Way = Literal["input", "output"]


@attrs.define
class Cell:
    """One kind of requests."""

    fit: Fit
    scores: Scores = attrs.field(factory=Scores)
    cached: float = 0.0
    """Of prompts: which share came from a cache, smoothed."""


@attrs.frozen
class Prediction:
    """Tokens of a prompt or an answer, where nobody reported them."""

    interval: Interval
    source: TokensSource
    note: str
    """How it was worked out, so that anybody can do it again."""
    cached: float = 0.0
    """Share of a prompt that comes from a cache, as far as its kind tells."""


@attrs.define(eq=False)
class Calibration:
    """All that was learnt. One object a process; only the cold process has one that learns."""

    cells: OrderedDict[Key, Cell] = attrs.field(factory=OrderedDict)
    tallies: OrderedDict[Key, Tally] = attrs.field(factory=OrderedDict)
    learnt: int = 0
    """Requests learnt from: names the state that a prediction was made in."""

    def predict(self, ended: Ended, way: Way) -> Prediction:
        """Tokens of one request. Always says something; how much, its interval tells."""
        return self._predict(_kinds(ended, way), ended, way)

    def learn(self, ended: Ended, account: Account) -> None:
        """Take the counts that *account* has for *ended*, if they teach something: after predicting them."""
        if not teaches(ended, account):
            return
        of_input = visible.input_kinds(ended)
        known = self.cells.get(of_input[1][0])
        if known is not None and known.fit.count >= SETTLED and ended.begun.seq % THINNED:
            return
        self.learnt += 1
        share = (account.cached_input_tokens or 0) / max(account.input_tokens or 0, 1)
        self._learn(of_input, ended, "input", account.input_tokens or 0)
        for key, _ in of_input:
            cell = self.cells[key]
            cell.cached += max(0.01, 1.0 / cell.fit.count) * (share - cell.cached)
        self._learn(visible.output_kinds(ended), ended, "output", account.output_tokens or 0)

    def told(self) -> Sequence[Accuracy]:
        """How good predictions were, by provider, model, endpoint and way."""
        return [tally.told(*key) for key, tally in sorted(self.tallies.items())]

    def knows(self, ended: Ended, way: Way) -> bool:
        """Whether a prediction would come from the model's own calibration."""
        return any(visible.is_of_model(key) and self._ends(key) is not None for key, _ in _kinds(ended, way))

    def _predict(self, kinds: Sequence[Kind], ended: Ended, way: Way) -> Prediction:
        for key, counts in kinds:
            ends = self._ends(key)
            if ends is None:
                continue
            cell = self.cells[key]
            guess = cell.fit.predict(_scaled(counts, way))
            said = interval(guess, ends)
            source: TokensSource = "measured"
            if not visible.is_of_model(key):
                likely = _likely(ended, way)
                source, said = "estimated", Interval(min(said.low, likely.low), said.middle, max(said.high, likely.high))
            return Prediction(said, source, self._note(way, cell, counts, key), cell.cached)
        said = _likely(ended, way)
        return Prediction(
            said, "estimated", f"{way}: nothing reported yet for this model or endpoint: what is likely of any"
        )

    def _note(self, way: Way, cell: Cell, counts: Counts, key: Key) -> str:
        names, scales = _NAMES[way], _SCALES[way]
        parts = zip(cell.fit.weights, counts, names, scales, strict=True)
        terms = [f"{weight / scale:.5g} * {count} {name}" for weight, count, name, scale in parts if count and name]
        sum_of = " + ".join([*terms, f"{cell.fit.weights[-1]:.5g}"])
        of_what = " ".join(filter(None, key[1:]))
        return f"{way} = {sum_of}; from {len(cell.scores)} reported of: {of_what} (state {self.learnt})"

    def _learn(self, kinds: Sequence[Kind], ended: Ended, way: Way, truth: int) -> None:
        said = self._predict(kinds, ended, way)
        if said.source == "measured":
            self._tally(ended, way).add(said.interval, truth)
        # A prompt's errors count for the kind that would have spoken for it. Else a wide kind would hold the errors of
        # those that have one of their own, and be too sure of the rest (measured: 92 % instead of 95).
        speaks = next((at for at, (key, _) in enumerate(kinds) if self._ends(key) is not None), len(kinds))
        wider: Cell | None = None
        for at, (key, counts) in reversed(list(enumerate(kinds))):
            cell = self.cells.get(key)
            if cell is None:
                cell = self.cells[key] = Cell(_begin(way, wider))
                if len(self.cells) > MOST_KINDS:
                    self.cells.popitem(last=False)
            self.cells.move_to_end(key)
            features = _scaled(counts, way)
            if cell.fit.count >= _WARMING and (at <= speaks or way == "output"):
                cell.scores.add(score(truth, cell.fit.predict(features)))
            cell.fit.learn(features, truth)
            wider = cell

    def _ends(self, key: Key) -> tuple[float, float] | None:
        cell = self.cells.get(key)
        return None if cell is None else cell.scores.ends()

    def _tally(self, ended: Ended, way: Way) -> Tally:
        key = (way, visible.provider_of(ended), visible.model_of(ended), ended.begun.endpoint)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
            if len(self.tallies) > MOST_TALLIES:
                self.tallies.popitem(last=False)
        self.tallies.move_to_end(key)
        return tally


_NAMES: Final = {"input": visible.INPUT_NAMES, "output": visible.OUTPUT_NAMES}
_SCALES: Final = {"input": visible.INPUT_SCALES, "output": visible.OUTPUT_SCALES}
_BEGIN: Final = {"input": visible.OF_INPUT, "output": visible.OF_OUTPUT}


def teaches(ended: Ended, account: Account) -> bool:
    """Whether what was reported can be compared with what was seen: a whole request and a whole answer, of text."""
    reading = ended.reading
    usage = reading.usage
    if reading.state != "reported" or usage is None or ended.outcome != "ok" or account.tokens_source != "reported":
        return False
    if usage.terms is not None and (usage.terms.shares or usage.terms.once is not None):
        return False
    if not ended.request_bytes or ended.begun.connection is not None or not account.input_tokens:
        return False
    return visible.COMPARABLE.issuperset(unit for unit, count in account.units.items() if count)


def _kinds(ended: Ended, way: Way) -> tuple[Kind, ...]:
    return visible.input_kinds(ended) if way == "input" else visible.output_kinds(ended)


def _likely(ended: Ended, way: Way) -> Interval:
    return visible.likely_input(ended) if way == "input" else visible.likely_output(ended)


def _scaled(counts: Counts, way: Way) -> list[float]:
    return [count / scale for count, scale in zip(counts, _SCALES[way], strict=True)]


def _begin(way: Way, wider: Cell | None) -> Fit:
    """Where a kind begins: at what the wider one knows by now."""
    weights, unsure = _BEGIN[way]
    return Fit.begin(weights if wider is None else wider.fit.weights, unsure)
