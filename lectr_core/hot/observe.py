"""Beside the way: what is seen of an answer, from a copy of its bytes. Sync; it cannot wait and cannot change anything.

Called by `relay.py` after the bytes have gone to the client. A reader that fails is counted and let go; the answer itself
never notices.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from lectr_core.errors import PluginError
from lectr_core.hot.guard import Faults
from lectr_core.model.call import Answer, Call
from lectr_core.model.reading import Reading
from lectr_core.ports import Provider, Reader
from lectr_core.wire.codings import decoder

if TYPE_CHECKING:
    from lectr_core.wire.codings import Decoder

_UNREADABLE = Reading(state="unreadable")
_ABSENT = Reading()


class Observer:
    """Follows one answer's content: counts it, digests it, lets the provider's reader read it."""

    __slots__ = ("_decoder", "_digest", "_faults", "_reader", "_who", "content_bytes", "first_token_ns", "spoiled")

    def __init__(self, provider: Provider, call: Call, answer: Answer, faults: Faults) -> None:
        self.content_bytes = 0
        self.first_token_ns = 0
        self.spoiled = False
        self._digest = hashlib.sha256()
        self._faults = faults
        self._who = provider.id
        self._reader: Reader | None = faults.ask(provider.id, provider.reader, call, answer)
        coding = answer.field("content-encoding")
        self._decoder: Decoder | None = decoder(coding) if coding and self._reader is not None else None

    def see(self, pieces: list[bytes]) -> None:
        """Take the next pieces of content, as they stood on the wire (still compressed, if they are)."""
        if not pieces:
            return
        # One call for all of one read: a provider may put thousands of chunks into a packet.
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.content_bytes += len(content)
        self._digest.update(content)
        self._follow(content)

    def read_unseen(self, pieces: list[bytes]) -> None:
        """Take content that no client gets: it is read, and neither counted nor digested."""
        if pieces:
            self._follow(b"".join(pieces))

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
        return self._digest.hexdigest() if self.content_bytes else None
