"""A region is added to what was read, and to nothing else."""

from __future__ import annotations

import attrs
import pytest

from lectr_core import Reading, Terms, Usage
from lectr_core.dialects.located import LocatedReader
from lectr_core.ports import Reader


class Told:
    """A reader that concludes what it was told to."""

    def __init__(self, reading: Reading) -> None:
        self.first_token_seen = False
        self.reading = reading

    def feed(self, data: bytes | memoryview) -> None:
        self.first_token_seen = self.first_token_seen or bool(data)

    def finish(self, *, complete: bool) -> Reading:
        return self.reading if complete else Reading("unreadable")


def test_it_is_a_reader_like_the_one_within() -> None:
    reader = LocatedReader(Told(Reading()), "eu")
    assert isinstance(reader, Reader)
    assert not reader.first_token_seen
    reader.feed(b"x")
    assert reader.first_token_seen
    reader.first_token_seen = False
    assert not reader.first_token_seen
    assert reader.finish(complete=False) == Reading("unreadable")


@pytest.mark.parametrize(
    ("told", "region"),
    [
        (Usage({"input": 1}), "eu"),
        (Usage({"input": 1}, terms=Terms(doubt="d")), "eu"),
        (Usage({}, terms=Terms(region="us")), "us"),
    ],
)
def test_what_was_used_gets_the_region_unless_it_has_one(told: Usage, region: str) -> None:
    found = LocatedReader(Told(Reading("reported", told)), "eu").finish(complete=True)
    expected = attrs.evolve(told, terms=attrs.evolve(told.terms or Terms(), region=region))
    assert found == Reading("reported", expected)


def test_no_usage_stays_none() -> None:
    assert LocatedReader(Told(Reading()), "eu").finish(complete=True) == Reading()
