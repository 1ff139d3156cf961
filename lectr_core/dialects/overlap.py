"""Prompts whose parts overlap: what was cached is counted across media, so a cached image is in two of the counts.

Called by the dialects where parts exceed their whole; most do not.
"""

from __future__ import annotations

from typing import Final

from lectr_core.dialects.usage import apportion, branch, count
from lectr_core.model import units
from lectr_core.model.reading import Tree

_MEDIA: Final = (
    ("image_tokens", units.INPUT_IMAGE, units.CACHE_READ_IMAGE),
    ("video_tokens", units.INPUT_VIDEO, units.CACHE_READ),
    ("audio_tokens", units.INPUT_AUDIO, units.CACHE_READ_AUDIO),
)


def overlapping(total: int, details: Tree) -> tuple[dict[str, int], bool]:
    """Split a prompt of *total* tokens whose cached and media tokens overlap.

    Shapes: Returns (units, whether an overlap explains the counts). What was cached is text as far as there is any, then
        images, video, audio; where a provider says itself what was cached of which, that holds.
    """
    cached, written = (count(details.get(name)) or 0 for name in ("cached_tokens", "cache_write_tokens"))
    told = branch(details, "cached_tokens_details")
    media = {name: count(details.get(name)) or 0 for name, _, _ in _MEDIA}
    overlap = cached + written + sum(media.values()) - total
    if cached + written > total or sum(media.values()) > total or overlap < 0:
        every = [(unit, media[name]) for name, unit, _ in _MEDIA]
        return apportion(total, [(units.CACHE_READ, cached), (units.CACHE_WRITE, written), *every], units.INPUT)
    found = {units.CACHE_READ: cached, units.CACHE_WRITE: written}
    for name, fresh_unit, cached_unit in _MEDIA:
        said = count(told.get(name))
        both = min(media[name], overlap if said is None else said)
        overlap = max(0, overlap - both)
        from_cache = min(both, found[units.CACHE_READ])
        found[units.CACHE_READ] -= from_cache
        found[units.CACHE_WRITE] -= min(both - from_cache, found[units.CACHE_WRITE])
        found[cached_unit] = found.get(cached_unit, 0) + both
        found[fresh_unit] = media[name] - both
    found[units.INPUT] = max(0, total - sum(found.values()))
    return {unit: number for unit, number in found.items() if number}, sum(found.values()) == total
