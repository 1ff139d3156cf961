"""The bases hold whatever comes: too long, too deep, not what it says."""

from __future__ import annotations

import msgspec

from lectr_core import ArrayReader, EventReader, Reading, Usage, units
from lectr_core.testing import check_reader


def used(answer: int) -> Usage:
    return Usage({units.INPUT: 1, units.OUTPUT: answer})


class Summing(ArrayReader):
    """Adds up the `n` of the elements."""

    MAX_BYTES = 2000

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def on_item(self, item: bytes) -> None:
        self.seen.append(msgspec.json.decode(item, type=dict[str, int])["n"] if b'"n"' in item else 0)
        self.saw_output(len(item))

    def conclude(self, complete: bool) -> Reading:
        if not self.seen or sum(self.seen) < 0:
            return Reading()
        return Reading("reported", used(sum(self.seen)))


def test_an_array_reads_the_same_in_any_pieces() -> None:
    expected = Reading("reported", used(5), deltas=2, delta_chars=14)
    check_reader(Summing, b'[{"n":2},\n{"n":3}]', expected)
    # The closing bracket says that it is over, whatever becomes of the connection.
    check_reader(Summing, b'[{"n":2},\n{"n":3}]', expected, complete=False)
    half = Reading("partial", used(5), deltas=2, delta_chars=14)
    check_reader(Summing, b'[{"n":2},\n{"n":3},', half, complete=False)


def test_a_bad_element_is_skipped() -> None:
    check_reader(Summing, b'[{"n":"x"},{"n":3}]', Reading("reported", used(3), deltas=1, delta_chars=7))
    check_reader(Summing, b'[{"n":"x"}]', Reading("unreadable"))


def test_after_an_element_over_the_limit_nothing_more_is_read() -> None:
    body = b'[{"n":2},"' + b"x" * 3000 + b'",{"n":3}]'
    check_reader(Summing, body, Reading("partial", used(2), deltas=1, delta_chars=7))


def test_what_is_no_array_is_unreadable() -> None:
    check_reader(Summing, b"<html>", Reading("unreadable"))


class Failing(EventReader):
    """Concludes with a fault in what it read."""

    def on_event(self, name: bytes, data: bytes) -> None:
        return None

    def conclude(self, complete: bool) -> Reading:
        raise ValueError("no number")


def test_a_fault_in_the_conclusion_is_a_state() -> None:
    check_reader(Failing, b"data: 1\n\n", Reading("unreadable"))
