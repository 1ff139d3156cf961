"""Chance, kept on a lead: the same seed gives the same inputs, and every input spoilt is counted.

Nothing here knows what is tested. Called by the tests of this folder.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

INPUTS: Final = int(os.environ.get("LECTR_FUZZ_INPUTS", "1000"))
"""Inputs of a test of ordinary cost; cheaper ones take more, dearer ones less."""
SEED: Final = os.environ.get("LECTR_FUZZ_SEED", "1")

fed: Final[dict[str, int]] = {}
"""How many inputs each test has fed so far, by what they were."""


def turns(what: str, share: float = 1.0) -> Iterator[random.Random]:
    """As many sources of chance as *what* is to get inputs; each is its own, so a failure's number repeats it alone."""
    for number in range(max(1, round(INPUTS * share))):
        fed[what] = fed.get(what, 0) + 1
        chance = random.Random(f"{SEED}/{what}/{number}")
        try:
            yield chance
        except GeneratorExit:
            print(f"the last input was number {number} of {what!r}, seed {SEED}")
            raise


def spoilt(data: bytes, marks: Sequence[bytes], chance: random.Random, most: int = 3) -> bytes:
    """*data* with up to *most* things done to it: bytes flipped, cut out, doubled or moved, *marks* put in."""
    made = bytearray(data)
    for _ in range(chance.randint(0, most)):
        at = chance.randrange(len(made) + 1)
        end = min(len(made), at + chance.choice((1, 1, 1, 2, 4, 16, 64)))
        what = chance.randrange(7)
        if what == 0:
            made[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
        elif what == 1:
            del made[at:end]
        elif what == 2:
            made[at:at] = made[at:end]
        elif what == 3:
            piece = made[at:end]
            del made[at:end]
            to = chance.randrange(len(made) + 1)
            made[to:to] = piece
        elif what == 4:
            made[at:end] = chance.choice(marks)
        else:
            made[at:at] = chance.choice(marks)
    return bytes(made)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    """*data* in pieces: one, single bytes, or cut anywhere."""
    how = chance.randrange(4)
    if how == 0 and len(data) < 2000:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice((0, 1, 2, 8))))
    return [data[a:b] for a, b in pairwise([0, *cuts, len(data)])]
