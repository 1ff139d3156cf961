"""Lectr's own refusals in the provider's error shape, so that its SDKs raise the exception they would raise. Pure.

Called by `provider.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from lectr_core import Refusal

_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def native_body(refusal: Refusal) -> bytes:
    """The refusal as the provider would word it; Lectr's code stands where the provider has its finer code."""
    kind = _TYPES.get(refusal.status, "invalid_request_error" if refusal.status < 500 else "api_error")
    error = {"type": kind, "message": refusal.message, "details": {"error_code": refusal.code}}
    return msgspec.json.encode({"type": "error", "error": error})
