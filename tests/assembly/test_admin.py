"""The admin listener says how the gateway is, to whoever may know, and nothing can hold it up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from lectr_core.assembly import admin as admins
from lectr_core.assembly.admin import Admin, open_admin
from lectr_core.assembly.document import parse
from lectr_core.assembly.ground import open_doors
from lectr_core.assembly.settings import settle
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.settings import Settings

HEAD = b"Host: x\r\n\r\n"


class Stage:
    """A listener and what it is told of the gateway."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reasons: tuple[str, ...] = ()

    async def ask(self) -> tuple[str, ...]:
        return self.reasons

    async def open(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def said(self, sent: bytes) -> bytes:
        """Everything that comes until the connection is closed."""
        async with await self.open() as stream:
            await stream.send_all(sent)
            out = b""
            with trio.fail_after(20):
                async for data in stream:
                    out += data
        return out


@asynccontextmanager
async def serving(token: str | None = None) -> AsyncIterator[Stage]:
    with open_doors(["127.0.0.1:0"]) as doors:
        stage = Stage(doors.addresses[0].port)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Admin(doors, token).serve, stage.ask)
            yield stage
            nursery.cancel_scope.cancel()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\n" + HEAD, 200),
        (b"GET /readyz?verbose HTTP/1.1\r\n" + HEAD, 200),
        (b"HEAD /readyz HTTP/1.1\r\n" + HEAD, 200),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz/ HTTP/1.1\r\n" + HEAD, 404),
        (b"GET / HTTP/1.1\r\n" + HEAD, 404),
        (b"POST /elsewhere HTTP/1.1\r\nContent-Length: 4\r\n" + HEAD + b"body", 404),
        (b"POST /healthz HTTP/1.1\r\nContent-Length: 4\r\n" + HEAD + b"body", 405),
        (b"DELETE /readyz HTTP/1.1\r\n" + HEAD, 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 70_000, 400),
    ],
)
async def test_each_request_gets_one_answer_and_the_end(sent: bytes, status: int) -> None:
    async with serving() as stage:
        answer = await stage.said(sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert status_of(answer) == status
    assert b"\r\nConnection: close" in head
    assert f"\r\nContent-Length: {len(body)}".encode() in head or sent.startswith(b"HEAD")
    assert (b"\r\nAllow: GET, HEAD" in head) == (status == 405)
    if not sent.startswith(b"HEAD"):
        assert (json.loads(body) == {"status": "ok"}) == (status == 200)


async def test_what_is_missing_is_said_in_words_and_it_is_alive_all_the_same() -> None:
    async with serving() as stage:
        stage.reasons = ("cold_side_down", "journal_not_writable")
        answer = await stage.said(b"GET /readyz HTTP/1.1\r\n" + HEAD)
        assert status_of(answer) == 503
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
            "status": "not ready",
            "reasons": ["cold_side_down", "journal_not_writable"],
        }
        assert status_of(await stage.said(b"GET /healthz HTTP/1.1\r\n" + HEAD)) == 200


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        (b"", 401),
        (b"Authorization: Bearer wrong\r\n", 401),
        (b"Authorization: Basic canary-token\r\n", 401),
        (b"Authorization: Bearer canary-token\r\nAuthorization: Bearer wrong\r\n", 401),
        (b"Authorization: bearer canary-token\r\n", 200),
    ],
)
async def test_where_a_token_is_named_it_has_to_be_shown(shown: bytes, status: int) -> None:
    async with serving("canary-token") as stage:
        for path in (b"/healthz", b"/readyz"):
            answer = await stage.said(b"GET " + path + b" HTTP/1.1\r\n" + shown + HEAD)
            assert status_of(answer) == status
            assert b"canary" not in answer
        assert status_of(await stage.said(b"GET /elsewhere HTTP/1.1\r\n" + HEAD)) == 401, "nothing is told of what there is"


async def test_a_visitor_that_sends_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admins, "VISIT_LIMIT_S", 0.1)
    async with serving() as stage:
        assert await stage.said(b"GET /hea") == b""


async def test_more_visitors_than_allowed_are_let_go_and_the_next_one_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admins, "MAX_VISITORS", 2)
    async with serving() as stage:
        slow = [await stage.open() for _ in range(2)]
        async with await stage.open() as third:
            with trio.fail_after(20):
                assert await third.receive_some() == b""
        for stream in slow:
            await stream.aclose()
        with trio.fail_after(20):
            while True:
                try:
                    answer = await stage.said(b"GET /healthz HTTP/1.1\r\n" + HEAD)
                except trio.BrokenResourceError:
                    continue  # the two are not let go yet
                if answer:
                    break
        assert status_of(answer) == 200


def settled(text: str, **environ: str) -> Settings:
    return settle(parse(text), (), environ=environ).settings


def test_it_is_off_unless_an_address_is_named() -> None:
    with open_admin(settled("")) as opened:
        assert opened is None
    with open_admin(settled("[admin]\nlisten = '127.0.0.1:0'")) as opened:
        assert opened is not None
        assert opened.doors.is_loopback


def test_the_token_comes_from_the_environment_and_is_never_shown() -> None:
    text = "[admin]\nlisten = '0.0.0.0:0'\ntoken_env = 'ADMIN_TOKEN'"
    with open_admin(settled(text, ADMIN_TOKEN="canary")) as opened:
        assert opened is not None
        assert opened.token == "canary"
        assert "canary" not in repr(opened)
    with pytest.raises(OperatorError, match="ADMIN_TOKEN is not set"), open_admin(settled(text)):
        pass


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("listen = '0.0.0.0:8429'", "admin.token_env: needed where admin.listen is not loopback, and it is '0.0.0.0:8429'"),
        ("listen = '8429'", "admin.listen: expected host:port, [address]:port or unix:/path, got '8429'"),
        ("listne = '127.0.0.1:8429'", "admin.listne: unknown; did you mean 'listen'?"),
    ],
)
def test_wrong_settings_are_told(text: str, fault: str) -> None:
    with pytest.raises(UnsettledSettings) as caught:
        settled(f"[admin]\n{text}")
    assert fault in caught.value.faults


def test_a_taken_address_is_named_with_its_setting() -> None:
    with open_doors(["127.0.0.1:0"]) as doors:
        settings = settled(f"[admin]\nlisten = '{doors.addresses[0]}'")
        with pytest.raises(OperatorError, match=r"^admin.listen: .* is taken"), open_admin(settings):
            pass
