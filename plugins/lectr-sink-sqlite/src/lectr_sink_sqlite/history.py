"""What the file holds, asked without changing anything and without making the file. Blocking; called by `sink.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from lectr_core import Cursor, OperatorError, decode_cursor
from lectr_sink_sqlite import file

CURSORS = "SELECT stream, cursor FROM cursors"

COUNTS = """SELECT stream, sum(requests) FROM (
    SELECT stream, count(*) AS requests FROM requests GROUP BY stream
    UNION ALL SELECT stream, requests FROM removed) GROUP BY stream"""

# Made by the same migration as `removed`, and after `requests`.
IS_MADE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'cursors'"


def cursors(path: Path, busy_limit_s: float) -> Mapping[str, Cursor]:
    """Every stream's cursor; empty where nothing is stored yet. Errors: OperatorError where the file cannot be read."""
    (found,) = _asked(path, busy_limit_s, CURSORS)
    return _decoded(found)


def counts(path: Path, busy_limit_s: float) -> Mapping[str, int]:
    """Rows ever stored, by stream: those that are there and those that retention removed. Errors: as `cursors`."""
    (found,) = _asked(path, busy_limit_s, COUNTS)
    return dict(found)


def snapshot(path: Path, busy_limit_s: float) -> tuple[Mapping[str, Cursor], Mapping[str, int]]:
    """Both, as they stood at one moment: counting ten million rows takes seconds, and others write meanwhile."""
    found, counted = _asked(path, busy_limit_s, CURSORS, COUNTS)
    return _decoded(found), dict(counted)


def _decoded(found: list[Any]) -> Mapping[str, Cursor]:  # Any: rows of two texts
    return {stream: decode_cursor(text) for stream, text in found}


def _asked(path: Path, busy_limit_s: float, *questions: str) -> list[list[Any]]:  # Any: a row is what its question says
    try:
        connection = file.connect_for_reading(path, busy_limit_s)
        if connection is None:
            return [[] for _ in questions]
        with closing(connection):
            connection.execute("BEGIN")  # one moment for all of them
            is_made = connection.execute(IS_MADE).fetchone()
            return [connection.execute(question).fetchall() if is_made else [] for question in questions]
    except sqlite3.Error as exc:
        raise OperatorError(f"cannot read {path}: {exc}") from exc
