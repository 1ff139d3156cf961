"""Calls into plugins while a client waits: what they raise is counted and named, and never reaches the request.

The one place on the hot side that catches everything a plugin may raise. Called by the steps that ask plugins.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import attrs

from lectr_core.errors import PluginError

_log = logging.getLogger("lectr.hot")

_Given = TypeVarTuple("_Given")
_Answer = TypeVar("_Answer")


@attrs.define
class Faults:
    """How often which plugin object failed, by its id; shown by `lectr doctor`."""

    counts: Counter[str] = attrs.field(factory=Counter)

    def of(self, who: str) -> _Guarded:
        """A `with` block that drops whatever *who* raises in it, counts it, and logs each name's first fault."""
        return _Guarded(self, who)

    def ask(self, who: str, call: Callable[[*_Given], _Answer], *given: *_Given) -> _Answer | None:
        """What *call* answers; None where it raises, which is counted and logged as in `of`.

        For what every request asks: it costs 0.13 µs, a `with` block 0.7, and a request needs eight of them.
        """
        try:
            return call(*given)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            self.count(who, error)
            return None

    def count(self, who: str, error: BaseException) -> None:
        """Note one fault. Only the error's type is logged: its text may quote what the plugin was given."""
        self.counts[who] += 1
        if self.counts[who] == 1:
            _log.error("plugin %s failed with %s at %s; it was skipped", who, type(error).__name__, where(error))


class _Guarded:
    __slots__ = ("_faults", "_who")

    def __init__(self, faults: Faults, who: str) -> None:
        self._faults = faults
        self._who = who

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._faults.count(self._who, error)
        return True


def text_of(value: object) -> str | None:
    """What a plugin gave as text, if it is that. Errors: PluginError where it is neither text nor None."""
    if value is None or isinstance(value, str):
        return value
    raise PluginError(f"a plugin gave {type(value).__name__} where text was expected")


def where(error: BaseException) -> str:
    """File and line where an error arose: all of a traceback that can be shown, since its text may quote a request."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
