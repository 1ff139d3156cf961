"""Azure OpenAI: deployments in the path, versions in the query, the key in `api-key`. Answers are the dialect's.

Called by the hooks. What its paths become is in `paths.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from lectr_core import (
    Answer,
    Call,
    Credential,
    DialectProvider,
    ProviderConfigMissing,
    Reader,
    Reading,
    RealtimeReader,
    Secret,
    Settings,
    TunnelReader,
    headroom_of,
    short_value,
    upstream_of,
)
from lectr_provider_azure.paths import (
    DEPLOYMENTS,
    OPERATIONS,
    azure_path,
    deployment_in,
    deployment_in_query,
    operation_in,
    versioned,
)
from lectr_provider_azure.settings import AzureSettings

ID: Final = "azure"

# What people copy from the portal or give to an SDK; the paths bring it along themselves.
_COPIED_TAIL: Final = re.compile(r"/openai(/v1)?/?$")

# An Entra token is a JSON Web Token: three parts, the first one the encoding of `{"`.
_ENTRA_TOKEN: Final = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]*")


class AzureProvider(DialectProvider):
    """The operator's own Azure endpoint. Without an address it is there to say what is missing."""

    def __init__(
        self,
        base_url: str | None,
        held: Secret | None = None,
        *,
        api_version: str | None = None,
        deployments: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """*deployments*: models by deployment. Errors: OperatorError where *base_url* is no plain http(s) URL."""
        super().__init__(ID, None if base_url is None else _COPIED_TAIL.sub("", base_url), held, ca_file=ca_file)
        self._api_version = api_version
        self._deployments = dict(deployments or {})

    def claims_path(self, path: str) -> bool:
        """See `ports.Provider`: nobody else has deployments."""
        return path.startswith(DEPLOYMENTS)

    def model_in_path(self, path: str) -> str | None:
        """See `ports.Provider`: the deployment."""
        return deployment_in(path)

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`."""
        operation = operation_in(path)
        if operation is not None:
            return DEPLOYMENTS + "{deployment}" + (operation if operation in OPERATIONS else "/{path}")
        if path.startswith("/openai/v1/") or not path.startswith("/openai/"):
            return super().endpoint(path.removeprefix("/openai"))
        return "/openai" + super().endpoint(path.removeprefix("/openai"))

    def route(self, path: str) -> str:
        """See `DialectProvider`: Azure's own paths lead to the same answers."""
        operation = operation_in(path)
        if operation is not None:
            return operation.strip("/")
        return super().endpoint(path.removeprefix("/openai")).removeprefix("/v1").strip("/")

    def locate(self, call: Call) -> str:
        """See `ports.Provider`. A route's model takes the place of the deployment in the path."""
        if self.origin is None:
            raise ProviderConfigMissing(
                "azure has no address; the operator sets base_url under [provider.azure]", code="azure_config_missing"
            )
        path, takes_version = azure_path(call.path, call.model, self._api_version)
        query = call.query
        if takes_version and self._api_version is not None:
            query = versioned(query, self._api_version)
        return f"{self.prefix}{path}?{query}" if query or call.has_query else self.prefix + path

    def authorize(self, call: Call, secret: Secret) -> tuple[str, bytes]:
        """See `ports.Provider`: a key in its own header, an Entra token as a bearer token."""
        token = secret.reveal()
        return ("Authorization", b"Bearer " + token) if _ENTRA_TOKEN.fullmatch(token) else ("api-key", token)

    def pass_on(self, call: Call, credential: Credential) -> tuple[str, bytes] | None:
        """See `ports.Provider`: as sent where it is Azure's form, else put into it."""
        if credential.field == b"api-key":
            return None
        if credential.field == b"authorization" and (
            credential.scheme != b"bearer" or _ENTRA_TOKEN.fullmatch(credential.secret.reveal())
        ):
            return None
        return self.authorize(call, credential.secret)

    def reader(self, call: Call, answer: Answer) -> Reader | None:
        """See `ports.Provider`. A deployment's declared model stands in where the answer names none."""
        reader = super().reader(call, answer)
        deployment = deployment_in(call.path) or call.model
        model = self._deployments.get(deployment) if deployment is not None else None
        return reader if reader is None or model is None else _Named(reader, model)

    def model_of_tunnel(self, call: Call) -> str | None:
        """See `ports.Tunnels`: the deployment."""
        named = super().model_of_tunnel(call)
        return deployment_in_query(call.query) or named if self.route(call.path) == "realtime" else named

    def tunnel_reader(self, call: Call, answer: Answer) -> TunnelReader | None:
        """See `ports.Tunnels`. As for other answers, a declared model stands in where a session names none."""
        reader = super().tunnel_reader(call, answer)
        model = self._deployments.get(call.model) if call.model is not None else None
        return RealtimeReader(model) if isinstance(reader, RealtimeReader) else reader

    def request_id(self, answer: Answer) -> str | None:
        """See `ports.Provider`: the id that Azure's support asks for, else the model's own."""
        return short_value(answer.field("apim-request-id")) or short_value(answer.field("x-request-id"))

    def headroom(self, answer: Answer) -> Mapping[str, str]:
        """See `ports.Provider`: -1 says that Azure does not know, so it is left out."""
        return {name: value for name, value in headroom_of(answer, "x-ratelimit-").items() if value != "-1"}


class _Named:
    """A reader whose answers have a model by declaration, where they name none themselves. Satisfies `ports.Reader`."""

    def __init__(self, reader: Reader, model: str) -> None:
        self._reader = reader
        self._model = model
        self.first_token_seen = False

    def feed(self, data: bytes | memoryview) -> None:
        """See `ports.Reader`."""
        self._reader.feed(data)
        self.first_token_seen = self._reader.first_token_seen

    def finish(self, *, complete: bool) -> Reading:
        """See `ports.Reader`."""
        reading = self._reader.finish(complete=complete)
        return reading if reading.model is not None else attrs.evolve(reading, model=self._model)


def azure_of(settings: Settings) -> AzureProvider:
    """The provider as the operator wants it. Errors: OperatorError, see `upstream_of`."""
    path = f"provider.{ID}"
    section = settings.section(path, AzureSettings)
    upstream = upstream_of(settings, path, section)
    return AzureProvider(
        upstream.base_url,
        upstream.held,
        api_version=section.api_version,
        deployments=section.deployments,
        ca_file=upstream.ca_file,
    )
