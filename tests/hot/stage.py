"""The whole hot side on memory sockets and Trio's mock clock: a gateway, clients on socket pairs, a scripted upstream.

Used by the tests in this folder; nothing here touches a network.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from lectr_core import Answer, Call, Credential, Origin, Refusal, Secret
from lectr_core.hot import accept
from lectr_core.hot.connect import Unreachable
from lectr_core.hot.gateway import Gateway, Version
from lectr_core.hot.link import Link
from lectr_core.hot.reactor import Spot
from lectr_core.model.egress import Egress, Place
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.record import Begun, Ended
from lectr_core.model.secret import key_digest
from lectr_core.model.settings import GatewaySettings
from lectr_core.ports import Policy, Provider, Reader

KEY = "lc_key_" + "k" * 43
HOLDER = KeyHolder("k1", "acme", key_digest(KEY.encode()))

Script = Callable[["Peer"], Awaitable[None]]


@attrs.define
class FakeProvider:
    """A provider as plain as can be."""

    id: str = "one"
    origin: Origin | None = attrs.field(factory=lambda: Origin("http", "one.test", 80))
    held: Secret | None = None
    ca_file: Path | None = None
    accepts_unclaimed: bool = True
    family: str = "one-"
    path_mark: str = "/only-one"
    key_prefix: bytes = b"sk-one-"
    reader_made: Callable[[], Reader | None] = lambda: None

    def claims_path(self, path: str) -> bool:
        return path.startswith(self.path_mark)

    def claims_model(self, model: str) -> int:
        return len(self.family) if model.startswith(self.family) else 0

    def claims_credential(self, credential: Credential) -> bool:
        return credential.starts_with(self.key_prefix)

    def model_in_path(self, path: str) -> str | None:
        return None

    def streams_in_path(self, path: str) -> bool:
        return path.endswith(":stream")

    def endpoint(self, path: str) -> str:
        return "/v1/known" if path == "/v1/known" else "/{path}"

    def locate(self, call: Call) -> str:
        return call.path + ("?" + call.query if call.has_query else "")

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        return "Authorization", b"Bearer " + secret.reveal()

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        return None

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        return self.reader_made()

    def classify(self, answer: Answer) -> str | None:
        return "server" if answer.status >= 500 else "client" if answer.status >= 400 else None

    def request_id(self, answer: Answer) -> str | None:
        return answer.field("x-request-id")

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        return {}

    def refuse(self, call: Call, refusal: Refusal) -> bytes | None:
        return None


@attrs.define
class FakeJournal:
    """Keeps what the writer would write."""

    begun_lines: list[Begun] = attrs.field(factory=list)
    ended_lines: list[Ended] = attrs.field(factory=list)
    highest: int = 0
    lost: int = 0

    def next_seq(self) -> int:
        self.highest += 1
        return self.highest

    def begun(self, line: Begun) -> None:
        self.begun_lines.append(line)

    def ended(self, line: Ended) -> None:
        self.ended_lines.append(line)

    def flush_now(self) -> None:
        pass


class Peer:
    """One end of a connection, as a test drives it."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = trio.socket.from_stdlib_socket(sock)
        self.held = b""

    async def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[await self.sock.send(view) :]

    async def until(self, mark: bytes) -> bytes:
        """Everything up to and with *mark*."""
        while mark not in self.held:
            more = await self.sock.recv(65536)
            if not more:
                raise EOFError(self.held)
            self.held += more
        at = self.held.index(mark) + len(mark)
        taken, self.held = self.held[:at], self.held[at:]
        return taken

    async def exactly(self, size: int) -> bytes:
        while len(self.held) < size:
            more = await self.sock.recv(65536)
            if not more:
                raise EOFError(self.held)
            self.held += more
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    async def rest(self) -> bytes:
        """Everything until the other side closes (or resets)."""
        try:
            while more := await self.sock.recv(65536):
                self.held += more
        except ConnectionResetError:
            pass
        taken, self.held = self.held, b""
        return taken

    async def at_end(self) -> bool:
        """Wait for the other side to close; False if bytes come instead."""
        if self.held:
            return False
        try:
            return not await self.sock.recv(1)
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.sock.close()


@attrs.define
class Stage:
    """What a test has in hand."""

    gateway: Gateway
    journal: FakeJournal
    nursery: trio.Nursery
    upstreams: trio.MemoryReceiveChannel[Peer]
    peers: list[Peer] = attrs.field(factory=list)

    def client(self, address: str | None = None) -> Peer:
        """A client that has just connected."""
        ours, theirs = socket.socketpair()
        accept.welcome(self.gateway, theirs, self.nursery, address)
        self.peers.append(Peer(ours))
        return self.peers[-1]

    async def upstream(self) -> Peer:
        """The next connection that the gateway opens to a provider."""
        self.peers.append(await self.upstreams.receive())
        return self.peers[-1]

    async def record(self, count: int = 1) -> Ended:
        """The *count*-th record, once it is written."""
        while len(self.journal.ended_lines) < count:
            await trio.sleep(0.01)
        return self.journal.ended_lines[count - 1]


@attrs.define
class FakeConnector:
    """Opens socket pairs instead of connections."""

    peers: trio.MemorySendChannel[Peer]
    fails: str | None = None
    limit_s: float = 10.0

    async def run(self) -> None:
        """Nothing of it needs a task."""

    async def open(self, place: Place, spot: Spot) -> Link:
        await trio.lowlevel.checkpoint()
        if self.fails is not None:
            raise Unreachable(place.origin, self.fails, "as the test wants")
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        await self.peers.send(Peer(ours))
        return Link(theirs, spot.reactor, spot)


@asynccontextmanager
async def stage(
    *providers: Provider,
    policies: tuple[Policy, ...] = (),
    settings: GatewaySettings | None = None,
    keys: KeyRing | None = None,
    egress: Mapping[str, Egress] | None = None,
) -> AsyncIterator[Stage]:
    """A running gateway. Everything is closed at the end."""
    known = {p.id: p for p in providers or (FakeProvider(),)}
    version = Version("v1", known, policies, settings or GatewaySettings(), egress or {})
    journal = FakeJournal()
    send, receive = trio.open_memory_channel[Peer](100)
    ring = keys or KeyRing({HOLDER.digest: HOLDER})
    gateway = Gateway(version, ring, journal)  # type: ignore[arg-type]  # a journal by its methods
    gateway.pool.connector = FakeConnector(send)  # type: ignore[assignment]  # a connector by its methods
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gateway.reactor.run)
        it = Stage(gateway, journal, nursery, receive)
        try:
            with trio.fail_after(100_000):  # of the mock clock: a test that waits for nothing fails at once
                yield it
        finally:
            nursery.cancel_scope.cancel()
            for peer in it.peers:
                peer.close()
    gateway.pool.close()
    gateway.reactor.close()


def request(
    body: bytes = b"", *, method: str = "POST", path: str = "/v1/known", fields: tuple[str, ...] = (), key: bool = True
) -> bytes:
    """A request as a plain client sends it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: gateway.test", *([f"X-Lectr-Key: {KEY}"] if key else []), *fields]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
