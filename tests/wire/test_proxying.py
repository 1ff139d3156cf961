"""Talking a proxy into a connection: byte for byte what the RFCs say, however its answers are cut, and nothing but that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.wire.heads import MAX_HEAD_BYTES
from lectr_core.wire.proxying import Asking, Connect, ProxyRefused, Socks5

GRANTED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34"


def talk(asking: Asking, *answers: bytes, step: int | None = None) -> list[bytes]:
    """All that is sent to a proxy that answers so, each answer cut into pieces of *step* bytes."""
    sent = [asking.begin()]
    for answer in answers:
        pieces = [answer] if step is None else [answer[at : at + step] for at in range(0, len(answer), step)]
        sent += [out for piece in pieces if (out := asking.take(piece))]
    return sent


def test_connect_names_host_and_port_and_nothing_else() -> None:
    asking = Connect("one.test", 443)
    assert talk(asking, b"HTTP/1.1 200 Connection established\r\n\r\n") == [
        b"CONNECT one.test:443 HTTP/1.1\r\nHost: one.test:443\r\n\r\n"
    ]
    assert asking.granted


def test_connect_brackets_an_address_and_says_who_asks() -> None:
    (sent,) = talk(Connect("::1", 8443, b"me:secret"), b"HTTP/1.0 200 ok\r\nVia: x\r\n\r\n", step=1)
    assert sent == (b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n")


@pytest.mark.parametrize("step", [None, 1, 7])
def test_interim_answers_are_none(step: int | None) -> None:
    asking = Connect("one.test", 443)
    talk(asking, b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", step=step)
    assert asking.granted


@pytest.mark.parametrize(
    ("answer", "why", "wants_login"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "wants a login (407)", True),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "refused the connection (403)", False),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "refused the connection (502)", False),
        (b"HTTP/1.1 302 Found\r\nLocation: https://else.test/\r\n\r\n", "refused the connection (302)", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 5, "refused the connection (100)", False),
        (b"SSH-2.0-x\r\n\r\n", "sent no valid HTTP response", False),
        (b"x" * (MAX_HEAD_BYTES + 1), "sent no valid HTTP response", False),
        (b"HTTP/1.1 200 OK\r\n\r\nsurprise", "sent bytes of its own into the connection", False),
    ],
)
def test_connect_that_comes_to_nothing_says_why(answer: bytes, why: str, wants_login: bool) -> None:
    asking = Connect("one.test", 443)
    with pytest.raises(ProxyRefused) as caught:
        talk(asking, answer)
    assert (str(caught.value), caught.value.wants_login) == (why, wants_login)


def test_login_that_is_not_accepted_is_told_apart_and_not_repeated() -> None:
    with pytest.raises(ProxyRefused) as caught:
        talk(Connect("one.test", 443, b"me:canary"), b"HTTP/1.1 407 x\r\n\r\n")
    assert str(caught.value) == "did not accept the login (407)"


@pytest.mark.parametrize("step", [None, 1, 3])
@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("one.test", b"\x03\x08one.test"),
        ("127.0.0.1", b"\x01\x7f\x00\x00\x01"),
        ("::1", b"\x04" + bytes(15) + b"\x01"),
    ],
)
@pytest.mark.parametrize(
    "answer", [GRANTED, b"\x05\x00\x00\x03\x04host\x00\x01", b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x01"]
)
def test_socks_asks_by_name_or_address(host: str, address: bytes, answer: bytes, step: int | None) -> None:
    asking = Socks5(host, 443)
    sent = talk(asking, b"\x05\x00", answer, step=step)
    assert sent == [b"\x05\x01\x00", b"\x05\x01\x00" + address + b"\x01\xbb"]
    assert asking.granted


@pytest.mark.parametrize("step", [None, 1])
def test_socks_says_who_asks_only_where_asked(step: int | None) -> None:
    request = b"\x05\x01\x00\x03\x01a\x00\x50"
    asked = talk(Socks5("a", 80, b"me:se:cret"), b"\x05\x02", b"\x01\x00", GRANTED, step=step)
    assert asked == [b"\x05\x02\x00\x02", b"\x01\x02me\x07se:cret", request]
    assert talk(Socks5("a", 80, b"me:secret"), b"\x05\x00", GRANTED, step=step) == [b"\x05\x02\x00\x02", request]


@pytest.mark.parametrize(
    ("answers", "why", "wants_login"),
    [
        ([b"\x04\x00"], "does not speak SOCKS5", False),
        ([b"HT"], "does not speak SOCKS5", False),
        ([b"\x05\xff"], "wants a login", True),
        ([b"\x05\x02"], "wants a login", True),
        ([b"\x05\x00\x00"], "sent more than the protocol allows", False),
        ([b"\x05\x00", b"\x05\x02\x00\x01" + bytes(6)], "refused the connection (not allowed by its rules)", False),
        ([b"\x05\x00", b"\x05\x05"], "refused the connection (connection refused)", False),
        ([b"\x05\x00", b"\x05\x63\x00\x01" + bytes(6)], "refused the connection (no known reason)", False),
        ([b"\x05\x00", b"\x04\x00\x00\x01" + bytes(6)], "does not speak SOCKS5", False),
        ([b"\x05\x00", GRANTED + b"x"], "sent more than the protocol allows", False),
        ([b"\x05\x00", b"\x05\x00\x00\x09" + bytes(6)], "sent more than the protocol allows", False),
    ],
)
def test_socks_that_comes_to_nothing_says_why(answers: list[bytes], why: str, wants_login: bool) -> None:
    with pytest.raises(ProxyRefused) as caught:
        talk(Socks5("one.test", 443), *answers)
    assert (str(caught.value), caught.value.wants_login) == (why, wants_login)


def test_socks_login_that_is_not_accepted_is_told() -> None:
    with pytest.raises(ProxyRefused, match="did not accept the login") as caught:
        talk(Socks5("one.test", 443, b"me:canary"), b"\x05\x02", b"\x01\x01")
    assert caught.value.wants_login
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("login", [b"u" * 256 + b":p", b"u:" + b"p" * 256])
def test_what_the_protocol_has_no_room_for_is_refused(login: bytes) -> None:
    with pytest.raises(ProxyRefused, match="at most 255"):
        Socks5("one.test", 443, login)
    with pytest.raises(ProxyRefused, match="at most 255"):
        Socks5("x" * 256, 443)


@given(st.sampled_from([Connect, Socks5]), st.lists(st.binary(max_size=40), max_size=6))
def test_whatever_a_proxy_sends_is_an_answer_or_a_refusal(kind: type[Connect | Socks5], answers: list[bytes]) -> None:
    asking = kind("one.test", 443, b"me:secret")
    try:
        talk(asking, *answers)
    except ProxyRefused:
        assert not asking.granted
