"""Org keys as the gateway knows them: digests, never the keys themselves."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import attrs

from lectr_core.model.secret import KEY_PREFIX, key_digest


@attrs.frozen
class KeyHolder:
    """Whom a key belongs to."""

    key_id: str
    """Short public name of the key: safe to log and to store."""
    org: str
    digest: str
    """SHA-256 of the key, lower-case hex."""
    revoked: bool = False
    org_disabled: bool = False


@attrs.frozen
class KeyRing:
    """Every key the gateway knows, revoked ones included, by digest."""

    holders: Mapping[str, KeyHolder] = attrs.field(factory=dict)

    def find(self, key: bytes) -> KeyHolder | None:
        """Whose key this is; None where nobody's (or a revoked one).

        The look-up is by the full SHA-256 digest, so its time says nothing about the key; the digest found is compared
        once more in constant time.
        """
        if not key.startswith(KEY_PREFIX.encode()):
            return None
        digest = key_digest(key)
        holder = self.holders.get(digest)
        if holder is None or holder.revoked or not hmac.compare_digest(holder.digest, digest):
            return None
        return holder
