"""Whether a value of the settings file has the shape its attrs class declares, and what is wrong where it has not.

cattrs builds the instance; the hooks here make it strict (nothing is coerced: `"8080"` is no number, `1` is no truth) and
its nested errors become flat lines with a path. A value that could be a secret is never shown. Pure. Called by `sections`.
"""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)

T = TypeVar("T")
Type = Any  # a type form: `type`, a union, `Literal[...]`: typing has no name for them all on 3.11

SECRET_NAME = re.compile(r"key|secret|token|passw|credential|authori|dsn|url", re.IGNORECASE)
# A run like this is no word, number, path or address that anybody needs to see again; keys begin at about 20 characters.
SECRET_SHAPE = re.compile(r"[A-Za-z0-9_+/=-]{20,}")
LONGEST_SHOWN = 80


class Unfit(ValueError):
    """A value that does not fit its type. Carries the value, so that its showing is decided where the path is known."""

    def __init__(self, expected: str, value: object) -> None:
        self.expected = expected
        self.value = value
        super().__init__(expected)


def build(value: object, schema: type[T], path: str) -> tuple[T | None, list[str]]:
    """An instance of *schema*, or every fault with its path: `sink.sqlite.path: expected text, got 7`."""
    try:
        return _converter.structure(value, schema), []
    except (BaseValidationError, ValueError) as exc:
        return None, list(_lines(exc, path, schema))


def describe(kind: Type) -> str:
    """A type in words for people: `a whole number or 'auto'`."""
    origin = _origin(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(one) for one in get_args(kind) if one is not types.NoneType)
    if origin is Literal:
        return " or ".join(f"'{one}'" if isinstance(one, str) else str(one) for one in get_args(kind))
    if origin in (tuple, list, set, frozenset, Sequence):
        inner = get_args(kind)[0] if get_args(kind) else str
        return f"a list of {'text' if inner is str else 'tables' if attrs.has(inner) else f'({describe(inner)})'}"
    if origin in (dict, Mapping) or kind in (dict, Mapping):
        return "a table"
    if isinstance(kind, type) and attrs.has(kind):
        return "a table"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def show(value: object, path: str) -> str:
    """A value as it may be repeated to people: never one that could be a secret."""
    if isinstance(value, str):
        if SECRET_NAME.search(path.rpartition(".")[2]) or SECRET_SHAPE.search(value):
            return "text (not shown: it may be a secret)"
        return repr(value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "…")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def shown_name(name: str) -> str:
    """A name that somebody wrote as it may be repeated: not where it looks like a pasted key."""
    return name if not SECRET_SHAPE.search(name) or re.fullmatch(r"[a-z_]+", name) else "(name not shown)"


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'listen'?` where something known is near, else what is known."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(sorted(known))}" if known else ""


def _origin(kind: Type) -> Any:  # Any: `get_origin`, which mypy types too narrowly for unions and literals
    return get_origin(kind)


def _lines(exc: BaseException, path: str, schema: Type) -> Iterator[str]:
    """Walk cattrs' tree of errors. *schema* is the type at *path*, where it is known."""
    if isinstance(exc, ClassValidationError):
        inner, own = exc.group_exceptions()
        for error, note in inner:
            yield from _lines(error, f"{path}.{note.name}", note.type)
        for error in own:
            yield from _lines(error, path, exc.cl)
    elif isinstance(exc, IterableValidationError):
        items, others = exc.group_exceptions()
        for error, place in items:
            where = f"{path}[{place.index}]" if isinstance(place.index, int) else f"{path}.{place.index}"
            yield from _lines(error, where, place.type)
        for error in others:
            yield from _lines(error, path, schema)
    elif isinstance(exc, ForbiddenExtraKeysError):
        names = [attribute.alias or attribute.name for attribute in attrs.fields(exc.cl)]
        for name in sorted(exc.extra_fields):
            yield f"{path}.{shown_name(name)}: unknown{nearest(name, names)}"
    elif isinstance(exc, Unfit):
        yield f"{path}: expected {exc.expected}, got {show(exc.value, path)}"
    elif isinstance(exc, KeyError):
        yield f"{path}: required, but missing" + (f" (expected {describe(schema)})" if schema is not None else "")
    else:
        yield f"{path}: {' '.join(str(exc).split()) or type(exc).__name__}"


def _exactly(expected: str, *kinds: type) -> Callable[[Any, Any], Any]:  # Any: cattrs' own signature of a hook
    def hook(value: Any, _: Any) -> Any:  # Any: as above
        # bool is an int in Python, and datetime is a date, but neither is in a settings file
        if type(value) not in kinds:
            raise Unfit(expected, value)
        return value

    return hook


def _number(value: Any, _: Any) -> float:  # Any: cattrs' own signature of a hook
    if type(value) not in (int, float, Decimal) or not math.isfinite(value):
        raise Unfit(_WORDS[float], value)
    return float(value)


def _decimal(value: Any, _: Any) -> Decimal:  # Any: cattrs' own signature of a hook
    if type(value) in (int, float, Decimal) and math.isfinite(value):
        return value if isinstance(value, Decimal) else Decimal(str(value))
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        return Decimal(value)
    raise Unfit(_WORDS[Decimal], value)


def _path(value: Any, _: Any) -> Path:  # Any: cattrs' own signature of a hook
    if type(value) is not str or not value or "\0" in value:
        raise Unfit(_WORDS[Path], value)
    return Path(value).expanduser()


def _literal(value: Any, kind: Type) -> Any:  # Any: cattrs' own signature of a hook
    if not any(type(value) is type(allowed) and value == allowed for allowed in get_args(kind)):
        raise Unfit(describe(kind), value)
    return value


def _union(value: Any, kind: Type) -> Any:  # Any: cattrs' own signature of a hook
    """The member whose type the value has already, else the first that takes it."""
    members = [one for one in get_args(kind) if one is not types.NoneType]
    for member in sorted(members, key=lambda one: one is not type(value)):
        try:
            return _converter.structure(value, member)
        except Unfit:
            continue
        except (ClassValidationError, IterableValidationError):
            # A table or list meant for this member: its own faults say more than "does not fit".
            if len(members) == 1 or (isinstance(value, dict) and not _is_scalar(member)):
                raise
    raise Unfit(describe(kind), value)


def _is_scalar(kind: Type) -> bool:
    return kind in _WORDS or _origin(kind) is Literal


def _sequence(value: Any, kind: Type) -> Any:  # Any: cattrs' own signature of a hook
    """A list; a lone text stands for a list of one where texts are wanted."""
    inner = get_args(kind)[0] if get_args(kind) else str
    if isinstance(value, str) and inner is str:
        value = [value]
    if not isinstance(value, list):
        raise Unfit(describe(kind), value)
    made = _each(enumerate(value), inner, kind)
    origin = _origin(kind)
    return origin(made) if origin in (list, set, frozenset) else tuple(made)


def _table(value: Any, kind: Type) -> dict[str, Any]:  # Any: cattrs' own signature of a hook
    if not isinstance(value, dict):
        raise Unfit("a table", value)
    inner = get_args(kind)[1] if len(get_args(kind)) == 2 else Any  # Any: a table of whatever is there
    return dict(zip(value, _each(value.items(), inner, kind), strict=True))


def _each(items: Any, inner: Type, kind: Type) -> list[Any]:  # Any: pairs of (index or key, value)
    made, wrong = [], []
    for index, item in items:
        try:
            made.append(_converter.structure(item, inner))
        except (BaseValidationError, ValueError) as exc:
            exc.add_note(IterableValidationNote("", index, inner))
            wrong.append(exc)
    if wrong:
        raise IterableValidationError("", wrong, kind)
    return made


def _instance(kind: type[Any], plain: cattrs.Converter) -> Callable[[Any, Any], Any]:  # Any: cattrs' own
    make = cattrs.gen.make_dict_structure_fn(
        kind, plain, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True, _cattrs_use_alias=True
    )

    def hook(value: Any, cls: Any) -> Any:  # Any: cattrs' own signature of a hook
        if not isinstance(value, dict):
            raise Unfit("a table", value)
        return make(value, cls)

    return hook


_WORDS: dict[Any, str] = {  # Any: types and type forms
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    Path: "a path",
    date: "a date",
    datetime: "a date with time",
    time: "a time of day",
}


def _strict() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (str, bool, int, date, datetime, time):
        converter.register_structure_hook(kind, _exactly(_WORDS[kind], kind))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook(Path, _path)
    containers = (tuple, list, set, frozenset, Sequence)
    tables = (dict, Mapping)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in containers, _sequence)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in tables or kind is dict, _table)
    converter.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _literal)
    converter.register_structure_hook_func(lambda kind: _origin(kind) in (Union, types.UnionType), _union)
    converter.register_structure_hook_factory(attrs.has, lambda kind: _instance(kind, converter))
    return converter


_converter = _strict()
