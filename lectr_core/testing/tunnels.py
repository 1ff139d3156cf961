"""What every reader of tunnels promises: turns begin once and end once, a cut ends all, and no message makes it raise."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from lectr_core.model.reading import Reading, Turn
from lectr_core.ports import TunnelReader
from lectr_core.testing.promise import must

Message = tuple[bytes, bool]
"""Its content, and whether it is the client's."""

_DAMAGED = 50
_STRANGE = (
    b"",
    b"\0" * 100,
    b"\xff\xfe" * 50,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"null",
    b"{}",
    b"3",
    b'"text"',
    b"not json",
)


def check_tunnel_reader(
    make_reader: Callable[[], TunnelReader], messages: Sequence[Message], expected: Sequence[Reading], *, seed: int = 1
) -> None:
    """Let a reader hear *messages* whole, cut off after each of them, and damaged.

    Shapes: *expected* are the readings of the turns that end, in the order of their ends, the cut at the end included.
    Errors: Broken, with the promise that is not kept.
    """
    reader = make_reader()
    must(isinstance(reader, TunnelReader), f"{type(reader).__name__} does not satisfy lectr_core.TunnelReader")
    found = _readings(reader, messages, "whole")
    must(found == list(expected), f"the readings are {found!r}, not {list(expected)!r}")
    for end in range(len(messages)):
        _readings(make_reader(), messages[:end], f"cut off after {end} messages")
    chance = random.Random(seed)
    for turn in range(_DAMAGED):
        _readings(make_reader(), _damaged(messages, chance), f"damaged ({turn})")
    for strange in _STRANGE:
        for by_client in (False, True):
            _readings(make_reader(), [*messages, (strange, by_client)], f"followed by {strange[:20]!r}")


def _damaged(messages: Sequence[Message], chance: random.Random) -> list[Message]:
    kept = [message for message in messages if chance.random() < 0.9]
    for _ in range(2):
        if kept:
            at = chance.randrange(len(kept))
            content, by_client = kept[at]
            spot = chance.randrange(len(content) + 1)
            kept[at] = (content[:spot] + bytes([chance.randrange(256)]) + content[spot + 1 :], by_client)
    return kept


def _readings(reader: TunnelReader, messages: Sequence[Message], how: str) -> list[Reading]:
    """What the turns came to; each that began has ended, once."""
    begun: set[str] = set()
    readings: list[Reading] = []
    try:
        for content, by_client in messages:
            for turn in reader.hear(content, from_client=by_client):
                _take(turn, begun, readings, how)
        for turn in reader.finish():
            must(turn.reading is not None, f"{how}, finish gave {turn!r}: at the end each turn needs its reading")
            _take(turn, begun, readings, how)
    except AssertionError:
        raise
    except Exception as exc:
        exc.add_note(f"the reader heard it {how}; a bad message must be a state, never an exception")
        raise
    must(isinstance(reader.faulty, bool) and isinstance(reader.hears_client, bool), "faulty and hears_client say yes or no")
    if how == "whole":
        must(not begun, f"{how}, turns {sorted(begun)} began and never ended")
    return readings


def _take(turn: Turn, begun: set[str], readings: list[Reading], how: str) -> None:
    must(isinstance(turn, Turn) and isinstance(turn.key, str), f"{how}, {turn!r} is no Turn")
    if turn.reading is None:
        must(turn.has_output or turn.key not in begun, f"{how}, turn {turn.key!r} began twice")
        begun.add(turn.key)
        return
    begun.discard(turn.key)
    has_usage = turn.reading.state in ("reported", "partial")
    must((turn.reading.usage is not None) == has_usage, f"{how}, state {turn.reading.state!r} and its usage disagree")
    readings.append(turn.reading)
