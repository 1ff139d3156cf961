"""Secrets: nothing that prints a value shows one, and there is one way to them."""

from __future__ import annotations

import hashlib
import traceback

import pytest

from lectr_core.model.secret import Credential, Secret, key_digest

TOKEN = b"sk-canary-91c2"


def _shown(value: object) -> list[str]:
    return [repr(value), str(value), f"{value}", f"{value!r}", repr([value]), repr({"a": value})]


VALUES = [Secret(TOKEN), Credential(b"authorization", b"bearer", Secret(TOKEN))]


@pytest.mark.parametrize("value", VALUES, ids=["secret", "credential"])
def test_no_way_of_printing_shows_a_secret(value: object) -> None:
    assert not [text for text in _shown(value) if "canary" in text]


def test_a_traceback_shows_none_either() -> None:
    secret = Secret(TOKEN)
    try:
        raise ValueError(secret)
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(told.format())
    assert "Secret(***)" in text
    assert "canary" not in text


def test_reveal_is_the_one_way_to_the_bytes() -> None:
    assert Secret(TOKEN).reveal() == TOKEN


def test_secrets_are_not_compared_byte_by_byte() -> None:
    """Comparing them would take longer the more bytes agree. So no two are equal, not even of the same bytes."""
    assert Secret(TOKEN) != Secret(TOKEN)
    assert len({Secret(TOKEN), Secret(TOKEN)}) == 2


@pytest.mark.parametrize(("prefix", "fits"), [(b"sk-", True), (b"", True), (b"SK-", False), (TOKEN + b"x", False)])
def test_a_credentials_shape_is_how_it_begins(prefix: bytes, fits: bool) -> None:
    assert Credential(b"x-api-key", b"", Secret(TOKEN)).starts_with(prefix) is fits


def test_what_is_kept_of_a_key_is_its_sha_256() -> None:
    assert key_digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert key_digest(TOKEN) == hashlib.sha256(TOKEN).hexdigest()
