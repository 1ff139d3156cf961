"""Names in the journal directory (streams, segments, locks), and how a line is made.

    <data>/journal/cold.lock                                 held by the one cold process
    <data>/journal/finished                                  what was in streams that are gone (finished.py)
    <data>/journal/20260731T101502.123456Z-4711-9f3a1c/      a stream: one worker's life
                   lock                                      held (flock) by the worker as long as it lives; says how many
                                                             sequence numbers it had given out, a second ago at most
                   000001.log, 000002.log …                  segments; each begins with the open `begun` lines of that moment

A line is `LETTER CHECKSUM JSON`: one of the letters below, eight hexadecimal digits, one JSON object. The checksum is the
CRC-32 of letter, blank and JSON, so that a line of which any one byte is not what was written is never taken for another.

A name that begins with a dot is being made or removed, and nobody's to read. Nothing here opens a file. Called by writer,
reader, recovery and verify.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Final
from zlib import crc32

LOCK: Final = "lock"
COLD_LOCK: Final = "cold.lock"

BEGUN: Final = b"b "
"""A `Begun` follows: the request is about to go upstream. May stand again at the head of a later segment."""
ENDED: Final = b"e "
"""An `Ended` follows: a whole record."""
CLOSED: Final = b"c "
"""The worker ended in good order: `{"highest": N}`, the last sequence number it gave out. Nothing follows."""

# The checksum of each letter and its blank, from which that of the line goes on.
_LETTERS: Final = {letter: crc32(letter) for letter in (BEGUN, ENDED, CLOSED)}
_JSON_AT: Final = len(b"b 00000000 ")

DIRECTORY_MODE: Final = 0o700
FILE_MODE: Final = 0o600


def sealed(letter: bytes, text: bytes) -> bytes:
    """A whole line, with its end. *letter* is one of the three, *text* JSON in one line. Costs some 0.5 µs for a record."""
    return b"%b%08x %b\n" % (letter, crc32(text, _LETTERS[letter]), text)


def unsealed(line: bytes) -> tuple[bytes, bytes, bool]:
    """A line without its end, taken apart: its letter, its JSON, and whether the checksum holds.

    Shapes: where it does not hold, letter and JSON are whatever stands in their places, or empty.
    """
    letter, text = line[:2], line[_JSON_AT:]
    seed = _LETTERS.get(letter)
    return letter, text, seed is not None and line[2:_JSON_AT] == b"%08x " % crc32(text, seed)


def stream_name(now: datetime, pid: int, random: str) -> str:
    """The name of a new stream: sorts by time, and never comes twice. *now* is UTC."""
    return f"{now:%Y%m%dT%H%M%S.%f}Z-{pid}-{random}"


def segment_name(number: int) -> str:
    """The name of segment *number*, counted from 1."""
    return f"{number:06d}.log"


def segment_numbers(stream: Path) -> list[int]:
    """The segments that are there, in order; empty where the stream has no directory (any more)."""
    try:
        names = os.listdir(stream)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name[:-4]) for name in names if name.endswith(".log") and name[:-4].isdecimal())


def stream_names(journal: Path) -> list[str]:
    """The streams that are there, oldest first."""
    try:
        with os.scandir(journal) as entries:
            return sorted(entry.name for entry in entries if entry.name[0] != "." and entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
