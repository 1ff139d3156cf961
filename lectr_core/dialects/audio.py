"""The dialect of transcripts and of speech: billed by tokens or by seconds, depending on the model.

No transcript is kept; of its pieces, only lengths are taken. Plain text, subtitles and audio itself carry no usage. Called
through `dialects/provider.py`.
"""

from __future__ import annotations

import math

import msgspec

from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_chars, raw_tree, raw_word
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Tree, Usage


class _Transcript(msgspec.Struct, gc=False):
    usage: msgspec.Raw = ABSENT
    duration: msgspec.Raw = ABSENT


class _Event(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    delta: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


_transcript = msgspec.json.Decoder(_Transcript)
_event = msgspec.json.Decoder(_Event)
_seconds = msgspec.json.Decoder(float, strict=False)


def transcript_usage(tree: Tree) -> Usage:
    """Usage of a transcript: tokens, part of them audio, or a duration. Units: whole seconds, begun ones counted.

    Shapes: `prompt_audio_seconds` stands for a duration, too; tokens beside it are not what is billed.
    """
    seconds = tree.get("seconds", tree.get("prompt_audio_seconds"))
    if isinstance(seconds, int | float) and seconds >= 0:
        return Usage({units.AUDIO_SECONDS: math.ceil(seconds)}, tree)
    asked, given, total = (count(tree.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
    audio = count(branch(tree, "input_token_details").get("audio_tokens"))
    read, fits = apportion(asked or 0, [(units.INPUT_AUDIO, audio)], units.INPUT)
    written = {units.OUTPUT: given} if given else {}
    return Usage(read | written, tree, adds_up(asked, given, total, fits=fits))


def speech_usage(tree: Tree) -> Usage:
    """Usage of speech: text in, audio out."""
    asked, given, total = (count(tree.get(name)) for name in ("input_tokens", "output_tokens", "total_tokens"))
    named = {units.INPUT: asked, units.OUTPUT_AUDIO: given}
    return Usage({name: number for name, number in named.items() if number}, tree, adds_up(asked, given, total, fits=True))


class TranscriptReader(WholeReader):
    """A whole transcript. A verbose one of an older model has a duration and no usage."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        found = _transcript.decode(body)
        tree = raw_tree(found.usage) or _duration(found.duration)
        return Findings().reading(self.usage_of(tree) if tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return transcript_usage(tree)


def _duration(raw: msgspec.Raw) -> Tree:
    if not 0 < len(raw) <= 32:
        return {}
    try:
        seconds = _seconds.decode(raw)
    except ValueError:
        return {}
    return {"seconds": seconds} if 0 <= seconds <= 2**31 else {}


class TranscriptEventReader(EventReader):
    """A transcript as events; the last one carries the usage."""

    LAST = "transcript.text.done"
    DELTA = "transcript.text.delta"

    def __init__(self) -> None:
        super().__init__()
        self._findings = Findings()
        self._tree: Tree = {}

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if data == b"[DONE]":
            self.ended = True
            return
        event = _event.decode(data)
        kind = raw_word(event.type)
        if kind == self.DELTA:
            self.on_delta(event.delta)
        elif kind == self.LAST:
            self._tree = raw_tree(event.usage)
            self.ended = True
        elif kind == "error":
            self._findings.error_category = "in_band"

    def on_delta(self, delta: msgspec.Raw) -> None:
        """One piece of the transcript."""
        if chars := raw_chars(delta):
            self.saw_output(chars)

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return self._findings.reading(self.usage_of(self._tree) if self._tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units."""
        return transcript_usage(tree)


class SpeechEventReader(TranscriptEventReader):
    """Speech as events. The audio in them is base64, whose length says nothing of its tokens: it only counts as begun."""

    LAST = "speech.audio.done"
    DELTA = "speech.audio.delta"

    def on_delta(self, delta: msgspec.Raw) -> None:
        """See `TranscriptEventReader`."""
        self.first_token_seen = True

    def usage_of(self, tree: Tree) -> Usage:
        """See `TranscriptEventReader`."""
        return speech_usage(tree)
