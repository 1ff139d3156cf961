"""What the stand-in says over a WebSocket, by dialect: believable events with known counts. Knows nothing of sockets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final, Protocol

Event = dict[str, Any]  # Any: JSON

REALTIME_USAGE: Final = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 99,
        "audio_tokens": 33,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 60, "audio_tokens": 4},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
RESPONSE_USAGE: Final = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 5},
    "output_tokens": 8,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 28,
}
LIVE_USAGE: Final = {
    "promptTokenCount": 100,
    "responseTokenCount": 40,
    "totalTokenCount": 140,
    "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}, {"modality": "TEXT", "tokenCount": 40}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
}


class Answers(Protocol):
    """One conversation's answers."""

    def greeting(self) -> Iterator[Event]: ...

    def to(self, message: Event) -> Iterator[Event]: ...


class Realtime:
    """A realtime session. A response that is asked for with `hang` in its metadata begins and never ends."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def greeting(self) -> Iterator[Event]:
        heard = {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}
        session = {"id": "sess_1", "object": "realtime.session", "type": "realtime", "model": "gpt-realtime", "audio": heard}
        yield {"type": "session.created", "event_id": "e0", "session": session}

    def to(self, message: Event) -> Iterator[Event]:
        number = next(self._count)
        answer = {"id": f"resp_{number}", "object": "realtime.response", "output": [], "status": "in_progress"}
        place = {"response_id": answer["id"], "item_id": "item_1", "output_index": 0, "content_index": 0}
        if message["type"] == "input_audio_buffer.commit":
            usage = {"type": "tokens", "input_tokens": 20, "output_tokens": 7, "total_tokens": 27}
            usage["input_token_details"] = {"audio_tokens": 18, "text_tokens": 2}
            kind = "conversation.item.input_audio_transcription.completed"
            place = {"item_id": f"item_{number}", "content_index": 0}
            yield {"type": kind, "event_id": f"t{number}", **place, "transcript": "private words", "usage": usage}
        if message["type"] != "response.create":
            return
        yield {"type": "response.created", "event_id": f"a{number}", "response": answer}
        yield {"type": "response.output_audio_transcript.delta", "event_id": f"b{number}", **place, "delta": "hello there"}
        if (message.get("response") or {}).get("metadata") == {"hang": "yes"}:
            return
        done = {**answer, "status": "completed", "usage": REALTIME_USAGE}
        yield {"type": "response.done", "event_id": f"c{number}", "response": done}


class Responses:
    """Responses, one after the other."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def greeting(self) -> Iterator[Event]:
        return iter(())

    def to(self, message: Event) -> Iterator[Event]:
        if message["type"] != "response.create":
            return
        number = next(self._count)
        answer = {"id": f"resp_{number}", "object": "response", "model": "gpt-4.1-2025-04-14", "created_at": 1, "output": []}
        answer |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        place = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
        yield {"type": "response.created", "sequence_number": 0, "response": {**answer, "status": "in_progress"}}
        yield {"type": "response.output_text.delta", "sequence_number": 1, **place, "delta": "hello"}
        done = {**answer, "status": "completed", "usage": RESPONSE_USAGE}
        yield {"type": "response.completed", "sequence_number": 2, "response": done}


class Live:
    """A live session: usage comes with the end of each turn."""

    def greeting(self) -> Iterator[Event]:
        return iter(())

    def to(self, message: Event) -> Iterator[Event]:
        if "setup" in message:
            yield {"setupComplete": {}}
        elif "clientContent" in message or "client_content" in message:
            yield {"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": "hello"}]}}}
            yield {"serverContent": {"turnComplete": True}, "usageMetadata": LIVE_USAGE}


MADE: Final[dict[str, type[Realtime] | type[Responses] | type[Live]]] = {
    "/realtime": Realtime,
    "/responses": Responses,
    "GenerativeService": Live,
}
"""By what the target holds; of others every message comes back."""
