"""The way of one request, from the bytes of its head to its record. Called by `accept.py`, once for each request.

accept ─► read ─► identify ─► decide ─► forward ─► relay ─► note
                                            observe beside it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from lectr_core.errors import MalformedMessage
from lectr_core.hot import decide, forward, identify, note, read, refuse, relay
from lectr_core.hot.exchange import AnswerCut, ClientGone, Exchange, Refused
from lectr_core.hot.known import Known
from lectr_core.hot.link import Link
from lectr_core.hot.reactor import ConnectionEnding
from lectr_core.model.call import Refusal
from lectr_core.model.record import EndedBy

if TYPE_CHECKING:
    from lectr_core.hot.gateway import Gateway


async def travel(gateway: Gateway, client: Link, head: bytes, rest: bytes, known: Known | None = None) -> Exchange:
    """Carry one request to its provider and the answer back. Every exchange leaves exactly one record.

    Shapes: *head* is a whole request head, *rest* what came behind it, *known* what the last request on the connection
        left. `reusable` of the result says whether the connection may carry another, which then begins with `rest`.
    Waits: for client and provider, each within its limits.
    Errors: none that belongs to the request; whatever escapes is a fault of Lectr and ends this connection alone.
    Cancel: the provider's connection is closed and the record written.
    """
    exchange = Exchange(client=client, version=gateway.version, rest=rest, known=known)
    ended_by: EndedBy = "crash"  # of this one exchange: what escapes is a fault of Lectr
    category: str | None = None
    try:
        try:
            read.head(exchange, head)
            identify.party(exchange, gateway.keys)
            gateway.crowd.enter(exchange)
            await read.body_to_decide(exchange)
            identify.provider(exchange, gateway.faults)
            decide.verdict(exchange, gateway.faults)
            outgoing = forward.prepare(exchange, gateway.faults)
            note.begun(exchange, gateway.journal)
            upstream = await forward.send(exchange, outgoing, gateway.pool)
            await relay.answer(exchange, upstream, gateway.pool, gateway.faults, gateway.journal, stopping=gateway.stopping)
        except MalformedMessage as error:
            refusal = Refusal(400, "invalid_request", f"malformed HTTP request: {error}")
            await refuse.instead(exchange, Refused(refusal, closes=True), gateway)
        except Refused as refused:
            await refuse.instead(exchange, refused, gateway)
        ended_by = "completed"
    except ClientGone:
        ended_by, exchange.reusable = "client_gone", False
        if exchange.client_slow:
            category = "timeout"
            gateway.crowd.cut(exchange)
    except AnswerCut as cut:
        ended_by, category, exchange.reusable = cut.ended_by, cut.category, False
    except ConnectionEnding:
        ended_by, exchange.reusable = "gateway_shutdown", False
    except trio.Cancelled:
        ended_by = "gateway_shutdown"
        raise
    finally:
        if exchange.crowd is not None:
            exchange.crowd.exit(exchange)
        note.ended(exchange, gateway.journal, gateway.faults, ended_by, category)
    return exchange
