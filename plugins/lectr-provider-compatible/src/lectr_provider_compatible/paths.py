"""Where a client's path leads at an endpoint, which may have its API under any path of its own.

Pure text. Called by `provider.py`.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

_VERSION: Final = re.compile(r"/v\d+\w*$")
_CLIMB: Final = re.compile(r"/(\.|%2e){2}(/|$)", re.IGNORECASE)


@attrs.frozen
class Place:
    """An endpoint's API by its paths."""

    v1: str
    """What a client's `/v1` becomes: `/v1`, `/api/v1`, `/compatibility/v1`; empty where the paths begin without one."""
    root: str = ""
    """What stands in front of everything, so that no request leaves it."""
    moved: tuple[str, str] | None = None
    """One path, and what it is instead."""

    def path(self, asked: str, *, known: bool) -> str:
        """The path upstream. *known*: without a version in front, *asked* is still a path of the dialect.

        What the client's path and the endpoint's have in common is sent once. A path of neither is the endpoint's own
        business, and goes on as it is.
        """
        if self.v1 and _begins(asked, self.v1):
            found = asked
        elif _begins(asked, "/v1"):
            found = self.v1 + asked[len("/v1") :]
        elif known:
            found = self.v1 + asked
        elif self.root and not _begins(asked, self.root):
            found = self.root + asked
        else:
            found = asked
        return self.moved[1] if self.moved is not None and found == self.moved[0] else found

    def plain(self, path: str) -> str:
        """A path upstream as the dialect has it, with `/v1` in front; others as they are, less the root."""
        if self.moved is not None and path == self.moved[1]:
            path = self.moved[0]
        if _begins(path, self.v1):
            return "/v1" + path[len(self.v1) :]
        return path[len(self.root) :] if _begins(path, self.root) else path


def place_under(path: str) -> Place:
    """The place of an endpoint whose API is under *path*, with or without a version at its end."""
    return Place(path, _VERSION.sub("", path))


def climbs(path: str) -> bool:
    """Whether *path* would leave what it stands under."""
    return _CLIMB.search(path) is not None


def _begins(path: str, start: str) -> bool:
    return path.startswith(start) and path[len(start) : len(start) + 1] in ("", "/")
