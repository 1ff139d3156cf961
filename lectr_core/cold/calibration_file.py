"""The file in which a calibration outlives the process: replaced as a whole, and no loss where it is missing or damaged.

Nothing but predictions depends on it: a calibration that was lost is learnt again from the requests that follow, and every
record that was measured carries its own formula. Its `version` says how it is laid out; a file of another version is let go
of. Called by `way.py`, and by the command that shows how good predictions are.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import attrs

from lectr_core.cold.accuracy import Tally
from lectr_core.cold.calibration import Calibration, Cell
from lectr_core.cold.conformal import Scores
from lectr_core.cold.regression import Fit
from lectr_core.cold.visible import BEGIN
from lectr_core.journal.whole import replace_file
from lectr_core.model.codec import decode, encode

_log = logging.getLogger("lectr.cold")

FILE: Final = "calibration.json"
VERSION: Final = 2

_SIZES: Final = (4, 10)
"""Of a model's weights, and of what says how sure they are."""
_NAMES: Final = 4
"""That a tally goes by."""


@attrs.frozen
class _KeptCell:
    key: list[str]
    weights: list[float]
    spread: list[float]
    usual: float
    count: int
    scores: list[float]
    cached: float


@attrs.frozen
class _KeptTally:
    key: list[str]
    checked: int
    held: int
    widths: dict[int, int]
    errors: dict[int, int]
    predicted_tokens: int
    reported_tokens: int


@attrs.frozen
class _Kept:
    version: int
    learnt: int
    cells: list[_KeptCell]
    tallies: list[_KeptTally]


@attrs.frozen
class _Version:
    version: int


def read(path: Path) -> Calibration:
    """What was kept at *path*; an empty calibration where there is nothing, or nothing that can be used."""
    try:
        content = path.read_bytes()
        if decode(content, _Version).version != VERSION:
            _log.warning("%s is of another version: what tokens look like is learnt again", path.name)
            return Calibration()
        return _revived(decode(content, _Kept))
    except FileNotFoundError:
        return Calibration()
    except (OSError, ValueError) as exc:
        _log.warning("cannot read %s, so what tokens look like is learnt again: %s", path.name, exc)
        return Calibration()


def write(path: Path, calibration: Calibration) -> None:
    """Replace the file at *path*. Errors: OSError; the file there before is then still whole."""
    replace_file(path, encode(_laid_out(calibration)), durable=False)


def _laid_out(calibration: Calibration) -> _Kept:
    cells = [
        _KeptCell(
            list(key),
            list(cell.fit.weights),
            list(cell.fit.spread),
            cell.fit.usual,
            cell.fit.count,
            cell.scores.newest(),
            cell.cached,
        )
        for key, cell in calibration.cells.items()
    ]
    tallies = [
        _KeptTally(list(key), one.checked, one.held, one.widths, one.errors, one.predicted_tokens, one.reported_tokens)
        for key, one in calibration.tallies.items()
    ]
    return _Kept(VERSION, calibration.learnt, cells, tallies)


def _revived(kept: _Kept) -> Calibration:
    """Errors: ValueError where something in it cannot be."""
    made = Calibration(learnt=kept.learnt)
    for cell in kept.cells:
        sizes = (len(cell.weights), len(cell.spread))
        if sizes != _SIZES or not cell.key or cell.key[0] not in ("input", "output"):
            raise ValueError(f"a kind has {sizes[0]} weights and {sizes[1]} for how sure they are; it needs {_SIZES}")
        fit = Fit.again(cell.weights, cell.spread, BEGIN[cell.key[0]][1], cell.usual, cell.count)
        made.cells[tuple(cell.key)] = Cell(fit, Scores.of(cell.scores), cell.cached)
    for one in kept.tallies:
        if len(one.key) != _NAMES:
            raise ValueError(f"a tally has {len(one.key)} names; it needs {_NAMES}")
        made.tallies[tuple(one.key)] = Tally(
            one.checked, one.held, one.widths, one.errors, one.predicted_tokens, one.reported_tokens
        )
    return made
