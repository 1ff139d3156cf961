"""Step 6: the request goes to the provider, and the head of its answer comes back. Called by `way.py`.

One attempt: Lectr sends a request again only where nothing of it can have been seen. Retries belong to the SDK.
"""

from __future__ import annotations

import time

import attrs
import trio

from lectr_core.errors import MalformedMessage, NotServed, ProviderConfigMissing
from lectr_core.hot.connect import Unreachable
from lectr_core.hot.credentials import substitutions
from lectr_core.hot.exchange import ClientGone, Exchange, Refused
from lectr_core.hot.guard import Faults
from lectr_core.hot.known import split_at_length
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.pool import Pool
from lectr_core.hot.reactor import ConnectionEnding, Late
from lectr_core.hot.upload import Upload
from lectr_core.model.call import Call, Refusal
from lectr_core.model.egress import Place
from lectr_core.ports import Provider
from lectr_core.wire import forwarding, heads
from lectr_core.wire.heads import ResponseHead

# A provider may send 100, 102 and 103; more than a few before one answer is a flood.
MAX_INTERIM_ANSWERS = 32


@attrs.define
class Upstream:
    """An open exchange with a provider: its head is here, its body is to come."""

    link: Link
    place: Place
    head: ResponseHead
    rest: bytes
    """What of the body came with the head."""
    upload: Upload


def prepare(exchange: Exchange, faults: Faults) -> bytes:
    """The head that goes to the provider.

    Errors: Refused where the provider is not configured, has no such path, or its plugin fails.
    """
    call, provider = exchange.call, exchange.target_provider
    assert call is not None
    assert provider is not None
    way = exchange.way
    if way is not None and way.outgoing is not None and call is way.call and provider is way.provider:
        exchange.content = b""  # it goes up as it came
        before, behind = way.outgoing
        return before + (exchange.asked.fields.value(b"content-length") or b"") + behind if behind else before
    if exchange.asked.method == b"TRACE":  # its answer shows the request as the provider got it, a held credential included
        raise Refused(Refusal(405, "method_not_allowed", "TRACE goes to no provider"))
    made = faults.ask(provider.id, _head_or_refusal, exchange, call, provider, faults)
    if made is None:
        made = Refusal(500, "plugin_failed", f"the plugin of provider {provider.id} failed", kind="gateway_error")
    if isinstance(made, Refusal):
        raise Refused(made, source="lectr")
    return made


def _head_or_refusal(exchange: Exchange, call: Call, provider: Provider, faults: Faults) -> bytes | Refusal:
    try:
        return _head(exchange, call, provider, faults)
    except ProviderConfigMissing as error:
        return Refusal(400, error.code, str(error))
    except NotServed:
        return Refusal(404, "not_served", f"provider {provider.id} has no such path")


def _head(exchange: Exchange, call: Call, provider: Provider, faults: Faults) -> bytes:
    target = provider.locate(call)
    if provider.origin is None:
        raise ProviderConfigMissing(f"provider {provider.id} has no base_url; set provider.{provider.id}.base_url")
    failed = faults.counts.total()
    replace, add = substitutions(exchange, call, provider, faults)
    as_it_came = bool(exchange.raw_body or not exchange.content)
    if exchange.body_read:
        replace[b"expect"] = None  # answered here already, since the body had to be read
        if not exchange.raw_body and exchange.content:
            _reframe(exchange, replace)
        exchange.content = b""
    head = forwarding.request_lines(exchange.asked, target, provider.origin.authority, replace=replace, add=add)
    way = exchange.way
    if as_it_came and way is not None and call is way.call and provider is way.provider and faults.counts.total() == failed:
        way.outgoing = split_at_length(head, exchange.asked.fields)
    return head


def _reframe(exchange: Exchange, replace: dict[bytes, bytes | None]) -> None:
    """The model was replaced, so the body has another length: say so, in the framing the client chose."""
    content = exchange.content
    if exchange.asked.chunked:
        exchange.raw_body = b"".join((b"%x\r\n" % len(content), content, b"\r\n0\r\n\r\n"))
    else:
        exchange.raw_body = content
        replace[b"content-length"] = b"Content-Length: %d" % len(content)


async def send(exchange: Exchange, head: bytes, pool: Pool) -> Upstream:
    """Send the request and wait for the head of its answer.

    Waits: for a connection, for the provider to take the request, for its head; each within its limit.
    Errors: Refused (502, 504, 408) where no answer came; ClientGone.
    Cancel: the connection to the provider is closed.
    """
    provider = exchange.target_provider
    assert provider is not None
    place = exchange.version.places[provider.id]
    exchange.attempt_ns = time.perf_counter_ns()
    link = pool.take(place, exchange.client.spot)
    if link is None:
        link = await _open(exchange, pool, place)
    exchange.sent_ns = time.perf_counter_ns()
    try:
        upload = Upload(exchange, link, head, exchange.raw_body)
        exchange.raw_body = b""
        answer, rest = await _converse(exchange, link, upload)
    except BaseException:
        link.close()
        raise
    return Upstream(link, place, answer, rest, upload)


async def _open(exchange: Exchange, pool: Pool, place: Place) -> Link:
    waiting_since = time.perf_counter_ns()
    spot = exchange.client.spot
    with trio.CancelScope() as spot.scope:
        if exchange.client.hung_up:
            raise ClientGone
        try:
            return await pool.open(place, spot)
        except Unreachable as error:
            category = "timeout" if error.stage == "timeout" else "network"
            raise _unreachable(exchange, f"could not be reached ({error.stage})", category) from error
        finally:
            spot.scope = None
            exchange.waited_ns += time.perf_counter_ns() - waiting_since
    raise ConnectionEnding if spot.ending else ClientGone


async def _converse(exchange: Exchange, link: Link, upload: Upload) -> tuple[ResponseHead, bytes]:
    """Upload and listen at once, until the final head is here."""
    client, settings = exchange.client, exchange.version.settings
    client.spot.limit(settings.first_byte_limit_s)
    held = b""
    interim = 0
    listening = False
    while True:
        moved = not upload.done and upload.push_now()
        try:
            data = link.recv_now()
        except Broken as error:
            raise _unreachable(exchange, "closed the connection before it answered") from error
        if data:
            came_ns, moved = time.perf_counter_ns(), True
            if not held:
                exchange.first_byte_ns = came_ns
            answer, held = _final_head(exchange, held + data, len(held))
            while answer is not None and answer.status < 200:
                interim += 1
                await _pass_interim(exchange, answer, interim)
                exchange.first_byte_ns = came_ns if held else 0
                answer, held = _final_head(exchange, held)
            if answer is not None:
                exchange.head_came_ns = came_ns
                return answer, held
        elif data is not None:
            raise _unreachable(exchange, "closed the connection before it answered")
        if moved:
            await client.spot.share()
            continue
        if client.hung_up:
            raise ClientGone
        if upload.waits_for_client:
            client.spot.limit(settings.body_limit_s)
        elif not upload.done:
            client.spot.limit(settings.silence_limit_s)
        elif not listening:
            client.spot.limit(settings.first_byte_limit_s)
            listening = True
        try:
            await client.spot.sleep()
        except Late:
            raise _too_late(exchange, upload) from None


def _too_late(exchange: Exchange, upload: Upload) -> Refused:
    if upload.waits_for_client:
        refusal = Refusal(408, "request_timeout", "the request body stopped arriving", kind="timeout_error")
        return Refused(refusal, closes=True)
    limit_s = exchange.version.settings.first_byte_limit_s
    message = f"the provider sent no response within {limit_s:g} s"
    refusal = Refusal(504, "provider_timeout", message, kind="timeout_error")
    return Refused(refusal, closes=not upload.done, source="network", category="timeout")


def _final_head(exchange: Exchange, held: bytes, searched: int = 0) -> tuple[ResponseHead | None, bytes]:
    try:
        end = heads.head_end(held, searched)
        if not end:
            return None, held
        return heads.parse_response_head(held[:end]), held[end:]
    except MalformedMessage as error:
        raise _unreachable(exchange, "sent no valid HTTP response") from error


async def _pass_interim(exchange: Exchange, answer: ResponseHead, count: int) -> None:
    if answer.status == 101 or count > MAX_INTERIM_ANSWERS:
        raise _unreachable(exchange, "sent interim responses that nobody asked for")
    if exchange.asked.minor:
        await exchange.tell(forwarding.response_lines(answer, unchunk=True, keep_alive=True, client_minor=1))


def _unreachable(exchange: Exchange, what: str, category: str = "network") -> Refused:
    assert exchange.target_provider is not None
    refusal = Refusal(502, "provider_unreachable", f"provider {exchange.target_provider.id} {what}", kind="upstream_error")
    return Refused(refusal, closes=not exchange.body_complete, source="network", category=category)
