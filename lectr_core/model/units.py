"""The units a request is counted in: disjoint, so that adding them up never counts a token twice.

A provider's reader maps what the provider sent onto these names; a price book has a rate per name. Names that providers
invent later may be added by a plugin: an unknown unit is kept and priced NULL, never dropped. Called by readers, price
books, account and sinks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INPUT: Final = "input"
"""Text tokens of the prompt that were neither read from nor written to a cache."""
CACHE_READ: Final = "cache_read"
"""Prompt tokens read from the provider's cache."""
CACHE_WRITE: Final = "cache_write"
"""Prompt tokens written to the cache with the provider's only, default or unnamed lifetime."""
CACHE_WRITE_5M: Final = "cache_write_5m"
CACHE_WRITE_30M: Final = "cache_write_30m"
CACHE_WRITE_1H: Final = "cache_write_1h"
CACHE_WRITE_12H: Final = "cache_write_12h"
INPUT_AUDIO: Final = "input_audio"
"""Audio tokens of the prompt, uncached."""
CACHE_READ_AUDIO: Final = "cache_read_audio"
CACHE_READ_IMAGE: Final = "cache_read_image"
INPUT_IMAGE: Final = "input_image"
"""Image tokens of the prompt, where the provider bills them apart."""
INPUT_VIDEO: Final = "input_video"
INPUT_TOOL: Final = "input_tool"
"""Prompt tokens that a provider-side tool added (billed as input)."""
OUTPUT: Final = "output"
"""Visible text tokens of the answer."""
REASONING: Final = "reasoning"
"""Tokens of the answer that the model spent on thinking."""
OUTPUT_AUDIO: Final = "output_audio"
OUTPUT_IMAGE: Final = "output_image"
OUTPUT_VIDEO: Final = "output_video"

INPUT_UNITS: Final = frozenset(
    {
        INPUT,
        CACHE_READ,
        CACHE_WRITE,
        CACHE_WRITE_5M,
        CACHE_WRITE_30M,
        CACHE_WRITE_1H,
        CACHE_WRITE_12H,
        INPUT_AUDIO,
        CACHE_READ_AUDIO,
        CACHE_READ_IMAGE,
        INPUT_IMAGE,
        INPUT_VIDEO,
        INPUT_TOOL,
    }
)
CACHE_READ_UNITS: Final = frozenset({CACHE_READ, CACHE_READ_AUDIO, CACHE_READ_IMAGE})
CACHE_WRITE_UNITS: Final = frozenset({CACHE_WRITE, CACHE_WRITE_5M, CACHE_WRITE_30M, CACHE_WRITE_1H, CACHE_WRITE_12H})
OUTPUT_UNITS: Final = frozenset({OUTPUT, REASONING, OUTPUT_AUDIO, OUTPUT_IMAGE, OUTPUT_VIDEO})

# Tool units are calls, not tokens; they stand in no token total.
WEB_SEARCH: Final = "web_search"
WEB_FETCH: Final = "web_fetch"
SOCIAL_SEARCH: Final = "social_search"
FILE_SEARCH: Final = "file_search"
CODE_EXECUTION: Final = "code_execution"
CITATION: Final = "citation"
"""Tokens of sources that a search put before the model, billed apart from the prompt."""
AUDIO_SECONDS: Final = "audio_seconds"
IMAGES: Final = "images"
VIDEO_SECONDS: Final = "video_seconds"

# SQLite and JSON both keep integers up to 2^53 exactly; no real count comes near.
MAX_COUNT: Final = 2**53 - 1

Units = Mapping[str, int]


def total(units: Units, names: frozenset[str]) -> int:
    """Add up the units named. Units: tokens."""
    found = 0
    for name in units:  # some three names, four times a record: half the time of a generator
        if name in names:
            found += units[name]
    return found
