"""Beside the way: what is seen of an answer, from a copy of its bytes. Sync; it cannot wait and cannot change anything.

Called by `relay.py` after the bytes have gone to the client. A reader that fails is counted and let go; the answer itself
never notices.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

from lectr_core.errors import PluginError
from lectr_core.hot.guard import Faults
from lectr_core.model.call import Answer, Call
from lectr_core.model.reading import Reading
from lectr_core.ports import Provider, Reader
from lectr_core.wire.codings import decoder

if TYPE_CHECKING:
    from lectr_core.wire.codings import Decoder

HELD_BYTES: Final = 4 * 1024
"""As much content is gathered before it is digested and read. A stream's events come one by one, some 200 bytes each: read
twenty at a time they cost half."""

_UNREADABLE = Reading(state="unreadable")
_ABSENT = Reading()


class Observer:
    """Follows one answer's content: counts it, digests it, lets the provider's reader read it.

    I1: `_held` is the end of the content, counted, and neither digested nor read; it is less than HELD_BYTES long.
    """

    __slots__ = (
        *("_decoder", "_digest", "_faults", "_held", "_held_bytes", "_reader", "_who"),
        *("content_bytes", "first_token_ns", "spoiled"),
    )

    def __init__(self, provider: Provider, call: Call, answer: Answer, faults: Faults) -> None:
        self.content_bytes = 0
        self.first_token_ns = 0
        self.spoiled = False
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._digest = hashlib.sha256()
        self._faults = faults
        self._who = provider.id
        self._reader: Reader | None = faults.ask(provider.id, provider.reader, call, answer)
        coding = answer.field("content-encoding")
        self._decoder: Decoder | None = decoder(coding) if coding and self._reader is not None else None

    def see(self, pieces: list[bytes]) -> None:
        """Take the next pieces of content, as they stood on the wire (still compressed, if they are)."""
        size = 0
        for piece in pieces:
            size += len(piece)
        self.content_bytes += size
        self._held += pieces
        self._held_bytes += size
        # When the first token came is told by the clock, so everything up to it is read at once.
        if self._held_bytes >= HELD_BYTES or (not self.first_token_ns and size):
            self._catch_up()

    def read_unseen(self, pieces: list[bytes]) -> None:
        """Take content that no client gets: it is read, and neither counted nor digested."""
        if pieces:
            self._catch_up()
            self._follow(b"".join(pieces))

    def _catch_up(self) -> None:
        """Digest and read what is held."""
        held = self._held
        if held:
            content = held[0] if len(held) == 1 else b"".join(held)
            self._held, self._held_bytes = [], 0
            self._digest.update(content)
            self._follow(content)

    def _follow(self, content: bytes) -> None:
        if self._reader is not None and not self._faults.ask(self._who, self._read, self._reader, content):
            self._reader = None
            self.spoiled = True

    def _read(self, reader: Reader, piece: bytes) -> bool:
        if self._decoder is None:
            reader.feed(piece)
        else:
            for clear in self._decoder.feed(piece):
                reader.feed(clear)
        if not self.first_token_ns and reader.first_token_seen:
            self.first_token_ns = time.perf_counter_ns()
        return True

    def finish(self, *, complete: bool) -> Reading:
        """What was read, once no more will come."""
        self._catch_up()
        if self.spoiled or (self._decoder is not None and self._decoder.broken):
            return _UNREADABLE
        if self._reader is None:
            return _ABSENT
        return self._faults.ask(self._who, self._conclude, self._reader, complete) or _UNREADABLE

    def _conclude(self, reader: Reader, complete: bool) -> Reading:
        reading = reader.finish(complete=complete)
        if not isinstance(reading, Reading):
            raise PluginError(f"provider {self._who}: a reader gave no reading")
        return reading

    @property
    def digest(self) -> str | None:
        """SHA-256 over the content so far, in hex; None where there was none."""
        self._catch_up()
        return self._digest.hexdigest() if self.content_bytes else None
