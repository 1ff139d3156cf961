"""Sends sample requests to the gateway as clients would: many at a time, streams read as they come, some left early.

I/O on Trio; what is sent is `traffic`'s business. Called by the acts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

import attrs
import httpx
import trio

from lectr_provider_echo.demo.traffic import Sample

# Longer than any answer of the stand-in takes at its usual speed.
_PATIENCE_S = 180.0


@attrs.define
class Tally:
    """What the clients saw."""

    sent: int = 0
    answered: int = 0
    """With a status below 400, read to the end."""
    refused: int = 0
    """With a status of 400 or more."""
    broken: int = 0
    """Answers that broke off."""
    left: int = 0
    """Answers that the client did not wait for."""
    unsent: int = 0
    """The gateway could not be reached: no record can exist."""


def client(base_url: str) -> httpx.AsyncClient:
    """A client with connections enough for everything at once."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
    return httpx.AsyncClient(base_url=base_url, timeout=_PATIENCE_S, limits=limits, trust_env=False)


async def until_up(url: str, limit_s: float = 20.0) -> bool:
    """Wait until something answers at *url*. Waits: at most *limit_s*. Cancel: nothing is left behind."""
    async with httpx.AsyncClient(trust_env=False, timeout=2.0) as asking:
        with trio.move_on_after(limit_s):
            while True:
                try:
                    await asking.get(url)
                except httpx.TransportError:
                    await trio.sleep(0.05)
                else:
                    return True
    return False


async def send(asking: httpx.AsyncClient, sample: Sample, key: str, tally: Tally) -> None:
    """One request and its answer. Waits: for the whole answer. Cancel: the gateway sees a client that leaves."""
    tally.sent += 1
    try:
        async with asking.stream("POST", sample.path, json=sample.body, headers=sample.fields(key)) as answer:
            if sample.leaves_early and answer.status_code < 400:
                async for _ in answer.aiter_raw():
                    break
                tally.left += 1
                return
            async for _ in answer.aiter_raw():
                pass
        if answer.status_code < 400:
            tally.answered += 1
        else:
            tally.refused += 1
    except (httpx.ConnectError, httpx.ConnectTimeout):
        tally.unsent += 1
    except httpx.TransportError:
        tally.broken += 1


async def send_all(url: str, key: str, samples: Iterator[Sample], many: int, at_once: int) -> Tally:
    """Send exactly *many* requests, *at_once* at a time. Waits: for all answers. Cancel: open requests are left."""
    tally = Tally()
    waiting = iter(list(islice(samples, many)))

    async def work() -> None:
        for sample in waiting:
            await send(asking, sample, key, tally)

    async with client(url) as asking, trio.open_nursery() as nursery:
        for _ in range(min(at_once, many)):
            nursery.start_soon(work)
    return tally


async def send_for_ever(url: str, key: str, samples: Iterator[Sample], per_s: float, chance: Random, tally: Tally) -> None:
    """Send requests at random moments, *per_s* on average. Waits: for ever. Cancel: open requests are left."""
    async with client(url) as asking, trio.open_nursery() as nursery:
        for sample in samples:
            nursery.start_soon(send, asking, sample, key, tally)
            await trio.sleep(chance.expovariate(per_s))
