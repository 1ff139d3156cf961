"""Readers of messages: the whole answer, and the stream of events.

Only declared fields are decoded; the text of an answer is measured where it lies and never becomes an object. Called by
`provider.py` and by provider plugins. What the counts mean is in `message_usage.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core.dialects.findings import ABSENT, Findings, raw_chars, raw_tree, raw_word
from lectr_core.dialects.message_usage import merge, message_usage, tier_of, without_output
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import count, with_terms
from lectr_core.model.reading import Reading, Tree, Usage
from lectr_core.wire.body import BAD_INPUT


@attrs.define
class _Message:
    """A message; also the error that may stand in its place."""

    # Raw, so that a wrong type in one field does not lose the others.
    type: msgspec.Raw = ABSENT
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    stop_reason: msgspec.Raw = ABSENT
    container: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


@attrs.define
class _Piece:
    """A content block, or a delta of one: what it carries stands in one of these. A signature is no output."""

    type: msgspec.Raw = ABSENT
    text: msgspec.Raw = ABSENT
    thinking: msgspec.Raw = ABSENT
    partial_json: msgspec.Raw = ABSENT
    input: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    stop_reason: msgspec.Raw = ABSENT
    container: msgspec.Raw = ABSENT

    @property
    def chars(self) -> int:
        """How long its strings are, JSON escapes as sent; a tool's input counts with its braces, as it is streamed."""
        if self.text:
            return raw_chars(self.text)  # nearly every piece is text alone
        strings = raw_chars(self.thinking) + raw_chars(self.partial_json) + raw_chars(self.content)
        return strings + (len(self.input) if len(self.input) > len(b"null") else 0)


@attrs.define
class _Event:
    type: str | None = None
    message: msgspec.Raw = ABSENT
    content_block: msgspec.Raw = ABSENT
    delta: _Piece | None = None
    usage: msgspec.Raw = ABSENT


_message = msgspec.json.Decoder(_Message)
_pieces = msgspec.json.Decoder(list[_Piece])
_piece = msgspec.json.Decoder(_Piece)
_event = msgspec.json.Decoder(_Event)

_READ: Final = "cache_read_input_tokens"
_LATE: Final = "what was cached is told after the prompt, and may be a part of it"

_CONTAINER: Final = "a container that code ran in (billed by its own time, and shared by requests)"

# Blocks that begin empty and are filled by deltas; every other kind says something as soon as it begins.
_EMPTY_AT_FIRST: Final = frozenset({"text", "thinking", "compaction"})


class MessagesReader(WholeReader):
    """A message in one piece."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        message = _message.decode(body)
        findings = Findings()
        if raw_word(message.type) == "error":
            findings.error_category = "in_band"
        findings.model = raw_word(message.model)
        findings.answer_id = raw_word(message.id)
        findings.finish_reason = raw_word(message.stop_reason)
        tree = raw_tree(message.usage)
        findings.tier = tier_of(tree)
        lengths = _lengths(message.content)
        reading = findings.reading(_with_container(self.usage_of(tree, findings.model), message.container))
        return attrs.evolve(reading, deltas=len(lengths), delta_chars=sum(lengths))

    def usage_of(self, tree: Tree, model: str | None) -> Usage:
        """The usage object in disjoint units. Override it where more is told."""
        return message_usage(tree, model)


class MessagesEventReader(EventReader):
    """A message as server-sent events.

    The first event has the whole prompt's usage with a placeholder for the output; later ones have cumulative totals that
    lack some of its fields. So all are merged, and without a later one there is no output count.
    """

    def __init__(self) -> None:
        super().__init__()
        self._findings = Findings()
        self._usage: Tree = {}
        self._output_counted = False
        self._tool_ran = False
        self._cache_told_late = False
        self._container = ABSENT

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if name == b"error":
            self._findings.error_category = "in_band"
            return
        event = _event.decode(data)
        kind = event.type
        if kind == "content_block_delta":
            chars = 0 if event.delta is None else event.delta.chars
            if event.delta is not None and chars and chars == raw_chars(event.delta.text):
                self.saw_text(name, data, event.delta.text)
            elif chars:
                self.saw_output(chars)
        elif kind == "content_block_start":
            kind = raw_word(_piece.decode(event.content_block).type)
            if kind not in _EMPTY_AT_FIRST:
                self.first_token_seen = True
            self._tool_ran = self._tool_ran or kind == "server_tool_use"
        elif kind == "message_start":
            self._start(_message.decode(event.message))
        elif kind == "message_delta":
            self._go_on(event)
        elif kind == "message_stop":
            self.ended = True
        elif kind == "error":
            self._findings.error_category = "in_band"

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`. An error, or an end without a reason to stop, leaves counts of the moment: a lower bound."""
        tree = self._usage if self._output_counted else without_output(self._usage)
        self._findings.tier = tier_of(tree)
        usage = _with_container(self.usage_of(tree, self._findings.model), self._container)
        if self._cache_told_late:
            usage = attrs.evolve(with_terms(usage, doubt=_LATE), adds_up=False)
        final = self._output_counted and self._findings.finish_reason is not None and self._findings.error_category is None
        if self._tool_ran and not (final and complete):
            # What a tool found was put before the model, in a turn that is not told yet.
            usage = with_terms(usage, input_open=True)
        reading = self._findings.reading(usage)
        return reading if final or reading.state != "reported" else attrs.evolve(reading, state="partial")

    def usage_of(self, tree: Tree, model: str | None) -> Usage:
        """See `MessagesReader`."""
        return message_usage(tree, model)

    def _start(self, message: _Message) -> None:
        self._findings.model = raw_word(message.model)
        self._findings.answer_id = raw_word(message.id)
        self._usage = merge(self._usage, raw_tree(message.usage))

    def _go_on(self, event: _Event) -> None:
        tree = raw_tree(event.usage)
        if count(tree.get(_READ)) and "input_tokens" not in tree and not self._usage.get(_READ):
            self._cache_told_late = True
        self._output_counted = self._output_counted or count(tree.get("output_tokens")) is not None
        self._usage = merge(self._usage, tree)
        if event.delta is not None:
            self._container = event.delta.container.copy() if event.delta.container else self._container
            self._findings.finish_reason = raw_word(event.delta.stop_reason) or self._findings.finish_reason


def message_used(message: msgspec.Raw) -> tuple[str | None, Usage | None]:
    """The model that a message names and what it used; no usage where none stands in it. Errors: as a decoder's."""
    found = _message.decode(message)
    tree, model = raw_tree(found.usage), raw_word(found.model)
    return model, _with_container(message_usage(tree, model), found.container) if tree else None


def _with_container(usage: Usage, container: msgspec.Raw) -> Usage:
    """*usage*, and that a container was used if one is told of: it is billed by its time, which no answer tells."""
    if len(container) <= len(b"null"):
        return usage
    return with_terms(usage, untold=_CONTAINER)


def _lengths(content: msgspec.Raw) -> list[int]:
    """How long each block with output is."""
    try:
        blocks = _pieces.decode(content) if len(content) > 2 else []
    except BAD_INPUT:
        return []
    return [chars for chars in (block.chars for block in blocks) if chars]
