"""Which provider a request is for: the order of the clues, and the one rule above them."""

from __future__ import annotations

import pytest

from lectr_core import Call, Credential, Secret
from lectr_core.hot.claims import MAX_REMEMBERED, Claims
from lectr_core.hot.identify import Clues, detect

from .stage import FakeProvider

ONE = FakeProvider()
TWO = FakeProvider(id="two", family="two-", path_mark="/only-two", key_prefix=b"sk-two-", accepts_unclaimed=False)
THREE = FakeProvider(id="three", family="one-x-", path_mark="/two/deep", key_prefix=b"sk-three-")
ALL = {p.id: p for p in (ONE, TWO, THREE)}
CLAIMS = Claims(ALL.values())

CASES = [
    # named, path, model, token → provider, path, unknown
    ("two", "/v1/x", "one-a", "sk-one-k", "two", "/v1/x", False),
    (" TWO ", "/two/v1/x", None, None, "two", "/v1/x", False),
    ("nobody", "/v1/x", "one-a", None, None, "/v1/x", False),
    (None, "/two/v1/x", "one-a", None, "two", "/v1/x", False),
    (None, "/only-two/x", "one-a", None, "two", "/only-two/x", False),
    (None, "/two/deep/x", None, None, "three", "/two/deep/x", False),
    (None, "/v1/x", "two-a", None, "two", "/v1/x", False),
    (None, "/v1/x", "one-x-a", None, "three", "/v1/x", False),
    (None, "/v1/x", "two-a", "sk-one-k", "one", "/v1/x", False),
    (None, "/two/v1/x", "two-a", "sk-one-k", "one", "/two/v1/x", False),
    (None, "/only-two/x", None, "sk-one-k", "one", "/only-two/x", False),
    (None, "/v1/x", None, "sk-two-k", "two", "/v1/x", False),
    (None, "/v1/x", "unheard-of", "sk-k", "one", "/v1/x", True),
    (None, "/", None, None, "one", "/", True),
    (None, "/two", None, None, "one", "/two", True),
    (None, "/twox", None, None, "one", "/twox", True),
    (None, "/twox/v1", None, None, "one", "/twox/v1", True),
]


@pytest.mark.parametrize(("named", "path", "model", "token", "provider", "left", "unknown"), CASES)
def test_clues_speak_in_their_order(
    named: str | None, path: str, model: str | None, token: str | None, provider: str | None, left: str, unknown: bool
) -> None:
    credential = Credential(b"authorization", b"bearer", Secret(token.encode())) if token else None
    clues = Clues(named.encode() if named is not None else None, path, model, credential)
    for _ in range(2):  # asked, then remembered
        found, rest, nothing = detect(ALL, CLAIMS, ONE, clues)
        assert (found.id if found else None, rest, nothing) == (provider, left, unknown)


def test_what_is_remembered_of_clients_words_is_bounded() -> None:
    claims = Claims(ALL.values())
    for number in range(MAX_REMEMBERED + 10):
        claims.of_model(f"m-{number}" + "x" * (number % 300))
    assert len(claims._models) <= MAX_REMEMBERED
    assert all(len(model) <= 256 for model in claims._models)


def test_secrets_are_masked_wherever_they_are_shown() -> None:
    credential = Credential(b"authorization", b"bearer", Secret(b"sk-one-canary"))
    call = Call("POST", "/v1", query="key=canary", has_query=True, credential=credential)
    assert "canary" not in f"{credential!r} {call!r} {credential.secret!s}"
