"""What this gateway's own reported traffic says of tokens: learnt record by record, used where nothing was reported.

Every request that is learnt from is predicted first, and compared. A kind of requests (`visible.py`) has a linear model and
the errors made for it. A count comes from the narrowest kind that has seen a few requests, its interval from the narrowest
one that has enough errors. Where a model has none, other models' are used, or what is likely of any: such a prediction is
`estimated`, not `measured`. Bounded: kinds and tallies that were not used for longest are let go of. Never here: files
(`calibration_file.py`), money (`measure.py`). Called by `deliver.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import attrs

from lectr_core.cold import visible
from lectr_core.cold.accuracy import Tally
from lectr_core.cold.conformal import Interval, Scores, interval, score
from lectr_core.cold.regression import Features, Fit
from lectr_core.cold.visible import Counts, Key, Kind, Kinds, Way
from lectr_core.model.accuracy import Accuracy
from lectr_core.model.record import Account, Ended, TokensSource

__all__ = ["MOST_KINDS", "Calibration", "Cell", "Prediction", "Way", "teaches"]

MOST_KINDS: Final = 400
"""One takes some 20 KB. Features are named by clients: without a bound they could take all memory."""
MOST_TALLIES: Final = 400
SETTLED: Final = 400
"""Requests of a kind after which one in `THINNED` is learnt from: more would say little that is new, at 45 µs each."""
THINNED: Final = 16

_A_FEW: Final = 5
"""Requests that a kind has seen before it predicts. It begins with what the wider one knows."""
_UNHEARD: Final = 2.0
"""How much wider an interval is for a feature that has reported too little to have a model of its own. How features differ
cannot be known from the few there are; the docs page says how often twice as wide was enough."""
_UTMOST_DOUBT: Final = 24.0
"""It makes an interval five times as wide. More comes only of what no request of a kind had before (a limit, where others
had none) beside predictions that are exact; what was thought likely of its weight is then no measure."""
_MOST_DOUBT: Final = 1.0
"""An error that owes more to weights not known yet than to noise says nothing of later ones, and is not kept."""


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


@attrs.frozen
class _Said:
    """A prediction before it is put into words."""

    interval: Interval
    cell: Cell
    """Whose model it is."""
    counts: Counts
    key: Key
    """Whose errors it is judged by."""
    errors: int
    wider: float


@attrs.define(eq=False)
class Calibration:
    """All that was learnt. One object a process; only the cold process has one that learns."""

    cells: OrderedDict[Key, Cell] = attrs.field(factory=OrderedDict)
    tallies: OrderedDict[Key, Tally] = attrs.field(factory=OrderedDict)
    learnt: int = 0
    """Requests learnt from: names the state that a prediction was made in."""

    def predict(self, ended: Ended, way: Way) -> Prediction:
        """Tokens of one request. Always says something; how much, its interval tells."""
        said = self._predict(_kinds(ended, way), way)
        if said is None:
            note = f"{way}: nothing reported yet for this model or endpoint: what is likely of any"
            return Prediction(_likely(ended, way), "estimated", note)
        inside, note, cached = said.interval, self._note(way, said), said.cell.cached
        if visible.is_of_model(said.key):
            return Prediction(inside, "measured", note, cached)
        likely = _likely(ended, way)
        inside = Interval(min(inside.low, likely.low), inside.middle, max(inside.high, likely.high))
        return Prediction(inside, "estimated", note, cached)

    def learn(self, ended: Ended, account: Account) -> None:
        """Take the counts that *account* has for *ended*, if they teach something: after predicting them."""
        is_sample = ended.begun.seq % THINNED == 0
        known = self.cells.get(visible.input_key(ended))
        if not is_sample and known is not None and _is_settled(known):
            return
        if not teaches(ended, account):
            return
        self.learnt += 1
        asked, given = account.input_tokens or 0, account.output_tokens or 0
        share = (account.cached_input_tokens or 0) / max(asked, 1)
        for cell in self._learn(visible.input_kinds(ended), ended, "input", asked, is_sample=is_sample):
            cell.cached += max(0.01, 1.0 / max(cell.fit.count, 1)) * (share - cell.cached)
        self._learn(visible.output_kinds(ended), ended, "output", given, is_sample=is_sample)

    def told(self) -> Sequence[Accuracy]:
        """How good predictions were, by provider, model, endpoint and way."""
        return [tally.told(*key) for key, tally in sorted(self.tallies.items())]

    def knows(self, ended: Ended, way: Way) -> bool:
        """Whether a prediction would come from the model's own calibration."""
        kinds = _kinds(ended, way)
        return any(visible.is_of_model(key) and self._ends(key) is not None for key, _ in (*kinds.own, *kinds.wide))

    # ── predicting ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _predict(self, kinds: Kinds, way: Way) -> _Said | None:
        for key, _ in kinds.own:
            ends = self._ends(key)
            if ends is not None:
                cell, counts, features = self._speaker(kinds.own, way)
                is_heard = cell is self.cells.get(kinds.own[0][0])
                return self._said(cell, counts, features, key, ends, wider=1.0 if is_heard else _UNHEARD)
        for key, counts in kinds.wide:
            ends = self._ends(key)
            if ends is not None:
                return self._said(self.cells[key], counts, visible.scaled(way, counts), key, ends)
        return None

    def _speaker(self, own: Sequence[Kind], way: Way) -> tuple[Cell, Counts, Features]:
        """The model that speaks for a request: its feature's where that has seen a few, else its model's."""
        (narrow, counts), (wider, _) = own
        cell = self.cells.get(narrow)
        if cell is None or cell.fit.count < _A_FEW:
            cell = self.cells[wider]
        return cell, counts, visible.scaled(way, counts)

    def _said(
        self, cell: Cell, counts: Counts, features: Features, key: Key, ends: tuple[float, float], *, wider: float = 1.0
    ) -> _Said:
        low, high = ends
        doubt = min(cell.fit.doubt(features), _UTMOST_DOUBT)
        inside = interval(cell.fit.predict(features), (low * wider, high * wider), doubt)
        return _Said(inside, cell, counts, key, len(self.cells[key].scores), wider)

    def _note(self, way: Way, said: _Said) -> str:
        fit = said.cell.fit
        parts = zip(fit.weights, said.counts, _NAMES[way], visible.SCALES[way], strict=True)
        terms = [f"{weight / scale:.5g} * {count} {name}" for weight, count, name, scale in parts if count and name]
        sum_of = " + ".join([*terms, f"{fit.weights[-1]:.5g}"])
        of_what = " ".join(filter(None, said.key[1:]))
        unheard = (
            "" if said.wider == 1.0 else f"; this feature has reported too little: interval {said.wider:g} times as wide"
        )
        of = f"from {fit.count} reported, {said.errors} compared of: {of_what} (state {self.learnt})"
        return f"{way} = {sum_of}; {of}{unheard}"

    # ── learning ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _learn(self, kinds: Kinds, ended: Ended, way: Way, truth: int, *, is_sample: bool) -> list[Cell]:
        """Predict, compare, learn; return the cells that did. Once a kind is settled, a sample of its requests does."""
        said = self._predict(kinds, way)
        if said is not None and visible.is_of_model(said.key):
            self._tally(ended, way).add(said.interval, truth)
        taught, far = list[Cell](), visible.FAR[way]
        wider: Cell | None = None
        for key, counts in reversed(kinds.wide):
            cell = self._cell(key, way, wider)
            if is_sample or not _is_settled(cell):
                features = visible.scaled(way, counts)
                _note_error(cell, features, truth, (cell.scores,))
                cell.fit.learn(features, truth, far)
                taught.append(cell)
            wider = cell
        if not kinds.own:
            return taught
        (narrow_key, counts), (model_key, _) = kinds.own
        of_model = self._cell(model_key, way, wider)
        narrow = self._cell(narrow_key, way, of_model)
        features = visible.scaled(way, counts)
        if is_sample or not _is_settled(narrow):
            self._judge(narrow, of_model, features, truth)
            narrow.fit.learn(features, truth, far)
            taught.append(narrow)
        if is_sample or not _is_settled(of_model):
            of_model.fit.learn(features, truth, far)
            taught.append(of_model)
        return taught

    def _judge(self, narrow: Cell, of_model: Cell, features: Features, truth: int) -> None:
        """Keep the error for the feature; for the model only as long as the feature has too few to be judged by them.

        Else a model's errors would be those of its busy features, and rare ones, which alone are judged by them, would get
        intervals that are too narrow (measured: 49 to 85 % instead of 95 for the rarest, of six features).
        """
        speaks = narrow if narrow.fit.count >= _A_FEW else of_model
        if narrow.scores.ends() is not None:
            _note_error(speaks, features, truth, (narrow.scores,))
            return
        _note_error(speaks, features, truth, (narrow.scores, of_model.scores))
        if narrow.scores.ends() is not None:
            of_model.scores.let_go(narrow.scores.newest())

    def _cell(self, key: Key, way: Way, wider: Cell | None) -> Cell:
        """The cell of a kind. A new one begins at what the wider one knows by now."""
        cell = self.cells.get(key)
        if cell is None:
            weights, unsure = visible.BEGIN[way]
            cell = self.cells[key] = Cell(Fit.begin(weights if wider is None else wider.fit.weights, unsure))
            if len(self.cells) > MOST_KINDS:
                self.cells.popitem(last=False)
        self.cells.move_to_end(key)
        return cell

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


def _is_settled(cell: Cell) -> bool:
    return cell.fit.count >= SETTLED and not cell.fit.is_drifting


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


def _note_error(cell: Cell, features: Features, truth: int, into: Sequence[Scores]) -> None:
    fit = cell.fit
    if fit.count < _A_FEW:
        return
    doubt = fit.doubt(features)
    if doubt < _MOST_DOUBT:
        error = score(truth, fit.predict(features), doubt)
        for scores in into:
            scores.add(error)


def _kinds(ended: Ended, way: Way) -> Kinds:
    return visible.input_kinds(ended) if way == "input" else visible.output_kinds(ended)


def _likely(ended: Ended, way: Way) -> Interval:
    return visible.likely_input(ended) if way == "input" else visible.likely_output(ended)
