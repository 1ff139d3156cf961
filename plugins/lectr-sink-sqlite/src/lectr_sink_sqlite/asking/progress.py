"""How far a long piece of work is, on the error stream: a line that rewrites itself on a terminal, now and then a line
elsewhere. Called by the commands of this room.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

_EVERY_S: Final = 0.5
_ELSEWHERE_S: Final = 10.0
"""Where the output is no terminal: the first line comes after as long, so that short work says nothing."""


class Progress:
    """Says how much of *whole* is done, while it is entered."""

    def __init__(
        self, whole: int, what: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._whole, self._what, self._clock = whole, what, clock
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._every_s = _EVERY_S if self._is_terminal else _ELSEWHERE_S
        self._began = self._said = clock()
        self._is_shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown and self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def at(self, done: int) -> None:
        """Say it, if it is time to."""
        now = self._clock()
        if now - self._said < self._every_s or not done:
            return
        self._said, self._is_shown = now, True
        left_s = (now - self._began) * max(0, self._whole - done) / done
        share = min(done / self._whole, 1.0) if self._whole else 1.0
        text = f"{done:,} of {self._whole:,} {self._what} ({share:.0%}), about {_span(left_s)} left"
        self._stream.write(f"\r\x1b[K{text}" if self._is_terminal else f"{text}\n")
        self._stream.flush()


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
