"""The way of a record after the answer has left: follow the journal, account, hand over, free what is stored.

This file is read as prose; each step is a file of its own. It is also the one supervisor of the cold side: what a sink
raises ends here, is counted, logged with the sink's name, and tried again after a growing pause, while all others go on.
The process may be killed at any moment and started again; no record is then missing or there twice. Called by assembly.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import trio

from lectr_core.cold import calibration_file
from lectr_core.cold.calibration import Calibration
from lectr_core.cold.counted import FILE as COUNTED_FILE
from lectr_core.cold.counted import Counted
from lectr_core.cold.deliver import Delivery
from lectr_core.cold.free import free_now
from lectr_core.cold.prices import PriceDesk
from lectr_core.cold.standing import Standing
from lectr_core.journal.layout import DIRECTORY_MODE
from lectr_core.journal.recovery import sweep, take_cold_lock_now
from lectr_core.ports import PriceBook, Sink

_log = logging.getLogger("lectr.cold")

LOOK_EVERY_S: Final = 0.1
"""Between two looks at the journal: one at an idle stream costs some 30 µs. A record is stored well within a second."""
TELL_EVERY_S: Final = 1.0
KEEP_EVERY_S: Final = 30.0
"""Between two times that what was learnt is written down. What a crash takes of it is learnt again from new requests."""
CLOSE_LIMIT_S: Final = 5.0

Tell = Callable[[Standing], None]


async def run(data: Path, sinks: Sequence[Sink], price_books: Sequence[PriceBook], *, health: Tell) -> None:
    """Carry records from the journal in *data* to *sinks*, until cancelled. *health* is told once a second.

    Waits: for ever; first for another cold process on the same data to end. Cancel: each sink has stored a batch or not.
    Errors: OSError where the journal directory cannot be made.
    """
    journal = data / "journal"
    journal.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    desk = PriceDesk(price_books)
    counted = Counted(data / COUNTED_FILE)
    calibration_path = data / calibration_file.FILE
    calibration = calibration_file.read(calibration_path)
    deliveries = [
        Delivery(
            sink,
            journal,
            desk,
            is_first=counted.is_first,
            waiting=counted,
            calibration=calibration,
            teaches=number == 0,
        )
        for number, sink in enumerate(sinks)
    ]
    async with trio.open_nursery() as nursery:
        waits = trio.Event()
        nursery.start_soon(tell, health, deliveries, desk, waits)
        async with alone(journal):
            waits.set()
            sweep(journal)
            async with trio.open_nursery() as work:
                for delivery in deliveries:
                    work.start_soon(follow, delivery)
                work.start_soon(keep_house, journal, deliveries)
                work.start_soon(keep_learnt, calibration_path, calibration)


async def follow(delivery: Delivery) -> None:
    """One sink's task: store every record once, for ever. Waits: on journal and sink. Cancel: the sink is closed."""
    try:
        while True:
            try:
                await delivery.open()
                while True:
                    parcel = await delivery.collect()
                    await delivery.hand_over(parcel)
                    await delivery.tell()
                    await trio.sleep(0 if parcel.is_full else LOOK_EVERY_S)
            except Exception as exc:  # noqa: BLE001 - a sink is a plugin and may raise anything: this is where it ends
                pause_s = delivery.failed(exc)
            await trio.sleep(pause_s)
    finally:
        with trio.move_on_after(CLOSE_LIMIT_S, shield=True):
            try:
                await delivery.close()
            except Exception as exc:  # noqa: BLE001 - as above
                delivery.failed(exc)


async def keep_house(journal: Path, deliveries: Sequence[Delivery]) -> None:
    """Remove journal files that every sink has stored. Waits: between two rounds."""
    ids = [delivery.sink.id for delivery in deliveries]
    while True:
        free_now(journal, [delivery.stored for delivery in deliveries], ids)
        await trio.sleep(TELL_EVERY_S)


async def keep_learnt(path: Path, calibration: Calibration) -> None:
    """Write down what was learnt, now and then and at the end. Waits: in between. Cancel: it is written once more."""
    kept = calibration.learnt
    try:
        while True:
            await trio.sleep(KEEP_EVERY_S)
            kept = keep_now(path, calibration, kept)
    finally:
        keep_now(path, calibration, kept)


def keep_now(path: Path, calibration: Calibration, kept: int) -> int:
    """Write down what was learnt since *kept*, if anything was. Returns up to where it is written."""
    if calibration.learnt == kept:
        return kept
    try:
        calibration_file.write(path, calibration)
    except OSError as exc:
        _log.warning("cannot write %s: %s", path.name, exc.strerror)
        return kept
    return calibration.learnt


async def tell(health: Tell, deliveries: Sequence[Delivery], desk: PriceDesk, has_begun: trio.Event) -> None:
    """Say how things stand, and take up newer prices, once a second. Waits: in between."""
    fault = None
    while True:
        desk.renew_now()
        standing = Standing(
            pid=os.getpid(),
            written_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            waits_for_other=not has_begun.is_set(),
            sinks=tuple(delivery.standing() for delivery in deliveries),
            price_faults=dict(desk.faults),
            catalog_faults=desk.catalog_faults(),
        )
        try:
            health(standing)
            fault = None
        except OSError as exc:
            if exc.strerror != fault:
                _log.warning("cannot say how the cold process stands: %s", exc.strerror)
            fault = exc.strerror
        await trio.sleep(TELL_EVERY_S)


@asynccontextmanager
async def alone(journal: Path) -> AsyncIterator[None]:
    """Be the one cold process on this journal. Waits: for another one to end. Errors: OSError."""
    while (lock := take_cold_lock_now(journal)) is None:
        await trio.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        os.close(lock)
