"""Events that are like one already parsed but for their text: how much they carry is told without parsing them.

Of a stream's events nearly all are one object with another piece of text in it, and parsing each costs more than all else a
stream needs (5 µs of 9 an event; so 1). What such an event may hold beside its text was noted when the first one was
parsed. Pure; called by `reading.EventReader`.

I1  A JSON string ends at the first quote that no backslash stands before. So bytes that differ from parsed JSON in nothing
    but what stands between two such quotes are the same object with another string in it.
I2  Of the text's own bytes there is one occurrence in the event that is learnt, so what is found is the text. Without a
    colon in it, it cannot overlap one either.
"""

from __future__ import annotations

import re
from typing import Final

_TRIES: Final = 32
"""Learning costs 1 µs; where no event is like another, it ends."""

# A running number before the text, and noise behind it that hides its length: the two that differ with every event.
_NUMBER: Final = re.compile(rb'[{,] *"sequence_number": *(?=\d)')
_NOISE: Final = re.compile(rb'[{,] *"obfuscation": *"')
_BACKSLASH: Final = 0x5C


class Alike:
    """How the last event looked from which plain text was learnt: lead, number, before, TEXT, behind, noise, end."""

    __slots__ = ("_before", "_behind", "_end", "_lead", "_name", "tries")

    def __init__(self) -> None:
        self.tries = _TRIES
        """How often may still be learnt."""
        self._name = b""
        self._lead: bytes | None = None
        """None: there is no number; `_before` begins the event."""
        self._before: bytes | None = None
        """None: nothing is learnt yet."""
        self._behind = b""
        self._end: bytes | None = None
        """None: there is no noise; `_behind` ends the event."""

    def chars(self, name: bytes, event: bytes) -> int:
        """How long the text in *event* is, as sent; 0 where it is not like the one learnt."""
        start = 0
        before, lead = self._before, self._lead
        if before is None or name != self._name:
            return 0
        if lead is not None:
            if not event.startswith(lead):
                return 0
            start = event.find(b",", len(lead))
            if not event[len(lead) : start].isdigit():
                return 0
        if not event.startswith(before, start):
            return 0
        start += len(before)
        stop = event.find(b'"', start)
        if stop <= start or event[stop - 1] == _BACKSLASH:
            return 0
        behind, end = self._behind, self._end
        if end is None:
            return stop - start if event[stop:] == behind else 0
        if not event.startswith(behind, stop):
            return 0
        close = event.find(b'"', stop + len(behind))
        return stop - start if close > 0 and event[close - 1] != _BACKSLASH and event[close:] == end else 0

    def learn(self, name: bytes, event: bytes, text: bytes) -> None:
        """Take an event that was parsed and holds, beside what every one like it repeats, *text* in its quotes alone."""
        self.tries -= 1
        if event.count(text) != 1 or b":" in text:
            return
        start = event.index(text) + 1
        before, behind = event[:start], event[start + len(text) - 2 :]
        self._name, self._lead, self._before, self._behind, self._end = name, None, before, behind, None
        number = _NUMBER.search(before)
        if number is not None:
            self._lead, self._before = before[: number.end()], before[before.index(b",", number.end()) :]
        noise = _NOISE.search(behind)
        if noise is not None:
            self._behind, self._end = behind[: noise.end()], behind[behind.index(b'"', noise.end()) :]
