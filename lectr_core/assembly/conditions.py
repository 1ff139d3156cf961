"""Conditions on a shown request, as they stand on a command line: `feature=search`, `status>=500`, `model!=small-*`. Pure.

Called by the command `tail`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final, TypeVar

import attrs

from lectr_core.errors import OperatorError

T = TypeVar("T", bound=attrs.AttrsInstance)

_CONDITION: Final = re.compile(r"\s*(\w+)\s*(!=|>=|<=|=|>|<)(.*)", re.DOTALL)
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def conditions(texts: Sequence[str], kind: type[T]) -> Callable[[T], bool]:
    """Whether a *kind* fulfils all of *texts*, each a column, a sign and a value.

    `=` and `!=` compare words, with `*` and `?` as in file names; nothing after them means: not known. The others compare
    numbers and times; what is not known fulfils none of them.
    Errors: OperatorError where a column or a value makes no sense.
    """
    tests = [_test(text, [field.name for field in attrs.fields(kind)]) for text in texts]
    return lambda thing: all(test(thing) for test in tests)


def _test(text: str, columns: Sequence[str]) -> Callable[[object], bool]:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise OperatorError(f"--where: expected COLUMN=VALUE, COLUMN!=VALUE or COLUMN>=NUMBER, got {text!r}")
    name, sign, value = found[1], found[2], found[3].strip()
    if name not in columns:
        near = get_close_matches(name, columns, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(columns)}"
        raise OperatorError(f"--where: there is no column {name!r}{hint}")
    if sign in ("=", "!="):
        return lambda thing: _is(getattr(thing, name), value) == (sign == "=")
    return lambda thing: _compares(getattr(thing, name), sign, value)


def _is(seen: object, value: str) -> bool:
    if seen is None or not value:
        return (seen is None or seen == "") and not value
    if isinstance(seen, bool):
        return _TRUTH.get(value.lower()) == seen
    if isinstance(seen, (int, float)):
        number = _number(value)
        return number is not None and seen == number
    return fnmatchcase(str(seen), value)


def _compares(seen: object, sign: str, value: str) -> bool:
    if isinstance(seen, (int, float)):
        number = _number(value)
        if number is None:
            raise OperatorError(f"--where: expected a number to compare with, got {value!r}")
        return _ordered((seen > number) - (seen < number), sign)
    return isinstance(seen, str) and _ordered((seen > value) - (seen < value), sign)


def _ordered(order: int, sign: str) -> bool:
    return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[sign]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
