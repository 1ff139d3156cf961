"""The ground a gateway stands on: its data directory, taken by one supervisor alone, and its listening sockets.

Entered before anything is started and left after everything has ended. Called by `supervisor`.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from lectr_core.assembly.listen import Address, adopt_socket, bound, open_socket, parse_address
from lectr_core.errors import OperatorError
from lectr_core.journal.layout import DIRECTORY_MODE, FILE_MODE
from lectr_core.journal.whole import make_directory

LOCK = "lock"
# Two descriptors a connection (client and provider); enough for 30 000 connections, and a limit that every kernel allows.
DESCRIPTORS = 65_536


@attrs.frozen
class Doors:
    """Open listening sockets."""

    addresses: tuple[Address, ...]
    sockets: tuple[socket.socket, ...] = attrs.field(repr=False)
    texts: tuple[str, ...] = ()
    """What the settings say of each; empty where somebody else opened them."""

    @property
    def base_url(self) -> str:
        """What a client uses: the first address that is TCP, else the unix socket."""
        urls = [address.url for address in self.addresses]
        return next((url for url in urls if url is not None), str(self.addresses[0]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach any of them."""
        return all(address.is_loopback for address in self.addresses)

    def shut(self) -> None:
        """Let go of the sockets. Once the workers have done so too, new connections are refused rather than left waiting."""
        for opened in self.sockets:
            opened.close()


@contextmanager
def take_data(data: Path) -> Iterator[Path]:
    """Make the data directory, for its owner alone, and hold it. Errors: OperatorError where another gateway holds it."""
    with hold_data(data) as (held, _):
        yield held


@contextmanager
def hold_data(data: Path, handed: int | None = None) -> Iterator[tuple[Path, int]]:
    """The same, with the descriptor that holds it; *handed* is the one by which this process's forerunner held it."""
    if handed is not None:
        os.set_inheritable(handed, False)
        try:
            yield data.resolve(), handed
        finally:
            os.close(handed)
        return
    try:
        make_directory(data)
        if (data.stat().st_mode & 0o777) != DIRECTORY_MODE and data.stat().st_uid == os.geteuid():
            data.chmod(DIRECTORY_MODE)
        lock = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE)
    except OSError as exc:
        to_do = "choose another place with --data, or start it as the user who may write there"
        raise OperatorError(f"gateway.data: cannot use {str(data)!r}: {exc.strerror}; {to_do}") from exc
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
            raise OperatorError(
                f"gateway.data: {str(data)!r} is in use by another gateway (process {holder}); stop it or use another --data"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield data.resolve(), lock
    finally:
        os.close(lock)


@contextmanager
def open_doors(
    listen: Sequence[str], *, setting: str = "gateway.listen", handed: Sequence[tuple[str, int]] = ()
) -> Iterator[Doors]:
    """Open every address, or none. Errors: OperatorError that names the one that is in the way.

    Shapes: *handed* is what this process's forerunner had opened; what of it nobody wants any more is closed.
    """
    addresses: list[Address] = []
    sockets: list[socket.socket] = []
    given = dict(handed)
    try:
        for text in listen:
            address = parse_address(text)
            if text in given:
                sockets.append(adopt_socket(given.pop(text))[1])
            else:
                sockets.append(open_socket(address, setting=setting))
            addresses.append(bound(address, sockets[-1]))
        for text, number in given.items():
            os.close(number)
            addresses_gone = parse_address(text).path
            if addresses_gone is not None:
                addresses_gone.unlink(missing_ok=True)
        yield Doors(tuple(addresses), tuple(sockets), tuple(listen))
    finally:
        for opened in sockets:
            opened.close()
        for address in addresses:
            if address.path is not None:
                address.path.unlink(missing_ok=True)


@contextmanager
def adopt_doors(numbers: Sequence[int], *, loopback_only: bool) -> Iterator[Doors]:
    """Sockets that a service manager opened; it keeps them open when we end, so that clients wait and are not refused.

    Errors: OperatorError where one is no listening socket, or can be reached from elsewhere against *loopback_only*.
    """
    adopted: list[tuple[Address, socket.socket]] = []
    try:
        for number in numbers:
            adopted.append(adopt_socket(number))
        doors = Doors(tuple(address for address, _ in adopted), tuple(opened for _, opened in adopted))
        if loopback_only and not doors.is_loopback:
            raise OperatorError("gateway.auth: 'none' is allowed on loopback only, and a socket handed over is not on it")
        yield doors
    finally:
        for _, opened in adopted:
            opened.close()


def allow_descriptors() -> None:
    """Raise this process's (and its children's) limit on open files as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
