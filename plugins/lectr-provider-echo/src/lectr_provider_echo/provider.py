"""The stand-in as a provider of its own: `X-Lectr-Provider: echo`, `/echo/…`, or a model that is called `echo…`. Pure."""

from __future__ import annotations

from lectr_core import Call, DialectProvider, Secret
from lectr_provider_echo.settings import EchoSettings

# The stand-in wants no key, but a request without any looks wrong to whoever debugs it.
KEY = Secret(b"echo-needs-no-key")


class EchoProvider(DialectProvider):
    """Every dialect's paths go to it as they are. Usage is read where it is reported in OpenAI's shape."""

    def __init__(self, settings: EchoSettings, held: Secret | None = None) -> None:
        """Errors: OperatorError where the address is none."""
        super().__init__("echo", settings.address, held or KEY, families=("echo",))

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`: the form tells dialects apart where they share a path."""
        if "/v1beta/" in call.path and "/openai/" not in call.path:
            return "x-goog-api-key", secret.reveal()
        if call.path.startswith("/v1/messages"):
            return "x-api-key", secret.reveal()
        return super().authorize(call, secret)
