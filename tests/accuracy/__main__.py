"""Are the intervals as good as they say? `python -m tests.accuracy`: learn from 500 reported requests, predict 2,000 others.

For every dialect: the share of true counts within the 95 % interval, and the median error, for prompts and for answers, of
requests that were never learnt from. The figures hold for this generator (`texts.py`, `traffic.py`) and are shown on
docs/explanation/how-sure-are-the-numbers.md.
"""

from __future__ import annotations

import argparse
import random
import statistics

from lectr_core.cold.account import account
from lectr_core.cold.calibration import Calibration
from tests.accuracy.texts import passages
from tests.accuracy.traffic import DIALECTS, requests

parser = argparse.ArgumentParser(description="Measure how well tokens are predicted, on real text.")
parser.add_argument("--learn", type=int, default=500)
parser.add_argument("--held-out", type=int, default=2_000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--rounds", type=int, default=3, help="calibrations made anew, each with requests of its own")


def main() -> None:
    """Print one line for each dialect and way."""
    asked = parser.parse_args()
    pool = passages(random.Random(asked.seed), 250)
    print({kind: len(found) for kind, found in pool.items()})
    print(f"{'dialect':<24}{'of':<8}{'held':>8}{'median error':>14}{'half-width':>12}{'sum off':>9}{'measured':>10}")
    for dialect in DIALECTS:
        rows: dict[str, list[tuple[bool, float, float, int, int, bool]]] = {"input": [], "output": []}
        for number in range(asked.rounds):
            calibration = Calibration()
            made = requests(dialect, pool, asked.learn + asked.held_out, random.Random(asked.seed + number))
            for at, ended in enumerate(made):
                truth = account(ended, lambda _: None)
                if at < asked.learn:
                    calibration.learn(ended, truth)
                    continue
                for way, tokens in (("input", truth.input_tokens or 0), ("output", truth.output_tokens or 0)):
                    said = calibration.predict(ended, "input" if way == "input" else "output")
                    inside = said.interval
                    width = (inside.high - inside.low) / 2 / max(inside.middle, 1)
                    error = abs(inside.middle - tokens) / tokens
                    row = (inside.holds(tokens), error, width, inside.middle, tokens, said.source == "measured")
                    rows[way].append(row)
        for way, found in rows.items():
            held, errors, widths, middles, truths, measured = zip(*found, strict=True)
            off = sum(middles) / sum(truths) - 1
            print(
                f"{dialect.name:<24}{way:<8}{sum(held) / len(held):>8.1%}{statistics.median(errors):>14.2%}"
                f"{statistics.median(widths):>12.1%}{off:>9.2%}{sum(measured) / len(measured):>10.0%}"
            )


if __name__ == "__main__":
    main()
