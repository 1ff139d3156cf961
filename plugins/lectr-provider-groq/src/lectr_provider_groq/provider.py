"""Groq: its address, the families of its models, the shape of its keys. All else is the dialect's. Called by the hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from lectr_core import DialectProvider, ProviderSettings, Settings, TranscriptEventReader, upstream_of
from lectr_provider_groq.reading import GroqEventReader, GroqReader, GroqTranscriptReader

ID: Final = "groq"

BASE_URL: Final = "https://api.groq.com/openai"
"""Groq's own SDK puts `/openai` in front of each path itself; it is then sent once."""

_FRONT: Final = "/openai"

# What other providers serve under the same names is told apart by the key, the path or a header.
FAMILIES: Final = (
    "llama-",
    "llama3",
    "meta-llama/",
    "mixtral-",
    "gemma2-",
    "gemma-",
    "qwen",
    "moonshotai/",
    "openai/gpt-oss-",
    "deepseek-r1-distill-",
    "whisper-large-v3",
    "distil-whisper",
    "compound",
    "groq/",
    "playai-tts",
    "allam-",
)

KEY_PREFIXES: Final = (b"gsk_",)


class GroqProvider(DialectProvider):
    """Groq's dialect has an accent in chat completions and in transcripts; see `reading.py`."""

    READERS: ClassVar[Mapping[str, tuple[type, type]]] = {
        **DialectProvider.READERS,
        "chat/completions": (GroqReader, GroqEventReader),
        "audio/transcriptions": (GroqTranscriptReader, TranscriptEventReader),
        "audio/translations": (GroqTranscriptReader, TranscriptEventReader),
    }

    def endpoint(self, path: str) -> str:
        """See `ports.Provider`: the same with and without the SDK's `/openai` in front, whatever the address ends in."""
        return super().endpoint(path[len(_FRONT) :] if path.startswith(f"{_FRONT}/") else path)


def groq_of(settings: Settings) -> GroqProvider:
    """The provider as the operator wants it. Errors: OperatorError, see `upstream_of`."""
    path = f"provider.{ID}"
    upstream = upstream_of(settings, path, settings.section(path, ProviderSettings), BASE_URL)
    return GroqProvider(
        ID, upstream.base_url, upstream.held, families=FAMILIES, key_prefixes=KEY_PREFIXES, ca_file=upstream.ca_file
    )
