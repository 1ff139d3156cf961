"""The Protocols that hooks return. pluggy introduces these objects once; afterwards Lectr talks to them directly.

Ports used while a client waits (Provider, Reader, Policy) are sync and pure: no I/O, no clock, no waiting. Ports of the
cold side that do I/O (Sink) are async. Every object a hook returns is checked against its Protocol at start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

# Needed to read the signatures alone: plugins import the Protocols at every start, of a command too.
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lectr_core.model.accuracy import Accuracy
    from lectr_core.model.call import Answer, Call, Origin, Refusal
    from lectr_core.model.cursor import Cursor
    from lectr_core.model.decision import Facts, Verdict
    from lectr_core.model.price import PriceQuestion, Quote, UsedPrice
    from lectr_core.model.reading import Reading, Turn
    from lectr_core.model.record import Begun, Record
    from lectr_core.model.secret import Credential, Secret


@runtime_checkable
class Reader(Protocol):
    """Reads one answer of a provider from a copy of its bytes. Sans-IO: the same bytes in any pieces, the same reading.

    Gets the body decoded (no gzip) and without transfer framing. It must stay within fixed memory and time; an
    exception ends the reading, is counted against the plugin, and never touches the answer itself.
    """

    first_token_seen: bool
    """Becomes True with the first piece of output. Lectr notes the time."""

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next piece of the body."""
        ...

    def finish(self, *, complete: bool) -> Reading:
        """Conclude. *complete* is False where the body broke off: counts are then a lower bound (`partial`)."""
        ...


@runtime_checkable
class Provider(Protocol):
    """One provider: recognises its requests, says where they go, reads its answers, classifies its errors."""

    id: str
    """Lower case; the value of `X-Lectr-Provider`, the path prefix and the name of the settings table."""
    origin: Origin | None
    """Where its connections go; None where the operator has not configured it yet."""
    held: Secret | None
    """The credential the operator holds for it, if any."""
    ca_file: Path | None
    """PEM file of certificate authorities to trust instead of the system's."""
    accepts_unclaimed: bool
    """Whether it volunteers as the default for requests that nothing speaks for."""

    def claims_path(self, path: str) -> bool:
        """Whether only this provider has such a path. The path still has the prefix that may name a provider."""
        ...

    def claims_model(self, model: str) -> int:
        """How much speaks for this provider in a model's name: the length of the part recognised; 0: nothing."""
        ...

    def claims_credential(self, credential: Credential) -> bool:
        """Whether the credential's shape visibly belongs to this provider and to no other."""
        ...

    def model_in_path(self, path: str) -> str | None:
        """The model (or deployment) that the path names, for providers that put it there."""
        ...

    def streams_in_path(self, path: str) -> bool:
        """Whether the path alone asks for a stream, for providers that say it there."""
        ...

    def endpoint(self, path: str) -> str:
        """The route without ids, for the record: `/v1/files/{id}`. Never contains anything a client chose freely."""
        ...

    def locate(self, call: Call) -> str:
        """The request target upstream: path and query, byte for byte (latin-1). `call.model` is the model to be sent.

        Errors: NotServed where this provider has no such path; ProviderConfigMissing where settings are missing.
        """
        ...

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """Header name and value that carry the held credential on this path."""
        ...

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """Header name and value that carry the client's own credential; None: exactly as the client sent it."""
        ...

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        """A new reader for this answer; None where there is nothing to read."""
        ...

    def classify(self, answer: Answer) -> str | None:
        """The `ErrorCategory` of a response by its head alone; None where it is no error."""
        ...

    def request_id(self, answer: Answer) -> str | None:
        """The provider's own id of the request, from the head."""
        ...

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        """Rate-limit headers worth keeping, by name."""
        ...

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        """The JSON body of a refusal in the provider's native error shape on this path; None: Lectr's own shape."""
        ...


@runtime_checkable
class TunnelReader(Protocol):
    """Reads the turns of one tunnel from a copy of its messages: those of a WebSocket, text and binary alike.

    Must stay within fixed memory and time. An exception ends the reading, is counted against the plugin, and never touches
    the tunnel.
    """

    hears_client: bool
    """Whether it (still) wants what the client sends. Once False, the client's messages are not looked into any more."""
    faulty: bool
    """Whether something came that should have been understood and was not: then counts may be missing."""

    def hear(self, message: bytes, *, from_client: bool) -> Sequence[Turn]:
        """Take one whole message; give what it says of turns, in its order."""
        ...

    def finish(self) -> Sequence[Turn]:
        """The connection is over: what is known of each turn that is still open. Counts are then a lower bound.

        A reading with a reason to finish, or an error, is of a turn that was over and had something still to be told.
        """
        ...


@runtime_checkable
class Tunnels(Protocol):
    """What a provider may offer beside `Provider`: knowing its tunnels. Without it they pass through unread."""

    def model_of_tunnel(self, call: Call) -> str | None:
        """The model (or deployment) that a request for a tunnel names for all that passes through it; None where one may
        be chosen within. `call.model` is the query's `model`."""
        ...

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        """A new reader for a tunnel that *answer* opened; None where there is nothing to read."""
        ...


@runtime_checkable
class TellsHow(Protocol):
    """A provider that can say what a client writes to reach it through Lectr. Printed by `lectr up`; optional."""

    def quickstart(self, base_url: str, key: str) -> Sequence[tuple[str, str]]:
        """(title, text to paste) for each kind of client. The text has both, *base_url* without a path and *key* of an org,
        and sends `X-Lectr-Feature`."""
        ...


@runtime_checkable
class Policy(Protocol):
    """Admits, denies or routes. The same object decides on live requests and on recorded ones.

    A policy that has an attribute `enforces`, and it is true, refuses by what a body says: then `Facts.is_certain` tells
    whether that can be told, and the policy should refuse what it cannot judge. Without it a policy observes.
    """

    id: str

    def decide(self, facts: Facts) -> Verdict:
        """The verdict on one request. An exception counts as a fault of the plugin and lets the request pass."""
        ...

    def explain(self, facts: Facts) -> str:
        """For people: which rule speaks and why the others do not."""
        ...


@runtime_checkable
class PriceBook(Protocol):
    """Rates with provenance. Asked in order of the settings; the first that knows the model answers."""

    id: str

    def quote(self, question: PriceQuestion) -> Quote | None:
        """The rates that hold for this question; None where the book does not know the model."""
        ...


@runtime_checkable
class PriceCatalog(Protocol):
    """A price book that may be brought up to date while it is in use. Looked at once a second; optional."""

    def renew_now(self) -> bool:
        """Take up what is new, if there is anything. True: what was quoted before may be another price now."""
        ...

    def told(self) -> str:
        """One line for people: which catalog it is, of which day, and from where."""
        ...


@runtime_checkable
class TellsFault(Protocol):
    """A price book that can say why it does not quote what it was told to quote. Asked once a second; optional."""

    def what_is_wrong(self) -> tuple[str, str] | None:
        """What is wrong and what to do, a line each, as far as it is known without another look; None: nothing."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Stores records. Runs in the cold process as a task of its own, at its own pace, from its own cursors."""

    id: str

    async def open(self) -> Mapping[str, Cursor]:
        """Make ready and say how far each stream is stored. Called again after a failure. Waits: on the store."""
        ...

    async def write(self, records: Sequence[Record], cursors: Sequence[Cursor]) -> None:
        """Store rows and cursors in one transaction; both or neither. May be asked twice for the same records.

        Waits: on the store. Cancel: nothing is stored, or everything is.
        Errors: whatever it likes, and all of it is tried again. OperatorError says that the store takes nothing at all now
        (locked, full, away), so that no record is blamed for it.
        """
        ...

    async def close(self) -> None:
        """Let go of everything. Waits: on the store."""
        ...


@runtime_checkable
class History(Protocol):
    """A sink that can also say what it holds. Used by `lectr verify` and the demo's summary."""

    async def cursors(self) -> Mapping[str, Cursor]:
        """Every stream's cursor, without changing anything (and without needing `open`). Empty: nothing stored yet."""
        ...

    async def count(self) -> Mapping[str, int]:
        """Rows ever stored, by stream, counted in the rows themselves plus those that retention removed."""
        ...


@runtime_checkable
class Snapshots(Protocol):
    """A history that can say both of one moment, however long counting takes. Used by `lectr verify`; optional."""

    async def snapshot(self) -> tuple[Mapping[str, Cursor], Mapping[str, int]]:
        """`History.cursors` and `History.count`, as they stood at one moment."""
        ...


@runtime_checkable
class Gaps(Protocol):
    """A history that may have lost what it held, and knows it. Used by `lectr verify` and `lectr doctor`; optional."""

    async def gaps(self) -> Sequence[str]:
        """One line for each loss that no count shows, for people: which file, and what became of it. Empty: none known."""
        ...


@runtime_checkable
class Remarks(Protocol):
    """A sink that can say what should be looked at before it becomes a loss. Used by `lectr doctor`; optional."""

    async def remarks(self) -> Sequence[str]:
        """One line each, for people: what is so, and what to do about it. Waits: on the store, for a moment."""
        ...


@runtime_checkable
class ShowsInFlight(Protocol):
    """A sink that also shows requests that are not over. Told once a second, beside what it stores; optional."""

    async def show_in_flight(self, begun: Sequence[Begun]) -> None:
        """Take these as all that are in flight now, in place of those told before. Waits: on the store."""
        ...


@runtime_checkable
class KeepsPrices(Protocol):
    """A sink that also keeps the prices that its records name. Told of new ones, and of all again after `open`; optional."""

    async def keep_prices(self, prices: Sequence[UsedPrice]) -> None:
        """Keep those that are not kept yet. Waits: on the store."""
        ...


@runtime_checkable
class KeepsAccuracy(Protocol):
    """A sink that also keeps how well tokens are predicted that no answer reports. Told when there is news; optional."""

    async def keep_accuracy(self, told: Sequence[Accuracy]) -> None:
        """Take these as all that is known of it, in place of those told before. Waits: on the store."""
        ...


@runtime_checkable
class Companion(Protocol):
    """A process that runs beside the gateway: an explorer, a stand-in provider. The supervisor starts and restarts it."""

    id: str
    """`explorer`."""

    def command(self) -> Sequence[str]:
        """The command line; it holds no secret."""
        ...

    def environ(self) -> Mapping[str, str]:
        """Variables to add to the environment."""
        ...

    def url(self) -> str | None:
        """Where people find it, to be printed at start."""
        ...
