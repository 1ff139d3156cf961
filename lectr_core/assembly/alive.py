"""What the doctor finds on a gateway that runs: its processes by what they say of themselves, and when they said it last.

Reads health files, tries whether the journal's disk takes a file, and asks stores what they lost. Called by `examine`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import trio

from lectr_core.assembly.finding import Finding
from lectr_core.assembly.ground import LOCK
from lectr_core.assembly.health import FOLDER, Health, read_health
from lectr_core.assembly.readiness import COLD_QUIET_S, can_write
from lectr_core.cold.standing import Standing
from lectr_core.cold.verify import ask_forgotten, ask_gaps, ask_remarks
from lectr_core.journal.finished import FINISHED
from lectr_core.journal.layout import stream_names
from lectr_core.model import codec
from lectr_core.model.settings import Settings
from lectr_core.ports import Sink

HEALTH_QUIET_S: Final = 30.0
"""A process renews its health file at least every ten seconds."""
# A healthy cold side is a second behind; a stalled one shows long before this much has piled up.
BACKLOG_WARN_BYTES: Final = 256 << 20
BEHIND_WARN_S: Final = 30.0


def running(data: Path, now_s: float) -> Health | None:
    """What the supervisor said last, where one runs on this data directory. *now_s*: wall clock, seconds since 1970."""
    above = next((health for health in read_health(data) if health.process == "supervisor"), None)
    if above is None or not above.is_alive:
        return None
    return above if (data / LOCK).exists() or _silent_s(above, now_s) < HEALTH_QUIET_S else None


def look_at_running(settings: Settings, above: Health) -> Iterator[Finding]:
    """All there is to be said of the processes. Waits: for the disk."""
    data = settings.gateway.data
    now_s = time.time()
    yield Finding("ok", "gateway", f"running (process {above.pid}), {above.state}, version {above.version}")
    if not (data / LOCK).exists():
        act = "put keys.json back and start the gateway anew; until then its workers know the keys that they knew"
        yield Finding("fail", "gateway", "somebody removed the data directory while it ran", act)
    if refused := above.notes.get("refused"):
        text = f"the newest settings are refused: {first_line(str(refused))}"
        yield Finding("fail", "gateway", text, "lectr config check")
    elif above.version != settings.version:
        act = "the gateway was started with other flags or variables, or has not looked yet"
        yield Finding("warn", "gateway", f"version {settings.version} is here, {above.version} is in force", act)
    for health in read_health(data):
        if health.process.startswith("worker-"):
            yield from _worker(health, now_s)
    yield from _cold(data, now_s)
    if not can_write(data / "journal"):
        act = "make room, or make it writable; until then records wait in the workers' memory, some thousands at most"
        yield Finding("fail", "journal", "its disk takes nothing", act)


def _silent_s(health: Health, now_s: float) -> float:
    return now_s - health.updated_ns / 1e9


def _worker(health: Health, now_s: float) -> Iterator[Finding]:
    name = health.process
    if not health.is_alive:
        if health.state != "stopped":
            yield Finding("fail", name, "not running", "the supervisor starts it again; its log says why it ended")
        return
    if (silent_s := _silent_s(health, now_s)) > HEALTH_QUIET_S:
        act = "it hangs, or the disk takes nothing; what follows is what it said then"
        yield Finding("fail", name, f"has said nothing for {silent_s:.0f} s", act)
    requests, in_flight = health.counters.get("requests", 0), health.counters.get("in_flight", 0)
    yield Finding("ok", name, f"{health.state}, {requests} requests, {in_flight} in flight, version {health.version}")
    for plugin, count in sorted(health.faults.items()):
        yield Finding("warn", name, f"plugin {plugin} failed {count} times and was skipped", "its log line says where")
    if lost := health.counters.get("records_lost", 0):
        yield Finding("fail", name, f"{lost} records lost (disk full?)", "make room; `lectr verify` counts them")
    if fault := health.notes.get("keys_fault"):
        yield Finding("fail", name, f"keys are not taken over: {first_line(str(fault))}", "the old ones work meanwhile")
    if fault := health.notes.get("tls_fault"):
        text = f"the new certificate is not taken over: {first_line(str(fault))}"
        yield Finding("fail", name, text, "mend the files; the old one is served meanwhile")


def _cold(data: Path, now_s: float) -> Iterator[Finding]:
    file = data / FOLDER / "cold.json"
    try:
        standing = codec.decode(file.read_bytes(), Standing)
        silent_s = now_s - file.stat().st_mtime
    except (OSError, ValueError):
        yield Finding("fail", "cold side", "says nothing of itself: nothing is stored", "its log says why")
        return
    if silent_s > COLD_QUIET_S:
        act = "records wait in the journal; it hangs, or the disk takes nothing; what follows is what it said then"
        yield Finding("fail", "cold side", f"has said nothing for {silent_s:.0f} s", act)
    for sink in standing.sinks:
        text = f"{sink.id}: {sink.state}, {sink.stored} stored"
        if sink.failures or sink.unreadable:
            act = "records wait in the journal meanwhile"
            if sink.blocked_by is not None:
                act = f"it refuses record {sink.blocked_by}, and what its worker wrote after that waits; please report it"
            yield Finding("fail", "cold side", f"{text}; {sink.last_fault}", act)
        elif sink.behind_s > BEHIND_WARN_S:
            yield Finding("warn", "cold side", f"{text}, {sink.behind_s:.0f} s behind", "watch whether it catches up")
        else:
            yield Finding("ok", "cold side", text)
        if sink.lost or sink.damaged:
            text = f"{sink.id}: {sink.lost} records lost, {sink.damaged} damaged lines, ever"
            yield Finding("warn", "cold side", text, "`lectr verify --streams` says in which worker's life")
    for book, count in sorted(standing.price_faults.items()):
        yield Finding("warn", "cold side", f"price book {book} failed {count} times", "costs it should know are unknown")
    act = "mend it as `prices` below says; where it says nothing, the gateway's user may not read what you may"
    for book, fault in sorted(standing.catalog_faults.items()):
        yield Finding("fail", "cold side", f"{book}: {first_line(fault)}", act)


def look_at_journal(data: Path, *, is_running: bool) -> Iterator[Finding]:
    """How much waits in the journal. Waits: for the disk."""
    journal = data / "journal"
    streams = stream_names(journal)
    held = sum(file.stat().st_size for stream in streams for file in (journal / stream).glob("*.log"))
    if held > BACKLOG_WARN_BYTES:
        yield Finding("warn", "journal", f"{held / 1e6:.0f} MB wait in {len(streams)} streams", "see the cold side above")
    elif streams and not is_running:
        yield Finding("ok", "journal", f"{held / 1e6:.1f} MB wait for the next start")
    else:
        yield Finding("ok", "journal", f"{held / 1e6:.1f} MB")


def look_at_stores(data: Path, sinks: Sequence[Sink]) -> Iterator[Finding]:
    """What stores lost, and what they say should be looked at. Waits: on each, some seconds at most."""
    for name, line, is_certain in trio.run(ask_forgotten, data / "journal", sinks):
        act = f"bring it back; or, if that was meant, remove {data / 'journal' / FINISHED}" if is_certain else ""
        yield Finding("fail" if is_certain else "warn", name, line, act)
    for name, gap, is_certain in trio.run(ask_gaps, sinks):
        act = "`lectr verify` fails as long as it lies there" if is_certain else "`lectr verify` asks it too"
        yield Finding("fail" if is_certain else "warn", name, gap, act)
    for name, remark in trio.run(ask_remarks, sinks):
        yield Finding("warn", name, remark)


def first_line(text: str) -> str:
    """Of a fault that has several."""
    return text.strip().splitlines()[0] if text.strip() else ""
