"""Whoever follows the journal sees each request once, of every worker, and what is removed meanwhile is no error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lectr_core.assembly.follow import Follower, line_of
from lectr_core.journal.writer import Writer
from lectr_core.model import units
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Begun, Ended


def ended(journal: Writer, started_ns: int = 1) -> Ended:
    begun = Begun(
        seq=journal.next_seq(), id="i", started_ns=started_ns, config_version="v", method="GET", endpoint="/v1/models"
    )
    return Ended(begun=begun, outcome="ok", ended_by="completed", status=200)


def test_each_request_is_seen_once_and_in_order(tmp_path: Path) -> None:
    follower = Follower(tmp_path)
    assert follower.newest(5) == []
    with Writer(tmp_path) as first, Writer(tmp_path) as second:
        for at, journal in ((3_000_000_000, first), (1_000_000_000, second), (2_000_000_000, first)):
            journal.ended(ended(journal, at))
        assert [line.started_at for line in follower.newest(2)] == ["1970-01-01T00:00:02.000Z", "1970-01-01T00:00:03.000Z"]
        second.ended(ended(second, 4_000_000_000))
        assert [line.started_at for line in follower.wait()] == ["1970-01-01T00:00:04.000Z"]


def test_a_stream_that_is_removed_under_way_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(tmp_path)
    with Writer(tmp_path) as first:
        first.ended(ended(first))
    assert len(follower.newest(10)) == 1
    shutil.rmtree(tmp_path / first.stream)
    with Writer(tmp_path) as second:
        second.ended(ended(second))
        assert len(follower.wait()) == 1


def test_tokens_are_shown_only_where_they_were_reported() -> None:
    begun = Begun(seq=1, id="i", started_ns=1, config_version="v", method="POST", endpoint="/x")
    bare = Ended(begun=begun, outcome="ok", ended_by="completed")
    assert (line_of(bare).input_tokens, line_of(bare).output_tokens) == (None, None)
    usage = Usage(units={units.INPUT: 3, units.CACHE_READ: 4, units.OUTPUT: 5})
    counted = Ended(begun=begun, outcome="ok", ended_by="completed", reading=Reading(state="reported", usage=usage))
    assert (line_of(counted).input_tokens, line_of(counted).output_tokens) == (7, 5)


def test_only_what_is_wanted_is_seen_and_the_last_are_the_last_of_these(tmp_path: Path) -> None:
    follower = Follower(tmp_path, lambda line: line.started_at.endswith(("1.000Z", "3.000Z", "5.000Z")))
    with Writer(tmp_path) as writer:
        for at in range(1, 5):
            writer.ended(ended(writer, at * 1_000_000_000))
        assert [line.started_at[17:19] for line in follower.newest(2)] == ["01", "03"]
        writer.ended(ended(writer, 6_000_000_000))
        writer.ended(ended(writer, 5_000_000_000))
        assert [line.started_at[17:19] for line in follower.wait()] == ["05"]
