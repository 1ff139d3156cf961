"""Whether this process has been told to end. A server waits for open answers, and a stream of news has no end of its own.

So a stream asks here. Called by `pages.py`: once when the server starts, and by every stream.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_told = threading.Event()


def is_leaving() -> bool:
    """Whether it is time to go."""
    return _told.is_set()


def listen() -> None:
    """From now on hear the signals to end, and hand each on to whoever heard it before."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may; a server in another one is a test's.
        return
    _told.clear()
    for number in _SIGNALS:
        before = signal.getsignal(number)
        if callable(before):
            signal.signal(number, _and(before))


def _and(before: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
    def heard(number: int, frame: FrameType | None) -> None:
        _told.set()
        before(number, frame)

    return heard
