"""The explorer's tests stand alone, so they bring the database's schema along: it is what the sink makes.

`python tests/docs/test_explorer.py > plugins/lectr-datasette/tests/as_stored.sql` writes it anew.
"""

from __future__ import annotations

import random
import re
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

sink = pytest.importorskip("lectr_sink_sqlite.store", reason="lectr-sink-sqlite is not installed")
tables = pytest.importorskip("lectr_sink_sqlite.rollup_tables", reason="lectr-sink-sqlite is not installed")
written = pytest.importorskip("lectr_sink_sqlite.histogram", reason="lectr-sink-sqlite is not installed")
read = pytest.importorskip("lectr_datasette.asking.histograms", reason="lectr-datasette is not installed")

ASSET = Path(__file__).parents[2] / "plugins" / "lectr-datasette" / "tests" / "as_stored.sql"


def schema(path: Path) -> list[str]:
    """Every statement that makes a database like the sink's."""
    store = sink.Store(path=path, busy_limit_s=1.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
    store.open()
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "select sql from sqlite_master where sql is not null and name not like '%sqlite%' order by rowid"
        )
        return [str(sql).strip() for (sql,) in found]


def fill() -> list[str]:
    """What sums all rows up; `histogram` and `histogram_sum` are the caller's."""
    made = [f"create temp table batch as {tables.BY_MINUTE.format(rows='').strip()}"]
    keys = (*tables.WHO, *tables.WHAT)
    for grain in tables.GRAINS:
        sums = ", ".join(f"sum({name})" for name in tables.SUMS)
        made.append(
            f"insert into {grain.usage} ({grain.at}, {', '.join((*keys, *tables.SUMS))})\n"
            f"select {grain.cut}, {', '.join(keys)}, {sums} from batch group by 1, {', '.join(keys)}"
        )
        columns = ", ".join(f"{name}_json" for name in tables.HISTOGRAMS)
        summed = ", ".join(f"histogram_sum({name})" for name in tables.HISTOGRAMS)
        made.append(
            f"insert into {grain.latency} ({grain.at}, {', '.join(tables.WHO)}, {columns})\n"
            f"select {grain.cut}, {', '.join(tables.WHO)}, {summed} from batch where outcome = 'ok' "
            f"group by 1, {', '.join(tables.WHO)}"
        )
    return made


def asset(path: Path) -> str:
    """The whole file."""
    head = "-- What lectr-sink-sqlite makes; written by tests/docs/test_explorer.py, never by hand.\n"
    return head + "".join(f"{each};\n" for each in schema(path)) + "-- fill\n" + "".join(f"{each};\n" for each in fill())


def columns(connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Types by table and column."""
    names = [row[0] for row in connection.execute("select name from sqlite_master where type in ('table', 'view')")]
    found = {}
    for name in names:
        found[name] = {row[1]: row[2] for row in connection.execute(f"pragma table_xinfo({name})")}
    return found


def test_the_explorer_is_tried_on_the_schema_that_the_sink_makes(tmp_path: Path) -> None:
    """The sink may have more by now; what the explorer knows must still be there."""
    schema(tmp_path / "lectr.db")
    statements, _, sums = ASSET.read_text().partition("-- fill\n")
    with closing(sqlite3.connect(tmp_path / "lectr.db")) as now, closing(sqlite3.connect(":memory:")) as then:
        then.executescript(statements)
        has, knows = columns(now), columns(then)
    missing = {name: set(known.items()) - set(has.get(name, {}).items()) for name, known in knows.items()}
    assert not {name: lacks for name, lacks in missing.items() if lacks}
    assert len(re.findall("insert into", sums)) == 2 * len(tables.GRAINS)


def test_the_explorer_reads_histograms_as_the_sink_writes_them() -> None:
    lots = random.Random(1)
    texts = []
    for _ in range(20):
        one = written.Histogram()
        for _ in range(lots.randrange(1, 40)):
            one.take(lots.lognormvariate(6, 2))
        texts.append(one.text())
    with closing(sqlite3.connect(":memory:")) as mine, closing(sqlite3.connect(":memory:")) as theirs:
        read.register(mine)
        written.register(theirs)
        for connection in (mine, theirs):
            connection.execute("create table some (text)")
            connection.executemany("insert into some values (?)", [(text,) for text in [*texts, None]])
        sql = """select histogram_sum(text), histogram_percentile(histogram_sum(text), 0.5),
            histogram_percentile(histogram_sum(text), 0.95), histogram_count(histogram_sum(text)) from some"""
        assert mine.execute(sql).fetchone() == pytest.approx(theirs.execute(sql).fetchone())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(asset(Path(place) / "lectr.db"), end="")
