"""Step 6: the request goes to the provider, and the head of its answer comes back. Called by `way.py`.

One attempt: retries belong to the SDK. One exception is a kept connection that the provider closes as the request is written
(RFC 9112 §9.3.1): it goes out once more, on a fresh one, where nothing of it was written, or where the operator said that
this provider may see a request twice (`retry_stale`).
"""

from __future__ import annotations

import time
from typing import Final

import attrs
import trio

from lectr_core.errors import MalformedMessage, NotServed, ProviderConfigMissing
from lectr_core.hot import draining
from lectr_core.hot.connect import Unreachable
from lectr_core.hot.credentials import keeps_sub_protocols, substitutions, without_key
from lectr_core.hot.exchange import ClientGone, Exchange, Refused
from lectr_core.hot.guard import Faults
from lectr_core.hot.known import split_at_length
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.pool import NoTurn, Pool
from lectr_core.hot.reactor import ConnectionEnding, Late
from lectr_core.hot.upgrade import is_agreed, lines
from lectr_core.hot.upload import Upload
from lectr_core.model.call import Call, Refusal
from lectr_core.model.egress import Place
from lectr_core.model.record import Attempt
from lectr_core.model.secret import QUERY_KEY
from lectr_core.ports import Provider
from lectr_core.wire import forwarding, heads
from lectr_core.wire.heads import ResponseHead

# The word for a failure to connect, by the stage at which it failed; of any other stage it is `network`.
_CATEGORY_OF_STAGE: Final = {
    "dns": "dns",
    "refused": "refused",
    "tls": "tls",
    "timeout": "connect_timeout",
    "proxy": "proxy",
    "proxy_auth": "proxy",
}

# Kept until the answer begins, for providers that may see a request twice. Longer ones are not sent again.
MAX_REPLAYED_BYTES: Final = 1024 * 1024

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
    if way is not None and way.outgoing is not None and way.is_followed(call, provider):
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
    if QUERY_KEY in replace:
        target = provider.locate(without_key(call))
    if exchange.upgrade is not None:
        keeps = keeps_sub_protocols(exchange, provider, faults)
        replace |= lines(exchange.upgrade, exchange.asked, keeps_credential=keeps)
    as_it_came = bool(exchange.raw_body or not exchange.content)
    if exchange.body_read:
        replace[b"expect"] = None  # answered here already, since the body had to be read
        if not exchange.raw_body and exchange.content:
            _reframe(exchange, replace)
        exchange.content = b""
    head = forwarding.request_lines(exchange.asked, target, provider.origin.authority, replace=replace, add=add)
    way = exchange.way
    if as_it_came and way is not None and way.is_followed(call, provider) and faults.counts.total() == failed:
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
    Errors: Refused (502, 503, 504, 408) where no answer came; ClientGone.
    Cancel: the connection to the provider is closed.
    """
    provider = exchange.target_provider
    assert provider is not None
    place = exchange.version.places[provider.id]
    if exchange.upgrade is not None:
        place = place.without_http2()  # which knows no such upgrade
    exchange.attempt_ns = time.perf_counter_ns()
    link = pool.take(place, exchange.client.spot)
    kept = link is not None
    if link is None:
        link = await _open(exchange, pool, place)
    exchange.sent_ns = time.perf_counter_ns()
    upload = Upload(exchange, link, head, exchange.raw_body)
    may_be_asked = kept and exchange.version.stale_retries
    replay = (head, exchange.raw_body) if may_be_asked and _may_see_twice(exchange, place) else None
    exchange.raw_body = b""
    try:
        answer, rest = await _converse(exchange, link, upload)
    except _NoAnswer as error:
        link.close()
        if not kept:
            raise _unreachable(exchange, "closed the connection before it answered") from error
        return await _send_again(exchange, upload, replay, pool, place)
    except BaseException:
        link.close()
        raise
    return Upstream(link, place, answer, rest, upload)


def _may_see_twice(exchange: Exchange, place: Place) -> bool:
    is_whole = exchange.body_read or not exchange.asked.has_body
    return is_whole and place.provider in exchange.version.stale_retries and len(exchange.raw_body) <= MAX_REPLAYED_BYTES


async def _send_again(
    exchange: Exchange, upload: Upload, replay: tuple[bytes, bytes | bytearray] | None, pool: Pool, place: Place
) -> Upstream:
    """The kept connection was stale. Errors: Refused (502) where the provider may have seen the request."""
    pool.stale += 1
    remains = upload.remains if upload.untouched else replay
    if remains is None:
        raise _unreachable(exchange, "closed a kept connection as the request came, and may have seen it", "stale")
    now_ns = time.perf_counter_ns()
    exchange.attempts.append(
        Attempt(
            provider=place.provider,
            model=exchange.model_sent,
            status=None,
            category="stale",
            duration_ns=now_ns - exchange.attempt_ns,
        )
    )
    exchange.attempt_ns, waited_ns = now_ns, exchange.waited_ns
    link = await _open(exchange, pool, place)
    exchange.waited_ns = waited_ns  # what was waited since is the provider's time, not this side of `sent_ns`
    upload = Upload(exchange, link, *remains)
    try:
        answer, rest = await _converse(exchange, link, upload)
    except _NoAnswer as error:
        link.close()
        raise _unreachable(exchange, "closed the connection before it answered") from error
    except BaseException:
        link.close()
        raise
    return Upstream(link, place, answer, rest, upload)


class _NoAnswer(Exception):
    """The connection ended before a byte of a response came."""


async def _open(exchange: Exchange, pool: Pool, place: Place) -> Link:
    waiting_since = time.perf_counter_ns()
    spot = exchange.client.spot
    with trio.CancelScope() as spot.scope:
        if exchange.client.hung_up:
            raise ClientGone
        try:
            return await pool.open(place, spot)
        except Unreachable as error:
            if error.stage == "descriptors":
                raise _no_room("no more connections can be opened on this machine") from error
            category = _CATEGORY_OF_STAGE.get(error.stage, "network")
            raise _unreachable(exchange, f"could not be reached ({error.stage})", category) from error
        except NoTurn as error:
            if exchange.crowd is not None:
                exchange.crowd.refused["over_upstream"] += 1
            raise _no_room(f"all connections to provider {place.provider} stayed in use") from error
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
            raise _ended(exchange, held, interim) from error
        if data:
            came_ns, moved = time.perf_counter_ns(), True
            if not held:
                exchange.first_byte_ns = came_ns
            answer, held = _final_head(exchange, held + data, len(held))
            while answer is not None and answer.status < 200 and not _opens_tunnel(exchange, answer, upload):
                interim += 1
                deadline = client.spot.deadline
                try:
                    await _pass_interim(exchange, answer, interim)
                except ClientGone:
                    if not draining.begin(exchange, upload):
                        raise
                    client.hung_up = True
                client.spot.deadline = deadline
                exchange.first_byte_ns = came_ns if held else 0
                answer, held = _final_head(exchange, held)
            if answer is not None:
                exchange.head_came_ns = came_ns
                return answer, held
        elif data is not None:
            raise _ended(exchange, held, interim)
        if moved:
            await client.spot.share()
            continue
        if client.hung_up and not draining.begin(exchange, upload):
            raise ClientGone
        if upload.waits_for_client:
            upload.await_client()
        elif not upload.done:
            client.spot.limit(settings.silence_limit_s)
        elif not listening:
            client.spot.limit(settings.first_byte_limit_s)
            listening = True
        try:
            await client.spot.sleep()
        except Late:
            raise _too_late(exchange, upload) from None


def _ended(exchange: Exchange, held: bytes, interim: int) -> Exception:
    if held or interim:
        return _unreachable(exchange, "closed the connection before it answered")
    return _NoAnswer()


def _too_late(exchange: Exchange, upload: Upload) -> Refused:
    settings = exchange.version.settings
    if upload.waits_for_client:
        refusal = Refusal(408, "request_timeout", "the request body arrived too slowly", kind="timeout_error")
        return Refused(refusal, closes=True)
    if upload.done or upload.abandoned:
        message, category = f"the provider sent no response within {settings.first_byte_limit_s:g} s", "head_timeout"
    else:
        message = f"the provider took nothing of the request for {settings.silence_limit_s:g} s"
        category = "silence_timeout"
    refusal = Refusal(504, "provider_timeout", message, kind="timeout_error")
    return Refused(refusal, closes=not upload.done, source="network", category=category)


def _no_room(why: str) -> Refused:
    refusal = Refusal(503, "overloaded", why, kind="overloaded_error", retry_after_s=1)
    return Refused(refusal, source="lectr", category="overload")


def _final_head(exchange: Exchange, held: bytes, searched: int = 0) -> tuple[ResponseHead | None, bytes]:
    try:
        end = heads.head_end(held, searched)
        if not end:
            return None, held
        return heads.parse_response_head(held[:end]), held[end:]
    except MalformedMessage as error:
        raise _unreachable(exchange, "sent no valid HTTP response") from error


def _opens_tunnel(exchange: Exchange, answer: ResponseHead, upload: Upload) -> bool:
    return answer.status == 101 and upload.done and is_agreed(exchange.upgrade, answer)


async def _pass_interim(exchange: Exchange, answer: ResponseHead, count: int) -> None:
    if answer.status == 101 or count > MAX_INTERIM_ANSWERS:
        raise _unreachable(exchange, "sent interim responses that nobody asked for")
    if exchange.asked.minor:
        await exchange.tell(forwarding.response_lines(answer, unchunk=True, keep_alive=True, client_minor=1))


def _unreachable(exchange: Exchange, what: str, category: str = "network") -> Refused:
    assert exchange.target_provider is not None
    refusal = Refusal(502, "provider_unreachable", f"provider {exchange.target_provider.id} {what}", kind="upstream_error")
    return Refused(refusal, closes=not exchange.body_complete, source="network", category=category)
