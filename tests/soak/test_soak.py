"""The soak in short: traffic with faults, three kills, and every answer that a client saw is one row."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.run import soak


@pytest.mark.slow
@pytest.mark.whole
def test_under_faults_and_kills_nothing_is_missing_or_double(tmp_path: Path) -> None:
    result = soak(tmp_path, lasts_s=20, rate=60, kills=3, seed=1)
    print(result.told())
    assert result.is_good, result.told()
    assert result.finished > 100
    assert sum(result.kills.values()) == 3
