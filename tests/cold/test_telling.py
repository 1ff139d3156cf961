"""What sinks are told beside records: requests in flight as they come and go, prices once each, again after a failure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from lectr_core.cold import way
from lectr_core.cold.deliver import TELL_EVERY_S
from lectr_core.journal.writer import Writer
from lectr_core.model.price import PriceQuestion, Quote, UsedPrice
from lectr_core.model.record import Begun
from tests.cold.memory import MemorySink
from tests.cold.traffic import begun, ended, write_whole

PATIENCE_S = 3 * TELL_EVERY_S


@attrs.define(eq=False)
class Curious(MemorySink):
    """A sink that wants to know all there is."""

    shown: list[list[int]] = attrs.field(factory=list)
    """Sequence numbers in flight, as told each time."""
    prices: list[UsedPrice] = attrs.field(factory=list)
    raises: bool = False

    async def show_in_flight(self, begun: Sequence[Begun]) -> None:
        await trio.lowlevel.checkpoint()
        if self.raises:
            self.raises = False
            raise OSError("not now")
        self.shown.append(sorted(one.seq for one in begun))

    async def keep_prices(self, prices: Sequence[UsedPrice]) -> None:
        await trio.lowlevel.checkpoint()
        self.prices += prices


@attrs.define
class Book:
    """One price for everything, made anew each time."""

    id: str = "book"

    def quote(self, question: PriceQuestion) -> Quote | None:
        return Quote(rates={"input": Decimal("0.000001")}, price_id="p", source="s", dated=None, basis="exact")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def begin(out: Writer) -> int:
    seq = out.next_seq()
    out.begun(begun(out, seq))
    return seq


async def test_requests_in_flight_are_shown_and_go_when_they_are_over(
    data: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sink = Curious()
    out = Writer(data / "journal")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: way.run(data, [sink], [], health=lambda _: None))
        first, second = begin(out), begin(out)
        await trio.sleep(PATIENCE_S)
        assert sink.shown[-1] == [first, second]
        out.ended(ended(out, first))
        await trio.sleep(PATIENCE_S)
        assert sink.shown[-1] == [second]
        out.ended(ended(out, second))
        await trio.sleep(PATIENCE_S)
        assert sink.shown[-1] == []
        told = len(sink.shown)
        await trio.sleep(10 * PATIENCE_S)
        assert len(sink.shown) == told, "nobody is told again that there is nothing"
        nursery.cancel_scope.cancel()
    out.close()


async def test_prices_are_told_once_each_and_all_again_after_a_failure(
    data: Path, autojump_clock: trio.testing.MockClock
) -> None:
    sink = Curious()
    out = Writer(data / "journal")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: way.run(data, [sink], [Book()], health=lambda _: None))
        write_whole(out, 5)
        await trio.sleep(PATIENCE_S)
        (price,) = sink.prices
        assert (price.provider, price.model, price.quote.price_id) == ("acme", "acme-1", "p")
        write_whole(out, 5)
        await trio.sleep(PATIENCE_S)
        assert len(sink.prices) == 1
        sink.raises = True
        begin(out)
        await trio.sleep(PATIENCE_S)
        assert sink.opened == 2
        assert [each.quote.price_id for each in sink.prices] == ["p", "p"]
        assert len(sink.store.rows) == 10
        nursery.cancel_scope.cancel()
    out.close()
