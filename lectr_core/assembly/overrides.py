"""Environment variables and flags on top of a settings file: flag before environment before file before default.

Every plain setting has a variable: its path in capitals, joined by underscores (`LECTR_GATEWAY_LISTEN`). Tables with names
of the operator's own (`provider.*`) have variables once the file names them; arrays of tables have none. Variables that
match no setting are left alone, because other software makes such names too; `lectr doctor` mentions them. Pure. Called
by `settings`.
"""

from __future__ import annotations

import tomllib
import types
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from lectr_core.assembly.document import parse
from lectr_core.assembly.sections import CORE
from lectr_core.model.settings import Section

PREFIX = "LECTR_"
OWN = frozenset({"LECTR_CONFIG", "LECTR_BOOT"})
"""Variables that are no settings."""


def overlay(
    document: Mapping[str, Any],  # Any: whatever TOML can hold
    declared: Iterable[Section],
    environ: Mapping[str, str],
    flags: Mapping[str, Any],  # Any: values as TOML has them
) -> tuple[dict[str, Any], dict[str, str]]:  # Any: as above
    """The effective document, and for each value that is not the file's where it comes from (`$LECTR_GATEWAY_LISTEN`)."""
    effective = deepcopy(dict(document))
    origins: dict[str, str] = {}
    for variable, (path, kind) in variables(document, declared).items():
        if variable in environ and _put(effective, path, read_value(environ[variable], kind)):
            origins[path] = f"${variable}"
    for path, value in flags.items():
        if _put(effective, path, value):
            origins[path] = f"--{path.rpartition('.')[2].replace('_', '-')}"
    return effective, origins


def variables(document: Mapping[str, Any], declared: Iterable[Section]) -> dict[str, tuple[str, Any]]:  # Any: TOML, types
    """Every variable that counts for *document*: the path it sets and the type wanted there."""
    found: dict[str, tuple[str, Any]] = {}  # Any: a type form
    known = (*CORE, *declared)
    exact = {section.path for section in known}
    for section in known:
        if section.many:
            continue
        for path in _paths(document, section, exact):
            hints = get_type_hints(section.schema)
            for attribute in attrs.fields(section.schema):
                full = f"{path}.{attribute.name}"
                found[variable_of(full)] = (full, hints.get(attribute.name, str))
    return found


def variable_of(path: str) -> str:
    """The variable of a setting: `gateway.listen` → `LECTR_GATEWAY_LISTEN`."""
    return PREFIX + path.replace(".", "_").replace("-", "_").upper()


def read_value(text: str, kind: Any) -> Any:  # Any: a type form; a value as TOML has it
    """A variable's text as the value a file would hold. What fits nothing stays text, and the check says what is wrong."""
    members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if str in members or Path in members:
        return text
    lists = [one for one in members if get_origin(one) in (tuple, list, frozenset, set)]
    try:
        return parse(f"value = {text}\n")["value"]
    except tomllib.TOMLDecodeError:
        return [part.strip() for part in text.split(",")] if lists else text


def _paths(document: Mapping[str, Any], section: Section, exact: set[str]) -> Iterator[str]:  # Any: TOML
    if not section.path.endswith(".*"):
        yield section.path
        return
    parent = section.path.removesuffix(".*")
    table: Any = document  # Any: whatever TOML can hold
    for name in parent.split("."):
        table = table.get(name, {}) if isinstance(table, Mapping) else {}
    for name in table if isinstance(table, Mapping) else ():
        if f"{parent}.{name}" not in exact:
            yield f"{parent}.{name}"


def _put(document: dict[str, Any], path: str, value: Any) -> bool:  # Any: TOML
    """Set the value at *path*; not where the file has something else than a table on the way (that is a fault already)."""
    *parents, last = path.split(".")
    table = document
    for name in parents:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            return False
        table = inner
    table[last] = value
    return True
