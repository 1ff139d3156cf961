"""Writes docs/reference/values.md from the values themselves: `python docs/generate/values.py > docs/reference/values.md`.

A test runs it and compares, so that the page cannot fall behind. Nothing else calls it.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any, Final, get_args

import attrs

import lectr_core
from lectr_core import testing, units
from lectr_core.model import reading, record

OPENING: Final = """\
# Values

% Written by docs/generate/values.py; change the docstrings in lectr_core instead.

What plugins are given and give back: the fields of the values that stand in [the hooks](hooks.md), the names of what is
counted, and the kit to test a plugin with. All are imported from `lectr_core` and `lectr_core.testing`; none can be changed,
`attrs.evolve(value, field=…)` makes another.
"""

UNITS: Final = """\
## Units

The keys of `Usage.units` and of `Quote.rates`, in `lectr_core.units`: disjoint, so that adding them up counts nothing twice.
A reader may add names of its own; such a unit is kept, and has no price until a book has a rate for it.

| unit | tokens of the | |
|---|---|---|"""

PARTS: Final = {
    "Settings": ("Section", "Settings", "ProviderSettings"),
    "Policies": ("Facts", "Verdict", "Refusal", "Route", "Drain"),
    "Providers": (
        *("Call", "Answer", "Origin", "Credential", "Secret", "Upstream", "Reading", "Usage", "Terms", "Share", "Turn"),
        *("DialectProvider",),
    ),
    "Prices": ("PriceQuestion", "Quote", "UsedPrice"),
    "Sinks": ("Record", "Begun", "Attempt", "Ended", "Account", "ModelCost", "Cursor", "Accuracy"),
}
"""What stands on the page, by who meets it first."""

WORDS: Final = {record: ("Outcome", "EndedBy", "TokensSource", "CostBasis"), reading: ("UsageState", "ErrorCategory")}


def _one(name: str) -> str:
    kind = getattr(lectr_core, name)
    lines = [f"### {name}", "", _flat(inspect.getdoc(kind) or ""), ""]
    if not attrs.has(kind):
        lines.append(f"- `{kind.__name__}{_signature(kind)}`")
    return "\n".join([*lines, *_fields(kind), *_methods(kind)]) + "\n"


def _fields(kind: type) -> list[str]:
    said, found = _beneath(kind), []
    for attribute in attrs.fields(kind) if attrs.has(kind) else ():
        if not attribute.name.startswith("_"):
            about = f": {said[attribute.name]}" if attribute.name in said else ""
            found.append(f"- `{attribute.name}: {_type(kind, attribute.name)}`{_default(attribute)}{about}")
    return found


def _methods(kind: type) -> list[str]:
    """Its public methods that have something to say of their own."""
    return [
        f"- `{name}{_signature(function)}`: {_flat(inspect.getdoc(function) or '')}"
        for name, function in vars(kind).items()
        if inspect.isfunction(function)
        and not name.startswith("_")
        and not (function.__doc__ or "").startswith("See `ports")
    ]


def _signature(function: Callable[..., object]) -> str:
    """As written in the source; annotations are kept there as text, and stand in quotes."""
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(function)))


def _beneath(kind: type) -> dict[str, str]:
    """The string beneath each attribute, those inherited included, read from the source."""
    said: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if attrs.has(one):
            source = textwrap.dedent(inspect.getsource(one))
            found = re.findall(r'^    (\w+): (?:.|\n(?!    \w))*?\n    """((?:.|\n)*?)"""', source, re.MULTILINE)
            said |= {name: _flat(text) for name, text in found}
    return said


def _type(kind: type, name: str) -> str:
    written = next(one.__annotations__[name] for one in kind.__mro__ if name in vars(one).get("__annotations__", {}))
    return str(written)


def _default(attribute: attrs.Attribute[Any]) -> str:  # Any: of any type
    """What holds where nothing is said, if that can be said in a word."""
    default = attribute.default
    if default is attrs.NOTHING:
        return ""
    return f" = `{default!r}`" if isinstance(default, str | int | float | tuple | None) else " = …"


def _flat(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text.strip())


def _units() -> str:
    """The names of what is counted, with what they mean where that does not go without saying."""
    source = inspect.getsource(units)
    meanings = dict(re.findall(r'^(\w+): Final = "\w+"\n"""((?:.|\n)*?)"""', source, re.MULTILINE))
    tokens = {**dict.fromkeys(units.INPUT_UNITS, "input"), **dict.fromkeys(units.OUTPUT_UNITS, "output")}
    rows = []
    for constant, name in re.findall(r'^(\w+): Final = "(\w+)"', source, re.MULTILINE):
        rows.append(f"| `{name}` | {tokens.get(name, '')} | {_flat(meanings.get(constant, ''))} |")
    return "\n".join([UNITS, *rows]) + "\n"


def _words() -> str:
    """The words that fields choose from."""
    kinds = {name: getattr(module, name) for module, names in WORDS.items() for name in names}
    rows = [f"- `{name}`: {', '.join(f'`{word}`' for word in get_args(kind))}" for name, kind in kinds.items()]
    return "\n".join(["## Words", "", "What fields of these types may say:", "", *rows]) + "\n"


def _kit() -> str:
    lines = [
        *("## The kit: `lectr_core.testing`", ""),
        "Each `check_…` holds an object against the promises of its kind and raises `Broken` with the one that is not kept.",
        "",
    ]
    for name in testing.__all__:
        kind = getattr(testing, name)
        if inspect.isfunction(kind):
            waits = "async " if inspect.iscoroutinefunction(kind) else ""
            lines.append(f"- `{waits}{name}{_signature(kind)}`: {_flat(inspect.getdoc(kind) or '')}")
    return (
        "\n".join([*lines, "", "### Case", "", _flat(inspect.getdoc(testing.Case) or ""), "", *_fields(testing.Case)]) + "\n"
    )


def page() -> str:
    """The whole page, as it is stored."""
    parts = ["\n".join([f"## {part}", "", *map(_one, names)]) for part, names in PARTS.items()]
    return "\n".join([OPENING, *parts, _units(), _words(), _kit()])


if __name__ == "__main__":
    print(page(), end="")
