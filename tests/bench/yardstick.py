"""A fixed piece of pure Python, as long here as anywhere else relative to other Python: what the gate measures with.

As a program it does the work again and again until its standard input ends, and prints the CPU µs that one piece took.
Changing the work makes every bound set with it void. Called by `gate.py`; its waste is made of the same work.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Final

HEAD: Final = b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\nx-n: 1\r\n\r\n"
TIMES: Final = 100


class Field:
    """Something with attributes."""

    __slots__ = ("name", "size", "value")

    def __init__(self, name: bytes, value: bytes) -> None:
        self.name = name
        self.value = value
        self.size = len(name) + len(value)


def work(times: int) -> int:
    """What a gateway written in Python does most: take bytes apart, make small objects, look things up, call functions."""
    total = 0
    for _ in range(times):
        line, *rows = HEAD[:-4].split(b"\r\n")
        known: dict[bytes, Field] = {}
        for row in rows:
            name, _, value = row.partition(b": ")
            known[name.lower()] = Field(name, value.strip())
        total += sum(field.size for field in known.values() if field.name in known) + len(line.decode("latin-1").split(" "))
    return total


def main() -> None:
    """Work until standard input ends; then print what one piece took."""
    os.nice(19)  # whoever is measured beside it goes first
    done = 0
    begun_ns = time.process_time_ns()
    while not select.select([sys.stdin], [], [], 0)[0]:
        work(TIMES)
        done += TIMES
    print((time.process_time_ns() - begun_ns) / done / 1e3)


if __name__ == "__main__":
    main()
