"""The one field of an uploaded form that may be known: `model`. Everything else passes unseen.

An upload (a recording, an image to change) streams to its provider unread, and its answer often does not name the model. So
a copy of what goes by is searched for the part called `model`, whose value is short; files are skipped without being looked
into. Nothing is held but the end of the last piece. Called by the hot rooms, for forms alone; sans-IO; never raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_MAX_HELD_BYTES: Final = 16 * 1024
"""A part's head, or a model, that is longer is none."""
_MAX_MODEL_BYTES: Final = 256

_BOUNDARY: Final = re.compile(rb'(?i)\bboundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))')
_IS_MODEL: Final = re.compile(rb'(?im)^content-disposition:[ \t]*form-data;[^\r\n]*\bname="?model"?[ \t]*(?:;|\r|$)')


def form_model(content_type: bytes | None) -> FormModel | None:
    """For a body of this type: who finds its model; None where it is no form."""
    if content_type is None or content_type[:19].lower() != b"multipart/form-data":
        return None
    found = _BOUNDARY.search(content_type)
    return None if found is None else FormModel(found[1] or found[2])


class FormModel:
    """Finds the model in a form (RFC 7578) that comes in pieces of any size."""

    __slots__ = ("_done", "_held", "_in_part", "_mark", "_value_at", "model")

    def __init__(self, boundary: bytes) -> None:
        self.model: str | None = None
        self._mark = b"\r\n--" + boundary
        self._held = bytearray(b"\r\n")  # the first boundary stands at the very beginning
        self._in_part = False
        self._value_at = 0
        """Where the model's own text begins, once its part's head has been read."""
        self._done = False

    def feed(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Look at the next pieces of the body's content. Units: time grows with their bytes, not with their number."""
        if self._done:
            return
        self._held += b"".join(pieces)
        while self._step():
            pass
        if self._done:
            self._held.clear()

    def _step(self) -> bool:
        """Go on by one mark; False where more bytes are needed, or no more are."""
        if self._value_at:
            return self._take_value()
        if not self._in_part:
            at = self._held.find(self._mark)
            if at < 0:
                del self._held[: max(0, len(self._held) - len(self._mark) + 1)]
                return False
            del self._held[: at + len(self._mark)]
            self._in_part = True
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            self._done = len(self._held) > _MAX_HELD_BYTES or self._held.startswith(b"--")
            return False
        if end <= _MAX_HELD_BYTES and _IS_MODEL.search(self._held, 0, end):  # asked once for each part: it may take 1 ms
            self._value_at = end + 4
            return True
        del self._held[:end]
        self._in_part = False
        return True

    def _take_value(self) -> bool:
        end = self._held.find(self._mark, self._value_at - 2)
        if end < 0:
            self._done = len(self._held) > _MAX_HELD_BYTES
            return False
        self.model = _word(bytes(self._held[self._value_at : end]))
        self._done = True
        return False


def _word(value: bytes) -> str | None:
    if not 0 < len(value) <= _MAX_MODEL_BYTES:
        return None
    text = value.decode("utf-8", "replace")
    return text if text.isprintable() else None
