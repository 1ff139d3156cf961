"""The dialect of spoken sessions that are billed by their time: a turn for the session, one for each work it hands on.

The seconds told are those of the session so far, never to be added up: the last ones hold. What the session hands on to
another model is told by that model's own events, wrapped in one of the session's. No sound and no word is kept. Called
through `dialects/provider.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from lectr_core.dialects.audio import transcript_usage
from lectr_core.dialects.findings import ABSENT, Findings, raw_tree, raw_word
from lectr_core.dialects.responses import ResponsesReader
from lectr_core.dialects.tunnelled import MessageReader, ResponsesTunnelReader
from lectr_core.model.reading import Reading, Tree, Turn

_SESSION: Final = "session"
_OUTPUT: Final = frozenset({"session.output_audio.delta", "session.output_transcript.delta"})


class _Event(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    type: msgspec.Raw = ABSENT
    session: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    reason: msgspec.Raw = ABSENT
    event: msgspec.Raw = ABSENT
    event_id: msgspec.Raw = ABSENT


class _Resource(msgspec.Struct, gc=False):
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT


class _Decided(msgspec.Struct, gc=False):
    decision: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(_Event)
_resource = msgspec.json.Decoder(_Resource)
_decided = msgspec.json.Decoder(_Decided)


class SpokenReader(MessageReader):
    """A session. It begins with what the provider says of it, and is over when the provider has closed it."""

    def __init__(self) -> None:
        super().__init__()
        self._findings = Findings()
        self._tree: Tree = {}
        self._state = "before"
        self._has_output = False
        self._delegated = ResponsesTunnelReader()

    def on_server(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`."""
        event = _event.decode(message)
        kind = raw_word(event.type) or ""
        if kind in _OUTPUT:
            return self._speak()
        if kind == "session.usage.updated":
            self._tree = raw_tree(event.usage) or self._tree
        elif kind == "session.started":
            return self._begin(event.session)
        elif kind == "session.closed":
            return self._close(event)
        elif kind == "response.event":
            return [_apart(turn) for turn in self._delegated.on_server(bytes(event.event))]
        elif kind == "decision.event":
            decision = ResponsesReader()
            decision.feed(bytes(_decided.decode(event.event).decision))
            reading = decision.finish(complete=True)
            return [Turn(key=f"decision {raw_word(event.event_id)}", model=reading.model, reading=reading)]
        return ()

    def finish(self) -> Sequence[Turn]:
        """See `ports.TunnelReader`. A session that nobody closed has at least the seconds last told."""
        turns = [_apart(turn) for turn in self._delegated.finish()]
        if self._state == "open":
            reading = self._reading()
            turns.append(self._turn(attrs.evolve(reading, state="partial" if reading.usage is not None else "absent")))
        return turns

    def _begin(self, session: msgspec.Raw) -> Sequence[Turn]:
        if self._state != "before":
            return ()
        found = _resource.decode(session)
        self._findings.model, self._findings.answer_id = raw_word(found.model), raw_word(found.id)
        self._state = "open"
        return [Turn(key=_SESSION, model=self._findings.model)]

    def _speak(self) -> Sequence[Turn]:
        if self._has_output or self._state != "open":
            return ()
        self._has_output = True
        return [Turn(key=_SESSION, model=self._findings.model, has_output=True)]

    def _close(self, event: _Event) -> Sequence[Turn]:
        if self._state == "over":
            return ()
        self._tree = raw_tree(event.usage) or self._tree
        self._findings.finish_reason = raw_word(event.reason) or "closed"
        self._state = "over"
        return [self._turn(self._reading())]

    def _reading(self) -> Reading:
        return self._findings.reading(transcript_usage(self._tree) if self._tree else None)

    def _turn(self, reading: Reading) -> Turn:
        return Turn(key=_SESSION, model=self._findings.model, reading=reading)


def _apart(turn: Turn) -> Turn:
    """A delegated turn under a name of its own."""
    return attrs.evolve(turn, key=f"delegated {turn.key}")
