"""Reader of live sessions: JSON messages over a WebSocket, one turn of the model after the other.

The model stands in the client's first message and nowhere else, so that one is read and none after it. Of output only
lengths are taken. Called by `provider.py`; what the counts mean is in `usage.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from lectr_core import ABSENT, BAD_INPUT, Findings, MessageReader, Reading, Turn, numbers, raw_chars, raw_word
from lectr_provider_gemini.usage import of_partial, tier_of, usage_of, with_searches

_MAX_USAGE_BYTES: Final = 64 * 1024


@attrs.define
class _Setup:
    model: msgspec.Raw = ABSENT


@attrs.define
class _FromClient:
    setup: _Setup | None = None


@attrs.define
class _Message:
    # Raw, so that a wrong type in one field does not lose the others.
    serverContent: msgspec.Raw = ABSENT
    toolCall: msgspec.Raw = ABSENT
    usageMetadata: msgspec.Raw = ABSENT


@attrs.define
class _Part:
    text: msgspec.Raw = ABSENT
    inlineData: msgspec.Raw = ABSENT
    executableCode: msgspec.Raw = ABSENT
    codeExecutionResult: msgspec.Raw = ABSENT


@attrs.define
class _ModelTurn:
    parts: list[_Part] | None = None


@attrs.define
class _Transcript:
    text: msgspec.Raw = ABSENT


@attrs.define
class _Grounding:
    webSearchQueries: list[msgspec.Raw] | None = None


@attrs.define
class _Content:
    modelTurn: _ModelTurn | None = None
    outputTranscription: _Transcript | None = None
    groundingMetadata: _Grounding | None = None
    generationComplete: bool | None = None
    turnComplete: bool | None = None
    interrupted: bool | None = None
    turnCompleteReason: msgspec.Raw = ABSENT


_from_client = msgspec.json.Decoder(_FromClient)
_message = msgspec.json.Decoder(_Message)
_content = msgspec.json.Decoder(_Content)


@attrs.define(eq=False)
class _Open:
    """One turn under way."""

    key: str
    usage: dict[str, object] = attrs.field(factory=dict)
    """Every field as last sent."""
    queries: int = 0
    deltas: int = 0
    delta_chars: int = 0
    interrupted: bool = False
    ended: str | None = None
    """Why, once it is complete; its usage may come a message later."""


class LiveReader(MessageReader):
    """A live session. A turn begins with the model's first output and ends when it says so and has told its usage."""

    hears_client = True

    def __init__(self) -> None:
        super().__init__()
        self._model: str | None = None
        self._turn: _Open | None = None
        self._count = 0

    def on_client(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`: the setup comes first, and only once."""
        setup = _from_client.decode(message).setup
        if setup is not None:
            named = raw_word(setup.model)
            self._model = named.removeprefix("models/") if named is not None else None
        self.hears_client = False
        return ()

    def on_server(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`."""
        said = _message.decode(message)
        content = self._content(said.serverContent)
        pieces = _output(content)
        if _is_there(said.toolCall):
            pieces.append(len(said.toolCall))
        news: list[Turn] = []
        if pieces and self._turn is not None and self._turn.ended is not None:
            news.append(self._end(self._turn))
        is_said = _is_there(said.usageMetadata)
        if not pieces and not is_said and not content.turnComplete and self._turn is None:
            return news
        turn = self._turn
        if turn is None:
            self._count += 1
            turn = self._turn = _Open(str(self._count))
            news.append(Turn(key=turn.key, model=self._model))
        if pieces:
            if not turn.deltas:
                news.append(Turn(key=turn.key, model=self._model, has_output=True))
            turn.deltas += len(pieces)
            turn.delta_chars += sum(pieces)
        if is_said:
            self._learn_usage(turn, said.usageMetadata)
        self._learn(turn, content)
        if turn.ended is not None and turn.usage:
            news.append(self._end(turn))
        return news

    def finish(self) -> Sequence[Turn]:
        """See `ports.TunnelReader`."""
        return [] if self._turn is None else [self._end(self._turn)]

    def _content(self, raw: msgspec.Raw) -> _Content:
        if not _is_there(raw):
            return _Content()
        try:
            return _content.decode(raw)
        except BAD_INPUT:
            self.faulty = True  # of a shape unknown today: what the message says of usage holds all the same
            return _Content()

    def _learn_usage(self, turn: _Open, raw: msgspec.Raw) -> None:
        tree = msgspec.json.decode(raw) if len(raw) <= _MAX_USAGE_BYTES else None
        if isinstance(tree, dict):
            turn.usage.update((name, value) for name, value in tree.items() if value is not None)

    def _learn(self, turn: _Open, content: _Content) -> None:
        if content.groundingMetadata is not None:
            turn.queries = max(turn.queries, len(content.groundingMetadata.webSearchQueries or ()))
        turn.interrupted = turn.interrupted or bool(content.interrupted)
        if content.turnComplete:
            usual = "interrupted" if turn.interrupted else "turn_complete"
            turn.ended = raw_word(content.turnCompleteReason) or usual

    def _end(self, turn: _Open) -> Turn:
        self._turn = None
        findings = Findings()
        findings.model, findings.finish_reason = self._model, turn.ended
        tree = numbers(turn.usage)
        findings.tier = tier_of(tree)
        usage = with_searches(usage_of(tree), turn.queries, self._model) if tree else None
        is_over = turn.ended is not None
        told = usage if usage is None or is_over else of_partial(usage)
        reading: Reading = findings.reading(told, deltas=turn.deltas, delta_chars=turn.delta_chars)
        if reading.state == "reported" and not is_over:
            reading = attrs.evolve(reading, state="partial")
        return Turn(key=turn.key, model=self._model, reading=reading)


def _output(content: _Content) -> list[int]:
    """The length of each piece of output; 0 for sound and pictures, whose length says nothing of their tokens."""
    parts = content.modelTurn.parts if content.modelTurn is not None else None
    pieces = [raw_chars(part.text) for part in parts or () if _says(part)]
    if content.outputTranscription is not None and (chars := raw_chars(content.outputTranscription.text)):
        pieces.append(chars)
    return pieces


def _says(part: _Part) -> bool:
    others = (part.inlineData, part.executableCode, part.codeExecutionResult)
    return raw_chars(part.text) > 0 or any(_is_there(one) for one in others)


def _is_there(raw: msgspec.Raw) -> bool:
    """Whether the field is there and says something: shorter ones are `null`, `{}` and the like."""
    return len(raw) > len(b"null")
