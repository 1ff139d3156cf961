"""HTTP/2 to a provider that means harm, or has a fault: none of it reaches another request, and nothing fills the memory."""

from __future__ import annotations

import errno
import ssl
from pathlib import Path
from typing import cast

import h2.config
import h2.connection
import h2.events
import hpack
import pytest

from lectr_core.hot import multiplex
from lectr_core.hot.multiplex import FAULTS, Session
from lectr_core.wire.heads import parse_request_head

from .h2server import Server, served, way, whole
from .stage import request
from .ways import AUTHORITY

HEAD = parse_request_head(b"GET / HTTP/1.1\r\nHost: one.test\r\nX-Api-Key: sk-1\r\nApi-Key: sk-2\r\nX-A: b\r\n\r\n")


class Pair:
    """A session without a socket, and the server at its other end."""

    def __init__(self) -> None:
        self.session = Session(cast(ssl.SSLSocket, None))
        self.session.greet()
        self.server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding=None))
        self.server.initiate_connection()

    def up(self) -> list[h2.events.Event]:
        data, self.session._outgoing = bytes(self.session._outgoing), bytearray()
        return self.server.receive_data(data)

    def down(self) -> None:
        self.session.hear(self.server.data_to_send())


@pytest.mark.parametrize("status", [b"204", b"304"])
def test_content_where_there_is_none_never_becomes_another_answer(status: bytes) -> None:
    pair = Pair()
    flow = pair.session.begin(HEAD)
    pair.up()
    pair.server.send_headers(flow.number, [(b":status", status)])
    pair.down()
    assert flow.to_lane.startswith(b"HTTP/1.1 " + status)
    assert not flow.cut
    pair.server.send_data(flow.number, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    pair.down()
    assert flow.cut
    assert b"evil" not in flow.to_lane


@pytest.mark.parametrize("frame", [b"\0\0\x08\x06\0\0\0\0\0" + bytes(8), b"\0\0\0\x04\0\0\0\0\0"], ids=["ping", "settings"])
def test_a_flood_that_wants_answers_and_takes_none_ends_the_connection(
    frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiplex, "MAX_OWED_BYTES", 100_000)
    pair = Pair()
    flood = frame * 1000
    for _ in range(100_000 // len(flood)):
        try:
            pair.session.hear(flood)
        except FAULTS:
            break
    with pytest.raises(FAULTS):
        pair.session.hear(flood * 10)
    assert len(pair.session._outgoing) < 100_000 + 20 * len(flood)


def test_credentials_are_never_kept_in_the_table_that_all_requests_share() -> None:
    """From how short a repeated field becomes, somebody who listens could tell a guess that is right."""
    pair = Pair()
    pair.session.begin(HEAD)
    asked = next(event for event in pair.up() if isinstance(event, h2.events.RequestReceived))
    apart = [name for name, _ in asked.headers if name.startswith(b"x-a") or name == b"api-key"]
    assert apart == [b"x-api-key", b"api-key", b"x-a"]
    never = {field[0] for field in asked.headers if isinstance(field, hpack.NeverIndexedHeaderTuple)}
    assert never == {b"x-api-key", b"api-key"}


async def test_want_of_descriptors_is_lectrs_own_fault_here_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: Session) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setattr(multiplex.Session, "lane", none_left)
    async with served(Server(whole), way(tmp_path / "ca.pem")) as it:
        client = it.client()
        await client.send(request(b"{}"))
        assert (await client.until(b"}}")).startswith(b"HTTP/1.1 503 ")
        record = await it.record()
        assert (record.outcome, record.error_source, record.error_category) == ("lectr_refused", "lectr", "overload")
