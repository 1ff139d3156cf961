"""How the values of the hot path are made: frozen for everybody who writes code, plain slots for the machine.

A request makes some twenty values with 125 attributes. `attrs.frozen` sets each through `object.__setattr__`, which is a
tenth of all the CPU a request costs (378 against 338 µs, medians of twelve interleaved rounds, lower in each of them). So
type checkers see `attrs.frozen` here, and mypy refuses an assignment wherever code is checked; at run time it is
`attrs.define`. Values that are not made for every request are `attrs.frozen` outright.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attrs import frozen as value
else:
    import attrs

    def value(cls=None, **options):
        """Make a class of values: compared and hashed by what they hold."""
        options.setdefault("unsafe_hash", options.get("eq", True) or None)
        return attrs.define(cls, **options)


__all__ = ["value"]
