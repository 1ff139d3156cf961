"""How a check fails. Not `assert`: a check must hold under `python -O`, and its message is all that a reader gets."""

from __future__ import annotations


class Broken(AssertionError):
    """A plugin does not keep what its port promises. Act: the plugin's author."""


def must(kept: bool, promise: str) -> None:
    """Errors: Broken with *promise* where it is not *kept*."""
    if not kept:
        raise Broken(promise)
