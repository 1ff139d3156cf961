"""How a moment is written: the same as the standard library writes it, and in the order of time."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st
from lectr_sink_sqlite.rows import timestamp

LAST_NS = 253_402_300_799_999_999_999
"""Of the year 9999: later ones have no four digits."""


@given(st.integers(0, LAST_NS))
@example(0)
@example(LAST_NS)
@example(1_709_164_799_999_999_999)  # the end of a 28th of February, in a leap year
def test_a_moment_is_written_as_the_standard_library_writes_it(started_ns: int) -> None:
    seconds, rest = divmod(started_ns, 10**9)
    written = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert timestamp(started_ns) == f"{written.rjust(19, '0')}.{rest // 10**6:03d}Z"
