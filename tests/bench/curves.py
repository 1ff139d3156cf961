"""What the cost of a request must not grow with: connections, pooled upstreams, rules, idle plugins, stored records.

One gateway for each point of a curve, all alive at once, so that the points of a curve are interleaved as gateways are
elsewhere. Called by `__main__.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs

from tests.bench.cold_path import rows, write_journal
from tests.bench.load import clients
from tests.bench.measures import CONNECTIONS, SMALL, body, cpu_us
from tests.bench.plugins import with_plugins, write_idle
from tests.bench.results import Results
from tests.bench.subjects import Subject, rules
from tests.bench.subjects import lectr as start
from tests.whole.gateway import until

REQUESTS: Final = 3_000


@attrs.frozen
class Point:
    """One point of a curve: a gateway, and how its state is made before each sample."""

    curve: str
    x: str
    subject: Subject
    holding: Callable[[Subject], contextlib.AbstractContextManager[object]] = attrs.field(
        default=lambda subject: contextlib.nullcontext()
    )


@contextlib.contextmanager
def idle_connections(subject: Subject, count: int) -> Iterator[None]:
    """So many open connections that say nothing."""
    with clients(subject.port, count) as them:
        if count:
            them.closed_loop(subject.request(SMALL), count, min(count, 8))
        yield


@contextlib.contextmanager
def pooled_upstreams(subject: Subject, count: int) -> Iterator[None]:
    """So many connections to the provider, kept."""
    with clients(subject.port, count) as them:
        them.closed_loop(subject.request(body("slow-500")), count, count)
        yield


@contextlib.contextmanager
def with_records(place: Path, upstream: int, count: int) -> Iterator[Subject]:
    """Lectr with so many records in its store."""
    place.mkdir(parents=True)
    write_journal(place / "data", count)
    with start(place, upstream) as subject:
        until(lambda: rows(place / "data") >= count, what="all records are stored", patience_s=180)
        yield subject


def points(curve: str, place: Path, upstream: int, stack: contextlib.ExitStack) -> list[Point]:
    """Every point of a curve, started."""

    def one(x: str, made: contextlib.AbstractContextManager[Subject], **more: object) -> Point:
        return Point(curve, x, stack.enter_context(made), **more)  # type: ignore[arg-type]  # only `holding`

    if curve == "connections":
        subject = stack.enter_context(start(place, upstream))
        return [
            Point(curve, str(n), subject, lambda subject, n=n: idle_connections(subject, n))  # type: ignore[misc]  # n is bound here
            for n in (0, 250, 1000, 2000)
        ]
    if curve == "upstreams":
        return [
            one(str(n), start(place / f"{n}", upstream), holding=lambda subject, n=n: pooled_upstreams(subject, n))
            for n in (8, 64, 256)
        ]
    if curve == "rules":
        plain = [one(str(n), start(place / f"{n}", upstream, extra=rules(n) or "# no rule")) for n in (0, 10, 100, 500)]
        return [*plain, one("500*", start(place / "globs", upstream, extra=rules(500, globs=True)))]
    if curve == "plugins":
        return [one(str(n), with_plugins(place / f"{n}", upstream, write_idle(place / f"site-{n}", n))) for n in (0, 10, 40)]
    return [one(str(n), with_records(place / f"{n}", upstream, n)) for n in (0, 10_000, 50_000)]


ALL: Final = ("connections", "upstreams", "rules", "plugins", "records")


def measure(curve: str, place: Path, upstream: int, rounds: int, scale: float, results: Results) -> None:
    """Measure one curve."""
    with contextlib.ExitStack() as stack:
        made = points(curve, place, upstream, stack)
        for point in made:
            point.subject.settle()
            cpu_us(point.subject, point.subject.request(SMALL), 300)
        for _ in range(rounds):
            for point in made:
                with point.holding(point.subject):
                    cost = cpu_us(point.subject, point.subject.request(SMALL), max(100, int(REQUESTS * scale)), CONNECTIONS)
                results.add_point(curve, point.x, cost)
