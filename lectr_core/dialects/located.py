"""A reader of answers that were worked on in a place, which may change what they cost.

For providers whose answers do not say where: the address they came from does. Called by provider plugins, for such addresses
alone, so that nothing is wrapped elsewhere.
"""

from __future__ import annotations

import attrs

from lectr_core.dialects.usage import with_terms
from lectr_core.model.reading import Reading
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
        return attrs.evolve(reading, usage=with_terms(usage, region=self._region))


def located(reader: Reader | None, region: str | None) -> Reader | None:
    """*reader* for work that was done in *region*; itself where none is known."""
    return reader if reader is None or region is None else LocatedReader(reader, region)
