"""What every reader promises: the same bytes in any pieces give the same reading, and no bytes make it raise."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import get_args

from lectr_core.model.reading import Reading, UsageState
from lectr_core.model.units import MAX_COUNT
from lectr_core.ports import Reader
from lectr_core.testing.promise import must

_STATES = set(get_args(UsageState))
_RANDOM_SPLITS = 20
# Byte by byte is slow; a longer body is fed so at its start and its end only.
_BYTEWISE_BYTES = 20_000


def check_reader(
    make_reader: Callable[[], Reader], body: bytes, expected: Reading, *, complete: bool = True, seed: int = 1
) -> None:
    """Feed *body* whole, byte by byte and in random pieces; then broken off and damaged.

    Shapes: *expected* is the reading of the whole body; *complete* is handed to `finish`.
    Errors: Broken, with the promise that is not kept.
    """
    for how, pieces in _splits(body, random.Random(seed)):
        reading = _read(make_reader(), pieces, complete, how)
        must(reading == expected, f"fed {how}, the reading is {reading!r}, not {expected!r}")
    reader = make_reader()
    must(isinstance(reader, Reader), f"{type(reader).__name__} does not satisfy lectr_core.Reader")
    must(not reader.first_token_seen, "before the first byte, first_token_seen must be False")
    _check_harmless(_read(reader, [], True, "nothing"), "nothing")
    for how, damaged in _damaged(body, random.Random(seed)):
        for whole in (True, False):
            _check_harmless(_read(make_reader(), [damaged], whole, how), how)


def _splits(body: bytes, chance: random.Random) -> Iterator[tuple[str, Iterable[bytes | memoryview]]]:
    yield "whole", [body]
    yield "as a memoryview", [memoryview(body)]
    yield "with empty pieces", [b"", body, b""]
    if len(body) <= _BYTEWISE_BYTES:
        yield "byte by byte", [body[at : at + 1] for at in range(len(body))]
    else:
        half = _BYTEWISE_BYTES // 2
        start, middle, end = body[:half], body[half:-half], body[-half:]
        yield "byte by byte at its ends", [*(bytes([x]) for x in start), middle, *(bytes([x]) for x in end)]
    for turn in range(_RANDOM_SPLITS):
        cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(1, 12)))
        edges = [0, *cuts, len(body)]
        yield f"in random pieces ({turn})", [body[a:b] for a, b in pairwise(edges)]


def _damaged(body: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    for _ in range(_RANDOM_SPLITS):
        end = chance.randrange(len(body) + 1)
        yield f"broken off after {end} bytes", body[:end]
        if body:
            at, byte = chance.randrange(len(body)), chance.randrange(256)
            yield f"with byte {at} set to {byte}", body[:at] + bytes([byte]) + body[at + 1 :]
    yield from {
        "zeros": b"\0" * 1000,
        "no UTF-8": b"\xff\xfe" * 500,
        "deep brackets": b"[" * 100_000,
        "deep objects": b'{"a":' * 100_000,
        "a page of HTML": b"<html><body>502 Bad Gateway</body></html>",
        "null": b"null",
        "numbers out of range": b'{"usage":{"prompt_tokens":1e999,"completion_tokens":-5,"total_tokens":true}}',
        "the same as an event": b'data: {"usage":{"prompt_tokens":1e999,"completion_tokens":-5}}\n\n',
    }.items()


def _read(reader: Reader, pieces: Iterable[bytes | memoryview], complete: bool, how: str) -> Reading:
    try:
        for piece in pieces:
            reader.feed(piece)
        return reader.finish(complete=complete)
    except Exception as exc:
        exc.add_note(f"the reader was fed {how}; bad input must be a state of the reading, never an exception")
        raise


def _check_harmless(reading: Reading, how: str) -> None:
    must(isinstance(reading, Reading), f"fed {how}, finish gave {reading!r}, which is no Reading")
    must(reading.state in _STATES, f"fed {how}, the state is {reading.state!r}, not one of {sorted(_STATES)}")
    has_usage = reading.state in ("reported", "partial")
    must(
        (reading.usage is not None) == has_usage, f"fed {how}, state {reading.state!r} and usage {reading.usage!r} disagree"
    )
    for name, number in _counts(reading):
        fine = isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MAX_COUNT
        must(fine, f"fed {how}, unit {name!r} is {number!r}; allowed are whole numbers from 0 to 2^53 - 1")


def _counts(reading: Reading) -> Iterator[tuple[str, int]]:
    if reading.usage is not None:
        yield from reading.usage.units.items()
        for share in reading.usage.terms.shares if reading.usage.terms is not None else ():
            yield from share.units.items()
