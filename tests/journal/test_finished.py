"""What is kept of streams that are gone: a line each, for every sink, whatever became of the lines beside it."""

from __future__ import annotations

from pathlib import Path

from lectr_core.journal.finished import FINISHED, Held, note_finished, read_finished


def test_each_sink_has_its_own_and_the_last_word_counts(tmp_path: Path) -> None:
    assert read_finished(tmp_path, "a") == {}
    note_finished(tmp_path, "s1", {"a": Held(9, 8, 1), "b": Held(9, 9, 0)})
    note_finished(tmp_path, "s2", {"a": Held(3, 3, 0)})
    note_finished(tmp_path, "s2", {"a": Held(4, 4, 0)})
    assert read_finished(tmp_path, "a") == {"s1": Held(9, 8, 1), "s2": Held(4, 4, 0)}
    assert read_finished(tmp_path, "b") == {"s1": Held(9, 9, 0)}
    assert read_finished(tmp_path, "c") == {}


def test_a_line_that_was_cut_short_costs_nothing_but_itself(tmp_path: Path) -> None:
    note_finished(tmp_path, "s1", {"a": Held(1, 1, 0)})
    note_finished(tmp_path, "s2", {"a": Held(2, 2, 0)})
    path = tmp_path / FINISHED
    path.write_bytes(path.read_bytes()[:-7])
    note_finished(tmp_path, "s3", {"a": Held(3, 3, 0)})
    assert set(read_finished(tmp_path, "a")) == {"s1", "s3"}


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    note_finished(tmp_path, "s1", {})
    assert (tmp_path / FINISHED).stat().st_mode & 0o777 == 0o600
