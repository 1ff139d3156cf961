"""The openai and google-genai SDKs over WebSockets, unmodified: the same with and without a gateway between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import attrs
import openai
import pytest

from tests.whole.gateway import HELD_KEYS, Gateway
from tests.whole.live_upstream import LiveUpstream

# The SDK opens its connections in a way that the library under it advises against.
pytestmark = pytest.mark.filterwarnings(r"ignore:connect\(\) must be used:DeprecationWarning")

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "websockets.md"
CLIENT_KEY = "sk-proj-client-canary-91bd"


@attrs.frozen
class LiveWay:
    """One way to the stand-in."""

    id: str
    live: LiveUpstream
    gateway: Gateway | None

    def client(self, feature: str) -> Any:  # Any: the types of an SDK are its own business
        """An SDK's client, and the one variable or header that differs."""
        headers = {} if self.gateway is None else {"X-Lectr-Feature": feature}
        if self.gateway is not None and self.id == "passing":
            headers["X-Lectr-Key"] = self.gateway.key
        url = self.live.url if self.gateway is None else self.gateway.url
        key = self.gateway.key if self.gateway is not None and self.id == "holding" else CLIENT_KEY
        return openai.OpenAI(base_url=f"{url}/v1", api_key=key, default_headers=headers, max_retries=0)

    @property
    def upstream_key(self) -> str:
        return HELD_KEYS["openai"] if self.id == "holding" else CLIENT_KEY

    def turns(self, feature: str, count: int) -> list[dict[str, Any]]:  # Any: what SQLite holds
        """The rows of the turns, where somebody keeps them."""
        if self.gateway is None:
            return []
        return self.gateway.stored(count, "feature = ? and connection is not null", feature)


@pytest.fixture(params=("direct", "passing", "holding"))
def way(request: pytest.FixtureRequest, live: LiveUpstream) -> LiveWay:
    gateway = None if request.param == "direct" else request.getfixturevalue(f"live_{request.param}")
    return LiveWay(request.param, live, gateway)


def test_a_realtime_session(way: LiveWay, name: str) -> None:
    with way.client(name).realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().session.model == "gpt-realtime"
        for _ in range(2):
            connection.response.create()
            kinds: list[str] = []
            while not kinds or kinds[-1] != "response.done":
                event = connection.recv()
                kinds.append(event.type)
            assert kinds == ["response.created", "response.output_audio_transcript.delta", "response.done"]
            assert event.response.usage.input_token_details.cached_tokens == 64
        connection.input_audio_buffer.commit()
        assert connection.recv().transcript == "private words"
    talk = way.live.last("/v1/realtime?model=gpt-realtime")
    assert talk.field("Authorization") == f"Bearer {way.upstream_key}"
    turns = way.turns(name, 3)
    inputs = [row["input_tokens"] for row in sorted(turns, key=lambda row: row["seq"])]
    assert inputs == ([132, 132, 20] if way.gateway is not None else [])


def test_the_python_of_the_page_runs_as_it_stands_there(
    live: LiveUpstream, live_passing: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", CLIENT_KEY)
    (shown,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    text = shown.replace("http://127.0.0.1:8420", live_passing.url).replace("lc_key_…", live_passing.key)
    exec(compile(text, PAGE.name, "exec"), {})
    assert live.last("/v1/realtime?model=gpt-realtime").field("Authorization") == f"Bearer {CLIENT_KEY}"


def test_responses_over_a_websocket(way: LiveWay, name: str) -> None:
    with way.client(name).responses.connect() as connection:
        for _ in range(2):
            connection.response.create(model="gpt-4.1", input="hello")
            kinds: list[str] = []
            while not kinds or kinds[-1] != "response.completed":
                event = connection.recv()
                kinds.append(event.type)
            assert event.response.usage.output_tokens == 8
    for row in way.turns(name, 2):
        assert (row["model_requested"], row["model_actual"]) == ("gpt-4.1", "gpt-4.1-2025-04-14")
        assert (row["input_tokens"], row["cached_input_tokens"], row["reasoning_tokens"]) == (20, 5, 3)
        assert (row["outcome"], row["usage_check"], row["finish_reason"]) == ("ok", 1, "completed")
        assert row["ttft_ms"] is not None
