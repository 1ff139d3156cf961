"""Readers of interactions, decisions and cached contents: other shapes with the same counts.

An interaction may be worked on in the background and fetched later, so that its usage is counted once under its id, wherever
it is told first. Called by `provider.py`.
"""

from __future__ import annotations

import attrs
import msgspec

from lectr_core import ABSENT, EventReader, Findings, Reading, Terms, Usage, WholeReader, count, raw_tree, raw_word, units
from lectr_provider_gemini.usage import interaction_usage

_WORKING = frozenset({"in_progress", "queued", "requires_continuation"})


@attrs.define
class _Interaction:
    # Raw, so that a wrong type in one field does not lose the others.
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


@attrs.define
class _Event:
    event_type: msgspec.Raw = ABSENT
    interaction: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


@attrs.define
class _Content:
    model: msgspec.Raw = ABSENT
    name: msgspec.Raw = ABSENT
    usageMetadata: msgspec.Raw = ABSENT


_interaction = msgspec.json.Decoder(_Interaction)
_event = msgspec.json.Decoder(_Event)
_content = msgspec.json.Decoder(_Content)


class _Learnt(Findings):
    """What the latest interaction object has said."""

    def __init__(self) -> None:
        super().__init__()
        self.usage: Usage | None = None

    def note(self, raw: msgspec.Raw | bytes) -> None:
        """Learn from an interaction. Errors: ValueError."""
        found = _interaction.decode(raw)
        self.model = raw_word(found.model) or self.model
        self.answer_id = raw_word(found.id) or self.answer_id
        self.tier = raw_word(found.service_tier) or self.tier
        self.finish_reason = raw_word(found.status) or self.finish_reason
        tree = raw_tree(found.usage)
        self.usage = interaction_usage(tree) if tree else self.usage

    def conclude(self) -> Reading:
        """All of it. What is still worked on is told later."""
        reading = self.reading(self.usage)
        if reading.usage is None or self.finish_reason in _WORKING:
            is_open = self.finish_reason in _WORKING and self.error_category is None
            return attrs.evolve(reading, state="open" if is_open else "absent", usage=None)
        terms = attrs.evolve(reading.usage.terms or Terms(), once=self.answer_id)
        return attrs.evolve(reading, usage=attrs.evolve(reading.usage, terms=terms))


class InteractionReader(WholeReader):
    """An interaction in one piece."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        learnt = _Learnt()
        learnt.note(body)
        return learnt.conclude()


class FetchedInteractionReader(InteractionReader):
    """An interaction that is fetched: counted, if it was not when it was made."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        reading = super().read(body)
        return reading if reading.usage is not None else attrs.evolve(reading, state="unbilled")


class InteractionEventReader(EventReader):
    """An interaction as events: usage stands in those that hold the interaction itself."""

    def __init__(self) -> None:
        super().__init__()
        self._learnt = _Learnt()

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        if data == b"[DONE]":
            self.ended = True
            return
        event = _event.decode(data)
        kind = raw_word(event.event_type) or ""
        if kind == "error" or len(event.error) > len(b"null"):
            self._learnt.error_category = "in_band"
        if len(event.interaction) > len(b"null"):
            self._learnt.note(event.interaction)
        if kind.endswith(".delta"):
            self.first_token_seen = True
        self.ended = self.ended or kind == "interaction.completed"

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return self._learnt.conclude()


class DecisionReader(WholeReader):
    """Answers to questions that have a few answers. It cannot be fetched again, and names no model."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        tree = raw_tree(_interaction.decode(body).usage)
        return Findings().reading(interaction_usage(tree) if tree else None)


class CachedContentReader(WholeReader):
    """A prompt that is put into the cache: its tokens are billed once; what keeping it costs by the hour is not told."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        found = _content.decode(body)
        tree = raw_tree(found.usageMetadata)
        findings = Findings()
        findings.model, findings.answer_id = raw_word(found.model), raw_word(found.name)
        total = count(tree.get("totalTokenCount"))
        return findings.reading(Usage({units.CACHE_WRITE: total}, tree) if total else None)
