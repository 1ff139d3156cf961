"""Chat completions of models that search the web before each answer: billed by the call, which no answer counts.

Called by the provider's `reader`. Other models search by a tool, which responses count.
"""

from __future__ import annotations

from typing import Final

import attrs

from lectr_core import CompletionsEventReader, CompletionsReader, Reading, with_terms

_SEARCHING: Final = "-search-"
"""What the names of such models hold: `gpt-4o-search-preview`, `gpt-5-search-api`."""

_UNTOLD: Final = "web searches (billed by the call)"


class ChatReader(CompletionsReader):
    """A whole answer."""

    def read(self, body: bytes) -> Reading:
        """See `WholeReader`."""
        reading = super().read(body)
        return with_searches(reading) if reading.model is not None and _SEARCHING in reading.model else reading


class ChatEventReader(CompletionsEventReader):
    """A stream of chunks."""

    def conclude(self, complete: bool) -> Reading:
        """See `EventReader`."""
        reading = super().conclude(complete)
        return with_searches(reading) if reading.model is not None and _SEARCHING in reading.model else reading


def with_searches(reading: Reading) -> Reading:
    """*reading*, whose cost is a lower bound."""
    usage = reading.usage
    if usage is None:
        return reading
    return attrs.evolve(reading, usage=with_terms(usage, untold=_UNTOLD))
