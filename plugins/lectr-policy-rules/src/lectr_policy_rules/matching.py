"""Conditions compiled: what a request is held against, so that a decision costs a microsecond however many rules there are.

A text without `*`, `?` or `[` is compared as it is; anything else is a glob with the meaning of `fnmatchcase`. A fact that a
request does not have (no task, no model) fits nothing. `Index` answers for all rules at once: the rules that a value leaves
in play are the bits of one number, and the first rule that fits is the lowest bit which all fields leave. What it remembers
is bounded and never changes an answer. Called by `policy.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from operator import attrgetter
from typing import Any, Final

import attrs

from lectr_core import Facts
from lectr_policy_rules.rule import Patterns, When

FIELDS = ("feature", "task", "provider", "model", "org", "streamed")
"""What a condition can be about: attributes of `Facts` and of `When` alike."""

OF_BODY: Final = frozenset({"model", "streamed"})
"""Those that a request says in its body."""

Value = str | bool | None
Seen = tuple[Value, ...]
"""A request's facts in the order of `FIELDS`."""

facts_seen: Callable[[Facts], Seen] = attrgetter(*FIELDS)

_NOT_LITERAL = frozenset("*?[")


@attrs.frozen
class Condition:
    """One condition of one rule."""

    field: int
    """Index into `FIELDS`."""
    wanted: str
    """As the operator wrote it, for people."""
    texts: tuple[str | bool, ...]
    """Of which one must fit."""
    fits: Callable[[Value], object]
    """Truthy where the value fits."""

    @property
    def of_body(self) -> bool:
        """Whether it is about what a body says."""
        return FIELDS[self.field] in OF_BODY


def conditions_of(when: When) -> tuple[Condition, ...]:
    """The conditions that *when* holds, in the order of `FIELDS`."""
    found = []
    for field, name in enumerate(FIELDS):
        wanted: Patterns | bool = getattr(when, name)
        if wanted is not None:
            found.append(_condition(field, wanted))
    return tuple(found)


def asks_body(conditions: Sequence[Condition]) -> bool:
    """Whether one of them is about what a body says."""
    return any(condition.of_body for condition in conditions)


def _condition(field: int, wanted: str | bool | Sequence[str]) -> Condition:
    if isinstance(wanted, bool):
        return Condition(field, str(wanted).lower(), (wanted,), frozenset((wanted,)).__contains__)
    texts = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    shown = " or ".join(repr(text) for text in texts)
    if not any(_NOT_LITERAL.intersection(text) for text in texts):
        return Condition(field, shown, texts, frozenset(texts).__contains__)
    return Condition(field, shown, texts, _glob(texts))


def _glob(texts: Iterable[str]) -> Callable[[Value], object]:
    match = re.compile("|".join(translate(text) for text in texts)).match

    def fits(value: Value) -> object:
        return isinstance(value, str) and match(value)

    return fits


Remembered = dict[Value, int]

# Values come from clients, so what is remembered of them must end somewhere: full, it is emptied and filled anew. 500 rules
# make numbers of 90 bytes, so a field holds at most some 400 KB.
MAX_REMEMBERED: Final = 4096
MAX_REMEMBERED_CHARS: Final = 256
"""A longer value is looked up each time."""


class FieldIndex:
    """Of one field: which rules a value leaves in play, bit n for rule n.

    Literal texts, beginnings (`big-*`) and endings (`*-mini`) are found by look-up, the latter two once for each length that
    occurs. Any other glob is tried, where the longest piece of it that is literal stands in the value. That is done once for
    each value: 500 such globs cost some 50 µs the first time and nothing afterwards.
    """

    __slots__ = ("_endings", "_free", "_literal", "_openings", "_tried", "remembered")

    def __init__(self, rules: Sequence[tuple[Condition, ...]], field: int) -> None:
        self.remembered: Remembered = {}
        self._literal: dict[Value, int] = {}
        self._openings: dict[int, dict[str, int]] = {}
        self._endings: dict[int, dict[str, int]] = {}
        self._free = 0
        globs: dict[str, int] = {}
        for position, conditions in enumerate(rules):
            here = [condition for condition in conditions if condition.field == field]
            if not here:
                self._free |= 1 << position
            for text in {text for condition in here for text in condition.texts}:
                places, key = self._place(text, globs)
                places[key] = places.get(key, 0) | 1 << position
        self._tried = tuple((_longest_piece(glob), re.compile(translate(glob)).match, bit) for glob, bit in globs.items())

    def of(self, value: Value) -> int:
        """The bits of the rules that *value* fits, and of those that do not ask for this field. Remembers them."""
        bits = self._free | self._literal.get(value, 0)
        if isinstance(value, str):
            for length, openings in self._openings.items():
                bits |= openings.get(value[:length], 0)
            for length, endings in self._endings.items():
                if len(value) >= length:
                    bits |= endings.get(value[len(value) - length :], 0)
            for piece, match, bit in self._tried:
                if piece in value and match(value):
                    bits |= bit
            if len(value) > MAX_REMEMBERED_CHARS:
                return bits
        if len(self.remembered) >= MAX_REMEMBERED:
            self.remembered.clear()
        self.remembered[value] = bits
        return bits

    def _place(self, text: str | bool, globs: dict[str, int]) -> tuple[dict[Any, int], Any]:  # Any: a text, or a truth value
        """Where a text of a condition is looked up, and under which key."""
        if isinstance(text, bool) or not _NOT_LITERAL.intersection(text):
            return self._literal, text
        if text.endswith("*") and not _NOT_LITERAL.intersection(text[:-1]):
            return self._openings.setdefault(len(text) - 1, {}), text[:-1]
        if text.startswith("*") and not _NOT_LITERAL.intersection(text[1:]):
            return self._endings.setdefault(len(text) - 1, {}), text[1:]
        return globs, text


class Index:
    """Which of many rules is the first that fits."""

    __slots__ = ("_all", "_fields")

    def __init__(self, rules: Sequence[tuple[Condition, ...]]) -> None:
        asked = sorted({condition.field for conditions in rules for condition in conditions})
        made = [(field, FieldIndex(rules, field)) for field in asked]
        self._fields = tuple((field, index.remembered, index.of) for field, index in made)
        self._all = (1 << len(rules)) - 1

    def first(self, seen: Seen) -> int:
        """The position of the first rule that fits; -1 where none does."""
        bits = self._all
        for field, remembered, find in self._fields:
            value = seen[field]
            found = remembered.get(value)
            bits &= find(value) if found is None else found
            if not bits:
                return -1
        return (bits & -bits).bit_length() - 1


def _longest_piece(glob: str) -> str:
    """The longest text that whatever fits *glob* must hold; may be empty."""
    # A set ends at the next `]` that is not its first letter; taking too much for a set only makes pieces shorter.
    return max(re.split(r"\[!?\]?[^\]]*\]|[*?]", glob), key=len)
