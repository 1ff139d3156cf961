"""Twenty rounds of `kill -9`, at random moments of random processes, under load: nothing is missing, nothing is double.

The seed is printed; `LECTR_SOAK_SEED` repeats a run, as far as a machine repeats itself.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.run import soak


@pytest.mark.slow
@pytest.mark.whole
def test_twenty_kills_at_random_moments_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("LECTR_SOAK_SEED") or random.SystemRandom().randrange(1 << 32))
    result = soak(tmp_path, lasts_s=60, rate=80, kills=20, seed=seed)
    print(result.told())
    assert result.kills == Counter(worker=10, cold=5, supervisor=5)
    assert (result.missing, result.double, result.verified) == (0, 0, True), result.told()
    assert [sink["lost"] for sink in result.proof["sinks"]] == [0], result.told()
    assert result.finished > 500
