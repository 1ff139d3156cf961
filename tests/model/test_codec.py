"""Values to lines and back: the same value again, one line each, and nothing is bent to fit."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.model import codec
from lectr_core.model.cursor import Cursor
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Attempt, Begun, Ended

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
COUNT = st.integers(0, 2**53 - 1)
BEGUNS = st.builds(
    Begun, seq=COUNT, id=TEXT, started_ns=st.integers(0, 2**63 - 1), config_version=TEXT, method=TEXT, endpoint=TEXT,
    org=st.none() | TEXT, feature=TEXT, task=st.none() | TEXT, streamed=st.booleans(), model_requested=st.none() | TEXT,
)  # fmt: skip
USAGES = st.builds(Usage, units=st.dictionaries(TEXT, COUNT, max_size=3), raw=st.dictionaries(TEXT, COUNT, max_size=3))
READINGS = st.one_of(
    st.builds(Reading),
    st.builds(Reading, state=st.sampled_from(["reported", "partial"]), usage=USAGES, model=st.none() | TEXT, deltas=COUNT),
)
ATTEMPTS = st.builds(
    Attempt, provider=TEXT, model=TEXT, status=st.none() | COUNT, category=st.none() | TEXT, duration_ns=COUNT
)  # fmt: skip
ENDEDS = st.builds(
    Ended, begun=BEGUNS, outcome=st.sampled_from(["ok", "interrupted"]), ended_by=st.sampled_from(["completed", "crash"]),
    status=st.none() | COUNT, reading=READINGS, attempts=st.lists(ATTEMPTS, max_size=2).map(tuple),
    headroom=st.dictionaries(TEXT, TEXT, max_size=2),
)  # fmt: skip
CURSORS = st.builds(Cursor, stream=TEXT, segment=COUNT, offset=COUNT, highest=COUNT, stored=COUNT, finished=st.booleans())


@given(begun=BEGUNS)
def test_a_begun_line_comes_back_as_it_was(begun: Begun) -> None:
    line = codec.encode(begun)
    assert codec.decode_begun(line) == begun
    assert b"\n" not in line, "a line end within a line would be two lines in the journal"


@given(ended=ENDEDS)
def test_an_ended_line_comes_back_as_it_was(ended: Ended) -> None:
    line = codec.encode(ended)
    assert codec.decode_ended(line) == ended
    assert b"\n" not in line


@given(cursor=CURSORS)
def test_a_cursor_comes_back_as_it_was_from_text_and_from_bytes(cursor: Cursor) -> None:
    text = codec.encode_cursor(cursor)
    assert codec.decode_cursor(text) == codec.decode_cursor(text.encode()) == cursor


BEGUN = Begun(seq=1, id="i", started_ns=2, config_version="v", method="POST", endpoint="/v1/x")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"seq":1', b'"seq":"1"'),
        (b'"seq":1', b'"seq":1.5'),
        (b'"seq":1', b'"seq":null'),
        (b'"seq":1,', b""),
        (b'"streamed":false', b'"streamed":0'),
        (b'"endpoint":"/v1/x"', b'"endpoint":7'),
        (b"{", b""),
        (b"}", b""),
        (b'"v"', b'"\xff"'),
    ],
)
def test_a_line_that_does_not_fit_is_a_fault_and_never_bent(old: bytes, new: bytes) -> None:
    line = codec.encode(BEGUN)
    assert old in line
    with pytest.raises(ValueError, match=r"."):
        codec.decode_begun(line.replace(old, new, 1))


def test_a_line_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    line = codec.encode(BEGUN)
    assert codec.decode_begun(line[:-1] + b',"from_the_future":[{"deep":1}]}') == BEGUN


def test_an_outcome_that_does_not_exist_is_refused() -> None:
    line = codec.encode(Ended(begun=BEGUN, outcome="ok", ended_by="completed"))
    with pytest.raises(ValueError, match="outcome"):
        codec.decode_ended(line.replace(b'"ok"', b'"fine"'))


def test_amounts_are_text_so_that_no_reader_makes_floats_of_them() -> None:
    assert codec.encode({"rate": Decimal("0.00000015")}) == b'{"rate":"1.5E-7"}'


def test_any_class_can_be_decoded_and_what_it_does_not_declare_is_skipped() -> None:
    @attrs.frozen
    class Two:
        a: int
        b: str = "none"

    assert codec.decode(b'{"a":1,"prompt":"never made an object"}', Two) == Two(1)
    with pytest.raises(ValueError, match="a"):
        codec.decode('{"a":"1"}', Two)
