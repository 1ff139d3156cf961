"""Answers that do not say what they are: one that begins like JSON is read whole, everything else as events.

Some servers send a stream as plain text, or name no type at all. Called by `provider.py`, for such answers alone.
"""

from __future__ import annotations

from typing import Final

from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.model.reading import Reading

UNLABELLED: Final = frozenset({"", "text/plain"})
"""Media types that say nothing."""

_OBJECT: Final = b"{"


class UnlabelledReader:
    """One of two readers, as soon as the first byte has come. Satisfies `ports.Reader`."""

    def __init__(self, whole: type[WholeReader], events: type[EventReader]) -> None:
        self._whole = whole
        self._events = events
        self._reader: WholeReader | EventReader | None = None

    @property
    def first_token_seen(self) -> bool:
        """As the reader says that was chosen."""
        return self._reader is not None and self._reader.first_token_seen

    @first_token_seen.setter
    def first_token_seen(self, seen: bool) -> None:
        if self._reader is not None:
            self._reader.first_token_seen = seen

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the body. Blanks before its first byte mean nothing to either reader."""
        if self._reader is None:
            data = bytes(data).lstrip()
            if not data:
                return
            self._reader = self._whole() if data[:1] == _OBJECT else self._events()
        self._reader.feed(data)

    def finish(self, *, complete: bool) -> Reading:
        """Conclude; see `ports.Reader`."""
        return Reading() if self._reader is None else self._reader.finish(complete=complete)
