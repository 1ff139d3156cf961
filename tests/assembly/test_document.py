"""A settings document keeps its meaning through text and back, and its version depends on nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.assembly import document

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | texts
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.just(UTC))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=12
)
documents = st.dictionaries(texts, values, max_size=5)


@given(documents)
def test_a_written_document_reads_back_the_same(made: dict[str, object]) -> None:
    assert document.parse(document.write(made)) == made


@given(documents)
def test_the_order_of_tables_does_not_change_the_version(made: dict[str, object]) -> None:
    other = dict(reversed(made.items()))
    assert document.version_of(document.write(other)) == document.version_of(document.write(made))


def test_the_text_is_for_people_too() -> None:
    made = {
        "rule": [{"name": "small", "when": {"task": "x"}}],
        "gateway": {"listen": ["a:1", "b:2"], "drain_s": Decimal("2.50"), "day": date(2026, 1, 2), "at": time(1, 2)},
        "provider": {"mine": {"base_url": "http://h"}},
        "when": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    }
    assert document.write(made) == (
        "when = 2026-01-02T03:04:00+00:00\n"
        '\n[gateway]\nat = 01:02:00\nday = 2026-01-02\ndrain_s = 2.50\nlisten = ["a:1", "b:2"]\n'
        '\n[provider.mine]\nbase_url = "http://h"\n'
        '\n[[rule]]\nname = "small"\nwhen = {task = "x"}\n'
    )


def test_the_version_is_the_beginning_of_the_texts_digest() -> None:
    text = document.write({"a": 1})
    assert hashlib.sha256(text.encode()).hexdigest().startswith(document.version_of(text))
    assert len(document.version_of(text)) == 12


@pytest.mark.parametrize("value", [None, object(), b"x"])
def test_what_toml_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        document.write({"a": value})


def test_fractions_stay_exact() -> None:
    assert document.parse("a = 0.1")["a"] == Decimal("0.1")
    assert document.write({"a": Decimal("1E+2"), "b": 1e300, "c": 3.0, "d": float("inf"), "e": Decimal("-Infinity")}) == (
        "a = 1e2\nb = 1e300\nc = 3.0\nd = inf\ne = -inf\n"
    )
    assert document.write({"f": float("nan")}) == "f = nan\n"
