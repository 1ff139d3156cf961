"""The dialect of responses: whole ones, and streams of typed events that end with one.

What is read is the same as of completions, plus calls of tools that are billed by the call, and images that a tool drew, at
the price of the tool's model. A response that is worked on in the background is open until it is fetched again: see
`fetched.py`. Called through `dialects/provider.py`; provider plugins may subclass.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import msgspec

from lectr_core.dialects.findings import ABSENT, Findings, adds_up, raw_chars, raw_tree, raw_word
from lectr_core.dialects.images import image_usage, svg_share
from lectr_core.dialects.overlap import overlapping
from lectr_core.dialects.reading import EventReader, WholeReader
from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Reading, Share, Terms, Tree, Usage

_LAST: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_WITH_RESPONSE: Final = _LAST | {"response.created", "response.in_progress", "response.queued"}

# What costs beside the tokens. Looked for in the raw output, which is otherwise not decoded.
_CALLS: Final = re.compile(rb'"(?:file_search|web_search|image_generation|code_interpreter|shell)_call"')

_CONTAINER: Final = "a container that code ran in (billed by its own time, and shared by requests)"
_IMAGES: Final = "images that a tool drew"
_PREVIEW: Final = "what the preview of web search may cost above it"

_PREVIEWED: Final = re.compile(rb'"web_search_preview')


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
    background: msgspec.Raw = ABSENT
    tools: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT


class _Action(msgspec.Struct, gc=False):
    """Also the environment that a shell runs in."""

    type: str | None = None


class _Item(msgspec.Struct, gc=False):
    """A piece of the output, or a tool."""

    type: str | None = None
    action: _Action | None = None
    environment: _Action | None = None
    model: msgspec.Raw = ABSENT
    svg_usage: msgspec.Raw = ABSENT


class _Event(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    delta: msgspec.Raw = ABSENT
    response: msgspec.Raw = ABSENT


_response = msgspec.json.Decoder(_Response)
_event = msgspec.json.Decoder(_Event)
_incomplete = msgspec.json.Decoder(_Incomplete | None)
_items = msgspec.json.Decoder(list[_Item])


def response_usage(tree: Tree, image_model: str | None = None) -> Usage:
    """A usage object of this dialect in disjoint units.

    Shapes: cached and cache-write tokens are part of the input, reasoning tokens of the output. `tool_usage`, which stands
        beside the usage in a response, is looked for in the tree under its own name, and so is `tool_calls`, see `_calls`.
        Images that a tool drew are a share of *image_model*.
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
    if not read_fits and not lifetimes:
        read, read_fits = overlapping(asked_total or 0, asked)
    written, written_fits = apportion(
        given_total or 0,
        (
            (units.REASONING, count(given.get("reasoning_tokens"))),
            (units.OUTPUT_AUDIO, count(given.get("audio_tokens"))),
            (units.OUTPUT_IMAGE, count(given.get("image_tokens"))),
        ),
        units.OUTPUT,
    )
    fits = read_fits and written_fits and (not written_in_all or written_in_all >= for_30m + for_12h)
    used = Usage(
        units=read | written,
        raw=tree,
        adds_up=adds_up(asked_total, given_total, count(tree.get("total_tokens")), fits=fits),
    )
    return with_tools(used, image_model) if "tool_usage" in tree or "tool_calls" in tree else used


def with_tools(usage: Usage, image_model: str | None) -> Usage:
    """*usage* with what its tree tells of tools."""
    told, seen = branch(usage.raw, "tool_usage"), branch(usage.raw, "tool_calls")
    searches = count(branch(told, "web_search").get("num_requests"))
    tools = {
        units.WEB_SEARCH: count(seen.get("web_search")) if searches is None else searches,
        units.FILE_SEARCH: count(seen.get("file_search")),
    }
    drawn = branch(told, "image_gen")
    is_told = bool(count(drawn.get("total_tokens")))
    shares = [Share(image_model, image_usage(drawn).units)] if is_told else []
    shares += [svg_share(one) for one in branch(seen, "svg_usage").values() if isinstance(one, dict)]
    beside = (
        _CONTAINER if seen.get("containers") else None,
        _IMAGES if seen.get("images") and not is_told else None,
        # It has a price of its own where the model does not reason.
        _PREVIEW if seen.get("preview") and tools[units.WEB_SEARCH] and not usage.units.get(units.REASONING) else None,
    )
    untold = " and ".join(filter(None, beside)) or None
    terms = usage.terms
    if shares or untold:
        terms = attrs.evolve(usage.terms or Terms(), shares=tuple(shares), untold=untold)
    return attrs.evolve(
        usage, units={**usage.units, **{unit: number for unit, number in tools.items() if number}}, terms=terms
    )


class _Findings(Findings):
    """What the latest response object has said."""

    def __init__(self) -> None:
        super().__init__()
        self.tree: Tree = {}
        self.status: str | None = None
        self.is_background = False
        self.image_model: str | None = None

    def note(self, response: _Response) -> None:
        self.model = raw_word(response.model) or self.model
        self.answer_id = raw_word(response.id) or self.answer_id
        self.tier = raw_word(response.service_tier) or self.tier
        self.status = raw_word(response.status) or self.status
        self.finish_reason = _reason(response.incomplete_details) or raw_word(response.status) or self.finish_reason
        self.is_background = self.is_background or bytes(response.background) == b"true"
        if len(response.error) > len(b"null"):
            self.error_category = "in_band"
        tree = raw_tree(response.usage)
        # Calls of tools alone are no usage: what the model took would be missing. Nor are zeros beside an output.
        asked, given = count(tree.get("input_tokens")), count(tree.get("output_tokens"))
        if (asked or given) or ((asked is not None or given is not None) and len(response.output) <= len(b"[]")):
            is_with_tools = response.tool_usage or len(response.tools) > 2
            self.tree = {**tree, **self._tools(response)} if is_with_tools else tree

    def _tools(self, response: _Response) -> dict[str, Tree]:
        """What is told of tools beside the usage: their own usage, and the calls that stand in the output."""
        told: dict[str, Tree] = {"tool_usage": raw_tree(response.tool_usage), "tool_calls": _calls(response.output)}
        has_searched = branch(told["tool_usage"], "web_search").get("num_requests") or "web_search" in told["tool_calls"]
        if has_searched and _PREVIEWED.search(response.tools) is not None:
            told["tool_calls"] = {**told["tool_calls"], "preview": 1}
        if branch(told["tool_usage"], "image_gen"):
            drawing = [tool.model for tool in _decoded(response.tools) if tool.type == "image_generation"]
            self.image_model = raw_word(drawing[0]) if drawing else None
        return {name: tree for name, tree in told.items() if tree}

    def conclude(self, usage: Usage | None) -> Reading:
        """All of it. What is worked on in the background is open until it is finished, and may then be told again."""
        reading = self.reading(usage)
        if reading.usage is None:
            is_open = self.is_background or self.status == "queued"
            return attrs.evolve(reading, state="open") if is_open and self.error_category is None else reading
        if self.is_background and self.answer_id is not None:
            terms = attrs.evolve(reading.usage.terms or Terms(), once=self.answer_id)
            return attrs.evolve(reading, usage=attrs.evolve(reading.usage, terms=terms))
        return reading


def _calls(output: msgspec.Raw) -> Tree:
    """Calls in the output that cost. Of a web search's actions only the search itself does; of shells only hosted ones."""
    if len(output) <= 2 or _CALLS.search(output) is None:
        return {}
    items = _decoded(output)
    searched = [item for item in items if item.type == "web_search_call"]
    found = {
        "web_search": sum(item.action is None or item.action.type in (None, "search") for item in searched),
        "file_search": sum(item.type == "file_search_call" for item in items),
        "images": sum(item.type == "image_generation_call" for item in items),
        "containers": sum(_is_hosted(item) for item in items),
    }
    authored = {f"item_{place}": tree for place, item in enumerate(items) if (tree := raw_tree(item.svg_usage))}
    calls: Tree = {name: number for name, number in found.items() if number}
    return {**calls, "svg_usage": authored} if authored else calls


def _is_hosted(item: _Item) -> bool:
    """Whether the provider ran code for it, in a container of its own."""
    if item.type == "shell_call":
        return item.environment is not None and item.environment.type != "local"
    return item.type == "code_interpreter_call"


def _decoded(raw: msgspec.Raw) -> list[_Item]:
    try:
        return _items.decode(raw)
    except ValueError:
        return []


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
        return self.concluded(findings)

    def concluded(self, findings: _Findings) -> Reading:
        """What was found, taken apart."""
        usage = self.usage_of(findings.tree, findings.image_model) if findings.tree else None
        return findings.conclude(usage)

    def usage_of(self, tree: Tree, image_model: str | None = None) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return response_usage(tree, image_model)


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
            if raw_chars(event.delta) and not kind.endswith("audio.delta"):
                self.saw_text(name, data, event.delta)
        elif kind in _WITH_RESPONSE:
            self.findings.note(_response.decode(event.response))
            self.ended = self.ended or kind in _LAST

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        tree = self.findings.tree
        return self.findings.conclude(self.usage_of(tree, self.findings.image_model) if tree else None)

    def usage_of(self, tree: Tree, image_model: str | None = None) -> Usage:
        """The usage object in disjoint units. Override it where the provider counts otherwise."""
        return response_usage(tree, image_model)
