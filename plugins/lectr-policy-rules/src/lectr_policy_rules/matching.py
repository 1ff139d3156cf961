"""Conditions compiled: what a request is held against, so that a decision costs microseconds.

Pure. A text without `*`, `?` or `[` is compared as it is; anything else is a glob with the meaning of `fnmatchcase`, as a
regular expression made once. A fact that a request does not have (no task, no model) fits nothing. Called by `policy.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from operator import attrgetter

import attrs

from lectr_core import Facts
from lectr_policy_rules.rule import Patterns, When

FIELDS = ("feature", "task", "provider", "model", "org", "streamed")
"""What a condition can be about: attributes of `Facts` and of `When` alike."""

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
    values: frozenset[Value] | None
    """The values that fit, where each is given literally; None where the condition has a glob."""
    fits: Callable[[Value], object]
    """Truthy where the value fits."""


def conditions_of(when: When) -> tuple[Condition, ...]:
    """The conditions that *when* holds, in the order of `FIELDS`."""
    found = []
    for field, name in enumerate(FIELDS):
        wanted: Patterns | bool = getattr(when, name)
        if wanted is not None:
            found.append(_condition(field, wanted))
    return tuple(found)


def _condition(field: int, wanted: str | bool | Sequence[str]) -> Condition:
    if isinstance(wanted, bool):
        only: frozenset[Value] = frozenset((wanted,))
        return Condition(field, str(wanted).lower(), only, only.__contains__)
    texts = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    shown = " or ".join(repr(text) for text in texts)
    if not any(_NOT_LITERAL.intersection(text) for text in texts):
        values: frozenset[Value] = frozenset(texts)
        return Condition(field, shown, values, values.__contains__)
    return Condition(field, shown, None, _glob(texts))


def _glob(texts: Iterable[str]) -> Callable[[Value], object]:
    match = re.compile("|".join(translate(text) for text in texts)).match

    def fits(value: Value) -> object:
        return isinstance(value, str) and match(value)

    return fits


class Index:
    """Which of many rules are worth a look, found by the values that rules name literally.

    Each rule stands in one place only: under the values of that literal condition which it shares with the fewest other
    rules; a rule without a literal condition is looked at each time. So a look-up costs a few dictionary accesses,
    however many rules there are.
    """

    def __init__(self, rules: Sequence[tuple[Condition, ...]]) -> None:
        crowd = Counter((c.field, value) for conditions in rules for c in conditions for value in c.values or ())
        self._always: list[int] = []
        self._by_field: dict[int, dict[Value, list[int]]] = {}
        for position, conditions in enumerate(rules):
            literal = [(c.field, c.values) for c in conditions if c.values is not None]
            if not literal:
                self._always.append(position)
                continue
            field, values = min(literal, key=lambda one: max(crowd[one[0], value] for value in one[1]))
            places = self._by_field.setdefault(field, {})
            for value in values:
                places.setdefault(value, []).append(position)

    def candidates(self, seen: Seen) -> Sequence[int]:
        """Positions of the rules that may fit, in ascending order; all that do fit are among them."""
        found = self._always
        for field, places in self._by_field.items():
            more = places.get(seen[field])
            if more is not None:
                found = sorted(found + more) if found else more
        return found
