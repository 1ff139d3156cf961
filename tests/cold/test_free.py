"""Journal files go when every sink has stored them, and never before."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from lectr_core.cold.free import free_now
from lectr_core.journal.finished import FINISHED, Held, read_finished
from lectr_core.journal.layout import segment_numbers, stream_names
from lectr_core.journal.writer import Writer
from lectr_core.model.cursor import Cursor


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    stream = tmp_path / "a"
    stream.mkdir()
    for name in ("000001.log", "000002.log", "000003.log", "lock"):
        (stream / name).touch()
    return tmp_path


AT_TWO = Cursor(stream="a", segment=2)
AT_THREE = Cursor(stream="a", segment=3)
DONE = attrs.evolve(AT_THREE, finished=True)


@pytest.mark.parametrize(
    ("stored", "left"),
    [
        ([], [1, 2, 3]),
        ([None], [1, 2, 3]),
        ([{"a": DONE}, None], [1, 2, 3]),
        ([{"a": DONE}, {}], [1, 2, 3]),
        ([{"a": AT_TWO}], [2, 3]),
        ([{"a": AT_THREE}, {"a": AT_TWO}], [2, 3]),
        ([{"a": DONE}, {"a": AT_TWO}], [2, 3]),
        ([{"a": DONE}, {"a": AT_THREE}], [3]),
    ],
)
def test_what_the_slowest_sink_has_passed_goes(
    journal: Path, stored: list[dict[str, Cursor] | None], left: list[int]
) -> None:
    free_now(journal, stored)
    assert segment_numbers(journal / "a") == left


def test_a_stream_that_all_have_finished_goes_as_a_whole(journal: Path) -> None:
    free_now(journal, [{"a": DONE}, {"a": DONE}])
    assert stream_names(journal) == []


def test_what_each_sink_had_of_it_is_noted_before_it_goes(journal: Path) -> None:
    known = {"a": attrs.evolve(DONE, highest=9, stored=7, lost=2)}
    free_now(journal, [known, {"a": DONE}], ["main", "other"])
    assert read_finished(journal, "main") == {"a": Held(9, 7, 2)}
    assert read_finished(journal, "other") == {"a": Held(0, 0, 0)}


def test_a_note_that_cannot_be_written_keeps_no_files(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    (journal / FINISHED).mkdir()
    free_now(journal, [{"a": DONE}], ["main"])
    assert not (journal / "a").exists()
    assert "cannot note that stream a is stored" in caplog.text


def test_a_stream_whose_worker_lives_stays_whatever_a_cursor_says(tmp_path: Path) -> None:
    with Writer(tmp_path) as out:
        free_now(tmp_path, [{out.stream: Cursor(stream=out.stream, finished=True)}])
        assert stream_names(tmp_path) == [out.stream]


def test_files_that_cannot_be_removed_are_told_and_the_others_go(journal: Path, caplog: pytest.LogCaptureFixture) -> None:
    (journal / "b").mkdir()
    (journal / "b" / "000001.log").mkdir()
    (journal / "c").mkdir()
    (journal / "c" / "000001.log").touch()
    free_now(journal, [{name: Cursor(stream=name, segment=3) for name in "abc"}])
    assert "cannot remove journal files of stream b" in caplog.text
    assert [segment_numbers(journal / name) for name in "ac"] == [[3], []]
