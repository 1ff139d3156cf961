"""Fetching the list that the project publishes, when told to and never else: bounded in time and in size.

Called by the command `lectr prices update --fetch`.
"""

from __future__ import annotations

import time
from typing import Final

import httpx

from lectr_core import OperatorError

# It has about a megabyte.
MOST_BYTES: Final = 32 * 1024 * 1024
LIMIT_S: Final = 30.0


def fetch(url: str, limit_s: float = LIMIT_S, most_bytes: int = MOST_BYTES) -> bytes:
    """What stands at *url*. Waits: *limit_s* at most. Errors: OperatorError, with what to do instead."""
    try:
        return _fetched(url, limit_s, most_bytes)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        told = "no answer in time" if isinstance(exc, httpx.TimeoutException) else " ".join(f"{exc}".split()) or "no answer"
        raise OperatorError(f"cannot fetch {url}: {told}; {INSTEAD}") from exc


INSTEAD: Final = "nothing has changed; fetch the file on another machine and take it with --from FILE"


def _fetched(url: str, limit_s: float, most_bytes: int) -> bytes:
    until = time.monotonic() + limit_s
    data = bytearray()
    with httpx.stream("GET", url, timeout=min(10.0, limit_s), follow_redirects=True) as answer:
        if answer.status_code != 200:
            raise OperatorError(f"cannot fetch {url}: it answered {answer.status_code}; {INSTEAD}")
        for piece in answer.iter_bytes():
            data += piece
            if len(data) > most_bytes:
                raise OperatorError(f"cannot fetch {url}: it is longer than {most_bytes:,} bytes; {INSTEAD}")
            if time.monotonic() > until:
                raise OperatorError(f"cannot fetch {url}: not whole within {limit_s:g} s; {INSTEAD}")
    return bytes(data)
