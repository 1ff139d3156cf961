"""Lectr's own refusals in the provider's error shape, so that its SDKs raise the exception they would raise. Pure.

Called by `provider.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from lectr_core import Refusal

_STATUSES: Final[Mapping[int, str]] = {
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""Canonical codes as google.rpc.Code maps them to HTTP; 402 has none of its own."""


def native_body(refusal: Refusal) -> bytes:
    """The refusal as the provider would word it; Lectr's code stands as the reason, and how long to wait as it says it."""
    details: list[dict[str, Any]] = [  # Any: a detail's members are of several types
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refusal.code, "domain": "lectr"}
    ]
    if refusal.retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{refusal.retry_after_s}s"})
    error = {
        "code": refusal.status,
        "message": refusal.message,
        "status": _STATUSES.get(refusal.status, "INVALID_ARGUMENT" if refusal.status < 500 else "INTERNAL"),
        "details": details,
    }
    return msgspec.json.encode({"error": error})
