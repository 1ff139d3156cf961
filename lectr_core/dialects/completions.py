"""The dialect of chat completions: whole answers and streams of chat completions, completions and embeddings.

What is read: usage, the model's name, the service tier, the id, the finish reason, and how long the pieces of output are.
Output itself stays in the parser's buffer as raw JSON, of which only the length is taken. Providers that speak the dialect
with an accent subclass and override `usage_of`, or call `note_usage` for usage that stands elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from lectr_core.dialects.findings import ABSENT, MAX_USAGE_BYTES, Findings, adds_up, raw_chars, raw_tree, raw_word
from lectr_core.dialects.overlap import overlapping
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.responses import response_usage
from lectr_core.dialects.usage import apportion, branch, count, laid_over
from lectr_core.model import units
from lectr_core.model.reading import Reading, Terms, Tree, Usage
from lectr_core.wire.body import BAD_INPUT


# Structs, not attrs: msgspec fills them about five times as fast, and a stream has one of each for every token.
class _Message(msgspec.Struct, gc=False):
    content: msgspec.Raw = ABSENT
    refusal: msgspec.Raw = ABSENT
    reasoning: msgspec.Raw = ABSENT
    reasoning_content: msgspec.Raw = ABSENT
    tool_calls: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT


class _Choice(msgspec.Struct, gc=False):
    delta: _Message | None = None
    message: _Message | None = None
    text: msgspec.Raw = ABSENT
    finish_reason: msgspec.Raw = ABSENT


class _Head(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class _Answer(_Head, gc=False):
    choices: msgspec.Raw = ABSENT


class _Chunk(_Head, gc=False):
    choices: list[_Choice] | None = None


class _Function(msgspec.Struct, gc=False):
    name: msgspec.Raw = ABSENT
    arguments: msgspec.Raw = ABSENT


class _ToolCall(msgspec.Struct, gc=False):
    function: _Function | None = None


_answer = msgspec.json.Decoder(_Answer)
_chunk = msgspec.json.Decoder(_Chunk)
_tool_calls = msgspec.json.Decoder(list[_ToolCall])
_function = msgspec.json.Decoder(_Function)


_Named = tuple[tuple[str, str], ...]
_Parts = Sequence[tuple[str, int | None]]

_OF_PROMPT: Final[_Named] = (
    ("cached_tokens", units.CACHE_READ),
    ("cache_write_tokens", units.CACHE_WRITE),
    ("audio_tokens", units.INPUT_AUDIO),
    ("image_tokens", units.INPUT_IMAGE),
    ("video_tokens", units.INPUT_VIDEO),
)
_OF_COMPLETION: Final[_Named] = (
    ("reasoning_tokens", units.REASONING),
    ("audio_tokens", units.OUTPUT_AUDIO),
    ("image_tokens", units.OUTPUT_IMAGE),
)


_BEYOND: Final = "tokens that only the total holds"


def completion_usage(tree: Tree) -> Usage:
    """A usage object of this dialect in disjoint units.

    Shapes: cached, cache-write, audio and image tokens are part of the prompt; reasoning and audio tokens are part of the
        completion, and so are rejected predictions, which are billed as output. A total alone is a prompt: what ranks or
        embeds has no completion. Some servers use the names of responses.
    """
    prompt, completion = count(tree.get("prompt_tokens")), count(tree.get("completion_tokens"))
    if prompt is None or completion is None:
        if prompt is None and completion is None and ("input_tokens" in tree or "output_tokens" in tree):
            return response_usage(tree)
        prompt, completion = _told_by_total(prompt, completion, count(tree.get("total_tokens")))
    asked, given = branch(tree, "prompt_tokens_details"), branch(tree, "completion_tokens_details")
    read, read_fits = apportion(prompt or 0, _parts(asked, _OF_PROMPT), units.INPUT)
    if not read_fits:
        read, read_fits = overlapping(prompt or 0, asked)
    written, written_fits = apportion(completion or 0, _parts(given, _OF_COMPLETION), units.OUTPUT)
    total = count(tree.get("total_tokens"))
    fits = adds_up(prompt, completion, total, fits=read_fits and written_fits)
    usage = Usage(units=read | written, raw=tree, adds_up=fits)
    beyond = 0 if fits is not False or total is None else total - (prompt or 0) - (completion or 0)
    if beyond <= 0:
        return usage
    if read_fits and beyond == count(given.get("reasoning_tokens")):
        # Some count reasoning beside the completion, and the total says so.
        return attrs.evolve(completion_usage({**tree, "completion_tokens": (completion or 0) + beyond}), raw=tree)
    return attrs.evolve(usage, terms=Terms(untold=_BEYOND))


def _told_by_total(prompt: int | None, completion: int | None, total: int | None) -> tuple[int | None, int | None]:
    """What the total tells of the one that is missing. A total alone is a prompt, and so is one that is no more than it."""
    if total is None:
        return prompt, completion
    if prompt is None:
        return (total, None) if completion is None else (max(0, total - completion), completion)
    return prompt, total - prompt if total > prompt else completion


def _parts(details: Tree, named: _Named) -> _Parts:
    # Most details are 0 or not there: they need not be looked at any closer.
    return [(unit, count(details[name])) for name, unit in named if details.get(name)] if details else ()


class _Findings(Findings):
    """What one answer of this dialect has said so far."""

    def __init__(self) -> None:
        super().__init__()
        self.usage: msgspec.Raw = ABSENT
        """The latest usage object, not yet decoded."""
        self._fuller: msgspec.Raw = ABSENT
        """The longest one before it, where that was longer."""

    def note(self, answer: _Head) -> None:
        if self.model is None:
            self.model = raw_word(answer.model)
        if self.answer_id is None:
            self.answer_id = raw_word(answer.id)
        if answer.service_tier:
            self.tier = raw_word(answer.service_tier) or self.tier
        if len(answer.usage) > len(b"null"):
            self.note_usage(answer.usage)
        if len(answer.error) > len(b"null"):
            self.error_category = "in_band"

    def note_usage(self, raw: msgspec.Raw) -> None:
        """The last usage object that is one wins. A copy: the event it stands in is let go of."""
        if len(raw) <= MAX_USAGE_BYTES and memoryview(raw)[0] == 0x7B:
            if len(raw) < len(self.usage) > len(self._fuller):
                self._fuller = self.usage
            self.usage = raw.copy()

    def tree(self) -> Tree:
        """The usage as numbers. What the last object leaves out, or tells as 0, an earlier one may have told."""
        tree = raw_tree(self.usage)
        return laid_over(raw_tree(self._fuller), tree) if self._fuller else tree

    def note_choices(self, choices: list[_Choice] | None) -> list[int]:
        """Note finish reasons; give the length of each piece of output."""
        lengths: list[int] = []
        for choice in choices or ():
            if choice.finish_reason:
                self.finish_reason = raw_word(choice.finish_reason) or self.finish_reason
            message = choice.delta or choice.message
            chars = raw_chars(choice.text) if message is None else _message_chars(message)
            if chars:
                lengths.append(chars)
        return lengths


def _only_text(chunk: _Chunk) -> msgspec.Raw:
    """The content of a chunk that says nothing else which another might not say."""
    if (
        chunk.choices is None
        or len(chunk.choices) != 1
        or len(chunk.usage) > len(b"null")
        or len(chunk.error) > len(b"null")
    ):
        return ABSENT
    choice = chunk.choices[0]
    return ABSENT if choice.delta is None or len(choice.finish_reason) > len(b"null") else choice.delta.content


def _message_chars(message: _Message) -> int:
    chars = raw_chars(message.content) or raw_chars(message.refusal)
    # Some servers send one piece of reasoning under both names.
    chars += raw_chars(message.reasoning_content) or raw_chars(message.reasoning)
    if len(message.tool_calls) > len(b"null"):
        chars += sum(_function_chars(call.function) for call in _tool_calls.decode(message.tool_calls))
    if len(message.function_call) > len(b"null"):
        chars += _function_chars(_function.decode(message.function_call))
    return chars


def _function_chars(function: _Function | None) -> int:
    return 0 if function is None else raw_chars(function.name) + raw_chars(function.arguments)


class CompletionsReader(WholeReader):
    """A whole answer: chat completion, completion, embeddings, and whatever else has its usage in that form."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        findings = _Findings()
        lengths: list[int] = []
        is_embedding = False
        try:
            chunk = _chunk.decode(body)
        except msgspec.ValidationError:
            findings.note(_answer.decode(body))  # the choices are strange: they alone are lost
        else:
            is_embedding = chunk.choices is None
            findings.note(chunk)
            try:
                lengths = findings.note_choices(chunk.choices)
            except BAD_INPUT:
                pass  # so are strange tool calls
        tree = findings.tree()
        usage = self.usage_of(tree) if tree else None
        if usage is not None and not usage.units and is_embedding and findings.error_category is None:
            usage = None  # nothing is embedded or ranked without a token: it was not counted
        return findings.reading(usage, deltas=len(lengths), delta_chars=sum(lengths))

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return completion_usage(tree)


class CompletionsEventReader(EventReader):
    """A stream of chunks of chat completions or completions.

    Usage comes in one chunk, in many (the last one holds) or in none. The stream ends with `[DONE]`, if it says so at all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.findings = _Findings()

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if data == b"[DONE]":
            self.ended = True
            return
        if name == b"error":
            self.findings.error_category = "in_band"
        try:
            chunk = _chunk.decode(data)
        except msgspec.ValidationError:
            # The choices are strange: they alone are lost.
            self.findings.note(_answer.decode(data))
            return
        self.findings.note(chunk)
        lengths = self.findings.note_choices(chunk.choices)
        text = _only_text(chunk) if len(lengths) == 1 else ABSENT
        if raw_chars(text) == sum(lengths) > 0:
            self.saw_text(name, data, text)
            return
        for chars in lengths:
            self.saw_output(chars)

    def note_usage(self, raw: msgspec.Raw) -> None:
        """Take a usage object from another place than `usage`; for subclasses."""
        self.findings.note_usage(raw)

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        tree = self.findings.tree()
        return self.findings.reading(self.usage_of(tree) if tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return completion_usage(tree)
