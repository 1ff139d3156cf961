"""Instead of steps 5 to 7: an answer of Lectr's own. Called by `way.py`.

The shape is the one that the client's SDK turns into its normal exception: the provider's own on its native paths.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lectr_core.hot.exchange import Exchange, Refused
from lectr_core.hot.guard import Faults
from lectr_core.hot.identify import named_in
from lectr_core.model.call import Refusal
from lectr_core.ports import Provider

if TYPE_CHECKING:
    from lectr_core.hot.gateway import Gateway

_REASONS = {
    400: b"Bad Request",
    401: b"Unauthorized",
    402: b"Payment Required",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
}


async def instead(exchange: Exchange, refused: Refused, gateway: Gateway) -> None:
    """Send a refusal in place of an answer. Waits: for the client. Errors: ClientGone; ConnectionEnding."""
    # Without its traceback, whose frames would keep the whole exchange until the next garbage collection.
    exchange.refused = Refused(refused.refusal, closes=refused.closes, source=refused.source, category=refused.category)
    whole = exchange.head is not None and (exchange.body_complete or not exchange.head.has_body)
    asked_to_stay = exchange.head is not None and exchange.head.keeps_alive
    exchange.reusable = asked_to_stay and whole and not refused.closes and not gateway.stopping
    body = _body(exchange, refused.refusal, gateway.faults)
    head = head_bytes(refused.refusal, len(body), keep_alive=exchange.reusable)
    if exchange.head is not None and exchange.head.method == b"HEAD":
        body = b""
    exchange.status = refused.refusal.status
    # The limit that stands may have passed: it can be the reason for the refusal.
    exchange.client.spot.limit(exchange.version.settings.body_limit_s)
    await exchange.tell(head + body)
    exchange.refused_bytes = len(body)


def head_bytes(refusal: Refusal, body_bytes: int, *, keep_alive: bool) -> bytes:
    """The head of a refusal."""
    lines = [
        b"HTTP/1.1 %d %b" % (refusal.status, _REASONS.get(refusal.status, b"Refused")),
        b"Content-Type: application/json",
        b"Content-Length: %d" % body_bytes,
    ]
    if refusal.retry_after_s is not None:
        lines.append(b"Retry-After: %d" % refusal.retry_after_s)
    if not keep_alive:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"\r\n"])


def own_shape(refusal: Refusal) -> bytes:
    """Lectr's own error shape, which every SDK of the chat completions dialect understands."""
    error = {"message": refusal.message, "type": refusal.kind, "code": refusal.code, "param": None}
    return json.dumps({"error": error}).encode()


def _body(exchange: Exchange, refusal: Refusal, faults: Faults) -> bytes:
    provider = exchange.target_provider or _natural(exchange, faults)
    if provider is not None and exchange.call is not None:
        with faults.of(provider.id):
            native = provider.refuse(exchange.call, refusal)
            if native is not None:
                return bytes(memoryview(native))  # raises, and is counted, where it is something else
    return own_shape(refusal)


def _natural(exchange: Exchange, faults: Faults) -> Provider | None:
    """Refused before a provider was looked for: the path alone may say whose shape is expected."""
    call = exchange.call
    if call is None:
        return None
    prefixed = named_in(call.path, exchange.version.providers)
    with faults.of("detection"):
        return exchange.version.claims.of_path(call.path) or prefixed
    return prefixed
