"""The kit's check of readers of tunnels passes those that keep their promises, and names the promise that another breaks."""

from __future__ import annotations

import json
from collections.abc import Sequence

import attrs
import pytest

from lectr_core import Reading, RealtimeReader, Turn, Usage
from lectr_core.testing import Broken, check_tunnel_reader

USED = Reading(state="reported", usage=Usage({"input": 1}))


@attrs.define
class Knocks:
    """Each message is a turn of its own; *fault* says which promise it breaks."""

    fault: str = ""
    hears_client: bool = False
    faulty: bool = False
    count: int = 0
    open: list[str] = attrs.field(factory=list)

    def hear(self, message: bytes, *, from_client: bool) -> Sequence[Turn]:
        if self.fault == "raises" and message == b"null":
            raise KeyError
        self.count += 1
        key = str(self.count)
        begin, end = Turn(key=key), Turn(key=key, reading=Reading(state="reported") if self.fault == "no usage" else USED)
        if self.fault == "begins twice":
            return [begin, begin, end]
        if self.fault == "never ends":
            return [begin]
        return [begin, Turn(key=key, has_output=True), end]

    def finish(self) -> Sequence[Turn]:
        return [Turn(key="left")] if self.fault == "no end" else []


def test_readers_that_keep_their_promises_pass() -> None:
    check_tunnel_reader(Knocks, [(b"one", False), (b"two", True)], [USED, USED])
    done = {"type": "response.done", "response": {"id": "r", "status": "completed", "usage": {"input_tokens": 1}}}
    begun = {"type": "response.created", "response": {"id": "r"}}
    cut = {"type": "response.created", "response": {"id": "s"}}
    ended = Reading(
        state="reported", usage=Usage({"input": 1}, {"input_tokens": 1}), answer_id="r", finish_reason="completed"
    )
    said = [(json.dumps(one).encode(), False) for one in (begun, done, cut)]
    check_tunnel_reader(RealtimeReader, said, [ended, Reading()])


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("raises", KeyError, "null"),
        ("begins twice", Broken, "began twice"),
        ("never ends", Broken, "began and never ended"),
        ("no end", Broken, "at the end each turn needs its reading"),
        ("no usage", Broken, "disagree"),
        ("wrong", Broken, "the readings are"),
    ],
)
def test_a_broken_promise_is_named(fault: str, error: type[Exception], message: str) -> None:
    expected = [USED, USED] if fault == "wrong" else [USED]
    with pytest.raises(error) as caught:
        check_tunnel_reader(lambda: Knocks(fault), [(b"one", False)], expected)
    said = " ".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    assert message in said
