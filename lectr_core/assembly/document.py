"""A settings document as text and as a version: the effective one, after environment and flags, as it is kept in history.

Its text is canonical (tables sorted by name, arrays in order), so the version, the first 12 hex digits of its SHA-256, is
the same for the same settings, and `sha256sum` of a kept file begins with its name. Holds no secrets, because settings
hold none. Pure. Called by `settings` and the supervisor.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

Document = Mapping[str, Any]  # Any: whatever TOML can hold

BARE = re.compile(r"[A-Za-z0-9_-]+")


def parse(text: str) -> dict[str, Any]:  # Any: whatever TOML can hold
    """TOML, with fractions as exact decimals: a price must not pass through a binary float. Errors: ValueError."""
    return tomllib.loads(text, parse_float=Decimal)


def version_of(text: str) -> str:
    """The name of a document's text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(document: Document) -> str:
    """*document* as canonical TOML. Errors: ValueError for a value that TOML cannot hold."""
    return "".join(_table(document, ()))


def _table(table: Document, path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping) and not _is_tables(value)}
    inner = {key: value for key, value in table.items() if key not in plain}
    lines = [f"{_key(key)} = {_value(plain[key])}\n" for key in sorted(plain)]
    if path and (lines or not inner):
        lines.insert(0, f"\n[{'.'.join(_key(part) for part in path)}]\n")
    for key in sorted(inner):
        if isinstance(inner[key], Mapping):
            lines += _table(inner[key], (*path, key))
        else:
            for item in inner[key]:
                lines.append(f"\n[[{'.'.join(_key(part) for part in (*path, key))}]]\n")
                lines += [f"{_key(name)} = {_value(item[name])}\n" for name in sorted(item)]
    return lines


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _text(key)


def _text(text: str) -> str:
    # JSON's escapes are TOML's, but for surrogate pairs (so non-ASCII stays as it is) and DEL, which TOML forbids bare.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        return _fraction(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_value(value[key])}" for key in sorted(value)) + "}"
    raise ValueError(f"a settings document cannot hold {type(value).__name__}")


def _fraction(value: float | Decimal) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = str(value).lower().replace("e+", "e")
    return text if "." in text or "e" in text else text + ".0"
