"""Embeddings, as OpenAI and Gemini answer them. The vectors are random but of length 1, and equal for equal texts. Pure."""

from __future__ import annotations

import base64
import math
import struct
from random import Random

from lectr_provider_echo.asked import Asked
from lectr_provider_echo.script import Tree

# What the small models of both providers return when nobody says otherwise would be 1536 and 3072; a stand-in need not.
_DIMENSIONS = 256


def openai(asked: Asked) -> Tree:
    """OpenAI's list of embeddings."""
    data = [
        {"object": "embedding", "index": at, "embedding": _packed(vector) if asked.base64 else vector}
        for at, vector in enumerate(_vectors(asked))
    ]
    tokens = asked.prompt_tokens
    return {"object": "list", "data": data, "model": asked.model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def gemini(asked: Asked) -> Tree:
    """Gemini's single embedding or batch; it reports no usage."""
    vectors = [{"values": vector} for vector in _vectors(asked)]
    return {"embedding": vectors[0]} if asked.single else {"embeddings": vectors}


def _vectors(asked: Asked) -> list[list[float]]:
    return [_vector(text, asked.dimensions or _DIMENSIONS) for text in asked.inputs]


def _vector(text: str, dimensions: int) -> list[float]:
    chance = Random(text)
    raw = [chance.gauss(0.0, 1.0) for _ in range(min(dimensions, 4096))]
    length = math.sqrt(sum(value * value for value in raw))
    return [round(value / length, 7) for value in raw]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
