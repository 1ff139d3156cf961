"""The soak's clients: mixed requests at a steady rate from a few threads, and what each of them saw come of it.

Each request carries a feature of its own, by which its record is found. Called by `run.py`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import Final

import attrs

from tests.whole.gateway import Gateway
from tests.whole.wire_client import Wire, request, wire

ASK: Final = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]%b}'
STREAM: Final = b',"stream":true,"stream_options":{"include_usage":true}'
KINDS: Final = {
    "plain": 60, "stream": 20, "drip": 4, "slow": 4, "error": 3, "cut": 2,
    "reset": 2, "mute": 1, "leave": 2, "large": 1, "bad": 1,
}  # fmt: skip
"""What is asked for, and how often of a hundred."""
THREADS: Final = 8
LARGE: Final = b',"x":"' + b"x" * 300_000 + b'"'


class Left(Exception):
    """The client left on purpose."""


@attrs.define
class Traffic:
    """All clients together."""

    gateway: Gateway
    rate: float
    """Requests a second, as far as the machine can."""
    seed: int
    finished: set[str] = attrs.field(factory=set)
    """Features of requests whose whole answer arrived."""
    outcomes: Counter[str] = attrs.field(factory=Counter)
    over: threading.Event = attrs.field(factory=threading.Event)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    threads: list[threading.Thread] = attrs.field(factory=list)

    def __enter__(self) -> Traffic:
        self.threads = [threading.Thread(target=self._client, args=(number,), daemon=True) for number in range(THREADS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _client(self, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        asked, due, line = 0, time.monotonic(), None
        while not self.over.is_set():
            due = max(due + chance.expovariate(self.rate / THREADS), time.monotonic() - 1)
            self.over.wait(max(0.0, due - time.monotonic()))
            asked += 1
            (kind,) = chance.choices(list(KINDS), list(KINDS.values()))
            feature = f"soak-{number}-{asked}"
            try:
                if line is None:
                    line = wire(self.gateway.url)
                    held = line.__enter__()
                outcome, stays = self._ask(held, kind, feature)
            except (OSError, EOFError, ValueError, Left) as exc:
                outcome, stays = ("left" if isinstance(exc, Left) else "failed"), False
            with self.lock:
                self.outcomes[f"{kind} {outcome}"] += 1
                if outcome.isdigit():
                    self.finished.add(feature)
            if line is not None and (not stays or chance.random() < 0.01):
                line.__exit__(None, None, None)
                line = None
        if line is not None:
            line.__exit__(None, None, None)

    def _ask(self, line: Wire, kind: str, feature: str) -> tuple[str, bool]:
        """One request. Returns the status (or what came instead), and whether the connection may go on."""
        streams = kind in ("stream", "drip", "leave")
        body = ASK % (STREAM if streams else LARGE if kind == "large" else b"")
        key = "lc_key_" + "A" * 43 if kind == "bad" else self.gateway.key
        fields = (("X-Lectr-Key", key), ("X-Lectr-Feature", feature), ("x-soak", "drip" if kind == "leave" else kind))
        line.send(request("POST", "/v1/chat/completions", *fields, ("Content-Type", "application/json"), body=body))
        if kind == "leave":
            line.until(b"\r\n\r\n")
            raise Left
        got = line.get()
        closes = any(b"close" in value.lower() for value in got.values("connection"))
        return (str(got.status) if got.complete else "cut"), got.complete and not closes
