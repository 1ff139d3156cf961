"""The pages of figures are made of what was measured: nothing on them is typed, and nothing of a run is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import benchmarks
from docs.generate.charts import bars, figure, panels
from docs.generate.scaling import PAGE, Sums
from tests.bench.results import Results, load

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "folder"), [("benchmarks", "reference"), ("scaling", "explanation")])
def test_the_page_is_what_was_measured(name, folder, tmp_path):
    pictures = {path: path.read_text() for path in (ROOT / "docs/images").glob("bench-*.svg")}
    command = [sys.executable, str(ROOT / f"docs/generate/{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    page = ROOT / f"docs/{folder}/{name}.md"
    assert page.read_text() == done.stdout, f"run: python docs/generate/{name}.py > docs/{folder}/{name}.md"
    assert pictures == {path: path.read_text() for path in pictures}, "the charts are of another run"


def test_every_measure_and_curve_of_the_run_is_on_the_page():
    results = load()
    page = benchmarks.page(results)
    assert set(results.samples) <= set(benchmarks.TITLES)
    for measure in results.samples:
        assert benchmarks.TITLES[measure][0] in page
    assert set(results.curves) <= set(benchmarks.CURVES)
    assert all(f"| {title} | " in page for curve, title in benchmarks.CURVES.items() if curve in results.curves)
    assert all(what in page for what in results.missing)


def test_what_was_not_measured_is_not_said_to_be_reached():
    assert all("not measured" in aim.row(Results()) for aim in benchmarks.AIMS)


def test_an_aim_is_reached_where_the_figure_is_on_its_side():
    results = Results()
    for name, cost in ((benchmarks.LECTR, 12.0), (benchmarks.ENVOY, 10.0)):
        results.add(name, {"small": cost})
    aim = benchmarks.Aim("CPU", benchmarks.beside("small"), 1.2)
    assert aim.row(results) == "| CPU | 1.20 × Envoy | ≤ 1.20 × Envoy | yes |"
    results.samples["small"][benchmarks.LECTR] = [12.1]
    assert aim.row(results).endswith("| **no** |")


def test_added_latency_leaves_out_what_the_way_takes_without_a_gateway():
    results = Results()
    for name, took in ((benchmarks.DIRECT, 1.0), (benchmarks.LECTR, 3.0), (benchmarks.ENVOY, 2.0)):
        results.add(name, {"latency_p50": took})
    assert benchmarks.added("latency_p50")(results) == 2.0


def test_the_lag_counts_only_where_as_many_requests_came():
    results = Results()
    results.add(benchmarks.LECTR, {"cold_lag": 0.2, "cold_lag_rate": 500.0})
    assert benchmarks.lag(results) is None
    results.samples["cold_lag_rate"][benchmarks.LECTR] = [1990.0]
    assert benchmarks.lag(results) == 0.2


def test_no_figure_of_the_scaling_page_is_typed():
    """Apart from the sizes and shares that name what is measured, digits come through the sums."""
    assert set(Sums(load()).words()) == {name.partition("}")[0] for name in PAGE.split("{")[1:]}


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.1234, "0.12"), (12.34, "12.3"), (1234.5, "1,234")])
def test_a_figure_has_as_many_digits_as_say_something(value, shown):
    assert figure(value) == shown


def test_charts_are_well_formed():
    from xml.etree import ElementTree

    for drawn in (
        bars("CPU", "µs", {"a & b": (1, 2, 3), "c": (100, 200, 300)}, "c"),
        panels("CPU", "µs", {"<rules>": {"0": (1, 2, 3), "500": (2, 3, 4)}}),
    ):
        assert ElementTree.fromstring(drawn).tag.endswith("svg")
