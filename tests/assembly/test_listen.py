"""Addresses mean what they say, and a taken one is named."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lectr_core.assembly.listen import Address, bound, open_socket, parse_address
from lectr_core.errors import OperatorError


@pytest.mark.parametrize(
    ("text", "address", "loopback", "url"),
    [
        ("127.0.0.1:8420", Address("127.0.0.1", 8420), True, "http://127.0.0.1:8420"),
        ("[::1]:80", Address("::1", 80), True, "http://[::1]:80"),
        ("localhost:80", Address("localhost", 80), True, "http://localhost:80"),
        ("0.0.0.0:80", Address("0.0.0.0", 80), False, "http://127.0.0.1:80"),
        (":80", Address("", 80), False, "http://127.0.0.1:80"),
        ("[::]:80", Address("::", 80), False, "http://[::1]:80"),
        ("unix:/run/x", Address(path=Path("/run/x")), True, None),
        ("gate.example:80", Address("gate.example", 80), False, "http://gate.example:80"),
    ],
)
def test_addresses_are_understood(text: str, address: Address, loopback: bool, url: str | None) -> None:
    assert parse_address(text) == address
    assert (address.is_loopback, address.url, str(address)) == (loopback, url, text)


@pytest.mark.parametrize(
    "text", ["", "x", "8420", "h:99999", "h:", "::1:80", "unix:", "unix:relative", "http://h:1", "a b:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_address(text)


def test_a_taken_port_is_named() -> None:
    with open_socket(Address("127.0.0.1", 0)) as first:
        taken = bound(Address("127.0.0.1", 0), first)
        assert taken.port != 0
        with pytest.raises(OperatorError, match=rf"127\.0\.0\.1:{taken.port} is taken by another process"):
            open_socket(taken)


def test_a_unix_socket_left_behind_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    address = Address(path=tmp_path / "s")
    with open_socket(address) as opened:
        assert bound(address, opened) == address
        with pytest.raises(OperatorError, match="is taken by another process"):
            open_socket(address)
    with open_socket(address) as again, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(address.path))
        assert again.getblocking() is False


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(OperatorError, match=r"cannot listen on 192\.0\.2\.1:1"):
        open_socket(Address("192.0.2.1", 1))
