"""What Lectr costs beside other gateways: `python -m tests.bench`. Measures, and writes `docs/reference/benchmarks.json`.

Installs what it compares with (see `peers.py`), starts all of it in front of one cheap provider, lets gateways take turns on
a core of their own, and reads CPU time and memory from `/proc`. The pages are made of the file by `docs/generate/`. Options
narrow it down; a run that does not measure everything prints its figures and writes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.bench import cold_path, curves, machine, measures, peers, standing, subjects
from tests.bench.results import FILE, ROOT, Results, median, ratio, spread
from tests.bench.subjects import DIRECT, ENVOY, LECTR, NAMES, NGINX, Subject

QUICK: Final = (LECTR, ENVOY, NGINX)
"""Those that are measured with everything; the others with what their users feel most."""
FOR_ALL: Final = ("small", "spaced", "burst")
STANDING: Final = ("memory", "start", "cold", "workers")
PARTS: Final = (*measures.ALL, "lag", *STANDING, *curves.ALL)
PAGES: Final = {"benchmarks": "reference", "scaling": "explanation"}


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="how many requests a round sends, of the usual number")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--with", nargs="+", choices=NAMES, default=NAMES, metavar="GATEWAY", dest="wanted", help=str(NAMES))
    parser.add_argument("--keep", type=Path, help="write the figures here, whatever was measured")
    asked = parser.parse_args()
    machine.allow_descriptors()
    os.sched_setaffinity(0, machine.cores()[1])
    results = Results(machine=machine.described(), rounds=asked.rounds, versions=_versions(asked.wanted))
    results.busy = [_busy(), os.getloadavg()[0]]
    with tempfile.TemporaryDirectory(prefix="lectr-bench-") as place, subjects.provider() as upstream:
        _run(asked, Path(place), upstream, results)
    results.busy.append(os.getloadavg()[0])
    print(told(results))
    everything = set(asked.only) == set(PARTS) and set(asked.wanted) == set(NAMES)
    if asked.keep:
        results.save(asked.keep)
    elif everything:
        results.save(FILE)
        for page, folder in PAGES.items():
            made = subprocess.run([sys.executable, f"docs/generate/{page}.py"], cwd=ROOT, capture_output=True, check=True)
            (ROOT / f"docs/{folder}/{page}.md").write_bytes(made.stdout)


def _run(asked: argparse.Namespace, place: Path, upstream: int, results: Results) -> None:
    only, rounds, scale = set(asked.only), asked.rounds, asked.scale
    if under_load := [part for part in measures.ALL if part in only] + (["lag"] if "lag" in only else []):
        (place / "load").mkdir()
        with subjects.started(set(asked.wanted), place / "load", upstream, results.missing) as there:
            _load(under_load, there, upstream, rounds, scale, results)
    for part in (part for part in STANDING if part in only):
        # Memory is the same every time, and what is started anew each time takes a while.
        for n in range(min(rounds, 1 if part == "memory" else 3)):
            _stand(part, place / f"{part}-{n}", upstream, set(asked.wanted), scale, results)
    for curve in (part for part in curves.ALL if part in only):
        print(f"curve: {curve}", file=sys.stderr)
        curves.measure(curve, place / f"curve-{curve}", upstream, rounds, scale, results)


def _load(parts: list[str], there: list[Subject], upstream: int, rounds: int, scale: float, results: Results) -> None:
    direct = Subject(DIRECT, upstream)
    for subject in there:
        with contextlib.suppress(AssertionError, OSError):
            measures.small(subject, 0.1)  # until it is warm
    for part in parts:
        print(f"measure: {part}", file=sys.stderr)
        if part == "lag":
            ours = [one for one in there if one.gateway is not None]
            for subject in ours * min(3, rounds):
                results.add(subject.name, cold_path.lag(subject, scale))
            continue
        taking_part = [one for one in there if one.name in QUICK or part in FOR_ALL]
        for _ in range(rounds):
            for subject in ([direct] if part in ("latency", "concurrent") else []) + taking_part:
                try:
                    results.add(subject.name, measures.ALL[part](subject, scale))
                except (AssertionError, OSError, ValueError) as exc:
                    results.missing[f"{subject.name}: {part}"] = f"{exc}".split("\\r\\n")[0].strip("b'\"")[:120]


def _stand(part: str, place: Path, upstream: int, wanted: set[str], scale: float, results: Results) -> None:
    place.mkdir(parents=True)
    print(f"measure: {part}", file=sys.stderr)
    if part == "memory":
        for name in (name for name in QUICK if name in wanted and name not in results.missing):
            results.add(name, standing.memory(standing.MAKERS[name], place / name, upstream))
    elif part == "start":
        for measure in (standing.start_worker, standing.start_whole):
            folder = place / measure.__name__
            folder.mkdir()
            results.add(LECTR, measure(folder))
        for _ in range(3):
            results.add(LECTR, standing.start_help())
    elif part == "cold":
        results.add(LECTR, cold_path.records_a_second(place, max(20_000, int(40_000 * scale))))
    elif part == "workers":
        _workers(place, upstream, scale, results)


def _workers(place: Path, upstream: int, scale: float, results: Results) -> None:
    """CPU a request with one worker and with two; throughput of both where cores are free for it."""
    cores = sorted(os.sched_getaffinity(0) | machine.cores()[0])
    free = len(cores) >= 4
    for count in (1, 2):
        with subjects.lectr(place / f"{count}", upstream, settings=f"workers = {count}") as subject:
            if free:
                machine.pin(subject.carriers(), set(cores[:2]))
            sent = subject.request(measures.SMALL)
            measures.cpu_us(subject, sent, 400, 32)
            began_s = time.perf_counter()
            requests = max(400, int(8_000 * scale))
            cost = measures.cpu_us(subject, sent, requests, 32)
            took_s = time.perf_counter() - began_s
            results.add(LECTR, {f"workers_{count}_cpu": cost})
            if free:
                results.add(LECTR, {f"workers_{count}_rate": requests / took_s})
    if not free:
        results.missing["workers: throughput"] = f"needs 4 processors (2 for workers, 2 for the rest); here are {len(cores)}"


def _busy() -> float:
    """What others take of the machine, looked at for two seconds."""
    before = machine.ticks()
    time.sleep(2)
    return round(machine.busy_share(before, machine.ticks()), 3)


def _versions(wanted: list[str]) -> dict[str, str]:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"Lectr, commit": commit or "unknown"} | {
        name: peer().version or "missing"
        for name, peer in peers.ALL.items()
        if any(one.lower().startswith(name) for one in wanted)
    }


def told(results: Results) -> str:
    """The figures for a terminal."""
    lines = []
    for measure, by_subject in results.samples.items():
        for name, samples in by_subject.items():
            low, high = spread(samples)
            beside = ratio(samples, results.of(measure, ENVOY)) if name != ENVOY else None
            of_envoy = f"   {beside:.2f} x Envoy" if beside is not None else ""
            lines.append(f"{measure:20} {name:24} {median(samples):12.2f}  {low:.2f} to {high:.2f}{of_envoy}")
    for curve, points in results.curves.items():
        lines.append(f"{curve:20} " + ", ".join(f"{x}: {median(samples):.0f}" for x, samples in points.items()))
    lines += [f"missing: {what}: {why}" for what, why in results.missing.items()]
    return "\n".join([*lines, f"machine in use by others before: {results.busy[0]:.0%}; load {results.busy[1:]}"])


if __name__ == "__main__":
    main()
