"""Step 7: the answer goes to the client, every byte as it comes. Called by `way.py`.

The received buffer itself goes on; parsing only watches for the end. The client is served first, then the observer sees a
copy. What is cut upstream is cut here too: never a clean finish for a fragment.
"""

from __future__ import annotations

import time

from lectr_core.errors import MalformedMessage
from lectr_core.hot import draining, tunnel
from lectr_core.hot.exchange import AnswerCut, ClientGone, Exchange
from lectr_core.hot.forward import Upstream
from lectr_core.hot.guard import Faults
from lectr_core.hot.link import Broken
from lectr_core.hot.observe import Observer
from lectr_core.hot.pool import Pool
from lectr_core.hot.proof import Proof
from lectr_core.hot.reactor import MANY_PIECES, ConnectionEnding, Late
from lectr_core.journal.writer import Writer
from lectr_core.model.call import Answer
from lectr_core.wire import forwarding, framing
from lectr_core.wire.framing import Body, ChunkedBody, CloseBody


async def answer(
    exchange: Exchange, upstream: Upstream, pool: Pool, faults: Faults, journal: Writer, *, stopping: bool
) -> None:
    """Pass the whole answer on, and give the connection back if it can be used again. One that leaves HTTP is `tunnel`'s.

    Waits: for the provider and for the client, each at most silence_limit_s in silence.
    Errors: ClientGone; AnswerCut. The upstream connection is closed in both.
    Cancel: the upstream connection is closed.
    """
    head, link, client = upstream.head, upstream.link, exchange.client
    if head.status == 101:
        await tunnel.through(exchange, upstream, faults, journal)
        return
    body = framing.response_body(head, exchange.asked.method)
    unchunk = head.chunked and not exchange.asked.minor
    exchange.reusable = (
        exchange.asked.keeps_alive
        and upstream.upload.done
        and not stopping
        and not unchunk
        and not isinstance(body, CloseBody)
    )
    exchange.answer = Answer(head.status, head.fields.as_text())
    client.spot.limit(exchange.version.settings.silence_limit_s)
    lines = forwarding.response_lines(head, unchunk=unchunk, keep_alive=exchange.reusable, client_minor=exchange.asked.minor)
    client.proof = exchange.proof = Proof(len(lines))
    spare = b""
    try:
        spare = await _first(exchange, upstream, body, lines, unchunk, faults)
        if not body.done:
            spare = await _rest(exchange, upstream, body, unchunk)
    except Late:
        raise AnswerCut("gateway_timeout", "silence_timeout") from None
    except ConnectionEnding:
        raise AnswerCut("gateway_shutdown", "network") from None
    except ClientGone:
        if exchange.draining is not None:
            spare = await draining.read_on(exchange, upstream, body)
        raise
    except MalformedMessage as error:
        # Of what the client still uploads. Its answer has begun, so there is no other way to tell it than to end.
        raise ClientGone from error
    finally:
        client.proof = None
        client.torn = not body.done and (unchunk or isinstance(body, CloseBody))
        sound = body.done and not isinstance(body, CloseBody) and not spare
        if sound and head.keeps_alive and upstream.upload.done:
            pool.give_back(upstream.place, link)
        else:
            link.close()
    if client.hung_up:
        exchange.reusable = False


async def _first(exchange: Exchange, upstream: Upstream, body: Body, lines: bytes, unchunk: bool, faults: Faults) -> bytes:
    """Send the head together with what came of the body; says which bytes were left over."""
    data = upstream.rest
    try:
        end, content = _take(body, data)
    except AnswerCut:
        # The head was sound. The client gets it, as it would have had the fault come a moment later.
        await _begin(exchange, lines, upstream.head.status, faults)
        raise
    out = b"".join(content) if unchunk else data[:end]
    assert exchange.proof is not None
    exchange.proof.came(out)
    try:
        await _begin(exchange, lines + out, upstream.head.status, faults)
    except ClientGone:
        _untold(exchange, upstream, content, data[end:])
        raise
    if content:
        assert exchange.observer is not None
        exchange.observer.see(content)
    return data[end:]


async def _begin(exchange: Exchange, data: bytes, status: int, faults: Faults) -> None:
    try:
        sent = exchange.client.send_now(data)
        exchange.head_sent_ns = time.perf_counter_ns()  # from here on it is the client that takes its time
    except Broken as error:
        raise ClientGone from error
    finally:  # not before: the client is served first
        exchange.observer = _observer(exchange, faults)
    exchange.status = status
    if sent < len(data):
        await exchange.tell(data[sent:])


async def _rest(exchange: Exchange, upstream: Upstream, body: Body, unchunk: bool) -> bytes:
    link, client, spot = upstream.link, exchange.client, exchange.client.spot
    silence_limit_s, proof, observer = exchange.version.settings.silence_limit_s, exchange.proof, exchange.observer
    assert proof is not None
    assert observer is not None
    uploading = not upstream.upload.done
    spot.limit(silence_limit_s)
    while True:
        try:
            data = link.recv_now()
        except Broken as error:
            raise AnswerCut("provider_failed", "network") from error
        if data is None:
            if client.hung_up:
                raise ClientGone
            if uploading and upstream.upload.push_now():
                await spot.share()
            else:
                await spot.sleep()
            uploading = uploading and not upstream.upload.done
            continue
        if not data:
            if body.closed():
                return b""
            raise AnswerCut("provider_failed", "network")
        end, content = _take(body, data)
        out = b"".join(content) if unchunk else data[:end]
        proof.came(out)
        try:
            sent = client.send_now(out)
            if sent < len(out):
                await exchange.press(out, sent)
        except (Broken, ClientGone) as error:
            _untold(exchange, upstream, content, data[end:])
            raise ClientGone from error
        observer.see(content)
        if body.done:
            return data[end:]
        spot.limit(silence_limit_s)
        if len(content) > MANY_PIECES:
            spot.worked()
        if link.stirred:  # else it sleeps next, and the others have their turn
            await spot.share()


def _observer(exchange: Exchange, faults: Faults) -> Observer:
    assert exchange.call is not None
    assert exchange.target_provider is not None
    assert exchange.answer is not None
    return Observer(exchange.target_provider, exchange.call, exchange.answer, faults)


def _untold(exchange: Exchange, upstream: Upstream, content: list[bytes], spare: bytes) -> None:
    """What the client did not take was made and is billed all the same: the reader sees it."""
    assert isinstance(exchange.observer, Observer)
    exchange.observer.read_unseen(content)
    upstream.rest = spare


def _take(body: Body, data: bytes) -> tuple[int, list[bytes]]:
    if not data or body.done:
        return 0, []
    try:
        end, content = body.take(data)
    except MalformedMessage as error:
        raise AnswerCut("provider_failed", "network") from error
    if isinstance(body, ChunkedBody) and body.has_trailer(forwarding.is_own):
        raise AnswerCut("provider_failed", "network")
    return end, content
