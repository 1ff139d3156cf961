"""The measures that load a running gateway: what is sent, and which figures come of one round.

Each is a function of one subject that returns figures by name; `__main__.py` asks all subjects in turn, round after round.
Nothing here starts a gateway. Called by `__main__.py`, `curves.py` and `gate.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from tests.bench import machine
from tests.bench.load import clients
from tests.bench.subjects import Subject

EVENTS: Final = 53
CONNECTIONS: Final = 8
PROMPT: Final = b"You are a careful assistant. "


def body(kind: str, *, prompt_bytes: int = 580) -> bytes:
    """A chat request that asks the provider for *kind*."""
    prompt = PROMPT * (prompt_bytes // len(PROMPT))
    stream = b',"stream":true,"stream_options":{"include_usage":true}' if kind.startswith("events") else b""
    return (
        b'{"model":"gpt-4o-mini","messages":[{"role":"system","content":"%b"},{"role":"user","content":"hello"}],'
        b'"max_tokens":64%b,"user":"bench-%b"}' % (prompt, stream, kind.encode())
    )


SMALL: Final = body("small")


def cpu_us(
    subject: Subject, sent: bytes, requests: int, connections: int = CONNECTIONS, pids: list[int] | None = None
) -> float:
    """CPU µs that its carriers spend on one of *requests*."""
    carriers = subject.carriers() if pids is None else pids
    with clients(subject.port, connections) as them:
        before = machine.cpu_s(carriers)
        them.closed_loop(sent, requests, connections)
        return (machine.cpu_s(carriers) - before) / requests * 1e6


def _count(subject: Subject, scale: float, usual: int, least: int = 10) -> int:
    return max(least, int(usual * scale / subject.cost))


def small(subject: Subject, scale: float) -> dict[str, float]:
    """A small request and a whole answer of 600 bytes, eight at a time over kept connections."""
    requests = _count(subject, scale, 4000)
    return {"small": cpu_us(subject, subject.request(SMALL), requests)}


def spaced(subject: Subject, scale: float) -> dict[str, float]:
    """53 events, 10 ms apart, eight streams at a time."""
    streams = _count(subject, scale, 64, least=8)
    return {"spaced": cpu_us(subject, subject.request(body(f"events-{EVENTS}-10")), streams) / EVENTS}


def burst(subject: Subject, scale: float) -> dict[str, float]:
    """53 events, each sent on its own, without a pause, eight streams at a time."""
    return {"burst": cpu_us(subject, subject.request(body(f"events-{EVENTS}-0")), _count(subject, scale, 600))}


def latency(subject: Subject, scale: float) -> dict[str, float]:
    """50 small requests a second, evenly. What the way without a gateway takes is subtracted when all rounds are done."""
    with clients(subject.port, 4) as them:
        took = them.paced(subject.request(SMALL), max(50, int(250 * scale)), 50).took_ns
    return {"latency_p50": quantile(took, 0.5) / 1e6, "latency_p99": quantile(took, 0.99) / 1e6}


def concurrent(subject: Subject, scale: float) -> dict[str, float]:
    """256 streams at once, begun over two and a half seconds; each has an event every 100 ms for as long as others begin."""
    with clients(subject.port, 256) as them:
        seen = them.paced(subject.request(body("events-50-100")), 256, 100)
    return {"first_p99": quantile(seen.first_ns, 0.99) / 1e6, "late_p99": quantile(seen.late_ns, 0.99) / 1e6}


def large_request(subject: Subject, scale: float) -> dict[str, float]:
    """4 MB of JSON up, a small answer down, one at a time."""
    sent = subject.request(body("small", prompt_bytes=4_000_000))
    return {"large_request": cpu_us(subject, sent, max(4, int(20 * scale / min(4, subject.cost))), 1) / 1e3}


def large_answer(subject: Subject, scale: float) -> dict[str, float]:
    """A small request up, 1 MB of JSON down, one at a time."""
    sent = subject.request(body("large"))
    return {"large_answer": cpu_us(subject, sent, max(6, int(60 * scale / min(6, subject.cost))), 1) / 1e3}


def quantile(values: Sequence[int], share: float) -> float:
    """The smallest of *values* that so many are not above. Errors: ValueError where there are none."""
    if not values:
        raise ValueError("nothing was seen")
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


ALL: Final[dict[str, Callable[[Subject, float], dict[str, float]]]] = {
    "small": small,
    "spaced": spaced,
    "burst": burst,
    "latency": latency,
    "concurrent": concurrent,
    "large-request": large_request,
    "large-answer": large_answer,
}
"""By the name that the command line knows them by."""
