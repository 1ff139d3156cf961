"""A reader of answers that were worked on in a place, which may change what they cost.

For providers whose answers do not say where: the address they came from does. Called by provider plugins, for such addresses
alone, so that nothing is wrapped elsewhere.
"""

from __future__ import annotations

import attrs

from lectr_core.model.reading import Reading, Terms
from lectr_core.ports import Reader


class LocatedReader:
    """Another reader, with the region added to what it concludes. Satisfies `ports.Reader`."""

    def __init__(self, reader: Reader, region: str) -> None:
        self._reader = reader
        self._region = region

    @property
    def first_token_seen(self) -> bool:
        """As the other reader says."""
        return self._reader.first_token_seen

    @first_token_seen.setter
    def first_token_seen(self, seen: bool) -> None:
        self._reader.first_token_seen = seen

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the body."""
        self._reader.feed(data)

    def finish(self, *, complete: bool) -> Reading:
        """Conclude; see `ports.Reader`. A region that the answer itself names holds."""
        reading = self._reader.finish(complete=complete)
        usage = reading.usage
        if usage is None or (usage.terms is not None and usage.terms.region is not None):
            return reading
        terms = attrs.evolve(usage.terms or Terms(), region=self._region)
        return attrs.evolve(reading, usage=attrs.evolve(usage, terms=terms))
