"""How many answers a request asks for: never fewer than it does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.body import read_fields


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        (b"{}", 1),
        (b'{"n":1}', 1),
        (b'{"n":4,"messages":[{"n":9}]}', 4),
        (b'{"n":2,"best_of":5}', 5),
        (b'{"n":0}', 1),
        (b'{"n":-3}', None),
        (b'{"n":null}', 1),
        (b'{"n":2.5}', None),
        (b'{"n":"3"}', None),
        (b'{"n":2,"best_of":[]}', None),
        (b'{"n":1000000000000000}', None),
        (b'{"prompt":"[a","n":2}', 2),
        (b'{"prompt":["a","b"],"n":2}', None),
        (b'{"prompt":[[1,2],[3]]}', None),
        (b'{"generationConfig":{"candidateCount":3}}', 3),
        (b'{"generation_config":{"candidate_count":3}}', 3),
        (b'{"n":4,"generationConfig":{"candidateCount":3}}', 4),
        (b'{"generationConfig":{"candidateCount":null}}', 1),
        (b'{"generationConfig":{"candidateCount":{}}}', None),
        (b'{"generationConfig":7}', None),
        (b'{"generationConfig":null}', 1),
        (b"[]", None),
        (b"", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_choices_are_read_or_unknown(body: bytes, choices: int | None) -> None:
    assert read_fields(body).choices == choices


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_never_fewer_than_asked_for(n: int, best_of: int) -> None:
    assert read_fields(json.dumps({"n": n, "best_of": best_of}).encode()).choices == max(n, best_of)
