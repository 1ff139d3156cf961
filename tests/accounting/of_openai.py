"""Hand-computed answers of OpenAI and of Azure."""

from __future__ import annotations

from typing import Any, Final

from tests.accounting.case import SSE, Case, Document, events, lines, whole

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
IMAGES, SPEECH = "/v1/images/generations", "/v1/audio/speech"
TRANSCRIPTS = "/v1/audio/transcriptions"


def counts(prompt: int, completion: int, asked: Document | None = None, given: Document | None = None) -> Document:
    total = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return total | {"prompt_tokens_details": asked or {}, "completion_tokens_details": given or {}}


def chat(model: str, usage: Document, **more: Any) -> Document:  # Any: JSON
    choices = [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": choices} | {
        "usage": usage,
        **more,
    }


def chunks(model: str, usage: Document) -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    piece = {"choices": [{"index": 0, "delta": {"content": "ok"}, "finish_reason": None}], "obfuscation": "x9Fq"}
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return events(head | piece, head | last, head | {"choices": [], "usage": usage}, done=True)


def spent(asked: int, given: int, cached: int = 0, thought: int = 0) -> Document:
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + given,
    }


def response(model: str, usage: Document, **more: Any) -> Document:  # Any: JSON
    text = {"type": "output_text", "text": "ok", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
    basic = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": model}
    rest = {"output": [message], "tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "usage": usage}
    return basic | rest | more


def drawn(text: int, image: int, out: int) -> Document:
    details = {"text_tokens": text, "image_tokens": image}
    total = {"input_tokens": text + image, "input_tokens_details": details, "output_tokens": out}
    return total | {"total_tokens": text + image + out}


def result(model: str, usage: Document) -> Document:
    return {"id": "b", "custom_id": "c", "response": {"status_code": 200, "body": chat(model, usage)}, "error": None}


def case(
    path: str,
    model: str | None,
    body: bytes,
    tokens: tuple[int, int],
    *rates: tuple[int, str],
    **more: Any,  # Any: fields of Case
) -> Case:
    return Case(
        **{"provider": "openai", "path": path, "model": model, "body": body, "tokens": tokens, "rates": rates} | more
    )


SEARCHED = response(
    "gpt-4.1", spent(500, 100), tool_usage={"web_search": {"num_requests": 2}}, tools=[{"type": "web_search"}]
)
FILED = response("gpt-4.1", spent(400, 50), tools=[{"type": "file_search"}], output=[{"type": "file_search_call"}])
DREW = response(
    "gpt-4.1",
    spent(100, 20),
    tools=[{"type": "image_generation", "model": "gpt-image-1"}],
    tool_usage={"image_gen": drawn(10, 40, 1056), "web_search": {"num_requests": 0}},
)
RAN = response(
    "gpt-5",
    spent(2_000, 400, 0, 256),
    tools=[{"type": "code_interpreter", "container": {"type": "auto"}}, {"type": "shell"}],
    output=[
        {"type": "code_interpreter_call", "container_id": "cntr_1", "status": "completed", "outputs": []},
        {"type": "shell_call", "environment": {"type": "local"}},
    ],
)
LOCAL = response(
    "gpt-5",
    spent(2_000, 400, 0, 256),
    tools=[{"type": "shell"}],
    output=[{"type": "shell_call", "environment": {"type": "local"}}, {"type": "shell_call"}],
)
WROTE = response(
    "gpt-4.1",
    spent(100, 20),
    tools=[{"type": "image_generation", "model": "gpt-image-1"}],
    tool_usage={"image_gen": drawn(10, 0, 1_000), "web_search": {"num_requests": 0}},
    output=[
        {"type": "image_generation_call", "status": "completed", "result": "PHN2Zz4=", "output_format": "svg",
            "svg_usage": {"model": "gpt-5", "input_tokens": 30, "output_tokens": 200, "reasoning_tokens": 50,
                "total_tokens": 230}},
        {"type": "image_generation_call", "status": "completed", "result": "PHN2Zz4=", "svg_usage": None},
    ],
)  # fmt: skip
UNTOLD = response(
    "gpt-4.1",
    spent(100, 20),
    tools=[{"type": "image_generation", "model": "gpt-image-1"}],
    output=[{"type": "image_generation_call", "status": "completed", "result": "AAAA"}],
)
CUT = response("gpt-4.1", spent(10, 16), status="incomplete", incomplete_details={"reason": "max_output_tokens"})
SPOKEN = chat(
    "gpt-audio", counts(120, 80, {"audio_tokens": 100, "text_tokens": 20}, {"audio_tokens": 60, "text_tokens": 20})
)
SVG = {"model": "gpt-5", "input_tokens": 30, "output_tokens": 200, "reasoning_tokens": 50, "total_tokens": 230}
HEARD = {"type": "tokens", "input_tokens": 310, "input_token_details": {"audio_tokens": 300, "text_tokens": 10}}
BATCH = {"id": "batch_1", "object": "batch", "model": "gpt-5", "status": "completed", "output_file_id": "file-7"}

CASES: Final = {
    "chat": case(CHAT, "gpt-4o", whole(chat("gpt-4o-2024-08-06", counts(1_200, 300))), (1_200, 300),
        (1_200, "2.50"), (300, "10"), nanousd=6_000_000),
    "chat, cached": case(CHAT, "gpt-4o", whole(chat("gpt-4o", counts(2_048, 100, {"cached_tokens": 1_536}))), (2_048, 100),
        (512, "2.50"), (1_536, "1.25"), (100, "10"), nanousd=4_200_000),
    "chat, streamed": case(CHAT, "gpt-4o-mini", chunks("gpt-4o-mini", counts(100, 40)), (100, 40),
        (100, "0.15"), (40, "0.60"), nanousd=39_000, media_type=SSE),
    "chat, reasoning": case(CHAT, "gpt-5", whole(chat("gpt-5", counts(900, 1_500, None, {"reasoning_tokens": 1_280}))),
        (900, 1_500), (900, "1.25"), (220, "10"), (1_280, "10"), nanousd=16_125_000),
    "chat, flex": case(CHAT, "gpt-5", whole(chat("gpt-5", counts(1_000, 200, {"cached_tokens": 400}), service_tier="flex")),
        (1_000, 200), (600, "0.625"), (400, "0.0625"), (200, "5"), nanousd=1_400_000, basis="variant"),
    "chat, priority": case(CHAT, "gpt-4o", whole(chat("gpt-4o", counts(1_000, 100), service_tier="priority")), (1_000, 100),
        (1_000, "4.25"), (100, "17"), nanousd=5_950_000, basis="variant"),
    "chat, the usual tier by name": case(CHAT, "o3", whole(chat("o3", counts(100, 50, None, {"reasoning_tokens": 30}),
        service_tier="default")), (100, 50), (100, "2"), (20, "8"), (30, "8"), nanousd=600_000),
    "chat, audio": case(CHAT, "gpt-audio", whole(SPOKEN), (120, 80),
        (20, "2.50"), (100, "32"), (20, "10"), (60, "64"), nanousd=7_290_000),
    "chat, as long as the usual price holds": case(CHAT, "gpt-5.5", whole(chat("gpt-5.5", counts(272_000, 100))),
        (272_000, 100), (272_000, "5"), (100, "30"), nanousd=1_363_000_000),
    "chat, longer": case(CHAT, "gpt-5.5", whole(chat("gpt-5.5", counts(300_000, 100))), (300_000, 100),
        (300_000, "10"), (100, "45"), nanousd=3_004_500_000),
    "response": case(RESPONSES, "gpt-5-mini", whole(response("gpt-5-mini", spent(3_000, 500, 1_000, 320))), (3_000, 500),
        (2_000, "0.25"), (1_000, "0.025"), (180, "2"), (320, "2"), nanousd=1_525_000),
    "response, streamed, web searches": case(RESPONSES, "gpt-4.1",
        events({"type": "response.created", "response": SEARCHED | {"usage": None, "status": "in_progress"}},
            {"type": "response.completed", "response": SEARCHED}),
        (500, 100), (500, "2"), (100, "8"), (2, "10000"), nanousd=21_800_000, media_type=SSE),
    "response, file search": case(RESPONSES, "gpt-4.1", whole(FILED), (400, 50),
        (400, "2"), (50, "8"), (1, "2500"), nanousd=3_700_000),
    "response, an image drawn by a tool": case(RESPONSES, "gpt-4.1", whole(DREW), (150, 1_076),
        (100, "2"), (20, "8"), (10, "5"), (40, "10"), (1_056, "40"), nanousd=43_050_000),
    "response, an image written by another model": case(RESPONSES, "gpt-4.1", whole(WROTE), (140, 1_220),
        (100, "2"), (20, "8"), (10, "5"), (1_000, "40"), (30, "1.25"), (150, "10"), (50, "10"), nanousd=42_447_500),
    "response, an image that nobody tells the tokens of": case(RESPONSES, "gpt-4.1", whole(UNTOLD), (100, 20),
        (100, "2"), (20, "8"), nanousd=360_000, is_bounded=False),
    "response, code ran in a container": case(RESPONSES, "gpt-5", events({"type": "response.completed", "response": RAN}),
        (2_000, 400), (2_000, "1.25"), (144, "10"), (256, "10"), nanousd=6_500_000, media_type=SSE, is_bounded=False),
    "response, a shell of the client's own": case(RESPONSES, "gpt-5", whole(LOCAL), (2_000, 400),
        (2_000, "1.25"), (144, "10"), (256, "10"), nanousd=6_500_000),
    "response, incomplete": case(RESPONSES, "gpt-4.1", events({"type": "response.incomplete", "response": CUT}), (10, 16),
        (10, "2"), (16, "8"), nanousd=148_000, media_type=SSE),
    "response, fetched from the background": case(RESPONSES + "/resp_1", None,
        whole(response("gpt-5", spent(100, 10), background=True)), (100, 10),
        (100, "1.25"), (10, "10"), nanousd=225_000, method="GET"),
    "embeddings": case("/v1/embeddings", "text-embedding-3-large", whole({"object": "list", "data": [],
        "model": "text-embedding-3-large", "usage": {"prompt_tokens": 8_191, "total_tokens": 8_191}}), (8_191, 0),
        (8_191, "0.13"), nanousd=1_064_830),
    "image": case(IMAGES, "gpt-image-1", whole({"created": 1, "data": [], "usage": drawn(10, 40, 4_160)}), (50, 4_160),
        (10, "5"), (40, "10"), (4_160, "40"), nanousd=166_850_000),
    "image, and the model that wrote it": case(IMAGES, "gpt-image-1", whole({"created": 1, "data": [],
        "usage": drawn(20, 0, 1_000), "svg_usage": SVG}), (50, 1_200),
        (20, "5"), (1_000, "40"), (30, "1.25"), (150, "10"), (50, "10"), nanousd=42_137_500),
    "image, edited, streamed": case("/v1/images/edits", "gpt-image-1-mini",
        events({"type": "image_edit.completed", "b64_json": "", "usage": drawn(22, 250, 1_056)}), (272, 1_056),
        (22, "2"), (250, "2.50"), (1_056, "8"), nanousd=9_117_000, media_type=SSE),
    "transcript, by tokens": case(TRANSCRIPTS, "gpt-4o-transcribe", whole({"text": "ok",
        "usage": HEARD | {"output_tokens": 45, "total_tokens": 355}}), (310, 45),
        (300, "6"), (10, "2.50"), (45, "10"), nanousd=2_275_000),
    # 0.36 USD an hour are 100 USD for a million seconds.
    "transcript, by seconds": case(TRANSCRIPTS, "whisper-1", whole({"text": "ok",
        "usage": {"type": "duration", "seconds": 61}}), (0, 0), (61, "100"), nanousd=6_100_000, check=None),
    "speech": case(SPEECH, "gpt-4o-mini-tts", events({"type": "speech.audio.done",
        "usage": {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}}), (14, 101),
        (14, "0.60"), (101, "12"), nanousd=1_220_400, media_type=SSE),
    "batch, its results": case("/v1/files/file-7/content", None, lines(
        result("gpt-4o-mini", counts(1_000, 100, {"cached_tokens": 200})), result("gpt-4o-mini", counts(500, 50))),
        (1_500, 150), (1_300, "0.075"), (200, "0.075"), (150, "0.30"),
        nanousd=157_500, method="GET", media_type="application/octet-stream", basis="variant"),
    "batch, summed up": case("/v1/batches/batch_1", None, whole(BATCH | {"usage": spent(10_000, 500, 2_000),
        "request_counts": {"total": 9, "completed": 9, "failed": 0}}), (10_000, 500),
        (8_000, "0.625"), (2_000, "0.0625"), (500, "5"), nanousd=7_625_000, method="GET", basis="variant"),
    "azure": case("/openai/deployments/prod/chat/completions", "prod",
        whole(chat("gpt-4o-mini-2024-07-18", counts(1_000, 100), prompt_filter_results=[])), (1_000, 100),
        (1_000, "0.15"), (100, "0.60"), nanousd=210_000, provider="azure", basis="fallback"),
    "azure, a deployment by declaration": case("/openai/deployments/mine/chat/completions", "mine",
        whole({**chat("x", counts(500, 50)), "model": None}), (500, 50),
        (500, "0.40"), (50, "1.60"), nanousd=280_000, provider="azure", basis="fallback"),
}  # fmt: skip
