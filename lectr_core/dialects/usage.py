"""Numbers that a provider reports, taken with care: what counts as a count, and what is kept of a usage object.

A provider's numbers end up in bills and budgets, so each is checked before anything is done with it. Nothing here keeps
text. Called by every reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs

from lectr_core.model.reading import Terms, Tree, Usage
from lectr_core.model.units import MAX_COUNT

_MAX_DEPTH: Final = 6
# An answer may tell each turn of a long loop, with about ten members a turn.
_MAX_MEMBERS: Final = 2048
_MAX_NAMES: Final = 1024
_names: Final[set[str]] = set()
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/@-]{0,63}")


def count(value: object) -> int | None:
    """*value* as a count: a whole number from 0 to 2^53 - 1; None for everything else, True and NaN included."""
    if type(value) is int:  # nearly always; a bool is not of that type
        return value if 0 <= value <= MAX_COUNT else None
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= MAX_COUNT else None


def branch(tree: object, name: str) -> Tree:
    """The object called *name* within *tree*; empty where there is none."""
    found = tree.get(name) if isinstance(tree, dict) else None
    return found if isinstance(found, dict) else {}


def numbers(tree: object) -> Tree:
    """What may be kept of a usage object: its numbers and its short enumerated words.

    Shapes: names and nesting stay; an object or list deeper than 6, or behind the 2048th member, is left out, and so is
        every other value.
    """
    left = [_MAX_MEMBERS]
    kept = _kept(tree, _MAX_DEPTH, left)
    return kept if isinstance(kept, dict) else {}


def _kept(value: object, depth: int, left: list[int]) -> Any:  # Any: a recursive tree, which cannot be named
    left[0] -= 1
    if type(value) is int and left[0] >= 0:  # nearly always
        return value if -MAX_COUNT <= value <= MAX_COUNT else None
    if left[0] < 0 or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if abs(value) <= MAX_COUNT else None  # NaN compares false, too
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else None
    if depth and isinstance(value, dict):
        kept = {}
        for name, part in value.items():
            if name not in _names and not _is_name(name):
                continue
            if type(part) is int and 0 <= part <= MAX_COUNT and left[0] > 0:
                left[0] -= 1  # nearly always: as below, without a call (2 µs a request)
                kept[name] = part
                continue
            part = _kept(part, depth - 1, left)
            if part is not None:
                kept[name] = part
        return kept
    if depth and isinstance(value, list):
        return [part for part in (_kept(part, depth - 1, left) for part in value) if part is not None]
    return None


def laid_over(older: Tree, newer: Tree) -> Tree:
    """Two reports of one answer: the later value holds, but what was counted before does not turn into nothing.

    Shapes: objects are laid over each other inside; a count of 0 leaves the earlier one.
    """
    merged: dict[str, Any] = dict(older)  # Any: a tree of numbers
    for name, value in newer.items():
        before = merged.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            merged[name] = laid_over(before, value)
        elif value is not None and (value != 0 or before is None):
            merged[name] = value
    return merged


def with_terms(usage: Usage, **changes: Any) -> Usage:  # Any: fields of Terms
    """*usage* with these of its terms changed."""
    return attrs.evolve(usage, terms=attrs.evolve(usage.terms or Terms(), **changes))


def are_known(names: Iterable[str]) -> bool:
    """Whether all of *names* have been found to be words before."""
    return _names.issuperset(names)


def _is_name(name: str) -> bool:
    """Whether a member's name is a word, and remember it: providers have some hundred of them."""
    if not _WORD.fullmatch(name):
        return False
    if len(_names) < _MAX_NAMES:
        _names.add(name)
    return True


def apportion(total: int, parts: Iterable[tuple[str, int | None]], rest: str) -> tuple[dict[str, int], bool]:
    """Split *total* into disjoint *parts* and the *rest*, so that together they are *total*, whatever was reported.

    Shapes: Returns (units, whether the parts fitted). Parts that exceed the total are cut, the last ones first.
    """
    if not parts:
        return ({rest: total} if total else {}), True
    units: dict[str, int] = {}
    left = total
    fits = True
    for name, reported in parts:
        if reported:
            taken = min(reported, left)
            fits = fits and taken == reported
            left -= taken
            units[name] = units.get(name, 0) + taken
    units[rest] = units.get(rest, 0) + left
    return {name: number for name, number in units.items() if number}, fits
