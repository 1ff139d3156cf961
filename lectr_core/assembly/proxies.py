"""Which proxy a word of the settings, or the environment, means for one origin.

An address in the settings holds no password, since files are copied and shown; one in the environment may, since that is
where it is written by custom. No message repeats either. Pure. Called by `egress`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from lectr_core.errors import OperatorError
from lectr_core.model.call import Origin
from lectr_core.model.egress import Proxy
from lectr_core.model.secret import Secret

DIRECT: Final = "direct"
ENVIRONMENT: Final = "env"
WANTED: Final = "'direct', 'env' or an address such as http://proxy.example:3128 or socks5://127.0.0.1:1080"

_SCHEMES: Final = {"http": ("http", 80), "socks5": ("socks5", 1080), "socks5h": ("socks5", 1080)}
_VARIABLES: Final = {
    "https": ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
    "http": ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"),
}
"""As curl and the SDKs read them: the small letters first."""
_EXCEPTIONS: Final = ("no_proxy", "NO_PROXY")


def parse_proxy(text: str) -> Proxy:
    """An address from the settings. Errors: OperatorError; the text is not repeated, it might hold a password."""
    proxy, login = _parse(text)
    if login is not None:
        raise OperatorError("expected no user or password in the address; name a variable that holds them in proxy_auth_env")
    return proxy


def login_from(variable: str, environ: Mapping[str, str]) -> Secret:
    """`user:password` from the environment. Errors: OperatorError."""
    value = environ.get(variable, "").strip()
    if not value:
        raise OperatorError(f"expected the name of a variable that is set, got {variable!r}, which is not")
    return _login(value, f"{variable!r}")


def from_environment(origin: Origin, environ: Mapping[str, str]) -> tuple[Proxy | None, str]:
    """The proxy for *origin*, and the variable that says so; (None, "") where there is none.

    Errors: OperatorError that names the variable, where it holds no address.
    """
    variable = next((name for name in _VARIABLES[origin.scheme] if environ.get(name)), None)
    if variable is None:
        return None, ""
    for name in _EXCEPTIONS:
        if environ.get(name):
            if is_excepted(origin, environ[name]):
                return None, f"${name}"
            break
    text = environ[variable].strip()
    try:
        proxy, login = _parse(text if "://" in text else f"http://{text}")
        secret = None if login is None else _login(login, "it")
    except OperatorError as exc:
        raise OperatorError(f"${variable}: {exc}") from None
    return Proxy(proxy.scheme, proxy.host, proxy.port, secret), f"${variable}"


def variables_set(environ: Mapping[str, str]) -> list[str]:
    """Names of the variables that would name a proxy."""
    names = dict.fromkeys(name for group in _VARIABLES.values() for name in group)
    return [name for name in names if environ.get(name)]


def is_excepted(origin: Origin, listed: str) -> bool:
    """Whether `NO_PROXY` names *origin*: `*`, a host or any above it, `host:port`, an address, a network (CIDR)."""
    return any(_names(entry, origin) for entry in re.split(r"[,\s]+", listed.lower()) if entry)


def is_loopback(origin: Origin) -> bool:
    """Whether it is on this machine, where a proxy elsewhere would find another one."""
    if origin.host == "localhost" or origin.host.endswith(".localhost"):
        return True
    address = _address(origin.host)
    return address is not None and address.is_loopback


def _names(entry: str, origin: Origin) -> bool:
    if entry == "*":
        return True
    address = _address(origin.host)
    if address is not None:
        try:
            return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
        except ValueError:
            pass
    host, _, port = entry.rpartition(":")
    if host and port.isdecimal() and (":" not in host or host.startswith("[")):
        if int(port) != origin.port:
            return False
        entry = host
    entry = entry.strip("[]").removeprefix("*").lstrip(".")
    return bool(entry) and (origin.host == entry or origin.host.endswith(f".{entry}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _parse(text: str) -> tuple[Proxy, str | None]:
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise OperatorError(f"expected {WANTED}, got text that is none of them") from None
    if url.scheme == "https":
        raise OperatorError("a proxy that is itself reached over TLS is not supported; expected http:// or socks5://")
    if url.scheme not in _SCHEMES or not host or url.path not in ("", "/") or url.query or url.fragment:
        raise OperatorError(f"expected {WANTED}, got text that is none of them")
    if not text.isascii() or any(char <= " " for char in text):
        raise OperatorError("expected ASCII without spaces, got other characters")
    scheme, usual_port = _SCHEMES[url.scheme]
    login = None
    if url.username is not None or url.password is not None:
        login = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    return Proxy("http" if scheme == "http" else "socks5", host, port or usual_port), login


def _login(value: str, where: str) -> Secret:
    if ":" not in value or any(char < " " for char in value):
        raise OperatorError(f"expected user:password in {where}, got something else")
    return Secret(value.encode())
