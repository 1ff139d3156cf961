"""Since when something fails: what stands out is found, what does not is left alone, and the stripe says the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_datasette.drawing.stripe import level, stripe
from lectr_datasette.reckoning.sums import groups
from lectr_datasette.reckoning.trouble import worst
from lectr_datasette.views.errors import errors

NOW = datetime(2026, 5, 20, 15, 30, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("requests", "failed", "found"),
    [
        ([100] * 6, [1, 0, 2, 60, 70, 1], (3, 4, False)),
        ([100] * 6, [1, 0, 2, 1, 60, 70], (4, 5, True)),
        ([100, 100, 100, 100, 0, 0], [1, 0, 2, 60, 0, 0], (3, 3, True)),
        ([100] * 4, [100] * 4, (0, 3, True)),
        ([100] * 4, [2, 3, 2, 1], None),
        ([3, 3, 3], [0, 3, 0], None),
        ([0, 0], [0, 0], None),
        ([], [], None),
    ],
    ids=["over again", "still on", "silent since", "from the first on", "as usual", "too few", "nothing asked", "no steps"],
)
def test_the_stretch_that_stands_out_is_found(
    requests: list[float], failed: list[float], found: tuple[int, int, bool] | None
) -> None:
    trouble = worst(requests, failed)
    assert (trouble and (trouble.first, trouble.last, trouble.goes_on)) == found


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), max_size=60))
def test_what_is_said_of_a_stretch_is_what_it_holds(steps: list[tuple[int, float]]) -> None:
    requests = [float(asked) for asked, _ in steps]
    failed = [float(int(asked * share)) for asked, share in steps]
    trouble = worst(requests, failed)
    if trouble is not None:
        inside = slice(trouble.first, trouble.last + 1)
        assert trouble.share == pytest.approx(sum(failed[inside]) / sum(requests[inside]))
        assert 0 < trouble.share <= 1
        assert trouble.elsewhere is None or trouble.share > trouble.elsewhere
        assert trouble.goes_on == (sum(requests[trouble.last + 1 :]) == 0)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=120))
def test_a_stripe_is_as_long_as_what_was_asked(steps: list[tuple[int, int]]) -> None:
    requests, failed = [float(each) for each, _ in steps], [float(min(each)) for each in steps]
    drawn = str(stripe(requests, failed, lambda at: f'<{at}> "&"'))
    assert "<0>" not in drawn
    long = sum(float(wide) for wide in re.findall(r' width="([\d.]+)"', drawn))
    asked = sum(1 for each in requests if each)
    assert long == pytest.approx(1000 * asked / len(steps), abs=len(steps) * 0.06)


@pytest.mark.parametrize(
    ("requests", "failed", "shade"), [(0, 0, ""), (9, 0, "h0"), (99, 1, "h1"), (20, 1, "h2"), (5, 1, "h3"), (2, 1, "h4")]
)
def test_shades_say_which_share_failed(requests: float, failed: float, shade: str) -> None:
    assert level(requests, failed) == shade


def test_a_provider_that_fails_is_named_with_the_time_it_began(
    database: Callable[..., Path],
    seen: Callable[..., str],
    sampled: Callable[..., dict[str, Any]],  # Any: SQLite's values
) -> None:
    def at(ago: timedelta, provider: str, outcome: str) -> dict[str, Any]:  # Any: as above
        status = 200 if outcome == "ok" else 429
        return sampled((ago / timedelta(minutes=1), "chat", provider, "m", outcome, status, 1.0, 1, 1, 1), NOW)

    hours = [timedelta(hours=hour, minutes=10 + minute) for hour in range(12) for minute in range(5)]
    rows = [at(ago, "well", "ok") for ago in hours]
    rows += [at(ago, "ill", "provider_error" if ago < timedelta(hours=2) else "ok") for ago in hours]
    html = seen(database(rows=rows), errors)
    said = re.sub(r"<[^>]*>", "", html).replace("\u00a0", " ")
    assert "since 20 May 14:00: 100 %, else 0 %" in said
    assert 'class="h4"' in html
    assert ">well<" not in html[html.index('id="whom"') : html.index('id="over"')], "who never failed is not there"


@pytest.mark.parametrize(("period", "is_live"), [("hour", True), ("today", True), ("7d", False)])
def test_whoever_watches_a_failure_need_not_reload(
    database: Callable[..., Path], seen: Callable[..., str], period: str, is_live: bool
) -> None:
    html = seen(database(), errors, period=period, provider="alpha")
    assert ('data-live="' in html) == is_live
    assert html.count("<div data-figures>") == 1


def test_a_models_failures_count_where_its_answers_stand() -> None:
    def row(model: str, requests: int, failed: int) -> dict[str, Any]:  # Any: as above
        nothing = dict.fromkeys(("streamed", "attempts", "client_retries", "input_tokens", "output_tokens"), 0)
        return {"provider": "p", "model": model, "requests": requests, "errors": failed, "cost_nanousd": 0} | nothing

    class Row(dict[str, Any]):  # Any: as above
        def __missing__(self, name: str) -> int:
            return 0

    found = {group.name: group for group in groups([Row(row("m-2026-01-01", 90, 0)), Row(row("m", 10, 10))], "model")}
    assert found["m-2026-01-01"].failed_share == pytest.approx(0.1)
    assert found["m"].answers_as == "m-2026-01-01"
    assert not found["m"].fails_often
