"""The golden transcripts are what the provider's own SDK takes for an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lectr_core import Tree

TRANSCRIPTS = Path(__file__).parent / "transcripts"


@pytest.fixture(scope="module")
def types():
    return pytest.importorskip("google.genai.types", reason="the provider's SDK is not installed")


def frames(name: str) -> list[Tree]:
    text = (TRANSCRIPTS / name).read_text("utf-8")
    if name.endswith(".sse"):
        return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]
    tree = json.loads(text)
    return tree if isinstance(tree, list) else [tree]


def known(tree: object) -> object:
    """The tree less what is made up to stand for fields that come later."""
    if isinstance(tree, dict):
        return {name: known(value) for name, value in tree.items() if name not in ("aCountOfNextYear", "serviceTier")}
    return [known(value) for value in tree] if isinstance(tree, list) else tree


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    ["generate.json", "generate_media.json", "blocked.json", "stream_lf.sse", "stream_array.json", "stream_error.sse"],
)
def test_frames_are_answers_to_the_sdk(name: str, types):
    for frame in frames(name):
        if "error" not in frame:
            answer = types.GenerateContentResponse.model_validate(known(frame))
            assert answer.usage_metadata.prompt_token_count == frame["usageMetadata"]["promptTokenCount"]
            assert answer.model_version == frame["modelVersion"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_token_counts_and_errors_are_such_to_the_sdk(types):
    [count] = frames("count_tokens.json")
    assert types.CountTokensResponse.model_validate({"totalTokens": count["totalTokens"]}).total_tokens == 31
    errors = pytest.importorskip("google.genai.errors", reason="the provider's SDK is not installed")
    raised = errors.APIError(429, json.loads((TRANSCRIPTS / "error.json").read_text("utf-8")))
    assert (raised.code, raised.status) == (429, "RESOURCE_EXHAUSTED")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_lectrs_refusals_are_errors_to_the_sdk(types):
    from lectr_provider_gemini.refusals import native_body

    from lectr_core import Refusal

    errors = pytest.importorskip("google.genai.errors", reason="the provider's SDK is not installed")
    body = native_body(Refusal(401, "missing_lectr_key", "send it as X-Lectr-Key"))
    raised = errors.ClientError(401, json.loads(body))
    assert (raised.code, raised.status, raised.message) == (401, "UNAUTHENTICATED", "send it as X-Lectr-Key")
