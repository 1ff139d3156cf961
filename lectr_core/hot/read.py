"""Step 1 and 3: the head, then the body as far as deciding needs it. Called by `way.py`.

Only JSON is read to decide, up to the configured size; every other body streams through later, unread.
"""

from __future__ import annotations

import time

from lectr_core.errors import MalformedMessage
from lectr_core.hot.exchange import ClientGone, Exchange, Refused
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.reactor import Late
from lectr_core.model.call import Refusal
from lectr_core.wire import framing, heads
from lectr_core.wire.heads import RequestHead


async def head_bytes(client: Link, held: bytes, idle_limit_s: float, head_limit_s: float) -> tuple[bytes, bytes] | None:
    """The bytes of the next head, and what came behind it. None: the client has no further request.

    Shapes: *held* came with the message before (pipelining).
    Waits: for the client's first byte at most idle_limit_s, then for the whole head at most head_limit_s.
    Errors: MalformedMessage; Refused (408) where a head was begun and never completed.
    """
    data = held
    client.spot.limit(head_limit_s if data else idle_limit_s)
    end = heads.head_end(data) if data else 0
    while not end:
        try:
            more = await client.recv()
        except Late:
            if not data:
                return None
            raise Refused(_too_slow(head_limit_s), closes=True) from None
        except Broken:
            return None
        if not more:
            if data:
                raise MalformedMessage("the connection ended within a head")
            return None
        if not data:
            client.spot.limit(head_limit_s)
        searched = len(data)
        data = data + more if data else more
        end = heads.head_end(data, searched)
    return data[:end], data[end:]


def head(exchange: Exchange, raw: bytes) -> None:
    """Read the head, and with it how the body is framed. Errors: MalformedMessage."""
    exchange.head = parsed = heads.parse_request_head(raw)
    exchange.body = framing.request_body(parsed)


async def body_to_decide(exchange: Exchange) -> None:
    """Read the body if it is JSON, so that its `model` can be seen.

    Waits: for the client, at most body_limit_s in silence.
    Errors: Refused (413, 408); MalformedMessage; ClientGone.
    """
    head, settings, body = exchange.asked, exchange.version.settings, exchange.body
    if not head.has_body or not _is_json(head):
        return
    if head.length is not None and head.length > settings.max_body_bytes:
        raise Refused(_too_large(settings.max_body_bytes), closes=True)
    raw: list[bytes] = []
    content: list[bytes] = []
    size = 0
    data = exchange.rest
    exchange.rest = b""
    if not data and head.minor and b"100-continue" in head.fields.tokens(b"expect"):
        await exchange.tell(b"HTTP/1.1 100 Continue\r\n\r\n")
    while True:
        if data:
            end, pieces = body.take(data)
            raw.append(data[:end])
            content.extend(pieces)
            size += end
            if body.done:
                exchange.rest = data[end:]
                break
            if size > settings.max_body_bytes:
                raise Refused(_too_large(settings.max_body_bytes), closes=True)
        data = await _more(exchange, settings.body_limit_s)
    exchange.content = content[0] if len(content) == 1 else b"".join(content)
    exchange.raw_body = exchange.content if head.length is not None else b"".join(raw)
    exchange.request_bytes = len(exchange.content)
    exchange.body_read = True


async def _more(exchange: Exchange, limit_s: float) -> bytes:
    client = exchange.client
    client.spot.limit(limit_s)
    waiting_since = time.perf_counter_ns()
    try:
        data = await client.recv()
    except Late:
        raise Refused(_too_slow(limit_s), closes=True) from None
    except Broken as error:
        raise ClientGone from error
    exchange.waited_ns += time.perf_counter_ns() - waiting_since
    if not data:
        raise ClientGone
    return data


def _is_json(head: RequestHead) -> bool:
    kind = head.fields.value(b"content-type")
    if kind is None:
        return False
    kind = kind.partition(b";")[0].strip().lower()
    return kind == b"application/json" or kind.endswith(b"+json")


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "request_too_large", f"the body has more than {limit} bytes (gateway.max_body_bytes)")


def _too_slow(limit_s: float) -> Refusal:
    return Refusal(408, "request_timeout", f"the request did not arrive within {limit_s:g} s", kind="timeout_error")
