"""The health of prompt caches: what was written and never read, and when caching broke. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

# A break is a fall of the cached share by at least so much, and to less than half of what it was.
LEAST_FALL: Final = 0.15
LEAST_SIDE: Final = 0.03
"""Share of all tokens that must lie in it and around it, so that one odd hour is none."""
WRITTEN_TOO_OFTEN: Final = 1.0
"""Tokens read for each one written, below which writing costs more than it saves."""


@attrs.frozen
class Point:
    """One stretch of one feature and model."""

    at: str
    """Its beginning, as the sums have it."""
    input_tokens: int
    cached_tokens: int


@attrs.frozen
class Break:
    """Caching was good, and bad from here on, for a while or until now."""

    at: str
    """Where it began, as the sums have it."""
    until: str | None
    """Where it was good again; None: it never was."""
    before: float
    """Cached share outside of it, 0 to 1."""
    after: float
    """Within it."""
    input_tokens: int
    """Within it."""

    @property
    def tokens_lost(self) -> float:
        """Prompt tokens that would have come from the cache."""
        return self.input_tokens * (self.before - self.after)


def broke(points: Sequence[Point]) -> Break | None:
    """The stretch of *points*, oldest first, that stands out most as badly cached; None where none does.

    Most: it and what is around it explain most of the variance of the cached share. It never begins at the first point,
    since a fall needs something to fall from. Quadratic: for some hundred points.
    """
    all_input = sum(point.input_tokens for point in points)
    all_cached = sum(point.cached_tokens for point in points)
    best: tuple[float, Break] | None = None
    front_input = front_cached = 0
    for first in range(1, len(points)):
        front_input += points[first - 1].input_tokens
        front_cached += points[first - 1].cached_tokens
        front = front_cached / front_input if front_input else 0.0
        inside_input = inside_cached = 0
        for last in range(first, len(points)):
            inside_input += points[last].input_tokens
            inside_cached += points[last].cached_tokens
            around_input = all_input - inside_input
            if not inside_input or min(inside_input, around_input) < LEAST_SIDE * all_input:
                continue
            before, after = (all_cached - inside_cached) / around_input, inside_cached / inside_input
            if min(before, front) - after < LEAST_FALL or after > min(before, front) / 2:
                continue
            gain = inside_input * around_input * (before - after) ** 2
            if best is None or gain > best[0]:
                until = points[last + 1].at if last + 1 < len(points) else None
                best = (gain, Break(points[first].at, until, before, after, inside_input))
    return best[1] if best else None


def joined(points: Sequence[Point], most: int) -> tuple[list[Point], int]:
    """At most *most* points, each of as many neighbours as it takes; and how many that are."""
    each = -(-len(points) // most) if points else 1
    blocks = [points[at : at + each] for at in range(0, len(points), each)]
    return [
        Point(block[0].at, sum(one.input_tokens for one in block), sum(one.cached_tokens for one in block))
        for block in blocks
    ], each


def fell(points: Sequence[Point]) -> str | None:
    """The point from which on the cached share is lower, for good: where it parts them best. None where it never falls."""
    at = _parting(points)
    return None if at is None else points[at].at


def rose(points: Sequence[Point]) -> str | None:
    """The same for the point from which on it is higher again."""
    at = _parting(points[::-1])
    return None if at is None else points[len(points) - at].at


def _parting(points: Sequence[Point]) -> int | None:
    all_input = sum(point.input_tokens for point in points)
    all_cached = sum(point.cached_tokens for point in points)
    front_input = front_cached = 0
    best: tuple[float, int] | None = None
    for at in range(1, len(points)):
        front_input += points[at - 1].input_tokens
        front_cached += points[at - 1].cached_tokens
        back_input = all_input - front_input
        if not front_input or not back_input:
            continue
        fall = front_cached / front_input - (all_cached - front_cached) / back_input
        gain = front_input * back_input * fall * fall
        if fall > 0 and (best is None or gain > best[0]):
            best = (gain, at)
    return best[1] if best else None


@attrs.frozen
class Use:
    """How one feature uses one model's cache."""

    feature: str
    provider: str
    model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    written_tokens: int

    @property
    def share(self) -> float:
        """Of the prompt that came from the cache."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else 0.0

    @property
    def reads_a_write(self) -> float | None:
        """Tokens read for each one written; None where nothing was written for a price."""
        return self.cached_tokens / self.written_tokens if self.written_tokens else None

    @property
    def in_vain(self) -> bool:
        """Written and hardly ever read."""
        ratio = self.reads_a_write
        return ratio is not None and ratio < WRITTEN_TOO_OFTEN
