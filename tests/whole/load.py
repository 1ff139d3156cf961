"""Load on a gateway that is being broken, and the question afterwards whether each request is one record.

Each request carries a feature of its own, so that every answer a client got can be looked for by name.
"""

from __future__ import annotations

import json
import threading
from collections import Counter

import attrs

from tests.whole.gateway import Gateway, until
from tests.whole.wire_client import request, wire

ASK = json.dumps({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "x"}]}).encode()


@attrs.define
class Load:
    """Requests one after the other from a few threads, until told to stop."""

    gateway: Gateway
    life: str = "load"
    pause_s: float = 0.0
    """Of each of its clients, between two requests."""
    finished: list[str] = attrs.field(factory=list)
    """Features of requests whose whole answer arrived."""
    failed: int = 0
    over: threading.Event = attrs.field(factory=threading.Event)
    threads: list[threading.Thread] = attrs.field(factory=list)

    def __enter__(self) -> Load:
        self.threads = [threading.Thread(target=self._client, args=(number,)) for number in range(4)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def more(self, count: int) -> None:
        """Wait until *count* more requests have finished."""
        goal = len(self.finished) + count
        until(lambda: len(self.finished) >= goal, what=f"{count} more requests finish")

    def _client(self, number: int) -> None:
        asked = 0
        while not self.over.is_set():
            try:
                with wire(self.gateway.url) as line:
                    while not self.over.is_set():
                        asked += 1
                        feature = f"{self.life}-{number}-{asked}"
                        fields = (
                            ("X-Lectr-Key", self.gateway.key),
                            ("X-Lectr-Feature", feature),
                            ("Content-Type", "application/json"),
                        )
                        line.send(request("POST", "/v1/chat/completions", *fields, body=ASK))
                        got = line.get()
                        if got.complete and got.status == 200:
                            self.finished.append(feature)
                        self.over.wait(self.pause_s)
            except (OSError, EOFError):
                self.failed += 1


def pid_of(running: Gateway, word: str) -> int | None:
    """The process whose command line holds a word."""
    found = [pid for pid, line in running.pids().items() if word in line]
    return found[0] if found else None


def nothing_is_missing_or_double(running: Gateway, finished: list[str]) -> None:
    """Every request that a client saw finished becomes one row, no other is there twice, and the proof agrees."""

    def counted() -> Counter[str]:
        return Counter(row["feature"] for row in running.rows("feature <> 'untagged'"))

    until(lambda: not set(finished) - set(counted()), what="every request that finished is stored")
    until(lambda: running.lectr("verify", check=False).returncode == 0, what="lectr verify is content")
    assert not [feature for feature, count in counted().items() if count > 1]
    ids = [row["id"] for row in running.rows()]
    assert len(ids) == len(set(ids))
