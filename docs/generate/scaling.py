"""Writes docs/explanation/scaling.md: `python docs/generate/scaling.py > docs/explanation/scaling.md`.

What the benchmarks come to for somebody who has to size a machine. Each figure is computed from
`docs/reference/benchmarks.json`; the text around them stands here. A test runs it and compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from typing import Final

import attrs

from docs.generate.benchmarks import LECTR
from docs.generate.charts import figure
from tests.bench.results import Results, load, median

PAGE: Final = """\
# Scaling

% Written by docs/generate/scaling.py from docs/reference/benchmarks.json; change the text there.

What one machine carries, what it costs, where it ends, and what comes after it. Every figure here is computed from
[the benchmarks](../reference/benchmarks.md) of one machine, shared with other work:
{machine}.
On yours, run `python -m tests.bench` and read this page again: it is made of what that measures.

## What one worker carries

A worker is one process and uses one processor. CPU time is what it runs out of, long before sockets or memory:

| work | CPU | so one processor at 60 % carries |
|---|---|---|
| a small request, answered whole | {small} µs | {small_rate} a second |
| a streamed event, events 10 ms apart | {spaced} µs | {spaced_rate} events a second |
| a stream of 53 events back to back | {burst} µs | {burst_rate} a second |
| a request of 4 MB | {large_request} ms | {large_request_rate} a second |

A model that writes 50 events a second for ten seconds costs a worker {stream_ms} ms of CPU in all, so one processor at 60 %
carries about {streams} such streams **at any moment**. Most of an AI gateway's requests are waiting for a model; those cost
memory alone.

Beyond 60 % of a processor waiting times grow: set `workers` to the number of processors that you can spare, less one for
the cold process. CPU per request with two workers is {two} µs where it is {one} µs with one{noise}. They share
a listening socket and the file of keys and nothing else, so that they do not slow each other down.

## What a million requests cost

| | CPU seconds |
|---|---|
| carrying a million small requests | {million_hot} |
| accounting for them and storing them in SQLite, afterwards | {million_cold} |
| together | {million} |
| the same as streams of 500 events | {million_streams} |

That is {hours} processor hours for a million small requests. With your provider's price of a processor hour, at 0.05 USD for
example, {dollars} USD; streams, {dollars_streams} USD. Calls that cost a tenth of a cent each come to 1,000 USD.

## How memory grows

| | MB |
|---|---|
| a worker that idles | {memory_idle} |
| with 256 open streams | {memory_256} |
| with 2,000 open streams | {memory_2000} |

An open stream costs {per_stream} KB in the worker, a client's idle connection {per_connection} KB; the kernel's socket
buffers come on top: two sockets a stream. 10,000 open streams, the usual `max_connections` of one worker, need about
{ten_thousand} MB. Bodies that must be read to decide are held whole while that is done, up to `max_body_bytes` each. Nothing
grows with the number of requests served, records stored, rules, or plugins that have nothing to say:
[the curves](../reference/benchmarks.md#what-a-request-must-not-grow-with).

## Where the limits are

| limit | figure |
|---|---|
| CPU of a worker | {small_full} small requests a second, at 100 % |
| open connections | `max_connections` of each worker; two descriptors a stream |
| journal | {journal_bytes} bytes a record: {journal_mb} MB/s at 2,000 a second |
| accounting and SQLite | {cold_rate} records a second of one processor |
| lag of the store | {cold_lag} s at worst at {cold_lag_rate} requests a second |
| SQLite's file | {row_bytes} bytes a record: {million_gb} GB per million |

- **CPU**: more workers, up to the number of processors.
- **Connections**: raise `max_connections` and the service's `LimitNOFILE`.
- **Journal**: appended writes without fsync; any disk does. A segment is removed when all that it holds is stored.
- **Accounting** is one process, and stands for about {cold_workers} workers at full load. Beyond that, records wait in the
  journal, on disk: it can fall behind and catch up, and the hot side never waits for it.
- **SQLite's file** includes indexes and rollups, some 1.1 KB a request with a few dozen features and models;
  [`retention_days` and `max_bytes`](../reference/settings.md) bound its rows. Sums by the hour and day are never removed:
  with a feature of its own for each request, they take another 1 KB a request, for ever, and `lectr doctor` says so from
  20,000 a day on.

## Beyond one machine

Nothing in a worker is shared with another machine, so machines are added side by side, each with its own data directory and
its own SQLite file, behind any balancer that passes TCP or HTTP through without buffering (streams must not be held).

- **Keys.** `keys.json` in the data directory holds hashes only. Make a key on one machine and copy the file to the others;
  it is taken over live.
- **Settings** are one file: give each machine the same. A record says which version decided.
- **Records.** Ids are UUIDv7 and rows are stored by id, so that the files of several machines can be attached or merged
  without two rows meeting. A sink that writes to one store for all is a plugin like the one for SQLite: it gets batches with
  cursors, from each machine's own journal.
- **Draining.** A machine that is told to stop finishes its open requests and reports itself as not ready first, so that the
  balancer can look elsewhere: see [as a service](../how-to/run-as-a-service.md).

Rules decide on a request by itself and count nothing, so they decide the same on every machine.
"""


@attrs.frozen
class Sums:
    """The figures of one run, and what follows from them."""

    results: Results

    def of(self, measure: str) -> float:
        """Lectr's median. Errors: KeyError where it was not measured."""
        samples = self.results.of(measure, LECTR)
        if not samples:
            raise KeyError(measure)
        return median(samples)

    def rate(self, cost_us: float) -> str:
        """How many a second one processor at 60 % does of what costs so much."""
        return figure(round(0.6e6 / cost_us))

    def words(self) -> dict[str, str]:
        """Everything that the page names."""
        small, spaced, cold = self.of("small"), self.of("spaced"), self.of("cold_us")
        hot_s, streams_s = small, small + spaced * 500  # a million µs is a second: per million requests
        per_stream = (self.of("memory_2000") - self.of("memory_256")) / (2000 - 256) * 1e3
        one, two = self.of("workers_1_cpu"), self.of("workers_2_cpu")
        machine = self.results.machine
        plain = ("small", "spaced", "burst", "large_request", "memory_idle", "memory_256", "memory_2000", "cold_lag")
        whole = ("cold_rate", "cold_lag_rate", "row_bytes", "journal_bytes")
        return {
            **{name: figure(self.of(name)) for name in plain},
            **{name: figure(round(self.of(name))) for name in whole},
            "machine": f"{machine['processor']}, {machine['logical processors']} logical processors, Python "
            f"{machine['Python'].split(' ', 1)[0]}",
            "small_rate": self.rate(small),
            "spaced_rate": self.rate(spaced),
            "burst_rate": self.rate(self.of("burst")),
            "large_request_rate": self.rate(self.of("large_request") * 1e3),
            "small_full": figure(round(1e6 / small)),
            "stream_ms": figure((small + spaced * 500) / 1e3),
            "streams": figure(round(0.6e6 / (spaced * 50), -1)),
            "one": figure(one),
            "two": figure(two),
            "noise": "" if two <= one * 1.05 else f" ({two / one - 1:.0%} more)",
            "million_hot": figure(hot_s),
            "million_cold": figure(cold),
            "million": figure(hot_s + cold),
            "million_streams": figure(streams_s + cold),
            "hours": f"{(hot_s + cold) / 3600:.2f}",
            "dollars": f"{(hot_s + cold) / 3600 * 0.05:.3f}",
            "dollars_streams": f"{(streams_s + cold) / 3600 * 0.05:.2f}",
            "per_stream": figure(per_stream),
            "per_connection": figure(self.of("memory_connection")),
            "ten_thousand": figure(round(self.of("memory_2000") + per_stream * 8_000 / 1e3, -1)),
            "journal_mb": figure(self.of("journal_bytes") * 2_000 / 1e6),
            "cold_workers": figure(self.of("cold_rate") * small / 1e6),
            "million_gb": figure(self.of("row_bytes") / 1e3),
        }


if __name__ == "__main__":
    sys.stdout.write(PAGE.format(**Sums(load()).words()))
