"""Counts that cannot be all: of an answer in which text was seen, and whose usage has no output or no prompt.

Servers report 0 where they did not count, leave a member out, or send `null` for it. Taken at its word that would be a
certain 0, in sums and in what predictions are learnt from. Pure. Called by `reading.settled` for the few answers that have
no uncached prompt or no visible output.
"""

from __future__ import annotations

from typing import Final

import attrs

from lectr_core.dialects.usage import with_terms
from lectr_core.model import units
from lectr_core.model.reading import Reading, Tree, Usage

_TOKENS: Final = units.INPUT_UNITS | units.OUTPUT_UNITS


def doubted(reading: Reading, usage: Usage) -> Reading:
    """*reading* of an answer with text, as far as its *usage* can be believed.

    Shapes: nothing counted is no usage, and neither is a total alone, so that tokens are measured; a prompt alone, or an
        answer alone, is a lower bound of what is missing. What is billed by other units than tokens stays as it is, and
        so does what says itself what it cost without telling tokens.
    """
    asked = units.total(usage.units, units.INPUT_UNITS)
    given = units.total(usage.units, units.OUTPUT_UNITS)
    if (asked and given) or any(number for unit, number in usage.units.items() if unit not in _TOKENS):
        return reading
    if usage.terms is not None and usage.terms.shares:
        return reading  # the rest was another model's
    if _is_total_alone(usage.raw) or (not asked and not given):
        is_told = usage.terms is not None and usage.terms.cost_nanousd is not None
        return reading if is_told else attrs.evolve(reading, state="absent", usage=None)
    if not asked:
        usage = with_terms(usage, input_open=True)
    return attrs.evolve(reading, state="partial", usage=usage)


def _is_total_alone(tree: Tree) -> bool:
    """Whether prompt and answer are told in one number."""
    told = [name for name, value in tree.items() if type(value) is int and value]
    return told == ["total_tokens"]
