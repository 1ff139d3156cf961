"""What the operator says of providers beside the way to reach them: may one see a request twice, is an answer read on alone.

From `[provider.ID]` to what a version of the configuration holds, so that plugins need not know of it. Pure. Called by the
workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lectr_core.model.decision import Drain
from lectr_core.model.settings import ProviderSettings, Settings, drain_of

_TABLE = "provider."


def stale_retries(settings: Settings) -> frozenset[str]:
    """Ids of the providers that may see a request twice."""
    return frozenset(name for name, table in _tables(settings) if table.retry_stale)


def drains(settings: Settings) -> Mapping[str, Drain]:
    """What becomes of answers whose clients have left, by the provider's id, where they are not cancelled."""
    return {name: drain_of(table.drain) for name, table in _tables(settings) if table.drain != "cancel"}


def _tables(settings: Settings) -> Iterator[tuple[str, ProviderSettings]]:
    for path, value in settings.sections.items():
        if path.startswith(_TABLE) and isinstance(value, ProviderSettings):
            yield path.removeprefix(_TABLE), value
