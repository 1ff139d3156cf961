"""Every error of Lectr, split by who must act on it.

Nothing here imports anything. A message states the fact, the value seen and the value allowed; it is one line, in lower
case, and never holds a secret, a body, a query string or a header's value.
"""

from __future__ import annotations


class LectrError(Exception):
    """The root of everything Lectr raises on purpose. Catch it only at a process's edge."""


class CallerError(LectrError):
    """The client sent something that cannot be carried out.

    Act: the client; the message says what to change.
    """


class OperatorError(LectrError):
    """The configuration, the machine or the command line is not as it must be.

    Act: the operator; the message says what to change and where.
    """


class UpstreamError(LectrError):
    """A provider could not be reached, or did not keep to the protocol.

    Act: the operator or the provider; the client may try again.
    """


class PluginError(LectrError):
    """A plugin broke its promise: wrong type, exception, missing attribute.

    Act: the plugin's author; until then the operator may uninstall it. The message names distribution and hook.
    """


class Bug(LectrError):
    """Lectr itself is wrong. Act: please report it."""


class MalformedMessage(LectrError):
    """Bytes that are no unambiguous HTTP/1.1 message (RFC 9112). From a client: 400 and close; from a provider: 502."""


class UnsettledSettings(OperatorError):
    """The settings are invalid. All faults are reported together, each with its path, the value seen and those allowed.

    Act: the operator; a running gateway keeps the version it has.
    """

    def __init__(self, faults: tuple[str, ...], where: str) -> None:
        self.faults = faults
        self.where = where
        many = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(f"{where}: {many}\n" + "\n".join(f"  {fault}" for fault in faults))


class ProviderConfigMissing(CallerError):
    """The provider needs configuration that the operator has not given. `code` goes to the client in a 400.

    Act: the operator; the message names the setting.
    """

    def __init__(self, message: str, code: str = "provider_config_missing") -> None:
        self.code = code
        super().__init__(message)


class NotServed(LectrError):
    """This provider has no such path, so a request cannot be sent (or routed) there. Act: nobody; the caller decides."""
