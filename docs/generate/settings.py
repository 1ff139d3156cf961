"""Writes docs/reference/settings.md from the classes: `python docs/generate/settings.py > docs/reference/settings.md`.

Every section, type, default and meaning comes from the code of the core and of the plugins in this repository, which must be
installed. A test runs it and compares, so that the page cannot fall behind. Nothing else calls it.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, get_args, get_type_hints

import attrs

from lectr_core import Section
from lectr_core.assembly.document import write
from lectr_core.assembly.overrides import variable_of
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.sections import CORE
from lectr_core.assembly.shapes import describe

OPENING: Final = """\
# Settings

% Written by docs/generate/settings.py; change the docstrings of the settings classes instead.

Everything reads one `lectr.toml`: `--config`, else `./lectr.toml`, else `$LECTR_CONFIG`, else defaults that work. No file is
needed to begin.

- **Precedence**: flag, environment variable, file, default. `lectr config show` says what holds and where it comes from.
- **Environment**: the variable of a setting is its path in capitals, joined by underscores. A list is written with commas.
  Arrays of tables (`[[rule]]`) have no variables; tables with names of your own have them once the file names the table.
- **Faults** are told all at once, each with its path, the value seen and the values allowed; an unknown name is a fault with
  the nearest known one. `lectr config check` does this without starting anything. A value that could be a secret is never
  repeated.
- **Secrets** do not stand in the file: settings whose name ends in `_env` name the environment variable that holds one.
- **Strict types**: `"8080"` is no number and `1` is no truth value. One text may stand where a list of texts is wanted.
- **Paths** are relative to the directory in which `lectr` runs; `~` is your home.
- **Version**: the first 12 hex digits of the SHA-256 of the effective document. Each version that was in force is kept in
  `<data>/config/`, and every record names the one that decided.
- Changes are taken over while the gateway runs; what needs a restart is listed in [changing the
  configuration](../how-to/reload.md).
"""


def sections() -> Iterator[tuple[str, Section]]:
    """Every section with the distribution it belongs to; those of plugins that are not of this repository are left out."""
    yield from (("lectr", section) for section in CORE)
    yield from sorted(load_plugins().sections(), key=lambda owned: owned[1].path)


def meanings(schema: type[Any]) -> dict[str, str]:  # Any: the class is the plugin's own
    """The string beneath each attribute of an attrs class, base classes included."""
    found: dict[str, str] = {}
    for kind in reversed(schema.__mro__):
        if not attrs.has(kind):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for before, after in pairwise(body):
            if not isinstance(before, ast.AnnAssign) or not isinstance(before.target, ast.Name):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
                found[before.target.id] = re.sub(r"\s*\n\s*", " ", after.value.value.strip())
    return found


def _default(attribute: attrs.Attribute[Any]) -> str:  # Any: a default of any type
    if attribute.default is attrs.NOTHING:
        return "*required*"
    value: Any = attribute.default  # Any: as above
    if hasattr(value, "factory"):
        value = value.factory()
    if value is None:
        return "absent"
    if attrs.has(type(value)) or value in ({}, ()):
        return "empty"
    plain = list(value) if isinstance(value, tuple) else value if isinstance(value, str | bool | int | float) else str(value)
    return f"`{write({'x': plain}).removeprefix('x = ').strip()}`"


def _inner(kind: Any) -> Iterator[type[Any]]:  # Any: a type form
    """attrs classes inside a type: of nested tables and arrays of them."""
    if isinstance(kind, type) and attrs.has(kind):
        yield kind
    for one in get_args(kind):
        yield from _inner(one)


def _table(schema: type[Any], path: str, *, with_variables: bool) -> Iterator[str]:  # Any: as above
    said, hints = meanings(schema), get_type_hints(schema)
    head = ("setting", "wants", "default", "meaning", *(("variable",) if with_variables else ()))
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    nested: list[tuple[str, type[Any]]] = []  # Any: as above
    for attribute in attrs.fields(schema):
        kind = hints[attribute.name]
        nested += [(attribute.name, inner) for inner in _inner(kind)]
        cells = [f"`{attribute.name}`", describe(kind), _default(attribute), said.get(attribute.name, "")]
        if with_variables:
            cells.append(f"`{variable_of(f'{path}.{attribute.name}')}`")
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    for name, inner in nested:
        yield f"\n### `{name}` in `{path}`\n"
        yield from _table(inner, f"{path}.{name}", with_variables=False)


def page() -> str:
    """The whole page, as it is stored."""
    lines = [OPENING]
    for owner, section in sections():
        brackets = f"[[{section.path}]]" if section.many else f"[{section.path.replace('*', 'NAME')}]"
        lines += [f"\n## `{brackets}`\n", f"{section.help} From `{owner}`.\n"]
        plain = not section.many and not section.path.endswith("*")
        if attrs.fields(section.schema):
            lines += _table(section.schema, section.path, with_variables=plain)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
