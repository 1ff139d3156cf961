"""Usage as the many report it, in disjoint units.

The fields of different providers do not collide, so one reading serves all of them, and an endpoint of the operator's own
that passes another's numbers on. Nothing is guessed from a provider's name. Called by the provider's `reader`.

What differs from the plain dialect, and who sends it so:

- cached tokens as `prompt_cache_hit_tokens` (DeepSeek), `cached_tokens` beside the counts (Moonshot) or
  `num_cached_tokens` (vLLM's relatives); the plain place wins where it is there, too;
- cached tokens by medium or maker under other names: `cache_creation_tokens`, `cache_creation_input_tokens`, with lifetimes
  beside it (proxies, Qwen), `cache_read_input_tokens` beside the counts (proxies), `prompt_token_details` (Mistral);
- reasoning that is no part of `completion_tokens`: at xAI the total says so, at Perplexity it stands beside the counts;
- searches and cited tokens that are billed apart: `num_search_queries`, `citation_tokens` (Perplexity);
- seconds of audio: `prompt_audio_seconds` (Mistral);
- usage within a choice of a stream's last chunk (Moonshot);
- no usage in a stream, but `timings` with the counts, and usage that leaves the cache to them (llama.cpp's server);
- searches as calls of a tool that the server itself offers (Moonshot): each is billed, and usage does not count them.

What they cost by their own account is taken where the endpoint is known to bill what it tells: see `billing.py`.
"""

from __future__ import annotations

from typing import Final

import attrs
import msgspec

from lectr_core import (
    ABSENT,
    BAD_INPUT,
    BatchLinesReader,
    CompletionsEventReader,
    CompletionsReader,
    Reading,
    Tree,
    Usage,
    completion_usage,
    count,
    raw_tree,
    response_usage,
    units,
)
from lectr_provider_compatible.costs import with_calls
from lectr_provider_compatible.plain import plain, with_lifetimes

_APART: Final = (
    ("num_search_queries", units.WEB_SEARCH),
    ("citation_tokens", units.CITATION),
    ("prompt_audio_seconds", units.AUDIO_SECONDS),
)


def compatible_usage(tree: Tree) -> Usage:
    """A usage object of any of them in disjoint units. The raw one is kept as it came."""
    usage = with_lifetimes(completion_usage(plain(tree)), tree)
    apart = {unit: number for field, unit in _APART if (number := count(tree.get(field)))}
    return with_calls(attrs.evolve(usage, units={**usage.units, **apart}, raw=tree))


def timed_usage(tree: Tree) -> Usage | None:
    """The counts that a server's timings tell; None where they do not tell the whole prompt.

    Shapes: `prompt_n` is what was worked on of the prompt, `cache_n` what was not for being in the cache; older servers
        tell the first alone. `predicted_n` is the answer.
    Source: llama.cpp, the page of its server, "timings and context usage".
    """
    asked, cached, given = (count(tree.get(name)) for name in ("prompt_n", "cache_n", "predicted_n"))
    if asked is None or cached is None or given is None:
        return None
    found = {units.INPUT: asked, units.CACHE_READ: cached, units.OUTPUT: given}
    return Usage({unit: number for unit, number in found.items() if number}, tree)


def with_cache(usage: Usage, timings: Tree) -> Usage:
    """*usage* with the part of its prompt that was in the cache, where timings tell it alone."""
    asked, cached = (count(timings.get(name)) for name in ("prompt_n", "cache_n"))
    if not cached or asked is None or usage.units.get(units.INPUT) != asked + cached:
        return usage
    split = {**usage.units, units.CACHE_READ: cached, units.INPUT: asked}
    return attrs.evolve(usage, units={unit: number for unit, number in split.items() if number})


def with_searches(reading: Reading, searches: int) -> Reading:
    """*reading* of an answer that calls the server's own search so often."""
    usage = reading.usage
    if usage is None:
        return reading
    return attrs.evolve(reading, usage=attrs.evolve(usage, units={**usage.units, units.WEB_SEARCH: searches}))


_SEARCH: Final = b'"$web_search"'


class CompatibleReader(CompletionsReader):
    """A whole answer."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        reading = super().read(body)
        searches = body.count(_SEARCH) if reading.finish_reason == "tool_calls" else 0
        return with_searches(reading, searches) if searches else reading

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsReader`."""
        return compatible_usage(tree)


@attrs.define
class _Choice:
    usage: msgspec.Raw = ABSENT


@attrs.define
class _Chunk:
    choices: list[_Choice] | None = None


@attrs.define
class _Timed:
    timings: msgspec.Raw = ABSENT


_chunk = msgspec.json.Decoder(_Chunk)
_timed = msgspec.json.Decoder(_Timed)


class CompatibleEventReader(CompletionsEventReader):
    """A stream of chunks."""

    def __init__(self) -> None:
        super().__init__()
        self._timings: Tree = {}
        self._searches = 0

    def on_event(self, name: bytes, data: bytes) -> None:
        """See `EventReader`."""
        super().on_event(name, data)
        if _SEARCH in data:
            self._searches += 1
        if b'"timings"' in data:
            self._timings = raw_tree(_timed.decode(data).timings) or self._timings
        if b'"usage":{' not in data and b'"usage": {' not in data:
            return
        try:
            choices = _chunk.decode(data).choices or ()
        except BAD_INPUT:
            return
        for choice in choices:
            if len(choice.usage) > len(b"null"):
                self.note_usage(choice.usage)

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`. What is told as usage goes before what timings tell."""
        reading = super().conclude(complete)
        if self._timings:
            usage = timed_usage(self._timings) if reading.usage is None else with_cache(reading.usage, self._timings)
            reading = attrs.evolve(reading, usage=usage) if reading.usage is not None else self.findings.reading(usage)
        return with_searches(reading, self._searches) if self._searches else reading

    def usage_of(self, tree: Tree) -> Usage:
        """See `CompletionsEventReader`."""
        return compatible_usage(tree)


class CompatibleLinesReader(BatchLinesReader):
    """A batch's results."""

    def usage_of(self, tree: Tree) -> Usage:
        """See `BatchLinesReader`."""
        return response_usage(tree) if "input_tokens" in tree else compatible_usage(tree)
