"""After the client has left: its answer is read to the end and counted, if the operator wants that, and goes to nobody.

The usual way is to cancel: the provider's connection is closed at once, and what was used until then is a lower bound.
Called by `decide.py` (to grant), `forward.py` and `relay.py` (once the client is gone). No price is known here: a bound in
money was turned into one in tokens when the settings were read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from lectr_core.errors import MalformedMessage
from lectr_core.hot.link import Broken
from lectr_core.hot.observe import Observer
from lectr_core.hot.reactor import ConnectionEnding, Late
from lectr_core.model.decision import Drain
from lectr_core.wire.framing import Body

if TYPE_CHECKING:
    from lectr_core.hot.exchange import Exchange
    from lectr_core.hot.forward import Upstream
    from lectr_core.hot.upload import Upload


@attrs.define
class Draining:
    """Leave to read one answer on."""

    max_s: float
    until: float | None = None
    """On the reactor's clock, in seconds; None: the client is still there."""
    complete: bool = False
    """The answer was read to its end."""


def grant(exchange: Exchange, drain: Drain) -> None:
    """Note that the answer may be read on, if it cannot cost more than it may.

    What bounds its cost is the request's own ceiling for output tokens, times the answers it asks for: hidden reasoning
    counts in it, and nothing that could be seen meanwhile is as sure. A request without one is cancelled as usual.
    """
    if drain.max_s <= 0:
        return
    if drain.max_tokens is not None:
        each, choices = exchange.max_tokens, exchange.choices
        if each is None or choices is None or each * choices > drain.max_tokens:
            return
    exchange.draining = Draining(drain.max_s)


def begin(exchange: Exchange, upload: Upload) -> bool:
    """The client is gone: let go of it, if its answer is read on. False: cancel, as where its request is not whole."""
    draining, client = exchange.draining, exchange.client
    if draining is None or not upload.done:
        return False
    if draining.until is None:
        draining.until = client.reactor.now + draining.max_s
        client.torn = exchange.client_slow
        client.close()
    client.spot.deadline = min(client.spot.deadline, draining.until)
    return True


async def read_on(exchange: Exchange, upstream: Upstream, body: Body) -> bytes:
    """Read the rest of the answer, for the reader alone. Returns what came behind its end.

    Waits: for the provider, at most silence_limit_s in silence, and until the time granted is over.
    Errors: none: what cannot be read to its end stays incomplete.
    Cancel: the answer stays incomplete.
    """
    spare, upstream.rest = upstream.rest, b""
    if not begin(exchange, upstream.upload):
        return spare
    assert exchange.draining is not None
    try:
        if not body.done:
            spare = await _discard(exchange, upstream, body)
        exchange.draining.complete = True
    except (Late, Broken, ConnectionEnding, MalformedMessage):
        pass
    return spare


async def _discard(exchange: Exchange, upstream: Upstream, body: Body) -> bytes:
    link, spot, observer = upstream.link, exchange.client.spot, exchange.observer
    assert exchange.draining is not None
    assert exchange.draining.until is not None
    assert isinstance(observer, Observer)
    silence_limit_s, until = exchange.version.settings.silence_limit_s, exchange.draining.until
    while True:
        if spot.reactor.now >= until:
            raise Late
        spot.deadline = min(spot.reactor.now + silence_limit_s, until)
        data = link.recv_now()
        if data is None:
            await spot.sleep()
        elif not data:
            if body.closed():
                return b""
            raise Broken
        else:
            end, content = body.take(data)
            observer.read_unseen(content)
            if body.done:
                return data[end:]
            await spot.share()
