"""Are the intervals as good as they say? `python -m tests.accuracy`: learn from 500 reported requests, predict 500 others.

For every dialect: the share of true counts within the 95 % interval, and the median error, for prompts and for answers, of
requests that were never learnt from. Behind each figure stands its sampling error: a standard deviation of what the mean of
so many calibrations scatters by, each of them made anew from requests of its own. The figures hold for this generator
(`texts.py`, `traffic.py`) and are shown on docs/explanation/how-sure-are-the-numbers.md.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

import attrs

from lectr_core.cold import visible
from lectr_core.cold.account import account
from lectr_core.cold.calibration import Calibration
from lectr_core.cold.visible import Way
from tests.accuracy.floor import Row, floor
from tests.accuracy.texts import passages
from tests.accuracy.traffic import DIALECTS, Dialect, Made, Pool, requests

parser = argparse.ArgumentParser(description="Measure how well tokens are predicted, on real text.")
parser.add_argument("--learn", type=int, default=500)
parser.add_argument("--held-out", type=int, default=500)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--rounds", type=int, default=16, help="calibrations made anew, each with requests of its own")
parser.add_argument("--only", help="dialects whose name begins so")
parser.add_argument("--unheard", help="a feature that is not learnt from, and alone is predicted")


@attrs.define
class Round:
    """What one calibration said of prompts or of answers that it had not learnt from."""

    held: list[bool] = attrs.field(factory=list)
    exact: list[bool] = attrs.field(factory=list)
    errors: list[float] = attrs.field(factory=list)
    widths: list[float] = attrs.field(factory=list)
    said: int = 0
    truth: int = 0
    measured: list[bool] = attrs.field(factory=list)

    def add(self, other: Round) -> None:
        """Put another's requests beside these."""
        for field in ("held", "exact", "errors", "widths", "measured"):
            getattr(self, field).extend(getattr(other, field))
        self.said += other.said
        self.truth += other.truth


def one_round(dialect: Dialect, pool: Pool, asked: argparse.Namespace, number: int) -> tuple[dict[Way, Round], list[Made]]:
    """Learn, then predict; the requests that were predicted."""
    chance = random.Random(f"{asked.seed} {dialect.name} {number}")  # of its own: else lines would be off together
    calibration, found = Calibration(), {"input": Round(), "output": Round()}
    made = list(requests(dialect, pool, asked.learn + asked.held_out, chance))
    for one in made[: asked.learn]:
        if one.ended.begun.feature == asked.unheard:
            continue
        calibration.learn(one.ended, account(one.ended, lambda _: None))
    held_out = [one for one in made[asked.learn :] if asked.unheard in (None, one.ended.begun.feature)]
    for one in held_out:
        truth = account(one.ended, lambda _: None)
        pairs: tuple[tuple[Way, int], ...] = (("input", truth.input_tokens or 0), ("output", truth.output_tokens or 0))
        for way, tokens in pairs:
            prediction = calibration.predict(one.ended, way)
            inside, into = prediction.interval, found[way]
            into.held.append(inside.holds(tokens))
            into.exact.append(inside.middle == tokens)
            into.errors.append(abs(inside.middle - tokens) / tokens)
            into.widths.append((inside.high - inside.low) / 2 / max(inside.middle, 1))
            into.said += inside.middle
            into.truth += tokens
            into.measured.append(prediction.source == "measured")
    return {"input": found["input"], "output": found["output"]}, held_out


def floors(made: Sequence[Made]) -> tuple[float, float]:
    """The best that could be said of answers in hindsight: from sizes, and had kinds of characters been counted too."""
    by_size: dict[Hashable, list[Row]] = defaultdict(list)
    by_class: dict[Hashable, list[Row]] = defaultdict(list)
    for one in made:
        usage, begun = one.ended.reading.usage, one.ended.begun
        assert usage is not None
        kind = (begun.feature, one.ended.reading.finish_reason)
        truth = float(usage.units["output"] + usage.units.get("reasoning", 0))
        sizes = visible.output_counts(one.ended)
        by_size[kind].append((sizes, truth))
        by_class[kind].append(((*sizes, *one.classes), truth))
    return floor(by_size.values()), floor(by_class.values())


def told(rounds: Sequence[Round]) -> Iterator[str]:
    """The figures of one line."""
    yield f"{_mean([statistics.mean(one.held) for one in rounds], 1):>15}"
    yield f"{_mean([statistics.median(one.errors) for one in rounds], 2):>17}"
    yield f"{statistics.mean(exact for one in rounds for exact in one.exact):>8.1%}"
    yield f"{statistics.median(width for one in rounds for width in one.widths):>9.1%}"
    yield f"{_mean([one.said / one.truth - 1 for one in rounds], 1):>15}"
    yield f"{statistics.mean(measured for one in rounds for measured in one.measured):>9.0%}"


def _mean(figures: Sequence[float], digits: int) -> str:
    scatter = statistics.stdev(figures) / len(figures) ** 0.5 if len(figures) > 1 else float("nan")
    return f"{statistics.mean(figures):.{digits}%} ± {100 * scatter:.{digits}f}"


def main() -> None:
    """Print one line for each dialect and way."""
    asked = parser.parse_args()
    pool = passages(random.Random(asked.seed), 250)
    print({kind: len(found) for kind, found in pool.items()})
    head = f"{'held':>15}{'median error':>17}{'exact':>8}{'half':>9}{'sum off':>15}{'measured':>9}{'floor':>8}{'counted':>9}"
    print(f"{'dialect':<24}{'of':<8}{head}")
    together: list[dict[Way, Round]] = [{"input": Round(), "output": Round()} for _ in range(asked.rounds)]
    for dialect in DIALECTS:
        if asked.only and not dialect.name.startswith(asked.only):
            continue
        found, made = zip(*(one_round(dialect, pool, asked, number) for number in range(asked.rounds)), strict=True)
        best = floors([one for some in made for one in some])
        print(f"{dialect.name:<24}{'input':<8}{''.join(told([one['input'] for one in found]))}")
        line = "".join(told([one["output"] for one in found]))
        print(f"{dialect.name:<24}{'output':<8}{line}{best[0]:>8.2%}{best[1]:>9.2%}", flush=True)
        for sums, one in zip(together, found, strict=True):
            for way, told_of in one.items():
                sums[way].add(told_of)
    ways: tuple[Way, ...] = ("input", "output")
    for way in ways:
        print(f"{'all of them':<24}{way:<8}{''.join(told([one[way] for one in together]))}")


if __name__ == "__main__":
    main()
