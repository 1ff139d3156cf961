"""`[provider.azure]` as a value. Called by the settings loader and by `provider.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from lectr_core import ProviderSettings

_VERSION = re.compile(r"[A-Za-z0-9.-]{1,40}")


def _version(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    if value is not None and not (isinstance(value, str) and _VERSION.fullmatch(value)):
        raise ValueError(f"{field.name}: expected a version such as '2024-10-21', got {value!r}")


@attrs.frozen(kw_only=True)
class AzureSettings(ProviderSettings):
    """`[provider.azure]`: the operator's own endpoint."""

    api_version: str | None = attrs.field(default=None, validator=_version)
    """Asked for in `api-version`, on the paths with deployments; absent: the `/openai/v1` API, which needs none."""
    deployments: Mapping[str, str] = attrs.field(factory=dict)
    """Which model a deployment runs, `name = "model"`: used for the price where an answer does not name its model."""
