"""Beside a tunnel: what is seen of it in a copy, and the records of its turns. Sync; it cannot wait and changes nothing.

A WebSocket's frames are followed in both directions; the provider's reader, where it has one, says when a turn begins and
ends and what it used. Each turn gets a record of its own: a begun line when it begins, an ended line when it is over or the
connection is. The connection's own record says how it ended, and leaves all counts to its turns. Called by `tunnel.py`; its
end is read by `note.py`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Final

import attrs

from lectr_core.errors import PluginError
from lectr_core.hot.exchange import AnswerCut, ClientGone, ErrorSource, Exchange, new_id
from lectr_core.hot.guard import Faults, text_of
from lectr_core.hot.upgrade import WEBSOCKET
from lectr_core.journal.writer import Writer
from lectr_core.model.call import Answer, Call
from lectr_core.model.reading import Reading, Turn, UsageState
from lectr_core.model.record import Begun, Ended, EndedBy, Outcome
from lectr_core.ports import Provider, TunnelReader, Tunnels
from lectr_core.wire.heads import ResponseHead
from lectr_core.wire.websocket import Compression, Follower, UnknownExtension, agreed_compression

MAX_OPEN_TURNS: Final = 64
"""Turns of one connection that have a begun line and no end. Beyond, a turn is recorded when it ends, if it does."""

# Codes with which a connection closes in good order (RFC 6455 §7.4.1).
_ORDERLY: Final = frozenset({1000, 1001, 1005})

_Judged = tuple[Outcome, ErrorSource | None, str | None]


@attrs.define(eq=False)
class _Open:
    """A turn under way."""

    begun: Begun
    began_ns: int
    """Monotonic."""
    first_output_ns: int = 0


class Turns:
    """Follows one tunnel: counts and digests its bytes, reads its messages, writes its turns down."""

    __slots__ = (
        *("_begun", "_digest", "_down", "_faults", "_journal", "_open", "_reader", "_up", "_who"),
        *("content_bytes", "exchange", "first_token_ns", "spoiled"),
    )

    def __init__(self, exchange: Exchange, head: ResponseHead, answer: Answer, faults: Faults, journal: Writer) -> None:
        provider, call = exchange.target_provider, exchange.call
        assert provider is not None
        assert call is not None
        assert exchange.begun is not None
        self.exchange = exchange
        self.content_bytes = 0
        """To the client."""
        self.first_token_ns = 0
        """Of the connection there is none; its turns have theirs."""
        self.spoiled = False
        """Something could not be read: counts may be missing."""
        self._begun = exchange.begun
        self._digest = hashlib.sha256()
        self._faults = faults
        self._journal = journal
        self._who = provider.id
        self._open: dict[str, _Open] = {}
        self._reader: TunnelReader | None = None
        self._down: Follower | None = None
        self._up: Follower | None = None
        if head.fields.tokens(b"upgrade") == {WEBSOCKET}:
            self._follow(head, provider, call, answer)

    def _follow(self, head: ResponseHead, provider: Provider, call: Call, answer: Answer) -> None:
        made = self._faults.ask(provider.id, _reader_of, provider, call, answer)
        self._reader, hears_client = made or (None, False)
        self.spoiled = made is None
        try:
            compression = agreed_compression(head.fields.values(b"sec-websocket-extensions"))
        except UnknownExtension:
            self.spoiled = self._reader is not None
            self._reader = None
            return
        keeps = compression or Compression()
        self._down = Follower(masked=False, compressed=compression is not None, keeps_context=keeps.server_keeps_context)
        self._up = Follower(masked=True, compressed=compression is not None, keeps_context=keeps.client_keeps_context)
        self._down.deaf, self._up.deaf = self._reader is None, not hears_client

    # ── while it is open ──────────────────────────────────────────────────────────────────────────────────────────────

    def see(self, pieces: list[bytes]) -> None:
        """The provider sent this, and the client has got it, or will."""
        for data in pieces:
            self.content_bytes += len(data)
            self._digest.update(data)
            if self._down is not None:
                self._hear(self._down.feed(data), from_client=False)

    def sent(self, data: bytes) -> None:
        """The client sent this."""
        self.exchange.request_bytes += len(data)
        if self._up is not None:
            self._hear(self._up.feed(data), from_client=True)

    def _hear(self, messages: list[bytes], *, from_client: bool) -> None:
        self._weigh()
        for message in messages:
            reader = self._reader
            if reader is None:
                return
            told = self._faults.ask(self._who, _ask, reader, message, from_client)
            if told is None:
                self._give_up()
                return
            news, hears_client = told
            for turn in news:
                self._note(turn)
            if self._up is not None and not hears_client and not self._up.deaf:
                self._up.ignore()

    def _give_up(self) -> None:
        self.spoiled, self._reader = True, None
        for follower in (self._up, self._down):
            if follower is not None:
                follower.ignore()
        self._weigh()

    def _weigh(self) -> None:
        """Messages under way count as bodies that are read do: anybody can begin one on every connection, and not end it."""
        assert self._down is not None
        assert self._up is not None
        held, crowd = self._down.held_bytes + self._up.held_bytes, self.exchange.crowd
        if held != self.exchange.held_bytes and crowd is not None and not crowd.keep(self.exchange, held):
            self._give_up()

    # ── its turns ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _note(self, turn: Turn) -> None:
        one = self._open.get(turn.key)
        if turn.reading is not None:
            self._open.pop(turn.key, None)
            self._end(one or self._begin(turn.model), turn, "completed")
            return
        if one is None:
            if len(self._open) >= MAX_OPEN_TURNS:
                return
            one = self._open[turn.key] = self._begin(turn.model)
            self._journal.begun(one.begun)
        if turn.has_output and not one.first_output_ns:
            one.first_output_ns = time.perf_counter_ns()

    def _begin(self, model: str | None) -> _Open:
        now_ns = time.time_ns()
        model = model or self._begun.model_sent
        begun = attrs.evolve(
            self._begun,
            seq=self._journal.next_seq(),
            id=new_id(now_ns),
            started_ns=now_ns,
            connection=self._begun.id,
            model_requested=model,
            model_sent=model,
            streamed=True,
            request_bytes=0,
            policy_fault=None,
        )
        return _Open(begun, time.perf_counter_ns())

    def _end(self, one: _Open, turn: Turn, ended_by: EndedBy) -> None:
        reading = turn.reading or Reading(state="unreadable" if self.spoiled else "absent")
        outcome, source, category = _judge(ended_by, reading)
        self._journal.ended(
            Ended(
                begun=one.begun,
                outcome=outcome,
                ended_by=ended_by,
                error_source=source,
                error_category=category,
                duration_ns=time.perf_counter_ns() - one.began_ns,
                ttft_ns=one.first_output_ns - one.began_ns if one.first_output_ns else None,
                reading=reading,
            )
        )

    # ── its end ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def closed_by_provider(self) -> EndedBy:
        """The provider closed. Errors: AnswerCut where a WebSocket ended without a close frame."""
        if self._is_orderly():
            return "completed"
        raise AnswerCut("provider_failed", "network")

    def closed_by_client(self) -> EndedBy:
        """The client closed. Errors: ClientGone where a WebSocket ended without a close frame."""
        if self._is_orderly():
            return "completed"
        raise ClientGone

    def _is_orderly(self) -> bool:
        """Whether somebody said that it was over, or it cannot be known."""
        down, up = self._down, self._up
        if down is None or up is None or down.broken or up.broken:
            return True
        return down.close_code is not None or up.close_code is not None

    def end_open(self, ended_by: EndedBy) -> None:
        """The connection is over: whatever turn is open ends with it, each with what is known of it."""
        if ended_by == "completed":
            by_client = self._up is not None and self._up.close_code is not None
            ended_by = "client_gone" if by_client else "provider_failed"
        news = self._faults.ask(self._who, _last, self._reader) if self._reader is not None else []
        if news is None:
            self._give_up()
        for turn in news or ():
            # One that gave its reason to stop, or failed, was over; something was still to be told of it.
            reading = turn.reading
            is_over = reading is not None and bool(reading.finish_reason or reading.error_category)
            one = self._open.pop(turn.key, None) or self._begin(turn.model)
            self._end(one, turn, "completed" if is_over else ended_by)
        for key, one in self._open.items():
            self._end(one, Turn(key=key), ended_by)
        self._open.clear()

    def finish(self, *, complete: bool) -> Reading:
        """What is to be said of the connection itself."""
        down, up = self._down, self._up
        reader = self._reader
        if down is None or up is None:
            return Reading(state="unreadable" if self.spoiled else "absent")
        faulty = reader is not None and self._faults.ask(self._who, _is_faulty, reader) is not False
        spoiled = self.spoiled or faulty or (reader is not None and (_unread(down) or _unread(up)))
        state: UsageState = "unreadable" if spoiled else "absent" if reader is None else "in_turns"
        code = down.close_code if down.close_code is not None else up.close_code
        failed = complete and up.close_code is None and down.close_code is not None and down.close_code not in _ORDERLY
        return Reading(
            state=state,
            finish_reason=None if code is None else str(code),
            error_category="in_band" if failed else None,
        )

    @property
    def digest(self) -> str | None:
        """SHA-256 over the bytes that went to the client, in hex; None where there were none."""
        return self._digest.hexdigest() if self.content_bytes else None


def _unread(follower: Follower) -> bool:
    return follower.skipped or (follower.broken and not follower.deaf)


def _judge(ended_by: EndedBy, reading: Reading) -> _Judged:
    """As `note` judges an exchange."""
    if ended_by == "completed":
        category = reading.error_category
        return ("ok", None, None) if category is None else ("provider_error", "provider", category)
    if ended_by == "client_gone":
        return "client_disconnected", "client", None
    if ended_by == "gateway_shutdown":
        return "gateway_shutdown", "lectr", None
    if ended_by == "crash":
        return "interrupted", "lectr", None
    return "upstream_failed", "network", "silence_timeout" if ended_by == "gateway_timeout" else "network"


def _reader_of(provider: Provider, call: Call, answer: Answer) -> tuple[TunnelReader | None, bool]:
    """The provider's reader, if it has one, and whether it wants to hear the client."""
    if not isinstance(provider, Tunnels):
        return None, False
    reader = provider.tunnel_reader(call, answer)
    return reader, reader is not None and bool(reader.hears_client)


def _ask(reader: TunnelReader, message: bytes, from_client: bool) -> tuple[list[Turn], bool]:
    return _checked(reader.hear(message, from_client=from_client)), bool(reader.hears_client)


def _last(reader: TunnelReader) -> list[Turn]:
    return _checked(reader.finish())


def _is_faulty(reader: TunnelReader) -> bool:
    return bool(reader.faulty)


def _checked(news: Sequence[Turn]) -> list[Turn]:
    """Errors: PluginError where a reader gave what is none of its business to give."""
    for turn in news:
        if not isinstance(turn, Turn) or not isinstance(turn.key, str):
            raise PluginError("a reader of tunnels gave something that is no turn")
        if turn.reading is not None and not isinstance(turn.reading, Reading):
            raise PluginError("a reader of tunnels gave no reading")
        text_of(turn.model)
    return list(news)
