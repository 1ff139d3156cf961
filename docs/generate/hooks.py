"""Writes docs/reference/hooks.md from the hooks themselves: `python docs/generate/hooks.py > docs/reference/hooks.md`.

A test runs it and compares, so that the page cannot fall behind. Nothing else calls it.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Final

from lectr_core import hookspecs, ports

LABELS: Final = ("When", "Return", "Order", "Failure", "Since")

OPENING: Final = """\
# Hooks

% Written by docs/generate/hooks.py; change the docstrings in lectr_core/hookspecs.py and ports.py instead.

A plugin is a Python distribution with an entry point in the group `lectr`. The module it names holds functions marked
`@hookimpl`; each is called once, at start, and again when the settings change, and returns objects that Lectr then talks
to directly. The hooks stand here in the order a request meets them; what the returned objects must offer follows below.

```toml
[project.entry-points.lectr]
mine = "lectr_provider_mine"
```

Every name on this page is imported from `lectr_core`. [Values](values.md) has the fields of what is passed.
"""

RETURNED: Final = """\
# What hooks return

Protocols: nothing needs to be inherited. Every object is checked against its own at start.
"""


def hooks() -> list[tuple[str, Callable[..., object]]]:
    """Every hook with its name, in the order of the file."""
    return [(name, spec) for name, spec in vars(hookspecs).items() if name.startswith("lectr_") and inspect.isfunction(spec)]


def signature(name: str, function: Callable[..., object]) -> str:
    """As written in the source, on one line."""
    return f"{name}{inspect.signature(function)}".replace("'", "")


def summary(function: Callable[..., object]) -> str:
    """The first paragraph of its docstring."""
    return inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def labels(function: Callable[..., object]) -> dict[str, str]:
    """What its docstring says under each label, on one line."""
    text = inspect.cleandoc(function.__doc__ or "").partition("\n\n")[2]
    found = re.findall(r"^(\w+): +(.*(?:\n +.*)*)", text, re.MULTILINE)
    return {label: re.sub(r"\s*\n\s*", " ", said) for label, said in found}


def _hook(name: str, spec: Callable[..., object]) -> str:
    rows = "\n".join(f"| {label} | {said} |" for label, said in labels(spec).items())
    return f"## `{signature(name, spec)}`\n\n{summary(spec)}\n\n| | |\n|---|---|\n{rows}\n"


def _port(name: str, protocol: type) -> str:
    lines = [f"## {name}", "", inspect.cleandoc(protocol.__doc__ or ""), ""]
    said = _attribute_docs(protocol)
    for attribute, kind in protocol.__annotations__.items():
        lines.append(f"- `{attribute}: {kind}`" + (f": {said[attribute]}" if attribute in said else ""))
    for method, function in vars(protocol).items():
        if inspect.isfunction(function) and not method.startswith("_"):
            waits = "async " if inspect.iscoroutinefunction(function) else ""
            text = re.sub(r"\s*\n\s*", " ", inspect.cleandoc(function.__doc__ or ""))
            lines.append(f"- `{waits}{signature(method, function)}`: {text}")
    return "\n".join(lines) + "\n"


def _attribute_docs(protocol: type) -> dict[str, str]:
    """The string beneath each attribute of a class, read from its source."""
    source = textwrap.dedent(inspect.getsource(protocol))
    found = re.findall(r'^    (\w+): .*\n    """((?:.|\n)*?)"""', source, re.MULTILINE)
    return {name: re.sub(r"\s*\n\s*", " ", text) for name, text in found}


def page() -> str:
    """The whole page, as it is stored."""
    protocols = [
        (name, kind)
        for name, kind in vars(ports).items()
        if inspect.isclass(kind) and kind.__module__ == ports.__name__ and getattr(kind, "_is_protocol", False)
    ]
    return "\n".join([OPENING, *(_hook(*found) for found in hooks()), RETURNED, *(_port(*found) for found in protocols)])


if __name__ == "__main__":
    print(page(), end="")
