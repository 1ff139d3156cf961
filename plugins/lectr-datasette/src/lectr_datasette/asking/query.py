"""A question as a value: its SQL and its parameters, so that a page can ask it and also link to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

Row = Mapping[str, Any]  # Any: SQLite's values
Parameters = Mapping[str, str | int]


@attrs.frozen
class Query:
    """One question, read-only."""

    sql: str
    parameters: Parameters = attrs.field(factory=dict)


Ask = Callable[[Query], Awaitable[Sequence[Row]]]
"""Runs one query."""


class TooSlow(Exception):
    """A question took longer than the explorer's limit.

    Act: whoever asks; ask about a shorter time or less of it.
    """
