"""The page on compatible endpoints lists those that are there, with addresses, keys and models as the code has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lectr_core import Call, GatewaySettings, Settings

endpoints = pytest.importorskip("lectr_provider_compatible.endpoints", reason="lectr-provider-compatible is not installed")
offer = pytest.importorskip("lectr_provider_compatible.offer", reason="lectr-provider-compatible is not installed")

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "providers" / "compatible.md").read_text()
_ROW = re.compile(r"^\| `(\w+)` \| `(https://\S+?)…`[^|]* \|([^|]*)\|([^|]*)\|$", re.MULTILINE)
ROWS = {
    id: (address, set(re.findall(r"`(\S+?)…`", keys)), set(re.findall(r"`(\S+?)…`", models)))
    for id, address, keys, models in re.findall(
        r"^\| `(\w+)` \| `(https://\S+?)…`[^|]* \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE
    )
}


def test_the_page_lists_every_endpoint_that_is_offered() -> None:
    assert list(ROWS) == [endpoint.id for endpoint in endpoints.REMOTE]


@pytest.mark.parametrize("id", ROWS)
def test_address_keys_and_models_are_those_of_the_page(id: str) -> None:
    address, keys, models = ROWS[id]
    endpoint = endpoints.KNOWN[id]
    (provider,) = [one for one in offer.providers_of(Settings(GatewaySettings(), {}, "v")) if one.id == id]
    assert str(provider.origin) + provider.locate(Call("POST", "/v1/embeddings")) == f"{address}embeddings"
    assert (keys, models) == ({key.decode() for key in endpoint.keys}, set(endpoint.models))


def test_local_servers_stand_on_the_page_with_their_addresses() -> None:
    shown = dict(re.findall(r"^\[provider\.(\w+)\] +# (http://\S+)$", PAGE, re.MULTILINE))
    assert shown == {endpoint.id: endpoint.host for endpoint in endpoints.LOCAL}


ASKED_FOR = "openrouter mistral deepseek xai together fireworks cerebras perplexity ollama vllm lmstudio"


@pytest.mark.parametrize("id", ASKED_FOR.split())
def test_the_endpoints_that_people_ask_for_are_known(id: str) -> None:
    assert id in endpoints.KNOWN
