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
    return {stream: decode_cursor(text) for stream, text in _asked(path, busy_limit_s, CURSORS)}


def counts(path: Path, busy_limit_s: float) -> Mapping[str, int]:
    """Rows ever stored, by stream: those that are there and those that retention removed. Errors: as `cursors`."""
    return dict(_asked(path, busy_limit_s, COUNTS))


def _asked(path: Path, busy_limit_s: float, question: str) -> list[Any]:  # Any: a row is what the question says
    try:
        connection = file.connect_for_reading(path, busy_limit_s)
        if connection is None:
            return []
        with closing(connection):
            return connection.execute(question).fetchall() if connection.execute(IS_MADE).fetchone() else []
    except sqlite3.Error as exc:
        raise OperatorError(f"cannot read {path}: {exc}") from exc
