"""No question takes more over a million requests than over a hundred thousand, where the sums have as many rows.

Counted in the steps of SQLite's machine, which are the same on a slow machine and a fast one; never timed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("lectr_sink_sqlite", reason="lectr-sink-sqlite is not installed")
pytest.importorskip("lectr_datasette", reason="lectr-datasette is not installed")

from tests.size import many, measure, questions

# A million rows are made, and some thousand questions asked twice: some 40 s of CPU.
pytestmark = pytest.mark.slow

SMALL: Final = 100_000
LARGE: Final = 1_000_000
# Going down an index of ten times as many entries, and what a number's length costs.
MORE: Final = 1.1
# A question with an end of its own (`LIMIT`) may find less than that in an hour of the small one. Over a month, which is
# asked too, a question without an end takes millions.
A_SAMPLE: Final = 200_000
MOST: Final = 3_000_000
"""Steps of the dearest question there may be: about 50 ms of the machine this was written on."""


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    now = datetime.now(UTC)
    paths = []
    for count in (SMALL, LARGE):
        path = tmp_path_factory.mktemp(f"of-{count}") / "lectr.db"
        many.make(path, count // many.SEEDS, now)
        paths.append(path)
    yield paths[0], paths[1]
    for path in paths:
        path.unlink()


def taken(path: Path) -> dict[str, tuple[int, str]]:
    """Steps and SQL by question: of pages and tables each one apart, of commands all together."""
    found: dict[str, tuple[int, str]] = {}
    with measure.opened(path) as (connection, now):
        known = questions.filters(connection)
        sent = questions.of_pages(connection, now) | questions.of_datasette(path, known)
        for address, asked in sent.items():
            for at, one in enumerate(asked):
                steps = measure.steps(connection, measure.fetched(connection, one))
                found[f"{address.replace(known['request']['id'], 'ID')} #{at}"] = (steps, " ".join(one.sql.split()))
        for name, work in questions.of_commands(connection, now):
            found[name] = (measure.steps(connection, work), "")
    return found


def test_the_large_one_is_the_small_one_many_times(databases: tuple[Path, Path]) -> None:
    small, large = databases
    for path, count in ((small, SMALL), (large, LARGE)):
        with measure.opened(path) as (connection, _):
            assert connection.execute("select count(*) from requests").fetchone()[0] == count
            for grain in ("minutely", "hourly", "daily"):
                (sums,) = connection.execute(f"select sum(requests) from usage_{grain}").fetchone()
                (answered,) = connection.execute(
                    f"select histogram_count(histogram_sum(duration_json)) from latency_{grain}"
                ).fetchone()
                assert sums == count
                assert answered == connection.execute("select count(*) from requests where outcome = 'ok'").fetchone()[0]
            again = connection.execute(
                """select substr(started_at, 1, 16) || ':00Z', feature, outcome, count(*), sum(cost_nanousd) from requests
                group by 1, 2, 3 order by 1, 2, 3 limit 50"""
            ).fetchall()
            sums = connection.execute(
                """select minute, feature, outcome, sum(requests), sum(cost_nanousd) from usage_minutely
                group by 1, 2, 3 order by 1, 2, 3 limit 50"""
            ).fetchall()
            assert [tuple(row) for row in again] == [tuple(row) for row in sums]


def test_no_question_takes_more_where_there_are_ten_times_as_many_requests(databases: tuple[Path, Path]) -> None:
    few, lots = (taken(path) for path in databases)
    assert len(few) > 500, "pages and tables were asked"
    assert few.keys() == lots.keys()
    grown = [
        f"{few[name][0]:,} -> {steps:,}  {name}  {sql}"
        for name, (steps, sql) in lots.items()
        if steps > max(few[name][0] * MORE, A_SAMPLE)
    ]
    assert not grown, "\n".join(grown)
    dear = [f"{steps:,}  {name}  {sql}" for name, (steps, sql) in lots.items() if steps > MOST]
    assert not dear, "\n".join(dear)


def test_the_count_tells_a_question_that_grows(databases: tuple[Path, Path]) -> None:
    """What the test above is worth: one walk over all requests, and it would fail."""

    def walk(path: Path) -> int:
        with measure.opened(path) as (connection, _):
            cursor: sqlite3.Connection = connection
            return measure.steps(connection, lambda: cursor.execute("select sum(attempts) from requests").fetchone())

    small, large = databases
    assert walk(large) > 5 * walk(small)
