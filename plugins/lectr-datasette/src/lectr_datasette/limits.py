"""What one question may take of the machine: how large a value, how much in an answer; and counts that are known already.

Time is Datasette's own limit, set in `serve.py`; it ends whatever runs in SQLite. What it cannot see ends here: one long
call of a function, and an answer that is quick to make and too large to hold. Called by `pages.py` for every connection.
"""

from __future__ import annotations

import re
import sqlite3
import weakref
from typing import Any, Final

from datasette.database import Database

MOST_VALUE_BYTES: Final = 2_000_000
"""One text or blob. A record is a few kilobytes, the largest histogram 3 kB; exports of several columns fit too."""
MOST_ANSWER_BYTES: Final = 64_000_000
"""All texts and blobs of one answer: 2,000 whole rows of `requests` are some 4 MB."""
_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_LENGTH: MOST_VALUE_BYTES,
    # `%a%a%a%…` takes time by its length and by the text's, and no progress is told meanwhile.
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
}

COUNT_LIMIT_MS: Final = 100
"""For how long Datasette counts the rows of a table that are not counted yet: how many there are is a courtesy."""
_ALL_ROWS: Final = re.compile(r"select count\(\*\) from \[?(requests|all_requests)\]?\s*")
# Sums hold every request ever stored, in the transaction that stores it; what was removed since is counted too.
_KNOWN: Final = """select (select coalesce(sum(requests), 0) from usage_daily)
  - (select coalesce(sum(requests), 0) from removed) as "count(*)" """


class TooMuch(sqlite3.OperationalError):
    """An answer holds more text than is shown.

    Act: whoever asks; ask for fewer rows or fewer columns.
    """


def bound(connection: sqlite3.Connection) -> None:
    """Put the limits on one connection, which one thread uses at a time."""
    for limit, most in _LIMITS.items():
        connection.setlimit(limit, most)
    connection.row_factory = _Rows()


class _Rows:
    """Makes `sqlite3.Row`s and adds up what one answer's rows hold."""

    def __init__(self) -> None:
        self._of: weakref.ref[sqlite3.Cursor] | None = None
        """Whose rows are added up. Held weakly: a cursor that lives on keeps its snapshot of the database."""
        self._bytes = 0

    def __call__(self, cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:  # Any: SQLite's values
        if self._of is None or self._of() is not cursor:
            self._of, self._bytes = weakref.ref(cursor), 0
        self._bytes += sum([len(value) for value in values if value.__class__ in (str, bytes)])
        if self._bytes > MOST_ANSWER_BYTES:
            raise TooMuch(f"the answer is larger than {MOST_ANSWER_BYTES // 1_000_000} MB; ask for fewer rows or columns")
        return sqlite3.Row(cursor, values)


class Counting(Database):  # type: ignore[misc]  # Datasette is untyped
    """A database whose rows Datasette need not count: all requests are counted in the sums, others for a moment only."""

    async def execute(self, sql: str, params: Any = None, truncate: bool = False, **more: Any) -> Any:  # Any: as above
        """Waits: on the database; for Datasette's own counts, at most so long."""
        # What people ask is cut to a number of rows; what Datasette asks for itself is not.
        if not truncate and sql.startswith("select count(*)"):
            if _ALL_ROWS.fullmatch(sql):
                sql, params = _KNOWN, None
            elif more.get("custom_time_limit") is None:
                more["custom_time_limit"] = COUNT_LIMIT_MS
        return await super().execute(sql, params, truncate, **more)
