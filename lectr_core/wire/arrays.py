"""The elements of one JSON array out of a stream of bytes, in whatever pieces it comes.

Follows strings and brackets only; whether an element is valid JSON is for the one who decodes it. Holds at most one
unfinished element. Called by the readers in `dialects/` for providers that stream an array instead of events.
"""

from __future__ import annotations

import re

from lectr_core.errors import LectrError

# The parser that reads the elements goes no deeper either.
_MAX_DEPTH = 1000

_SPACE = b" \t\r\n"
_ANY = re.compile(rb'["\[\]{},]')
_DEEP = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'["\\]')


class ItemTooLong(LectrError):
    """An element outgrew its limit; the array cannot be cut any further. Act: nobody; the reader gives up reading."""

    def __init__(self, limit_bytes: int, finished: list[bytes]) -> None:
        self.finished = finished
        """The elements of the same piece that came before."""
        super().__init__(f"an element is longer than the limit of {limit_bytes} bytes")


class ArrayCutter:
    """Cuts finished elements off one top-level array; a single top-level object is one element.

    Shapes: the same bytes in any pieces give the same elements. What is neither array nor object gives none, and so does
        everything behind the array's end.
    """

    def __init__(self, max_item_bytes: int) -> None:
        self._max_item_bytes = max_item_bytes
        self._held = bytearray()
        """The unfinished element."""
        self._scanned = 0
        self._depth = 0
        """Open brackets, the array's own included (a lone object stands one deeper than it is, as an element does)."""
        self._in_string = False
        self._lone = False
        self.ended = False
        """The array or object is closed, or there never was one."""
        self.is_alien = False
        """The stream is neither array nor object, or it is nested beyond all use."""

    def feed(self, data: bytes | memoryview) -> list[bytes]:
        """Take a piece; give the elements it finishes. Units: the limit counts bytes. Errors: ItemTooLong."""
        items: list[bytes] = []
        if self.ended:
            return items
        self._held += data
        if self._depth == 0 and not self._open():
            return items
        while not self.ended and self._step(items):
            pass
        if len(self._held) > self._max_item_bytes:
            raise ItemTooLong(self._max_item_bytes, items)
        return items

    def _open(self) -> bool:
        start = self._held.lstrip(_SPACE)[:1]
        if not start:
            self._held.clear()
            return False
        if start == b"[":
            self._drop(self._held.index(b"[") + 1)
            self._depth = 1
        elif start == b"{":
            self._drop(self._held.index(b"{"))
            self._depth, self._lone = 1, True
        else:
            self.is_alien = True
            self._end()
            return False
        return True

    def _step(self, items: list[bytes]) -> bool:
        """Go on to the next mark; False where there is none yet."""
        held = self._held
        pattern = _IN_STRING if self._in_string else _ANY if self._depth == 1 else _DEEP
        found = pattern.search(held, self._scanned)
        if found is None:
            self._scanned = len(held)
            return False
        at, mark = found.start(), held[found.start()]
        if self._in_string:
            if mark == 0x5C:  # a backslash: whatever it escapes is no mark
                if at + 1 == len(held):
                    self._scanned = at
                    return False
                self._scanned = at + 2
                return True
            self._in_string = False
        elif mark == 0x22:
            self._in_string = True
        elif mark in b"[{":
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                self.is_alien = True
                self._end()
                return False
        elif mark in b"]}":
            self._depth -= 1
            if self._depth == 0:
                self._take(at, items)
                self._end()
                return False
            if self._lone and self._depth == 1:
                self._take(at + 1, items)
                self._end()
                return False
        else:
            self._take(at, items)
            self._drop(at + 1)
            return True
        self._scanned = at + 1
        return True

    def _take(self, end: int, items: list[bytes]) -> None:
        if end > self._max_item_bytes:
            raise ItemTooLong(self._max_item_bytes, items)
        item = bytes(self._held[:end]).strip(_SPACE)
        if item:
            items.append(item)

    def _drop(self, count: int) -> None:
        del self._held[:count]
        self._scanned = 0

    def _end(self) -> None:
        self._held.clear()
        self.ended = True
