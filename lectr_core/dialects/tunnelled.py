"""The bases of readers of tunnels, and the dialect of responses spoken over one: each turn is a stream of typed events.

Whole messages come in; out come turns that begin, have output and end. Bad input is a state and never an exception, and what
is held is bounded. Called by the hot rooms through `ports.TunnelReader`; provider plugins subclass `MessageReader`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from lectr_core.dialects.findings import ABSENT, raw_word
from lectr_core.dialects.responses import ResponsesEventReader
from lectr_core.model.reading import Turn
from lectr_core.wire.body import BAD_INPUT

MAX_OPEN: Final = 64
"""Turns followed at the same time on one connection. Of those beyond, the oldest are let go of until they end."""


class MessageReader(ABC):
    """What the readers of tunnels have in common."""

    hears_client = False
    """See `ports.TunnelReader`."""

    def __init__(self) -> None:
        self.faulty = False

    def hear(self, message: bytes, *, from_client: bool) -> Sequence[Turn]:
        """See `ports.TunnelReader`."""
        try:
            return self.on_client(message) if from_client else self.on_server(message)
        except BAD_INPUT:
            # Sound and pictures may come as they are, between messages that are JSON.
            self.faulty = self.faulty or message[:1] == b"{"
            return ()

    def on_client(self, message: bytes) -> Sequence[Turn]:
        """One message of the client. May raise ValueError (msgspec's errors are such) for one that says nothing."""
        return ()

    @abstractmethod
    def on_server(self, message: bytes) -> Sequence[Turn]:
        """One message of the provider. May raise as `on_client`."""

    @abstractmethod
    def finish(self) -> Sequence[Turn]:
        """See `ports.TunnelReader`."""


class _Asked(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT


class _Response(msgspec.Struct, gc=False):
    id: msgspec.Raw = ABSENT


class _Event(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT


_asked = msgspec.json.Decoder(_Asked)
_event = msgspec.json.Decoder(_Event)
_response = msgspec.json.Decoder(_Response)


@attrs.define(eq=False)
class _Open:
    """One turn under way, read as the stream of events that it is."""

    key: str
    model: str | None
    answer_id: str | None = None
    """None: the provider has not said yet that it began."""
    reader: ResponsesEventReader = attrs.field(factory=ResponsesEventReader)
    failed: bool = False
    """An error came instead of an end. One may still come."""


class ResponsesTunnelReader(MessageReader):
    """Responses over a tunnel: the client asks for one after the other, each answered by the events of a stream.

    A turn begins with the client's request, so that its time to the first output is the one that was waited. Events name
    their response only where they carry one; the others belong to the last that was named.
    """

    hears_client = True

    def __init__(self) -> None:
        super().__init__()
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._current: _Open | None = None
        self._count = 0

    def on_client(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`."""
        asked = _asked.decode(message)
        if raw_word(asked.type) != "response.create":
            return ()
        news = self._end_failed()
        one = self._add(raw_word(asked.model))
        return [*news, Turn(key=one.key, model=one.model)]

    def on_server(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`."""
        event = _event.decode(message)
        kind = raw_word(event.type) or ""
        if kind == "error":
            return self._fail()
        answer_id = raw_word(_response.decode(event.response).id) if len(event.response) > 2 else None
        news: list[Turn] = []
        if answer_id is not None:
            known = self._named(answer_id)
            if known is None:
                news = self._end_failed()
                known = self._waiting()
                if known is None:  # nobody was heard to ask for it: it is taken in all the same
                    known = self._add(None)
                    news.append(Turn(key=known.key))
                known.answer_id = answer_id
            self._current = known
        one = self._current
        if one is None:
            return news
        had_output = one.reader.first_token_seen
        one.reader.on_event(b"", message)
        if one.reader.ended:
            return [*news, self._end(one, complete=True)]
        if one.reader.first_token_seen and not had_output:
            news.append(Turn(key=one.key, model=one.model, has_output=True))
        return news

    def finish(self) -> Sequence[Turn]:
        """See `ports.TunnelReader`."""
        return [self._end(one, complete=False) for one in list(self._open.values())]

    def _add(self, model: str | None) -> _Open:
        self._count += 1
        one = self._open[str(self._count)] = _Open(str(self._count), model)
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
            self.faulty = True  # it is not told from the others any more, should it end
        return one

    def _named(self, answer_id: str) -> _Open | None:
        return next((one for one in self._open.values() if one.answer_id == answer_id), None)

    def _waiting(self) -> _Open | None:
        """The turn that has been asked for and has not begun; the one asked for first."""
        return next((one for one in self._open.values() if one.answer_id is None), None)

    def _fail(self) -> list[Turn]:
        """An error: of the turn that was asked for and will not begin, else of the one under way."""
        waiting = self._waiting()
        one = waiting or self._current
        if one is None:
            return []
        one.reader.findings.error_category = "in_band"
        one.failed = True
        return [self._end(one, complete=True)] if waiting is not None else []

    def _end_failed(self) -> list[Turn]:
        return [self._end(one, complete=False) for one in list(self._open.values()) if one.failed]

    def _end(self, one: _Open, *, complete: bool) -> Turn:
        self._open.pop(one.key, None)
        if self._current is one:
            self._current = None
        return Turn(key=one.key, model=one.model, reading=one.reader.finish(complete=complete))
