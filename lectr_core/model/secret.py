"""Secrets: provider credentials and org keys, held so that no log, traceback or `repr` can show them."""

from __future__ import annotations

import hashlib
from typing import Final

from lectr_core.model.value import value

KEY_PREFIX: Final = "lc_key_"
"""How every org key starts; 43 characters of URL-safe base64 (32 random bytes) follow."""

CREDENTIAL_FIELDS: Final = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")
"""Header fields in which the SDKs of the day send a key; where several stand, the first of these is the one meant."""

QUERY_KEY: Final = b"?key"
"""A credential in the query, as a name beside those of fields."""


@value(repr=False, eq=False)
class Secret:
    """Bytes that must not be seen. `reveal()` is the only way to them, so that a search finds every use."""

    _value: bytes

    def reveal(self) -> bytes:
        """The bytes themselves: only for writing them to the socket of the party they belong to."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


@value
class Credential:
    """A provider's own credential, in the form in which the client sent it."""

    field: bytes
    """The header's name in lower case, or `QUERY_KEY` for the query parameter `key`."""
    scheme: bytes
    """`bearer`, in lower case, where the field is `authorization`; empty elsewhere."""
    secret: Secret
    """The token itself, without the scheme."""

    def starts_with(self, prefix: bytes) -> bool:
        """Whether the token begins with *prefix*: the shape that many providers give their keys."""
        return self.secret.reveal().startswith(prefix)


def key_digest(key: bytes) -> str:
    """What is stored of an org key. Units: lower-case hex of SHA-256."""
    return hashlib.sha256(key).hexdigest()
