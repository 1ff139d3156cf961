"""The state of one exchange on its way through the steps of `way.py`. Made by `way.py`, filled in by the steps, read by
`note.py`; gone when the exchange is over.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, Literal

import attrs

from lectr_core.hot.known import Known, Way
from lectr_core.hot.link import Broken, Link
from lectr_core.hot.pace import Pace, press
from lectr_core.hot.proof import Proof
from lectr_core.hot.reactor import Late
from lectr_core.hot.version import Version
from lectr_core.model.call import Answer, Call, Refusal
from lectr_core.model.keys import KeyHolder
from lectr_core.model.record import Attempt, Begun, Bulk, EndedBy
from lectr_core.model.secret import Credential
from lectr_core.ports import Provider
from lectr_core.wire.form import FormModel
from lectr_core.wire.framing import Body, NoBody
from lectr_core.wire.heads import RequestHead

if TYPE_CHECKING:
    from lectr_core.hot.crowd import Crowd
    from lectr_core.hot.draining import Draining
    from lectr_core.hot.observe import Observer
    from lectr_core.hot.turns import Turns
    from lectr_core.hot.upgrade import Upgrade

ErrorSource = Literal["provider", "lectr", "client", "network"]

_NOTHING: Final = NoBody()


class Refused(Exception):
    """Lectr itself answers this request. `closes`: the connection cannot be used again."""

    def __init__(
        self, refusal: Refusal, *, closes: bool = False, source: ErrorSource = "client", category: str | None = None
    ) -> None:
        self.refusal = refusal
        self.closes = closes
        self.source: ErrorSource = source
        self.category = category
        super().__init__(refusal.code)


class ClientGone(Exception):
    """The client left, or took no more, before its answer was complete."""


class AnswerCut(Exception):
    """The answer had begun and cannot be completed. `ended_by` says whose fault that is."""

    def __init__(self, ended_by: EndedBy, category: str) -> None:
        self.ended_by: EndedBy = ended_by
        self.category = category
        super().__init__(category)


@attrs.define(kw_only=True)
class Exchange:
    """Everything that is known about one request by now. Each step writes its own block and reads those above."""

    client: Link
    version: Version
    started_ns: int = attrs.field(factory=time.time_ns)
    """Wall clock: the head was complete."""
    clock_ns: int = attrs.field(factory=time.perf_counter_ns)
    """Monotonic, the same moment."""
    id: str = ""
    known: Known | None = attrs.field(default=None, repr=False)
    """What this connection's last head came to; once this one is read, what this one does."""

    # read
    head: RequestHead | None = attrs.field(default=None, repr=False)
    rest: bytes = attrs.field(default=b"", repr=False)
    """What came behind the head (or the message) in the same read."""
    body: Body = _NOTHING
    raw_body: bytes | bytearray = attrs.field(default=b"", repr=False)
    """The body as it came, framing included, where it was read to decide."""
    content: bytes | bytearray = attrs.field(default=b"", repr=False)
    """Its content."""
    body_read: bool = False
    """Whether the whole body is here; else it streams."""
    form: FormModel | None = None
    """Looks for the model in a form that streams; None: it is no form."""
    request_bytes: int = 0
    waited_ns: int = 0
    """Spent waiting for the client or for a connection, before anything went upstream."""

    # admit
    crowd: Crowd | None = attrs.field(default=None, repr=False)
    """Who counts this request as open; None: it is not admitted yet."""
    held_bytes: int = 0
    """Of its body, counted as kept."""
    # identify
    holder: KeyHolder | None = None
    feature: str = "untagged"
    feature_cut: bool = False
    task: str | None = None
    call: Call | None = attrs.field(default=None, repr=False)
    credentials: tuple[Credential, ...] = attrs.field(default=(), repr=False)
    """Provider credentials the client sent, in its order."""
    own_key_fields: frozenset[bytes] = frozenset()
    """Credential fields that hold a Lectr key: they never go on."""
    upgrade: Upgrade | None = None
    """What the request says of leaving HTTP; None: nothing."""
    provider: Provider | None = None
    provider_unknown: bool = False
    streamed: bool = False
    max_tokens: int | None = None
    choices: int | None = None
    """How many answers are asked for at most; None: not known."""
    bulk: Bulk | None = None
    """What of its body is no text."""
    endpoint: str = "-"
    way: Way | None = attrs.field(default=None, repr=False)
    """All of that, for the next request that says the same; a route leaves it."""

    # decide
    target_provider: Provider | None = None
    model_requested: str | None = None
    model_sent: str | None = None
    rule: str | None = None
    policy_fault: str | None = None
    usage_asked: bool = False
    """The request asks for usage in its stream, because a rule says so."""
    draining: Draining | None = None
    """Leave to read the answer on when the client has left; None: cancel."""

    # forward
    seq: int = 0
    begun: Begun | None = None
    """The line that said so, once it is written."""
    attempts: list[Attempt] = attrs.field(factory=list)
    attempt_ns: int = 0
    sent_ns: int = 0
    """Monotonic: the request began to go upstream."""

    # relay
    answer: Answer | None = None
    status: int | None = None
    """Of what the client got."""
    first_byte_ns: int = 0
    """Monotonic: the final head of the answer began to come."""
    head_came_ns: int = 0
    """The same head was complete."""
    head_sent_ns: int = 0
    observer: Observer | Turns | None = None
    proof: Proof | None = attrs.field(default=None, repr=False)
    refused: Refused | None = None
    refused_bytes: int = 0
    """Content of the refusal sent."""
    reusable: bool = False
    """Whether the client's connection may carry another request."""

    pace: Pace | None = None
    """Of the client as it takes its answer; None: it has never been waited for."""
    client_slow: bool = False
    """The client was cut because it took its answer too slowly."""

    def __attrs_post_init__(self) -> None:
        self.id = new_id(self.started_ns)

    async def tell(self, data: bytes) -> None:
        """Send to the client.

        Waits: while it does not read, as long as its patience lasts (`take_limit_s`); the caller's limit is then over.
        Errors: ClientGone.
        """
        try:
            sent = self.client.send_now(data)
        except Broken as error:
            raise ClientGone from error
        if sent < len(data):
            await self.press(data, sent)

    async def press(self, data: bytes, sent: int) -> None:
        """Send the rest of *data*, of which the client's socket took so much. Waits and errors: as `tell`."""
        try:
            await press(self.client, memoryview(data)[sent:], self._pace())
        except (Broken, Late) as error:
            self.client_slow = isinstance(error, Late)
            raise ClientGone from error

    def _pace(self) -> Pace:
        if self.pace is None:
            settings = self.version.settings
            self.pace = Pace(settings.take_limit_s, settings.min_bytes_per_s)
        return self.pace

    @property
    def body_complete(self) -> bool:
        """Whether the whole request has been taken off the client's connection."""
        return self.body.done

    @property
    def asked(self) -> RequestHead:
        """The request's head, once read."""
        assert self.head is not None
        return self.head


# One generator a process, seeded by the system: ids need to be unique, not secret.
_random: Final = random.Random(int.from_bytes(random.SystemRandom().randbytes(16)))


def new_id(started_ns: int) -> str:
    """A UUIDv7 (RFC 9562 §5.7): rows sort by time. Units: *started_ns* is wall-clock nanoseconds."""
    bits = _random.getrandbits(74)
    tail = 0x8000_0000_0000_0000 | (bits & 0x3FFF_FFFF_FFFF_FFFF)
    text = f"{started_ns // 1_000_000:012x}7{bits >> 62:03x}{tail:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
