"""What the operator says of providers beside the way to reach them: whether one may see a request twice.

From `[provider.ID]` to what a version of the configuration holds, so that plugins need not know of it. Pure. Called by the
workers.
"""

from __future__ import annotations

from lectr_core.model.settings import ProviderSettings, Settings

_TABLE = "provider."


def stale_retries(settings: Settings) -> frozenset[str]:
    """Ids of the providers that may see a request twice."""
    return frozenset(
        path.removeprefix(_TABLE)
        for path, value in settings.sections.items()
        if path.startswith(_TABLE) and isinstance(value, ProviderSettings) and value.retry_stale
    )
