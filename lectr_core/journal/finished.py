"""What was in streams that are gone: a line for each, written before its files are removed, with what each sink had of it.

A stream goes once every sink has stored all of it, and from then on only the sinks know that it ever was. A store that is
deleted, or put back from an older copy, would then miss it and nobody could tell. `<data>/journal/finished` can: the proof
holds against it what each sink still has. It grows by some hundred bytes a worker's life. Written by the cold side's
housekeeping, read by `cold/verify.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from lectr_core.journal.layout import FILE_MODE
from lectr_core.model.codec import decode, encode

FINISHED: Final = "finished"


@attrs.frozen
class Held:
    """What one sink had of a stream when that was removed."""

    highest: int
    """The last sequence number."""
    stored: int
    lost: int


@attrs.frozen
class _Line:
    stream: str
    sinks: dict[str, Held]


def note_finished(journal: Path, stream: str, sinks: Mapping[str, Held]) -> None:
    """Write down what each sink, by its id, has of a stream that is about to be removed. Errors: OSError."""
    file = os.open(journal / FINISHED, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        # A line that a full disk cut short must not swallow this one.
        os.write(file, b"\n" + encode(_Line(stream, dict(sinks))))
    finally:
        os.close(file)


def read_finished(journal: Path, sink: str) -> dict[str, Held]:
    """What a sink, by its id, had of each stream that is gone. A line that cannot be read says nothing. Errors: OSError."""
    found: dict[str, Held] = {}
    try:
        lines = (journal / FINISHED).read_bytes().splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            told = decode(line, _Line)
        except ValueError:
            continue
        if sink in told.sinks:
            found[told.stream] = told.sinks[sink]
    return found
