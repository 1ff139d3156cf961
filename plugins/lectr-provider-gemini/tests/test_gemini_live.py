"""Live sessions: which paths they have, whose key they take, and what their turns used."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lectr_provider_gemini.live import LiveReader
from lectr_provider_gemini.provider import gemini_of

from lectr_core import (
    Answer,
    Call,
    Credential,
    GatewaySettings,
    ProviderSettings,
    Reading,
    Secret,
    Settings,
    TunnelReader,
    Tunnels,
    Turn,
)
from lectr_core.testing import Case, check_provider, check_tunnel_reader

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
GEMINI = gemini_of(Settings(GatewaySettings(), {"provider.gemini": ProviderSettings()}, "v", {}))
SETUP = {"setup": {"model": "models/gemini-2.5-flash-live", "systemInstruction": {"parts": [{"text": "something private"}]}}}
USAGE = {
    "promptTokenCount": 100,
    "responseTokenCount": 40,
    "totalTokenCount": 140,
    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}, {"modality": "TEXT", "tokenCount": 40}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
}
SOUND = {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "QUJD" * 99}}]}}}
SPOKEN = {"serverContent": {"outputTranscription": {"text": "hello"}}}
COMPLETE = {"serverContent": {"turnComplete": True}}


def told(reader: LiveReader, *messages: dict[str, Any]) -> list[Turn]:  # Any: JSON
    return [turn for one in messages for turn in reader.hear(json.dumps(one).encode(), from_client=False)]


@pytest.mark.parametrize(
    "path", [PATH, "/" + PATH, "/gemini" + PATH, PATH.replace("v1beta", "v1alpha"), PATH + "Constrained"]
)
def test_a_live_sessions_path_is_its_own_and_its_template(path: str) -> None:
    template = "/" + path.removeprefix("/gemini").lstrip("/")
    call = Call("GET", path, "key=x", has_query=True, credential=Credential(b"?key", b"", Secret(b"AIzaX")))
    case = Case(
        call=call,
        endpoint=template if not path.startswith("/gemini") else None,
        claims_path=True,
        authorized=("x-goog-api-key", b"held"),
    )
    check_provider(GEMINI, [case])
    assert GEMINI.pass_on(call, Credential(b"?key", b"", Secret(b"AIzaX"))) is None


@pytest.mark.parametrize("path", [PATH + "X", PATH + "/x", PATH.replace("v1beta", "me"), "/ws/google.x", PATH[3:]])
def test_other_paths_are_none(path: str) -> None:
    assert "google" not in GEMINI.endpoint(path)
    assert GEMINI.tunnel_reader(Call("GET", path), Answer(101, {})) is None


def test_a_turn_is_counted_by_medium_and_priced_as_the_model_of_the_setup() -> None:
    assert isinstance(GEMINI, Tunnels)
    reader = GEMINI.tunnel_reader(Call("GET", PATH), Answer(101, {}))
    assert isinstance(reader, TunnelReader)
    assert isinstance(reader, LiveReader)
    assert reader.hears_client
    reader.hear(json.dumps(SETUP).encode(), from_client=True)
    assert not reader.hears_client
    begun, output, ended = told(reader, {"setupComplete": {}}, SOUND, SPOKEN, {**COMPLETE, "usageMetadata": USAGE})
    assert begun == Turn(key="1", model="gemini-2.5-flash-live")
    assert output.has_output
    assert ended.reading is not None
    assert ended.reading.usage is not None
    assert ended.reading.usage.units == {"input_audio": 60, "input": 40, "output_audio": 40}
    assert (ended.reading.state, ended.reading.usage.adds_up) == ("reported", True)
    assert (ended.reading.model, ended.reading.finish_reason) == ("gemini-2.5-flash-live", "turn_complete")
    assert (ended.reading.deltas, ended.reading.delta_chars) == (2, 5)
    assert "private" not in repr(ended)
    assert reader.finish() == []


def test_usage_may_come_a_message_later_and_the_next_turn_is_another() -> None:
    reader = LiveReader()
    news = told(reader, SOUND, {"serverContent": {"interrupted": True}}, COMPLETE, {"usageMetadata": USAGE}, SPOKEN)
    assert [(turn.key, turn.reading is not None) for turn in news] == [
        *[("1", False), ("1", False), ("1", True)],
        *[("2", False), ("2", False)],
    ]
    assert news[2].reading is not None
    assert news[2].reading.finish_reason == "interrupted"


def test_a_turn_without_usage_ends_when_the_next_begins() -> None:
    reader = LiveReader()
    assert [turn.reading is not None for turn in told(reader, SOUND, COMPLETE)] == [False, False]
    ended, *_ = told(reader, SOUND)
    assert ended.reading is not None
    assert (ended.key, ended.reading.state) == ("1", "absent")


def test_a_turn_that_is_cut_has_a_lower_bound() -> None:
    reader = LiveReader()
    told(reader, SOUND, {"usageMetadata": USAGE})
    (cut,) = reader.finish()
    assert cut.reading is not None
    assert (cut.reading.state, cut.reading.finish_reason) == ("partial", None)


def test_the_promises_of_the_kit_are_kept() -> None:
    setup = (json.dumps(SETUP).encode(), True)
    messages = [(json.dumps(one).encode(), False) for one in (SOUND, SPOKEN, COMPLETE, {"usageMetadata": USAGE}, SOUND)]
    reader = LiveReader()
    reader.hear(*setup[:1], from_client=True)
    whole = [turn.reading for turn in told(reader, SOUND, SPOKEN, COMPLETE, {"usageMetadata": USAGE}) if turn.reading]
    cut = Reading(model="gemini-2.5-flash-live", deltas=1)
    check_tunnel_reader(LiveReader, [setup, *messages], [*whole, cut])


def test_a_call_of_a_tool_is_output() -> None:
    begun, output = told(LiveReader(), {"toolCall": {"functionCalls": [{"name": "weather"}]}})
    assert (begun.has_output, output.has_output) == (False, True)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [SOUND, SPOKEN, COMPLETE, SETUP, {"usageMetadata": {"promptTokenCount": -1}}, {"serverContent": 3}]
            )
            .map(json.dumps)
            .map(str.encode),
            st.just(b'{"serverContent":' * 50_000),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_nothing_that_is_said_makes_it_raise(messages: list[bytes], from_client: bool) -> None:
    reader = LiveReader()
    for message in messages:
        for turn in reader.hear(message, from_client=from_client):
            assert attrs.has(type(turn))
    assert all(turn.reading is not None for turn in reader.finish())
