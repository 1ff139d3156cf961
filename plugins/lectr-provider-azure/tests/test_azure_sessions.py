"""Realtime sessions with Azure: where they go, what names their deployment, and which model prices their turns."""

from __future__ import annotations

import json

import pytest
from lectr_provider_azure.provider import azure_of
from lectr_provider_azure.settings import AzureSettings

from lectr_core import Answer, Call, GatewaySettings, Settings, TunnelReader, Tunnels

SECTION = AzureSettings(
    base_url="https://example.openai.azure.com", api_version="2025-04-01-preview", deployments={"talk": "gpt-realtime"}
)
AZURE = azure_of(Settings(GatewaySettings(), {"provider.azure": SECTION}, "v"))


@pytest.mark.parametrize(
    ("path", "query", "target", "endpoint", "model"),
    [
        ("/v1/realtime", "model=talk", "/openai/v1/realtime?model=talk", "/v1/realtime", "talk"),
        ("/openai/v1/realtime", "model=talk", "/openai/v1/realtime?model=talk", "/v1/realtime", "talk"),
        (
            "/openai/realtime",
            "api-version=2025-04-01-preview&deployment=my%20talk",
            "/openai/realtime?api-version=2025-04-01-preview&deployment=my%20talk",
            "/openai/realtime",
            "my talk",
        ),
    ],
)
def test_a_session_goes_where_its_deployment_is_understood(
    path: str, query: str, target: str, endpoint: str, model: str
) -> None:
    call = Call("GET", path, query, has_query=True, model="talk" if "model=" in query else None)
    assert isinstance(AZURE, Tunnels)
    assert (AZURE.locate(call), AZURE.endpoint(path), AZURE.model_of_tunnel(call)) == (target, endpoint, model)
    assert isinstance(AZURE.tunnel_reader(call, Answer(101, {})), TunnelReader)


@pytest.mark.parametrize(("model", "priced_as"), [("talk", "gpt-realtime"), ("other", None)])
def test_a_declared_model_stands_in_where_the_session_names_none(model: str, priced_as: str | None) -> None:
    reader = AZURE.tunnel_reader(Call("GET", "/openai/v1/realtime", model=model), Answer(101, {}))
    assert reader is not None
    done = {"type": "response.done", "response": {"id": "r", "usage": {"input_tokens": 1, "output_tokens": 1}}}
    (turn,) = reader.hear(json.dumps(done).encode(), from_client=False)
    assert turn.reading is not None
    assert turn.reading.model == priced_as


def test_a_connection_that_is_none_of_these_is_not_read() -> None:
    assert AZURE.tunnel_reader(Call("GET", "/openai/v1/realtime/calls"), Answer(101, {})) is None
