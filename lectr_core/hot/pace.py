"""How long a client may make Lectr wait for a body's bytes, in either direction. Called by `read`, `upload` and `exchange`.

A silence limit alone lets a client that moves one byte now and then hold a connection, and what is kept for it, for ever.
Here waiting uses patience up and moved bytes give it back, never beyond what there was at first: a pause is forgiven, a
trickle is not. Only a body that does not move at once needs one, so the common request never makes it.
"""

from __future__ import annotations

import attrs
import trio

from lectr_core.hot.link import Link
from lectr_core.hot.reactor import Late


@attrs.define
class Pace:
    """One body's patience."""

    most_s: float
    """What it begins with, and never has more of."""
    rate_bytes_s: float
    """Bytes that give back one second."""
    left_s: float = attrs.field(init=False)
    """Of patience, in seconds; at 0 or less it is over."""

    def __attrs_post_init__(self) -> None:
        self.left_s = self.most_s

    def waited(self, seconds: float, moved_bytes: int) -> None:
        """Note a wait, and what came of it."""
        self.left_s = min(self.most_s, self.left_s - seconds + max(0, moved_bytes) / self.rate_bytes_s)


async def press(link: Link, rest: memoryview, pace: Pace) -> None:
    """Send *rest*, which did not fit, as the peer makes room.

    What counts as taken is what the peer's system has acknowledged: the kernel calls a socket writable only when much of
    its buffer is free, so that a slow but steady reader would seem to stand still for minutes.

    Waits: for the peer, as long as its patience lasts. Errors: Late where that is over; Broken; ConnectionEnding.
    Cancel: a part has been sent.
    """
    taken = link.acknowledged_bytes()
    while rest:
        link.spot.limit(pace.left_s)
        since_s = trio.current_time()
        try:
            await link.spot.sleep()
        except Late:
            pass  # it may have taken some without a word
        sent = link.send_now(rest)
        rest = rest[sent:]
        before, taken = taken, link.acknowledged_bytes()
        moved = sent if before is None or taken is None else taken - before
        pace.waited(trio.current_time() - since_s, moved)
        if rest and pace.left_s <= 0:
            raise Late
