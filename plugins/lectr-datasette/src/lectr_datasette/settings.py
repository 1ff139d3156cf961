"""`[explorer]`: where the explorer listens and who may see it. Values and their checks; nothing is started here."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Mapping

import attrs

from lectr_core import OperatorError

PATH = "explorer"


@attrs.frozen(kw_only=True)
class ExplorerSettings:
    """`[explorer]`."""

    enabled: bool = True
    """Start it beside the gateway under `lectr up`."""
    listen: str = "127.0.0.1:8421"
    """`host:port`. Anything but loopback needs `password_env`."""
    open: bool = False
    """Open the page in a browser at start (`lectr explore`)."""
    password_env: str | None = None
    """Name of the environment variable that holds the password; the user name does not matter."""
    hosts: tuple[str, ...] = ()
    """Names it may be called by besides its own address: a proxy's, for one."""

    def address(self) -> tuple[str, int]:
        """Host and port. Errors: OperatorError where `listen` is no address."""
        host, colon, port = self.listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise OperatorError(f"{PATH}.listen: expected host:port, got {self.listen!r}")
        return host, int(port)

    def check(self, environ: Mapping[str, str]) -> None:
        """Errors: OperatorError where it would be open to others, or its password is not there."""
        host, _ = self.address()
        if self.password_env is not None and not environ.get(self.password_env):
            raise OperatorError(
                f"{PATH}.password_env: expected a variable that is set, got {self.password_env!r}, which is not"
            )
        if not is_loopback(host) and self.password_env is None:
            raise OperatorError(
                f"{PATH}.listen: {self.listen!r} can be reached from other machines; set {PATH}.password_env, "
                "or listen on 127.0.0.1"
            )

    def check_free(self) -> None:
        """Errors: OperatorError where nobody can listen there now."""
        host, port = self.address()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.create_server((host, port), family=family).close()
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                what = f"{self.listen} is taken by another process; stop it or choose another port"
            else:
                what = f"cannot listen on {self.listen}: {exc.strerror or exc}"
            raise OperatorError(f"{PATH}.listen: {what}") from exc

    def url(self) -> str:
        """Where people find it."""
        host, port = self.address()
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach *host*."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
