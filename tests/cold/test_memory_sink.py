"""The fake that the cold tests stand on keeps the promises of a real sink."""

from __future__ import annotations

from lectr_core.testing import check_sink
from tests.cold.memory import MemorySink, Store


async def test_the_fake_keeps_a_sinks_promises() -> None:
    store = Store()
    await check_sink(lambda: MemorySink(store))
