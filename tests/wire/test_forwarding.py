"""Which lines go on: all but this hop's own, as they came, with Host and the credential in their places."""

from __future__ import annotations

import pytest

from lectr_core.errors import PluginError
from lectr_core.wire.forwarding import is_own, request_lines, response_lines
from lectr_core.wire.heads import parse_request_head, parse_response_head


def _request(*lines: bytes, replace: dict[bytes, bytes | None] | None = None, add: tuple[bytes, ...] = ()) -> list[bytes]:
    head = parse_request_head(b"\r\n".join([b"POST /x HTTP/1.1", *lines, b"", b""]))
    sent = request_lines(head, "/up?q", "up.test", replace=replace or {}, add=add)
    assert sent.endswith(b"\r\n\r\n")
    return sent[:-4].split(b"\r\n")


def test_order_case_and_duplicates_stay() -> None:
    sent = _request(b"b: 1", b"HOST: me", b"A:2", b"B: 3 ")
    assert sent == [b"POST /up?q HTTP/1.1", b"b: 1", b"HOST: up.test", b"A:2", b"B: 3 "]


def test_own_and_hop_by_hop_fields_end_here() -> None:
    fields = [b"Connection: keep-alive", b"Keep-Alive: 1", b"Proxy-Connection: x", b"TE: trailers", b"Upgrade: y"]
    assert _request(b"Host: me", *fields, b"X-Lectr-Key: k", b"x-LECTR-new: n") == [b"POST /up?q HTTP/1.1", b"Host: up.test"]


def test_connection_can_name_fields_but_not_those_that_matter() -> None:
    sent = _request(
        b"Host: me",
        b"Connection: X-Mine, Authorization, content-type",
        b"X-Mine: 1",
        b"Authorization: a",
        b"Content-Type: t",
    )
    assert sent[2:] == [b"Authorization: a", b"Content-Type: t"]
    assert _request(b"Host: me", b"Connection: keep-alive", b"Connection: X-Mine", b"X-Mine: 1")[2:] == []


def test_replaced_lines_stand_in_the_place_of_the_first() -> None:
    replace: dict[bytes, bytes | None] = {b"authorization": b"X-Api-Key: new", b"drop": None}
    sent = _request(b"Host: me", b"Authorization: old", b"A: 1", b"authorization: again", b"Drop: x", replace=replace)
    assert sent[2:] == [b"X-Api-Key: new", b"A: 1"]
    assert _request(b"Host: me", add=(b"Z: 1",))[-1] == b"Z: 1"


def test_host_is_added_for_clients_that_have_none() -> None:
    head = parse_request_head(b"GET / HTTP/1.0\r\nA: 1\r\n\r\n")
    assert request_lines(head, "/", "up.test", replace={}) == b"GET / HTTP/1.1\r\nHost: up.test\r\nA: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("unchunk", "keep_alive", "minor", "sent"),
    [
        (False, True, 1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\na: 2\r\n\r\n"),
        (False, False, 1, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\na: 2\r\nConnection: close\r\n\r\n"),
        (True, False, 0, b"HTTP/1.1 200 OK\r\nA: 1\r\na: 2\r\nConnection: close\r\n\r\n"),
        (False, True, 0, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\na: 2\r\nConnection: keep-alive\r\n\r\n"),
    ],
)
def test_response_lines_lose_only_what_is_this_hops(unchunk: bool, keep_alive: bool, minor: int, sent: bytes) -> None:
    fields = b"Transfer-Encoding: chunked\r\nConnection: close, x-hop\r\nKeep-Alive: 5\r\nA: 1\r\nX-Hop: y\r\na: 2\r\n\r\n"
    head = parse_response_head(b"HTTP/1.1 200 OK\r\n" + fields)
    assert response_lines(head, unchunk=unchunk, keep_alive=keep_alive, client_minor=minor) == sent


def test_old_providers_are_answered_for_in_the_present_version() -> None:
    head = parse_response_head(b"HTTP/1.0 200 Fine\r\nContent-Length: 1\r\n\r\n")
    sent = response_lines(head, unchunk=False, keep_alive=True, client_minor=1)
    assert sent == b"HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n"


@pytest.mark.parametrize(("name", "own"), [(b"x-lectr-key", True), (b"te", True), (b"x-sum", False)])
def test_trailers_of_this_hop_are_known(name: bytes, own: bool) -> None:
    assert is_own(name) is own


def test_own_fields_end_here_also_where_others_are_repeated() -> None:
    sent = _request(b"Host: me", b"X-Lectr-Key: k", b"A: 1", b"x-lectr-key: again", b"a: 2", replace={b"host": None})
    assert sent == [b"POST /up?q HTTP/1.1", b"Host: up.test", b"A: 1", b"a: 2"]


@pytest.mark.parametrize("target", ["", "up", "*", "http://up.test/", "/a b", "/a\r\nX: y", "/a#b", "/a\x00", "/\u20ac"])
def test_a_target_that_could_be_another_request_is_never_sent(target: str) -> None:
    """A provider's plugin builds it, and may have built it of what a client sent."""
    head = parse_request_head(b"GET / HTTP/1.1\r\nHost: me\r\n\r\n")
    with pytest.raises(PluginError):
        request_lines(head, target, "up.test", replace={})
