"""Hand-computed answers of Gemini, on its own paths and on the compatible one."""

from __future__ import annotations

from typing import Any, Final

from tests.accounting.case import SSE, Case, Document, events, whole

FLASH, PRO, LITE = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"


def spent(prompt: int, answer: int, thoughts: int = 0, tool: int = 0, **more: Any) -> Document:  # Any: JSON
    total = {"promptTokenCount": prompt, "candidatesTokenCount": answer, "thoughtsTokenCount": thoughts}
    return total | {"toolUsePromptTokenCount": tool, "totalTokenCount": prompt + answer + thoughts + tool, **more}


def media(**tokens: int) -> list[Document]:
    return [{"modality": name.upper(), "tokenCount": count} for name, count in tokens.items()]


def frame(model: str, usage: Document, **more: Any) -> Document:  # Any: JSON
    candidate = {"content": {"role": "model", "parts": [{"text": "ok"}]}, "finishReason": "STOP", "index": 0, **more}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model, "responseId": "r1"}


def case(
    path: str,
    model: str,
    body: bytes,
    tokens: tuple[int, int],
    *rates: tuple[int, str],
    **more: Any,  # Any: fields of Case
) -> Case:
    return Case(
        **{"provider": "gemini", "path": path, "model": model, "body": body, "tokens": tokens, "rates": rates} | more
    )


def of(model: str, action: str = "generateContent") -> str:
    return f"/v1beta/models/{model}:{action}"


HEARD = spent(
    1_000, 50, 150, promptTokensDetails=media(text=800, audio=200), cachedContentTokenCount=100,
    cacheTokensDetails=media(text=100),
)  # fmt: skip
DRAWN = spent(20, 1_300, candidatesTokensDetails=media(text=10, image=1_290))
GROUNDED = frame("gemini-3-flash-preview", spent(20, 30, 5, 70), groundingMetadata={"webSearchQueries": ["a", "b"]})
INTERACTION = {
    "id": "int_1", "model": FLASH, "status": "completed", "usage": {
        "total_input_tokens": 100, "total_cached_tokens": 50, "total_output_tokens": 40, "total_thought_tokens": 20,
        "total_tool_use_tokens": 5, "total_tokens": 165, "grounding_tool_count": [{"type": "google_search", "count": 2}],
    },
}  # fmt: skip
RESULTS = [{"response": frame(FLASH, spent(10, 4))}, {"error": {"code": 3}}, {"response": frame(FLASH, spent(6, 1, 3))}]
BATCH = {"name": "batches/b1", "metadata": {"output": {"inlinedResponses": {"inlinedResponses": RESULTS}}}, "done": True}
COMPATIBLE = {
    "id": "x", "model": FLASH, "choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 424, "total_tokens": 1_016}
}  # fmt: skip

CASES: Final = {
    "content, audio, a cache and thoughts": case(of(FLASH), FLASH, whole(frame(FLASH, HEARD)), (1_000, 200),
        (700, "0.30"), (100, "0.03"), (200, "1"), (50, "2.50"), (150, "2.50"), nanousd=913_000),
    "content, over 200,000 tokens": case(of(PRO), PRO, whole(frame(PRO, spent(250_000, 100, 900))), (250_000, 1_000),
        (250_000, "2.50"), (100, "15"), (900, "15"), nanousd=640_000_000),
    "content, an image in it": case(of("gemini-2.5-flash-image"), "gemini-2.5-flash-image",
        whole(frame("gemini-2.5-flash-image", DRAWN)), (20, 1_300),
        (20, "0.30"), (10, "2.50"), (1_290, "30"), nanousd=38_731_000),
    "content, events, searches": case(of("gemini-3-flash-preview", "streamGenerateContent"), "gemini-3-flash-preview",
        events(frame("gemini-3-flash-preview", spent(20, 1)), GROUNDED), (90, 35),
        (20, "0.50"), (70, "0.50"), (30, "3"), (5, "3"), (2, "14000"), nanousd=28_150_000, media_type=SSE),
    "content, an array": case(of(LITE, "streamGenerateContent"), LITE,
        b"[" + whole(frame(LITE, spent(100, 3))) + b",\n" + whole(frame(LITE, spent(100, 40))) + b"]", (100, 40),
        (100, "0.10"), (40, "0.40"), nanousd=26_000),
    "embedding": case(of("gemini-embedding-001", "embedContent"), "gemini-embedding-001",
        whole({"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 100}}), (100, 0),
        (100, "0.15"), nanousd=15_000, check=None),
    "the compatible path, thoughts in the total alone": case("/v1beta/openai/chat/completions", FLASH, whole(COMPATIBLE),
        (20, 996), (20, "0.30"), (424, "2.50"), (572, "2.50"), nanousd=2_496_000),
    "interaction, searches": case("/v1beta/interactions", FLASH, whole(INTERACTION), (105, 60),
        (50, "0.30"), (5, "0.30"), (50, "0.03"), (40, "2.50"), (20, "2.50"), (2, "35000"), nanousd=70_168_000),
    "batch, its results in it": case("/v1beta/batches/b1", FLASH, whole(BATCH), (16, 8),
        (16, "0.15"), (5, "1.25"), (3, "1.25"), nanousd=12_400, method="GET", basis="variant"),
    "a prompt put into the cache": case("/v1beta/cachedContents", FLASH, whole({"name": "cachedContents/c1",
        "model": f"models/{FLASH}", "usageMetadata": {"totalTokenCount": 5_000}}), (5_000, 0),
        (5_000, "0.30"), nanousd=1_500_000, check=None),
}  # fmt: skip
