"""`[provider.ID]` of a compatible endpoint as a value. Called by the settings loader and by `offer.py`."""

from __future__ import annotations

import re
from typing import Any

import attrs

from lectr_core import ProviderSettings

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # RFC 9110 §5.6.2, token


def _families(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    for text in value:
        if not isinstance(text, str) or not text.removesuffix("*") or "*" in text.removesuffix("*"):
            raise ValueError(f"{field.name}: expected how names of models begin, such as 'house-', got {text!r}")


def _field_name(_owner: object, field: attrs.Attribute[Any], value: Any) -> None:  # Any: whatever the file held
    if value is not None and not (isinstance(value, str) and _FIELD_NAME.fullmatch(value)):
        raise ValueError(f"{field.name}: expected the name of a header, such as 'x-api-key'")


@attrs.frozen(kw_only=True)
class CompatibleSettings(ProviderSettings):
    """`[provider.ID]`. `base_url` as an SDK takes it, `https://host/v1`; required where the ID is not a known one."""

    models: tuple[str, ...] = attrs.field(default=(), validator=_families)
    """How the names of its models begin; requests for them then go there by themselves. Added to those that are known."""
    key_header: str | None = attrs.field(default=None, validator=_field_name)
    """Header that carries the key as it is; absent: `Authorization: Bearer`."""
    keyless: bool | None = None
    """Whether the server asks for no key, so that rules may route to it; absent: true for the known local ones."""
