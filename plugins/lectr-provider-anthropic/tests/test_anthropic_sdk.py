"""The golden transcripts are what the provider's own SDK takes for an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lectr_core import Tree

anthropic_types = pytest.importorskip("anthropic.types", reason="the provider's SDK is not installed")
beta_types = pytest.importorskip("anthropic.types.beta", reason="the provider's SDK is not installed")
pydantic = pytest.importorskip("pydantic", reason="the provider's SDK is not installed")

TRANSCRIPTS = Path(__file__).parent / "transcripts"


def events(name: str) -> list[Tree]:
    lines = (TRANSCRIPTS / name).read_text("utf-8").splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("message*.json")), ids=lambda path: path.name)
def test_messages_are_messages_to_the_sdk(path: Path):
    tree = json.loads(path.read_text("utf-8"))
    message = anthropic_types.Message.model_validate(tree)
    assert message.usage.output_tokens == tree["usage"]["output_tokens"]


@pytest.mark.parametrize("path", sorted(TRANSCRIPTS.glob("*.sse")), ids=lambda path: path.name)
def test_events_are_events_to_the_sdk(path: Path):
    adapter = pydantic.TypeAdapter(beta_types.BetaRawMessageStreamEvent)
    known = [event for event in events(path.name) if event["type"] not in ("ping", "error")]
    parsed = [adapter.validate_python(event) for event in known]
    assert [event.type for event in parsed] == [event["type"] for event in known]


def test_a_token_count_is_one_to_the_sdk():
    count = anthropic_types.MessageTokensCount.model_validate_json((TRANSCRIPTS / "count_tokens.json").read_bytes())
    assert count.input_tokens == 2095


def test_errors_are_errors_to_the_sdk():
    shared = pytest.importorskip("anthropic.types.shared", reason="the provider's SDK is not installed")
    shared.ErrorResponse.model_validate_json((TRANSCRIPTS / "error.json").read_bytes())
    for event in events("stream_error.sse"):
        if event["type"] == "error":
            assert shared.ErrorResponse.model_validate(event).error.type == "overloaded_error"
