"""OpenAI: what speaks for it, where its requests go, and how its images and audio are read."""

from __future__ import annotations

import json

import lectr_provider_openai as face
import pytest
from lectr_provider_openai.provider import OpenAIProvider, OpenAISettings, provider_of

from lectr_core import (
    Answer,
    Call,
    Credential,
    GatewaySettings,
    ImagesEventReader,
    ImagesReader,
    OpenReader,
    OperatorError,
    Origin,
    ProviderSettings,
    Reading,
    Secret,
    Settings,
    Share,
    SpeechEventReader,
    Terms,
    TranscriptEventReader,
    TranscriptReader,
    UnbilledReader,
    Usage,
    units,
)
from lectr_core.testing import Case, check_provider, check_reader


def settings(section: OpenAISettings | None = None, **environ: str) -> Settings:
    sections = {} if section is None else {"provider.openai": section}
    return Settings(GatewaySettings(), sections, "0" * 12, environ)


def provider() -> OpenAIProvider:
    return provider_of(settings())


def test_the_hooks_offer_one_section_and_one_provider() -> None:
    (section,) = face.lectr_settings()
    assert section.path == "provider.openai"
    assert issubclass(section.schema, ProviderSettings)
    (offered,) = face.lectr_providers(settings())
    assert offered.id == "openai"
    assert offered.origin == Origin("https", "api.openai.com", 443)
    assert offered.accepts_unclaimed
    assert offered.held is None


def test_a_key_is_held_by_the_name_of_its_variable() -> None:
    held = provider_of(settings(OpenAISettings(api_key_env="KEY"), KEY="sk-proj-1")).held
    assert held is not None
    assert held.reveal() == b"sk-proj-1"
    with pytest.raises(OperatorError, match=r"provider\.openai\.api_key_env: .*'KEY'"):
        provider_of(settings(OpenAISettings(api_key_env="KEY")))


MODELS = {
    "gpt-4o": True,
    "gpt-99-turbo": True,
    "chatgpt-4o-latest": True,
    "o1": True,
    "o3-mini": True,
    "o9-preview": True,
    "text-embedding-3-small": True,
    "dall-e-3": True,
    "whisper-1": True,
    "tts-1-hd": True,
    "davinci-002": True,
    "omni-moderation-latest": True,
    "codex-mini-latest": True,
    "sora-2": True,
    "computer-use-preview": True,
    "ft:gpt-4o-mini:org::id": True,
    "claude-opus-5": False,
    "gemini-3-pro": False,
    "llama-3.1-8b-instant": False,
    "opus": False,
    "o-model": False,
    "": False,
}


@pytest.mark.parametrize(("model", "claimed"), MODELS.items())
def test_models_are_recognised_by_family(model: str, claimed: bool) -> None:
    assert (provider().claims_model(model) > 0) == claimed


KEYS = {b"sk-proj-x": True, b"sk-svcacct-x": True, b"sk-admin-x": True, b"sk-x": False, b"sk-ant-x": False, b"": False}


@pytest.mark.parametrize(("token", "claimed"), KEYS.items())
def test_only_keys_that_nobody_else_issues_are_proof(token: bytes, claimed: bool) -> None:
    assert provider().claims_credential(Credential(b"authorization", b"bearer", Secret(token))) == claimed


def test_requests_go_upstream_as_they_came() -> None:
    other = Credential(b"x-api-key", b"", Secret(b"k"))
    check_provider(
        provider(),
        [
            Case(
                call=Call("POST", "/v1/chat/completions", model="gpt-4o"),
                target="/v1/chat/completions",
                endpoint="/v1/chat/completions",
                claims_path=False,
                claims_model=True,
                claims_credential=False,
                authorized=("Authorization", b"Bearer held"),
            ),
            Case(call=Call("GET", "/v1/models", "limit=2&a=%20", True), target="/v1/models?limit=2&a=%20"),
            Case(call=Call("GET", "/v1/files/file-1"), endpoint="/v1/files/{id}"),
            Case(call=Call("POST", "/v1/responses", credential=other), passed_on=("Authorization", b"Bearer k")),
        ],
    )


def test_a_regional_address_keeps_its_path() -> None:
    near = provider_of(settings(OpenAISettings(base_url="https://eu.api.openai.com/v1")))
    check_provider(near, [Case(call=Call("POST", "/v1/embeddings"), target="/v1/embeddings", endpoint="/v1/embeddings")])


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://eu.api.openai.com/v1", "eu"),
        ("https://us.api.openai.com", "us"),
        ("https://westus.privatelink.api.openai.com/v1", "westus"),
        ("https://api.openai.com/v1", None),
        ("https://eu.api.openai.com.example/v1", None),
        ("https://eu.example/api.openai.com", None),
    ],
)
def test_a_regional_address_says_where_the_work_was_done(address: str, region: str | None) -> None:
    near = provider_of(settings(OpenAISettings(base_url=address)))
    reader = near.reader(Call("POST", "/v1/embeddings"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    reader.feed(b'{"model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}}')
    assert reader.first_token_seen
    usage = reader.finish(complete=True).usage
    assert usage is not None
    assert (usage.terms.region if usage.terms else None) == region
    assert near.reader(Call("POST", "/v1/unheard/of"), Answer(200, {})) is None


READERS = [
    ("/v1/audio/transcriptions", "application/json", TranscriptReader),
    ("/v1/audio/transcriptions", "text/event-stream", TranscriptEventReader),
    ("/v1/audio/transcriptions", "text/plain", type(None)),
    ("/v1/audio/speech", "text/event-stream", SpeechEventReader),
    ("/v1/audio/speech", "audio/mpeg", type(None)),
    ("/v1/images/generations", "application/json", ImagesReader),
    ("/v1/images/edits", "text/event-stream", ImagesEventReader),
    ("/v1/moderations", "application/json", UnbilledReader),
    ("/v1/batches", "application/json", OpenReader),
    ("/v1/files", "application/json", UnbilledReader),
    ("/v1/containers", "application/json", type(None)),
]


@pytest.mark.parametrize(("path", "media_type", "kind"), READERS)
def test_audio_and_images_have_readers_of_their_own(path: str, media_type: str, kind: type) -> None:
    assert type(provider().reader(Call("POST", path), Answer(200, {"content-type": media_type}))) is kind


TOKENS = {
    "type": "tokens",
    "input_tokens": 14,
    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
    "output_tokens": 45,
    "total_tokens": 59,
}
BY_TOKENS = Usage({units.INPUT_AUDIO: 10, units.INPUT: 4, units.OUTPUT: 45}, TOKENS, True)


def seconds(count: int, sent: float) -> Usage:
    return Usage({units.AUDIO_SECONDS: count}, {"seconds": sent})


TRANSCRIPTS: list[tuple[dict[str, object], Reading]] = [
    ({"text": "hello", "usage": TOKENS}, Reading("reported", BY_TOKENS)),
    (
        {"text": "hello", "usage": {"type": "duration", "seconds": 9}},
        Reading("reported", Usage({units.AUDIO_SECONDS: 9}, {"type": "duration", "seconds": 9})),
    ),
    ({"text": "hello", "duration": 8.47, "segments": []}, Reading("reported", seconds(9, 8.47))),
    ({"text": "hello", "duration": "8.5"}, Reading("reported", seconds(9, 8.5))),
    ({"text": "hello", "duration": "long"}, Reading()),
    ({"text": "hello", "duration": -1}, Reading()),
    ({"text": "hello"}, Reading()),
]


@pytest.mark.parametrize(("document", "expected"), TRANSCRIPTS)
def test_transcripts_are_counted_in_tokens_or_in_seconds(document: dict[str, object], expected: Reading) -> None:
    check_reader(TranscriptReader, json.dumps(document).encode(), expected)


def events(*documents: dict[str, object]) -> bytes:
    return b"".join(b"data: " + json.dumps(document).encode() + b"\n\n" for document in documents)


def test_a_transcript_as_events_has_usage_at_its_end() -> None:
    deltas = events({"type": "transcript.text.delta", "delta": "Hel"}, {"type": "transcript.text.delta", "delta": "lo"})
    last = events({"type": "transcript.text.done", "text": "Hello", "usage": TOKENS})
    expected = Reading("reported", BY_TOKENS, deltas=2, delta_chars=5)
    check_reader(TranscriptEventReader, deltas + last, expected, complete=False)
    check_reader(TranscriptEventReader, deltas + last + b"data: [DONE]\n\n", expected)
    check_reader(TranscriptEventReader, deltas, Reading("absent", deltas=2, delta_chars=5), complete=False)
    check_reader(TranscriptEventReader, events({"type": "error"}), Reading("absent", error_category="in_band"))


def test_speech_as_events_is_text_in_and_audio_out() -> None:
    used = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    body = events({"type": "speech.audio.delta", "audio": "AAAA"}, {"type": "speech.audio.done", "usage": used})
    check_reader(SpeechEventReader, body, Reading("reported", Usage({units.INPUT: 14, units.OUTPUT_AUDIO: 101}, used, True)))
    reader = SpeechEventReader()
    reader.feed(body[:60])
    assert reader.first_token_seen


IMAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 100,
    "total_tokens": 150,
}
DRAWN = {units.INPUT_IMAGE: 40, units.INPUT: 10, units.OUTPUT_IMAGE: 100}
MIXED = {**IMAGE, "output_tokens_details": {"image_tokens": 90, "text_tokens": 10}}
SVG = {"model": "gpt-5", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3}

DRAWN_AS_TEXT = Share("gpt-5", {units.INPUT: 1, units.OUTPUT: 2})
CACHED = {**IMAGE, "cached_tokens": 30, "cached_tokens_details": {"cached_image_tokens": 25, "cached_text_tokens": 5}}
CACHED_PARTS = {
    units.INPUT: 5,
    units.INPUT_IMAGE: 15,
    units.CACHE_READ: 5,
    units.CACHE_READ_IMAGE: 25,
    units.OUTPUT_IMAGE: 100,
}

IMAGES: list[tuple[dict[str, object], Reading]] = [
    ({"created": 1, "data": [{"b64_json": "AAAA"}], "usage": IMAGE}, Reading("reported", Usage(DRAWN, IMAGE, True))),
    (
        {"data": [], "usage": MIXED},
        Reading("reported", Usage({**DRAWN, units.OUTPUT_IMAGE: 90, units.OUTPUT: 10}, MIXED, True)),
    ),
    (
        {"data": [], "usage": IMAGE, "svg_usage": SVG},
        Reading("reported", Usage(DRAWN, {**IMAGE, "svg_usage": SVG}, True, Terms((DRAWN_AS_TEXT,)))),
    ),
    (
        {"created": 1, "data": [{"url": "https://host/x.png"}, {"url": "https://host/y.png"}]},
        Reading("reported", Usage({units.IMAGES: 2}, {"images": 2})),
    ),
    ({"data": [], "usage": CACHED}, Reading("reported", Usage(CACHED_PARTS, CACHED, True))),
    ({"created": 1, "data": []}, Reading()),
    ({"error": {"message": "no"}}, Reading("absent", error_category="in_band")),
]


@pytest.mark.parametrize(("document", "expected"), IMAGES)
def test_images_are_counted_where_the_model_reports_it(document: dict[str, object], expected: Reading) -> None:
    check_reader(ImagesReader, json.dumps(document).encode(), expected)


def test_an_image_in_versions_has_usage_with_the_last() -> None:
    body = events(
        {"type": "image_generation.partial_image", "b64_json": "AAAA", "partial_image_index": 0},
        {"type": "image_generation.completed", "b64_json": "AAAA", "usage": IMAGE},
    )
    check_reader(ImagesEventReader, body, Reading("reported", Usage(DRAWN, IMAGE, True)))
    check_reader(
        ImagesEventReader, body + b"data: [DONE]\n\n", Reading("reported", Usage(DRAWN, IMAGE, True)), complete=False
    )
    check_reader(ImagesEventReader, events({"type": "error"}), Reading("absent", error_category="in_band"))
    reader = ImagesEventReader()
    reader.feed(body[:110])
    assert reader.first_token_seen
