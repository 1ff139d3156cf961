"""What the last request on a connection came to, for the next one that says the same again.

An application sends one head over and over; only `Content-Length` changes. So a head that repeats the last one byte for
byte, those digits left out, is not parsed, its key not looked up and its provider not asked a second time: a quarter
less CPU a request. Filled by `read.py` (the head), `identify.py` (party and ways) and `forward.py` (the head that goes up);
kept by `accept.py` for as long as the connection is open.

I1  What is known was derived from the bytes compared, the version and the key ring alone: providers are pure (`ports.py`).
I2  Nothing of one connection is ever seen by another, and nothing here outlives the connection.
"""

from __future__ import annotations

from typing import Final

import attrs

from lectr_core.hot.version import Version
from lectr_core.model.call import Call
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import Credential
from lectr_core.model.value import value
from lectr_core.ports import Provider
from lectr_core.wire.fields import Fields
from lectr_core.wire.heads import RequestHead

MAX_WAYS: Final = 16
"""An application uses few models on one connection; over this, the ways are found anew."""

MAX_KNOWN_BYTES: Final = 8 * 1024
"""Of a head. An application's has one or two; of longer ones an idle connection would hold too much."""

_LENGTH: Final = b"content-length"
_MAX_DIGITS: Final = 15


@value
class Party:
    """Who asks and what the head says beside that."""

    holder: KeyHolder | None
    feature: str
    feature_cut: bool
    task: str | None
    call: Call = attrs.field(repr=False)
    credentials: tuple[Credential, ...] = attrs.field(repr=False)
    own_key_fields: frozenset[bytes]


@attrs.define(eq=False)
class Way:
    """Where a request goes that has this head and, in its body, this model."""

    provider: Provider
    unknown: bool
    """Nothing spoke for a provider."""
    endpoint: str
    streamed: bool
    by_path: bool
    """The path names the model, and what a body says of it does not count."""
    call: Call = attrs.field(repr=False)
    outgoing: tuple[bytes, bytes] | None = attrs.field(default=None, repr=False)
    """The head that goes to this provider, before and behind the digits of its length; None: not made yet."""

    def is_followed(self, call: Call, provider: Provider) -> bool:
        """Whether a request still goes this way: no route has led it elsewhere."""
        return call is self.call and provider is self.provider


WayKey = tuple[str | None, bool | None, bool]
"""(model and streamed as the body says them, whether the body was read)."""


@attrs.define(eq=False)
class Known:
    """One head, and what it came to."""

    version: Version
    head: RequestHead
    _before: bytes = attrs.field(repr=False)
    _behind: bytes = attrs.field(repr=False)
    _digits: bytes = attrs.field(repr=False)
    keys: KeyRing | None = attrs.field(default=None, repr=False)
    """What `party` was looked up in."""
    party: Party | None = None
    ways: dict[WayKey, Way] = attrs.field(factory=dict)

    @classmethod
    def of(cls, version: Version, raw: bytes, head: RequestHead) -> Known:
        """Remember a head that has just been parsed from *raw*."""
        before, behind = split_at_length(raw, head.fields)
        return cls(version, head, before, behind, raw[len(before) : len(raw) - len(behind)])

    def again(self, raw: bytes) -> RequestHead | None:
        """The head that *raw* is, if it repeats the known one; else None."""
        if not raw.startswith(self._before) or not raw.endswith(self._behind):
            return None
        digits = raw[len(self._before) : len(raw) - len(self._behind)]
        head = self.head
        if head.length is None:
            return None if digits else head
        if not digits.isdigit() or len(digits) > _MAX_DIGITS:
            return None
        if digits == self._digits:
            return head
        fields = head.fields.with_value(_LENGTH, digits)
        return RequestHead(head.method, head.target, head.minor, fields, int(digits), chunked=False)

    def remember(self, key: WayKey, way: Way) -> None:
        """Keep the way of such a request."""
        if len(self.ways) >= MAX_WAYS:
            self.ways.clear()
        self.ways[key] = way


def split_at_length(raw: bytes, fields: Fields) -> tuple[bytes, bytes]:
    """A head before and behind the digits of its `Content-Length`; where it has none, all of it and nothing."""
    line, digits = fields.line(_LENGTH), fields.value(_LENGTH)
    if line is None or not digits:
        return raw, b""
    start = raw.index(digits, raw.index(b"\r\n" + line + b"\r\n") + 2 + len(_LENGTH))
    return raw[:start], raw[start + len(digits) :]
