"""Values to and from bytes. The only file of the model that knows msgspec and cattrs.

Journal lines are JSON in UTF-8 without a line end inside. Encoding is msgspec, straight from attrs (about 1 µs a line);
decoding is msgspec, strict: a line that does not fit its class is a fault, never coerced.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lectr_core.model.cursor import Cursor
from lectr_core.model.record import Begun, Ended

T = TypeVar("T")

_encoder = msgspec.json.Encoder(decimal_format="string")
_begun = msgspec.json.Decoder(Begun)
_ended = msgspec.json.Decoder(Ended)
_cursor = msgspec.json.Decoder(Cursor)


def encode(value: Any) -> bytes:  # Any: every value of the model
    """Any value of the model as one line of JSON, without the line end."""
    return _encoder.encode(value)


def decode_begun(line: bytes) -> Begun:
    """Errors: ValueError (msgspec's errors are such) where the line is no `Begun`."""
    return _begun.decode(line)


def decode_ended(line: bytes) -> Ended:
    """Errors: ValueError where the line is no `Ended`."""
    return _ended.decode(line)


def encode_cursor(cursor: Cursor) -> str:
    """A cursor as text, for a sink to keep beside its rows."""
    return _encoder.encode(cursor).decode()


def decode_cursor(text: bytes | str) -> Cursor:
    """Errors: ValueError where the text is no `Cursor`."""
    return _cursor.decode(text)


def decode(data: bytes | str, schema: type[T]) -> T:
    """Decode JSON strictly into *schema*; fields it does not declare are skipped unread. Errors: ValueError."""
    return msgspec.json.decode(data, type=schema)
