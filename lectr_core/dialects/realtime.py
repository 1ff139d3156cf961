"""The dialect of realtime sessions: speech and text both ways over one connection, one response a turn.

Usage comes with the end of each response; transcripts of what the client said are made by another model and billed by
themselves, so each is a turn of its own. No speech, no transcript is kept: of output only lengths are taken. Called through
`dialects/provider.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs
import msgspec

from lectr_core.dialects.audio import transcript_usage
from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_chars, raw_tree, raw_word
from lectr_core.dialects.tunnelled import MAX_OPEN, MessageReader
from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Tree, Turn, Usage

_SESSION: Final = frozenset(
    {"session.created", "session.updated", "transcription_session.created", "transcription_session.updated"}
)
_TRANSCRIPT: Final = "conversation.item.input_audio_transcription."
_MAX_SESSION_BYTES: Final = 4 * 1024 * 1024
"""A longer session object (its instructions and tools are the client's) is left unread."""


class _Event(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    type: msgspec.Raw = ABSENT
    response_id: msgspec.Raw = ABSENT
    delta: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT
    session: msgspec.Raw = ABSENT
    item_id: msgspec.Raw = ABSENT
    content_index: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


class _Named(msgspec.Struct, gc=False):
    model: msgspec.Raw = ABSENT


class _Input(msgspec.Struct, gc=False):
    transcription: _Named | None = None


class _Audio(msgspec.Struct, gc=False):
    input: _Input | None = None


class _Session(msgspec.Struct, gc=False):
    model: msgspec.Raw = ABSENT
    audio: _Audio | None = None
    input_audio_transcription: _Named | None = None


class _Details(msgspec.Struct, gc=False):
    reason: msgspec.Raw = ABSENT


class _Response(msgspec.Struct, gc=False):
    id: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    status_details: _Details | None = None
    usage: msgspec.Raw = ABSENT


_event = msgspec.json.Decoder(_Event)
_session = msgspec.json.Decoder(_Session)
_response = msgspec.json.Decoder(_Response)


def realtime_usage(tree: Tree) -> Usage:
    """A response's usage in disjoint units.

    Shapes: cached tokens are part of the input, by medium; where they are not said by medium, they are taken to be text
        first, then sound. Units: tokens.
    """
    asked_total, given_total = count(tree.get("input_tokens")), count(tree.get("output_tokens"))
    asked, given = branch(tree, "input_token_details"), branch(tree, "output_token_details")
    sound, pictures = count(asked.get("audio_tokens")) or 0, count(asked.get("image_tokens")) or 0
    cached = _cached(asked, text=max((asked_total or 0) - sound - pictures, 0), sound=sound)
    read, read_fits = apportion(
        asked_total or 0,
        (
            (units.CACHE_READ, cached["text"]),
            (units.CACHE_READ_AUDIO, cached["audio"]),
            (units.CACHE_READ_IMAGE, cached["image"]),
            (units.INPUT_AUDIO, max(sound - cached["audio"], 0)),
            (units.INPUT_IMAGE, max(pictures - cached["image"], 0)),
        ),
        units.INPUT,
    )
    written, written_fits = apportion(
        given_total or 0, ((units.OUTPUT_AUDIO, count(given.get("audio_tokens"))),), units.OUTPUT
    )
    fits = read_fits and written_fits and cached["audio"] <= sound and cached["image"] <= pictures
    return Usage(
        units=read | written,
        raw=tree,
        adds_up=adds_up(asked_total, given_total, count(tree.get("total_tokens")), fits=fits),
    )


def _cached(asked: Tree, *, text: int, sound: int) -> dict[str, int]:
    whole = count(asked.get("cached_tokens")) or 0
    told = branch(asked, "cached_tokens_details")
    by_medium = {name: count(told.get(f"{name}_tokens")) for name in ("text", "audio", "image")}
    if any(number is not None for number in by_medium.values()):
        return {name: number or 0 for name, number in by_medium.items()}
    of_text = min(whole, text)
    of_sound = min(whole - of_text, sound)
    return {"text": of_text, "audio": of_sound, "image": whole - of_text - of_sound}


@attrs.define(eq=False)
class _Open:
    """One response under way."""

    model: str | None
    deltas: int = 0
    delta_chars: int = 0


class RealtimeReader(MessageReader):
    """A realtime session. All it needs is what the provider sends: the session's model stands there too."""

    def __init__(self, model: str | None = None) -> None:
        """*model*: stands in where the session names none."""
        super().__init__()
        self._model = model
        self._transcriber: str | None = None
        self._open: dict[str, _Open] = {}

    def on_server(self, message: bytes) -> Sequence[Turn]:
        """See `MessageReader`."""
        event = _event.decode(message)
        kind = raw_word(event.type) or ""
        if kind.startswith("response."):
            if kind.endswith(".delta"):
                return self._on_delta(kind, event)
            if kind == "response.created":
                return self._begin(_response.decode(event.response))
            if kind == "response.done":
                return self._end(_response.decode(event.response))
        elif kind in _SESSION:
            self._learn(event.session)
        elif kind == f"{_TRANSCRIPT}completed" or kind == f"{_TRANSCRIPT}failed":
            return self._transcribed(event, failed=kind.endswith("failed"))
        return ()

    def finish(self) -> Sequence[Turn]:
        """See `ports.TunnelReader`. Usage is told at the end alone: of what an open turn used, nothing is known."""
        turns = [
            Turn(key=key, model=one.model, reading=Reading(model=one.model, deltas=one.deltas, delta_chars=one.delta_chars))
            for key, one in self._open.items()
        ]
        self._open.clear()
        return turns

    def usage_of(self, tree: Tree) -> Usage:
        """A response's usage in disjoint units. Override it where the provider counts otherwise."""
        return realtime_usage(tree)

    def _learn(self, raw: msgspec.Raw) -> None:
        if not 2 < len(raw) <= _MAX_SESSION_BYTES:
            return
        session = _session.decode(raw)
        self._model = raw_word(session.model) or self._model
        heard = session.audio.input if session.audio is not None else None
        named = heard.transcription if heard is not None else session.input_audio_transcription
        self._transcriber = raw_word(named.model) if named is not None else None

    def _begin(self, response: _Response) -> list[Turn]:
        key = raw_word(response.id)
        if key is None or key in self._open or len(self._open) >= MAX_OPEN:
            return []
        self._open[key] = _Open(self._model)
        return [Turn(key=key, model=self._model)]

    def _on_delta(self, kind: str, event: _Event) -> Sequence[Turn]:
        key = raw_word(event.response_id)
        one = self._open.get(key) if key is not None else None
        if key is None or one is None:
            return ()
        one.deltas += 1
        # Sound comes in base64, whose length says nothing of its tokens.
        one.delta_chars += 0 if kind.endswith("audio.delta") else raw_chars(event.delta)
        return [Turn(key=key, model=one.model, has_output=True)] if one.deltas == 1 else ()

    def _end(self, response: _Response) -> list[Turn]:
        key = raw_word(response.id)
        if key is None:
            self.faulty = True
            return []
        one = self._open.pop(key, None) or _Open(self._model)
        findings = Findings()
        findings.model, findings.answer_id = one.model, key
        status, details = raw_word(response.status), response.status_details
        findings.finish_reason = (raw_word(details.reason) if details is not None else None) or status or "done"
        findings.error_category = "in_band" if status == "failed" else None
        tree = raw_tree(response.usage)
        usage = self.usage_of(tree) if tree else None
        reading = findings.reading(usage, deltas=one.deltas, delta_chars=one.delta_chars)
        return [Turn(key=key, model=one.model, reading=reading)]

    def _transcribed(self, event: _Event, *, failed: bool) -> list[Turn]:
        findings = Findings()
        findings.model = self._transcriber
        findings.finish_reason = "failed" if failed else "completed"
        findings.error_category = "in_band" if failed else None
        tree = raw_tree(event.usage)
        reading = findings.reading(transcript_usage(tree) if tree else None)
        key = f"{_TRANSCRIPT}{raw_word(event.item_id)}.{bytes(event.content_index)[:20].decode('ascii', 'replace')}"
        return [Turn(key=key, model=self._transcriber, reading=reading)]
