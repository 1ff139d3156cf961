"""What happens to old rows, to a damaged file, and to a process that is killed in the middle."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
from lectr_sink_sqlite import history, meanings, schema
from lectr_sink_sqlite.file import moved_aside
from lectr_sink_sqlite.retention import DAY_NS
from lectr_sink_sqlite.store import Store
from lectr_sink_sqlite.views import VIEWS
from sqlite_utils import Database

from lectr_core import Cursor, OperatorError, Record

Make = Callable[..., Record]
NOW_NS = 1_760_000_000_000_000_000


def store_at(path: Path, **changes: Any) -> Store:  # Any: values of any field
    plain: dict[str, Any] = {  # Any: values of any field
        "busy_limit_s": 0.05,
        "retention_days": 0,
        "retention_chunk": 10,
        "now_ns": lambda: NOW_NS,
    }
    return Store(path=path, **plain | changes)


def one(path: Path, question: str) -> Any:  # Any: what the question says
    with closing(connect(path)) as connection:
        return connection.execute(question).fetchone()[0]


def test_old_rows_go_in_chunks_and_stay_counted(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db", retention_days=7)
    store.open()
    old = [make(seq, started_ns=NOW_NS - 8 * DAY_NS + seq) for seq in range(1, 26)]
    new = [make(seq, started_ns=NOW_NS - 6 * DAY_NS + seq) for seq in range(26, 31)]
    store.write([*old, *new], [Cursor(stream="s1", stored=30)])
    assert [store.sweep() for _ in range(4)] == [10, 10, 5, 0]
    assert one(store.path, "SELECT count(*) FROM requests") == 5
    assert history.counts(store.path, 1.0) == {"s1": 30}
    assert one(store.path, "SELECT sum(requests) FROM usage_hourly") == 30
    store.close()


def test_nothing_is_removed_where_rows_are_kept_for_ever(tmp_path: Path, make: Make) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(1, started_ns=NOW_NS - 4000 * DAY_NS)], [])
    assert store.sweep() == 0
    assert one(store.path, "SELECT count(*) FROM requests") == 1
    store.close()


def test_a_file_that_is_no_database_is_moved_aside_and_said_aloud(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "lectr.db"
    path.write_bytes(b"this is no database, and it is long enough to be looked at " * 100)
    store = store_at(path)
    with caplog.at_level(logging.ERROR):
        assert store.open() == {}
    assert "damaged" in caplog.text
    store.write([make()], [])
    assert one(path, "SELECT count(*) FROM requests") == 1
    (aside,) = tmp_path.glob("lectr.db.corrupt-*")
    assert aside.name == "lectr.db.corrupt-20251009T085320Z"
    assert aside.read_bytes().startswith(b"this is no database")
    store.close()


def test_damage_met_while_writing_is_said_and_mended_at_the_next_open(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "lectr.db"
    store = store_at(path)
    store.open()
    store.write([make(seq) for seq in range(1, 2000)], [Cursor(stream="s1", stored=1999)])
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:  # everything behind the schema's pages
        file.seek(120 * 4096)
        file.write(os.urandom(size - 120 * 4096))
    store.open()
    with pytest.raises(OperatorError, match="malformed"):
        store.write([make(seq) for seq in range(2000, 2010)], [Cursor(stream="s1", stored=2009)])
    assert store.open() == {}
    store.write([make(1)], [Cursor(stream="s1", stored=1)])
    assert history.counts(path, 1.0) == {"s1": 1}
    assert len(list(tmp_path.glob("lectr.db.corrupt-*"))) == 1
    store.close()


def test_two_files_damaged_in_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "lectr.db"
    for _ in range(2):
        path.write_bytes(b"no database " * 500)
        store = store_at(path)
        store.open()
        store.close()
    assert {part.name for part in tmp_path.glob("lectr.db.corrupt-*")} == {
        *("lectr.db.corrupt-20251009T085320Z", "lectr.db.corrupt-20251009T085320Z-2"),
    }


@pytest.mark.parametrize("brought_in", [True, False])
def test_a_file_that_is_cut_to_nothing_under_the_sink_is_noticed_too(tmp_path: Path, make: Make, brought_in: bool) -> None:
    """Its name and place are the same, and SQLite would write into the log of a file that holds nothing to add it to."""
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(seq) for seq in range(1, 500)], [Cursor(stream="s1", highest=499, stored=499)])
    if brought_in:
        store._live.execute("PRAGMA wal_checkpoint(RESTART)")
        store.write([make(500)], [Cursor(stream="s1", highest=500, stored=500)])
    os.truncate(store.path, 0)
    with pytest.raises(OperatorError, match="was removed or emptied"):
        store.write([make(501)], [Cursor(stream="s1", highest=501, stored=501)])
    known = store.open()
    assert set(known) == (set() if brought_in else {"s1"}), "where all of it is in the log, nothing is lost"
    store.write([make(501)], [Cursor(stream="s1", highest=501, stored=1, lost=500)])
    assert one(store.path, "SELECT max(seq) FROM requests") == 501
    assert one(store.path, "PRAGMA integrity_check") == "ok"
    store.close()


@pytest.mark.parametrize("by", ["nothing", "another"])
def test_a_file_that_is_removed_under_the_sink_is_noticed_before_anything_is_written_into_nowhere(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture, by: str
) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(1)], [Cursor(stream="s1", highest=1, stored=1)])
    for file in tmp_path.iterdir():
        file.unlink()
    if by == "another":
        other = store_at(store.path)
        other.open()
        other.close()
    with pytest.raises(OperatorError, match="was removed or emptied, or another file"):
        store.write([make(2)], [Cursor(stream="s1", highest=2, stored=2)])
    assert store.open() == {}
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    store.write([make(2)], [Cursor(stream="s1", highest=2, stored=1, lost=1)])
    assert history.counts(store.path, 1.0) == {"s1": 1}
    store.close()


def test_a_file_that_was_moved_aside_is_a_gap_until_it_is_taken_away(tmp_path: Path) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.path.write_bytes(b"no database" * 100)
    assert moved_aside(store.path) == []
    store.open()
    (gap,) = moved_aside(store.path)
    (aside,) = tmp_path.glob("lectr.db.corrupt-*")
    assert gap.startswith(f"{aside.name} was damaged and moved aside")
    store.close()
    aside.unlink()
    assert moved_aside(store.path) == []


def test_migrations_run_once_and_another_database_is_left_alone(tmp_path: Path) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.open()
    done = one(store.path, "SELECT group_concat(name, ' ') FROM _sqlite_migrations")
    assert done.split() == [migration.name for migration in schema.migrations._migrations]
    store.close()
    other = tmp_path / "other.db"
    with closing(connect(other)) as connection:
        connection.execute("CREATE TABLE mine (x)")
    assert history.cursors(other, 1.0) == {}
    other.write_bytes(b"no database " * 500)
    with pytest.raises(OperatorError, match="cannot read"):
        history.counts(other, 1.0)


def test_a_file_of_a_newer_lectr_is_left_as_it_is(tmp_path: Path, make: Make) -> None:
    """Its rollups may sum what this one does not know: written by both, they would be wrong and nobody could tell."""
    store = store_at(tmp_path / "lectr.db")
    store.open()
    store.write([make(1)], [Cursor(stream="s1", highest=1, stored=1)])
    newer = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('lectr_sink_sqlite', '9999_new', '')"
    with closing(connect(store.path)) as other, other:
        other.execute(newer)
    with pytest.raises(OperatorError, match=r"newer Lectr \(9999_new\)"):
        store.open()
    with closing(connect(store.path)) as connection, pytest.raises(OperatorError, match="newer"):
        schema.refuse_newer(Database(connection, execute_plugins=False))
    with pytest.raises(OperatorError, match="is not open"):
        store.write([make(2)], [Cursor(stream="s1", highest=2, stored=2)])
    assert history.counts(store.path, 1.0) == {"s1": 1}, "what only reads still can"
    assert not list(tmp_path.glob("*.corrupt*"))


def test_every_column_has_a_unit_and_a_meaning(tmp_path: Path) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    columns = """SELECT list.name, info.name FROM pragma_table_list AS list, pragma_table_xinfo(list.name) AS info
        WHERE list.name NOT LIKE '%sqlite%'"""
    with closing(connect(store.path)) as connection:
        there = set(connection.execute(columns))
        explained = set(connection.execute("SELECT in_table, name FROM about_columns WHERE unit != '' AND meaning != ''"))
    assert there == explained
    assert {table for table, _ in there} == set(meanings.TABLES)
    views = set(VIEWS)
    needless = {(table, name) for table in meanings.COLUMNS for name in meanings.COLUMNS[table]} - there
    assert {table for table, _ in needless} <= views
    store.close()


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM recent_requests LIMIT 101",
        "SELECT * FROM requests WHERE started_at >= '2025' ORDER BY started_at DESC LIMIT 100",
        "SELECT * FROM requests WHERE feature = 'a' AND started_at >= '2025'",
        "SELECT * FROM requests WHERE provider = 'a' AND model_actual = 'b' AND started_at >= '2025'",
        "SELECT * FROM requests WHERE outcome = 'a' AND started_at >= '2025'",
        "SELECT * FROM requests WHERE org = 'a' AND started_at >= '2025'",
        "SELECT * FROM requests WHERE error_category = 'a' AND started_at >= '2025' ORDER BY started_at DESC LIMIT 100",
        "SELECT feature, count(*) FROM requests GROUP BY feature",
        "SELECT outcome, count(*) FROM requests GROUP BY outcome",
        "SELECT provider, count(*) FROM requests GROUP BY provider",
        "SELECT stream, count(*) FROM requests GROUP BY stream",
    ],
)
def test_the_questions_people_ask_use_an_index(tmp_path: Path, question: str) -> None:
    store = store_at(tmp_path / "lectr.db")
    store.open()
    with closing(connect(store.path)) as connection:
        plan = " ".join(step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {question}"))
    assert "USING" in plan
    assert "TEMP B-TREE" not in plan
    store.close()


KILLED = """
    import importlib.util, itertools, sys, time
    from pathlib import Path
    from lectr_core import Cursor
    from lectr_sink_sqlite.store import Store
    spec = importlib.util.spec_from_file_location("shared", sys.argv[2])
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    store = Store(path=Path(sys.argv[1]), busy_limit_s=5.0, retention_days=0, retention_chunk=1, now_ns=time.time_ns)
    store.open()
    for start in itertools.count(1, 50):
        batch = [shared.make_record(seq) for seq in range(start, start + 50)]
        store.write(batch, [Cursor(stream="s1", highest=start + 49, stored=start + 49)])
        print(start + 49, flush=True)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_whole_batches_with_their_cursor(tmp_path: Path) -> None:
    path = tmp_path / "lectr.db"
    shared = Path(__file__).with_name("conftest.py")
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(shared)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    store = store_at(path)
    cursor = store.open()["s1"]
    assert cursor.stored >= said
    assert cursor.stored % 50 == 0
    assert history.counts(path, 1.0) == {"s1": cursor.stored}
    assert one(path, "SELECT sum(requests) FROM usage_hourly") == cursor.stored
    assert one(path, "PRAGMA integrity_check") == "ok"
    store.close()
