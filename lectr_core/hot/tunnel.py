"""Step 7 where the provider left HTTP: bytes go both ways exactly as they came, until one side closes. Called by `relay.py`.

One task carries both directions: it moves what can be moved, then sleeps until either side stirs. Of each direction at most
one read is held, and no more is read before that has gone on; so whoever does not take holds up whoever sends. A close is
passed on as it came: what was sent before goes first, a reset stays a reset.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NoReturn

import attrs
import trio

from lectr_core.hot.exchange import AnswerCut, ClientGone, Exchange
from lectr_core.hot.guard import Faults
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.proof import Proof
from lectr_core.hot.reactor import ConnectionEnding, Late
from lectr_core.hot.turns import Turns
from lectr_core.journal.writer import Writer
from lectr_core.model.call import Answer
from lectr_core.model.record import EndedBy
from lectr_core.wire.heads import ResponseHead

if TYPE_CHECKING:
    from lectr_core.hot.forward import Upstream

# For a provider to take what a client sent right before it left.
LAST_WORDS_S: Final = 5.0

# Walking many small frames, or inflating what is squeezed hard: then the others are next.
LONG_NS: Final = 1_000_000

_NOTHING: Final = memoryview(b"")


@attrs.define(eq=False)
class Flow:
    """One direction. I1: nothing is read while `pending` is not sent."""

    source: Link
    target: Link
    patience_s: float
    """For a target that takes nothing, in seconds."""
    pending: memoryview = attrs.field(default=_NOTHING, repr=False)
    ended: bool = False
    """The source has closed; all it sent before has been read."""
    stuck_since_s: float | None = None
    """When the target stopped taking. Units: the reactor's clock."""

    def push_now(self) -> bool:
        """Send what is held, as far as it fits; says whether anything moved. Errors: Broken, of the target."""
        if not self.pending:
            return False
        sent = self.target.send_now(self.pending)
        self.pending = self.pending[sent:] if sent < len(self.pending) else _NOTHING
        if not self.pending:
            self.stuck_since_s = None
        elif sent or self.stuck_since_s is None:
            self.stuck_since_s = self.target.reactor.now
        return sent > 0


async def through(exchange: Exchange, upstream: Upstream, faults: Faults, journal: Writer) -> None:
    """Tell the client that the provider agreed, then carry everything until the connection is over.

    Waits: for both sides: silence at most silence_limit_s, a client that takes nothing take_limit_s.
    Errors: ClientGone; AnswerCut. Whatever happens, every turn seen leaves its record, and the provider's side is closed.
    Cancel: as AnswerCut.
    """
    head, link, client = upstream.head, upstream.link, exchange.client
    exchange.answer = answer = Answer(head.status, head.fields.as_text())
    exchange.observer = turns = Turns(exchange, head, answer, faults, journal)
    exchange.reusable = False
    lines, settings = _as_it_came(head), exchange.version.settings
    up = Flow(client, link, settings.silence_limit_s, memoryview(exchange.rest))
    down = Flow(link, client, settings.take_limit_s, memoryview(lines + upstream.rest))
    client.proof = exchange.proof = Proof(len(lines))
    exchange.proof.came(upstream.rest)
    turns.sent(exchange.rest)
    exchange.rest = b""
    exchange.status = head.status
    ended_by: EndedBy = "crash"
    assert exchange.crowd is not None
    exchange.crowd.tunnel(exchange)
    try:
        try:
            ended_by = await _carry(exchange, up, down, turns, upstream.rest)
        except Late:
            raise AnswerCut("gateway_timeout", "silence_timeout") from None
        except ConnectionEnding:
            raise AnswerCut("gateway_shutdown", "network") from None
    except ClientGone:
        ended_by = "client_gone"
        raise
    except AnswerCut as cut:
        ended_by = cut.ended_by
        raise
    except trio.Cancelled:
        ended_by = "gateway_shutdown"
        raise
    finally:
        client.proof = None
        if down.pending:
            exchange.proof = None  # not all that came could go
        del exchange.crowd.tunnels[exchange.id]
        link.close()
        turns.end_open(ended_by)


def _as_it_came(head: ResponseHead) -> bytes:
    """The provider's own head: in an answer that opens a tunnel, the fields of this hop are what it is about."""
    return b"\r\n".join((head.line, *head.fields.lines, b"\r\n"))


async def _carry(exchange: Exchange, up: Flow, down: Flow, turns: Turns, first: bytes) -> EndedBy:
    """Move bytes until one side has closed and the other has got all it sent. Returns how it ended, in good order."""
    spot, proof = exchange.client.spot, exchange.proof
    assert proof is not None
    patience = Patience(exchange, up, down)
    _push(down, "client")
    exchange.head_sent_ns = time.perf_counter_ns()
    turns.see([first])
    while True:
        began_ns = time.perf_counter_ns()
        # Both are tried to the end before sleeping: an edge comes only to who found nothing (`reactor`, I1).
        moved = _push(down, "client") | _push(up, "provider")
        data = _pull(down, "provider")
        if data:
            proof.came(data)
            _push(down, "client")  # the client is served first, then the copy is looked at
            turns.see([data])
            moved = True
        data = _pull(up, "client")
        if data:
            _push(up, "provider")
            turns.sent(data)
            moved = True
        if down.ended and not down.pending:
            return turns.closed_by_provider()
        if up.ended and not up.pending:
            return turns.closed_by_client()
        if moved:
            patience.moved()
            if time.perf_counter_ns() - began_ns > LONG_NS:
                spot.worked()
            await spot.share()
        else:
            await patience.sleep()


@attrs.define(eq=False)
class Patience:
    """How long may be slept. Units: seconds, on the reactor's clock."""

    exchange: Exchange
    up: Flow
    down: Flow
    _moved_at: float = attrs.field(init=False)
    _left_at: float | None = attrs.field(init=False, default=None)
    """When the client was seen to have left, its last words held up."""

    def __attrs_post_init__(self) -> None:
        self._moved_at = self._now

    @property
    def _now(self) -> float:
        return self.exchange.client.reactor.now

    def moved(self) -> None:
        """Something went on. One that takes nothing is not excused by that. Errors: ClientGone; Late."""
        self._moved_at, self._left_at = self._now, None
        if self._deadline() <= self._now:
            self._give_up()

    async def sleep(self) -> None:
        """Sleep until either side stirs. Waits: see `through`. Errors: ClientGone; Late; ConnectionEnding."""
        client = self.exchange.client
        if client.hung_up and self._left_at is None:
            self._left_at = self._now  # nothing else is left to wait for
        client.spot.deadline = self._deadline()
        try:
            await client.spot.sleep()
        except Late:
            self._give_up()

    def _deadline(self) -> float:
        ends = [self._moved_at + self.exchange.version.settings.silence_limit_s]
        ends += [flow.stuck_since_s + flow.patience_s for flow in (self.up, self.down) if flow.stuck_since_s is not None]
        if self._left_at is not None:
            ends.append(self._left_at + LAST_WORDS_S)
        return min(ends)

    def _give_up(self) -> NoReturn:
        stuck = self.down.stuck_since_s
        if self._left_at is not None:
            raise ClientGone
        if stuck is not None and stuck + self.down.patience_s <= self._now:
            self.exchange.client_slow = True
            raise ClientGone
        raise Late


def _push(flow: Flow, target: str) -> bool:
    try:
        return flow.push_now()
    except Broken as error:
        if target == "client":
            raise ClientGone from error
        if flow.source.hung_up:
            raise ClientGone from error  # both have gone; it was the client who had something to say
        # What the provider sent before it closed may still be there to be read.
        flow.pending, flow.stuck_since_s = _NOTHING, None
        return False


def _pull(flow: Flow, source: str) -> bytes:
    """Read once, if what was read before has gone on."""
    if flow.pending or flow.ended:
        return b""
    try:
        data = flow.source.recv_now()
    except Broken as error:
        if source == "client":
            raise ClientGone from error
        flow.target.torn = True
        raise AnswerCut("provider_failed", "network") from error
    if data is None:
        return b""
    if not data:
        flow.ended = True
    flow.pending = memoryview(data)
    return data
