"""The dialect of responses: whole ones, and streams of typed events that end with one.

What is read is the same as of completions, plus calls of tools that are billed by the call. Called through
`dialects/provider.py`; provider plugins may subclass.
"""

from __future__ import annotations

from typing import Final

import msgspec

from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_chars, raw_tree, raw_word
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Tree, Usage

_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_WITH_RESPONSE: Final = _LAST | {"response.created", "response.in_progress", "response.queued"}


class _Incomplete(msgspec.Struct, gc=False):
    reason: msgspec.Raw = ABSENT


class _Response(msgspec.Struct, gc=False):
    # Raw, so that a wrong type in one field does not lose the others.
    id: msgspec.Raw = ABSENT
    model: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    incomplete_details: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT
    tool_usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class _Event(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    delta: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT


_response = msgspec.json.Decoder(_Response)
_event = msgspec.json.Decoder(_Event)
_incomplete = msgspec.json.Decoder(_Incomplete | None)


def response_usage(tree: Tree) -> Usage:
    """A usage object of this dialect in disjoint units.

    Shapes: cached and cache-write tokens are part of the input, reasoning tokens of the output. `tool_usage`, which stands
        beside the usage in a response, is looked for in the tree under its own name.
    """
    asked_total, given_total = count(tree.get("input_tokens")), count(tree.get("output_tokens"))
    asked, given = branch(tree, "input_tokens_details"), branch(tree, "output_tokens_details")
    lifetimes = branch(asked, "cache_write_tokens_details")
    for_30m, for_12h = count(lifetimes.get("ttl_30m_tokens")) or 0, count(lifetimes.get("ttl_12h_tokens")) or 0
    written_in_all = count(asked.get("cache_write_tokens")) or 0
    read, read_fits = apportion(
        asked_total or 0,
        (
            (units.CACHE_READ, count(asked.get("cached_tokens"))),
            (units.CACHE_WRITE_30M, for_30m),
            (units.CACHE_WRITE_12H, for_12h),
            (units.CACHE_WRITE, max(0, written_in_all - for_30m - for_12h)),
            (units.INPUT_AUDIO, count(asked.get("audio_tokens"))),
            (units.INPUT_IMAGE, count(asked.get("image_tokens"))),
        ),
        units.INPUT,
    )
    written, written_fits = apportion(
        given_total or 0,
        (
            (units.REASONING, count(given.get("reasoning_tokens"))),
            (units.OUTPUT_AUDIO, count(given.get("audio_tokens"))),
            (units.OUTPUT_IMAGE, count(given.get("image_tokens"))),
        ),
        units.OUTPUT,
    )
    searches = count(branch(branch(tree, "tool_usage"), "web_search").get("num_requests"))
    tools = {units.WEB_SEARCH: searches} if searches else {}
    fits = read_fits and written_fits and (not written_in_all or written_in_all >= for_30m + for_12h)
    return Usage(
        units=read | written | tools,
        raw=tree,
        adds_up=adds_up(asked_total, given_total, count(tree.get("total_tokens")), fits=fits),
    )


class _Findings(Findings):
    """What the latest response object has said."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: Tree = {}

    def note(self, response: _Response) -> None:
        self.model = raw_word(response.model) or self.model
        self.answer_id = raw_word(response.id) or self.answer_id
        self.tier = raw_word(response.service_tier) or self.tier
        self.finish_reason = _reason(response.incomplete_details) or raw_word(response.status) or self.finish_reason
        if len(response.error) > len(b"null"):
            self.error_category = "in_band"
        tree = raw_tree(response.usage)
        if tree:
            tools = raw_tree(response.tool_usage)
            self.tree = {**tree, "tool_usage": tools} if tools else tree


def _reason(raw: msgspec.Raw) -> str | None:
    if not 2 < len(raw) <= 1024:
        return None
    try:
        found = _incomplete.decode(raw)
    except ValueError:
        return None
    return None if found is None else raw_word(found.reason)


class ResponsesReader(WholeReader):
    """A whole response. One that only waits to be worked on has no usage yet."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        findings = _Findings()
        findings.note(_response.decode(body))
        return findings.reading(self.usage_of(findings.tree) if findings.tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return response_usage(tree)


class ResponsesEventReader(EventReader):
    """A stream of typed events. Usage stands in the last one, which says how the response ended."""

    def __init__(self) -> None:
        super().__init__()
        self.findings = _Findings()

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        # The name of an event repeats its type, where it has one: most events need no parser.
        if name and not (name.endswith((b".delta", b"error")) or name.decode("ascii", "replace") in _WITH_RESPONSE):
            return
        if data == b"[DONE]":
            return
        event = _event.decode(data)
        kind = raw_word(event.type) or name.decode("ascii", "replace")
        if kind == "error":
            self.findings.error_category = "in_band"
        elif kind.endswith(".delta"):
            # Audio comes in base64, whose length says nothing of its tokens.
            chars = 0 if kind.endswith("audio.delta") else raw_chars(event.delta)
            if chars:
                self.saw_output(chars)
        elif kind in _WITH_RESPONSE:
            self.findings.note(_response.decode(event.response))
            self.ended = self.ended or kind in _LAST

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        return self.findings.reading(self.usage_of(self.findings.tree) if self.findings.tree else None)

    def usage_of(self, tree: Tree) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return response_usage(tree)
