"""The key ring: only a whole, known, valid key has a holder."""

from __future__ import annotations

import attrs
import pytest

from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import key_digest

KEY = b"lc_key_" + b"a" * 43
OTHER = b"lc_key_" + b"b" * 43
HOLDER = KeyHolder("k_1", "acme", key_digest(KEY))


def _ring(*holders: KeyHolder) -> KeyRing:
    return KeyRing({holder.digest: holder for holder in holders})


def test_a_key_leads_to_its_holder() -> None:
    other = KeyHolder("k_2", "globex", key_digest(OTHER))
    ring = _ring(HOLDER, other)
    assert (ring.find(KEY), ring.find(OTHER)) == (HOLDER, other)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"lc_key_",
        KEY[:-1],
        KEY + b"a",
        KEY.upper(),
        b" " + KEY,
        OTHER,
        HOLDER.digest.encode(),
        b"lc_key_" + b"\xff\x00",
    ],
)
def test_anything_else_is_nobodys(key: bytes) -> None:
    assert _ring(HOLDER).find(key) is None


def test_an_empty_ring_knows_nobody() -> None:
    assert KeyRing().find(KEY) is None


def test_a_key_without_the_prefix_is_nobodys_even_if_its_digest_is_known() -> None:
    stray = KeyHolder("k_3", "acme", key_digest(b"sk-something"))
    assert _ring(stray).find(b"sk-something") is None


def test_a_revoked_key_is_nobodys() -> None:
    assert _ring(attrs.evolve(HOLDER, revoked=True)).find(KEY) is None


def test_a_disabled_orgs_key_still_has_its_holder_so_that_the_client_is_told_why() -> None:
    disabled = attrs.evolve(HOLDER, org_disabled=True)
    assert _ring(disabled).find(KEY) == disabled


def test_a_holder_filed_under_anothers_digest_is_not_trusted() -> None:
    assert KeyRing({key_digest(OTHER): HOLDER}).find(OTHER) is None
