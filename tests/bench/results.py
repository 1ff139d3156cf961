"""What was measured, as plain values: samples by measure and subject, curves, the machine, and what could not be had.

Written to `docs/reference/benchmarks.json`, from which the pages are made. Judges nothing. Called by `__main__.py` and the
generators of the pages.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = ROOT / "docs/reference/benchmarks.json"

Samples = dict[str, dict[str, list[float]]]
"""By measure, then by subject: one sample a round."""


@attrs.define
class Results:
    """One run."""

    machine: dict[str, str] = attrs.field(factory=dict)
    versions: dict[str, str] = attrs.field(factory=dict)
    missing: dict[str, str] = attrs.field(factory=dict)
    """What could not be had or measured, and why."""
    rounds: int = 0
    busy: list[float] = attrs.field(factory=list)
    """Share of the machine's CPU time that was in use before the bench began; load average at begin and at end."""
    samples: Samples = attrs.field(factory=dict)
    curves: dict[str, dict[str, list[float]]] = attrs.field(factory=dict)
    """By curve, then by x as text: CPU µs a request, one sample a round."""

    def add(self, subject: str, values: dict[str, float]) -> None:
        """Take one round's samples of a subject."""
        for measure, value in values.items():
            self.samples.setdefault(measure, {}).setdefault(subject, []).append(round(value, 3))

    def add_point(self, curve: str, x: str, value: float) -> None:
        """Take one sample of a curve."""
        self.curves.setdefault(curve, {}).setdefault(x, []).append(round(value, 2))

    def of(self, measure: str, subject: str) -> list[float]:
        """Samples; empty where there are none."""
        return self.samples.get(measure, {}).get(subject, [])

    def save(self, path: Path = FILE) -> None:
        """Write it down."""
        path.write_text(json.dumps(attrs.asdict(self), indent=1, ensure_ascii=False) + "\n")


def load(path: Path = FILE) -> Results:
    """Read what was written. Errors: OSError, ValueError."""
    held: dict[str, Any] = json.loads(path.read_text())  # Any: as it was written
    return Results(**held)


def median(samples: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(samples)


def spread(samples: Sequence[float]) -> tuple[float, float]:
    """Between which two figures the middle half of the samples lies; all of them where they are few."""
    if len(samples) < 5:
        return min(samples), max(samples)
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, high


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """The median of the ratios round by round, so that what slowed a whole round cancels out; None where there is none."""
    pairs = [one / other for one, other in zip(ours, theirs, strict=False) if other]
    return statistics.median(pairs) if pairs else None
