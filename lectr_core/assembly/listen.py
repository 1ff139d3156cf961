"""Addresses to listen on: `host:port`, `[::1]:port`, `unix:/path`; what they mean, and the sockets opened on them.

The supervisor opens every socket once and hands it to all workers, so that a worker can die without a refused connection.
Never accepts anything. Called by `settings` (to check) and the supervisor (to open).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import stat
from pathlib import Path

import attrs

from lectr_core.errors import OperatorError

HOST_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^:\[\]/\s]*)):(\d{1,5})")
# Connections that wait for a busy worker; the kernel caps it at net.core.somaxconn (4096 on Linux since 5.4).
BACKLOG = 4096


@attrs.frozen
class Address:
    """One place to listen on."""

    host: str = ""
    """Empty: every interface."""
    port: int = 0
    """0: any free one."""
    path: Path | None = None
    """Of a unix socket; host and port then mean nothing."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str | None:
        """What a client on this machine uses as base URL; None for a unix socket."""
        if self.path is not None:
            return None
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Errors: ValueError that says what is allowed, without repeating *text*."""
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.is_absolute():
            raise ValueError("expected unix: with an absolute path")
        return Address(path=path)
    match = HOST_PORT.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        raise ValueError("expected host:port, [address]:port or unix:/path")
    return Address(match[1] or match[2] or "", int(match[3]))


def open_socket(address: Address, *, setting: str = "gateway.listen") -> socket.socket:
    """A listening, non-blocking socket. Errors: OperatorError that names the address and says what is in the way."""
    try:
        made = _open_unix(address.path) if address.path is not None else _open_tcp(address)
    except OSError as exc:
        if exc.errno == errno.EADDRINUSE:
            raise OperatorError(f"{setting}: {address} is taken by another process; stop it or choose another port") from exc
        if exc.errno == errno.EACCES:
            raise OperatorError(f"{setting}: this user may not listen on {address}") from exc
        raise OperatorError(f"{setting}: cannot listen on {address}: {exc.strerror or exc}") from exc
    made.setblocking(False)
    return made


def bound(address: Address, opened: socket.socket) -> Address:
    """*address* with the port that the system chose where it was 0."""
    return address if address.path is not None else attrs.evolve(address, port=int(opened.getsockname()[1]))


def adopt_socket(number: int) -> tuple[Address, socket.socket]:
    """A listening socket that somebody else opened and handed over. Errors: OperatorError where it is none."""
    try:
        made = socket.socket(fileno=number)
    except OSError as exc:
        raise OperatorError(f"descriptor {number} was handed over as a socket, and is none") from exc
    listens = made.type == socket.SOCK_STREAM and made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if not listens or made.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        made.close()
        raise OperatorError(f"descriptor {number} was handed over, and is no socket that listens for streams")
    made.setblocking(False)
    os.set_inheritable(number, False)
    place = made.getsockname()
    if made.family == socket.AF_UNIX:
        return Address(path=Path(place if isinstance(place, str) else "@" + place[1:].decode(errors="replace"))), made
    return Address(str(place[0]), int(place[1])), made


def _open_tcp(address: Address) -> socket.socket:
    found = socket.getaddrinfo(
        address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
    )
    # For an empty host prefer IPv4: it is what the address in the message to the operator names.
    family, _, _, _, place = sorted(found, key=lambda one: one[0] != socket.AF_INET)[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _open_unix(path: Path) -> socket.socket:
    """A unix socket; one that a dead process left behind is removed, one that answers is not."""
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(str(path))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made
