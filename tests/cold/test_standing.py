"""The health file: whole at any moment, and for its owner alone."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import attrs
import pytest

from lectr_core.cold.standing import SinkStanding, Standing, write_standing

SINK = SinkStanding(
    id="memory",
    state="following",
    caught_up=True,
    behind_s=0.0,
    busy_s=0.0,
    stored=3,
    in_flight=0,
    lost=0,
    damaged=0,
    failures=0,
    last_fault=None,
    batch_limit=1000,
    blocked_by=None,
    unreadable=(),
)
STANDING = Standing(pid=1, written_at="2026-07-31T10:15:02.000Z", waits_for_other=False, sinks=(SINK,), price_faults={})


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "health" / "cold.json"
    for failures in (0, 2):
        write_standing(path, attrs.evolve(STANDING, sinks=(attrs.evolve(SINK, failures=failures),)))
        assert json.loads(path.read_bytes())["sinks"][0]["failures"] == failures
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["cold.json"]


def test_a_file_that_cannot_be_replaced_stays_whole_and_leaves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "cold.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        write_standing(path, STANDING)
    assert [found.name for found in tmp_path.iterdir()] == ["cold.json"]


@pytest.mark.parametrize(
    ("sink", "well", "caught_up"),
    [
        (SINK, True, True),
        (attrs.evolve(SINK, failures=1), False, True),
        (attrs.evolve(SINK, unreadable=("a",)), False, True),
        (attrs.evolve(SINK, caught_up=False), True, False),
    ],
)
def test_one_look_says_whether_all_is_well(sink: SinkStanding, well: bool, caught_up: bool) -> None:
    standing = attrs.evolve(STANDING, sinks=(SINK, sink))
    assert (standing.is_well, standing.caught_up) == (well, caught_up)
    assert not attrs.evolve(standing, waits_for_other=True).caught_up
