"""Whether an object that a hook returned keeps to its Protocol.

`runtime_checkable` says only yes or no; here the answer names what is missing. Pure. Called by `plugins`.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs

from lectr_core.model.settings import Section

# An id stands in paths, headers, file names and SQL; this is what is safe in all of them.
ID = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SECTION_PATH = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*(\.\*)?")


def check_offer(thing: object, port: type[Any]) -> str | None:  # Any: Protocols have no common type
    """What keeps *thing* from being a *port*, in words; None where nothing does."""
    kind = type(thing).__name__
    name = port.__name__
    missing = [member for member in _members(port) if not hasattr(thing, member)]
    if missing:
        return f"{kind} is no {name}: it lacks {', '.join(missing)}"
    for member, declared in vars(port).items():
        if member.startswith("_") or not inspect.isfunction(declared):
            continue
        given = getattr(thing, member)
        if not callable(given):
            return f"{kind} is no {name}: {member} cannot be called"
        if inspect.iscoroutinefunction(given) != inspect.iscoroutinefunction(declared):
            must = "async def" if inspect.iscoroutinefunction(declared) else "a plain def"
            return f"{kind} is no {name}: {member} must be {must}"
    if "id" in _members(port):
        given_id = getattr(thing, "id", None)
        if not isinstance(given_id, str) or not ID.fullmatch(given_id):
            return f"{kind}: id must be lower-case letters, digits, '-' and '_', got {given_id!r}"
    return None


def check_section(thing: object) -> str | None:
    """What is wrong with a declared section; None where nothing is."""
    if not isinstance(thing, Section):
        return f"expected a Section, got {type(thing).__name__}"
    if not SECTION_PATH.fullmatch(thing.path):
        return f"section path {thing.path!r} must be lower-case words joined by dots"
    if thing.path == "gateway" or thing.path.startswith("gateway."):
        return f"section path {thing.path!r} belongs to the core"
    if not isinstance(thing.schema, type) or not attrs.has(thing.schema):
        return f"section {thing.path!r}: the schema must be an attrs class"
    if thing.many and thing.path.endswith("*"):
        return f"section {thing.path!r} cannot be an array of tables and a wildcard"
    return None


def _members(port: type[Any]) -> list[str]:  # Any: as above
    own = [name for name in vars(port) if not name.startswith("_")]
    return sorted({*port.__annotations__, *own})
