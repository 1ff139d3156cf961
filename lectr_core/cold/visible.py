"""What may be seen of a request without reading it, as numbers to predict tokens from, and the kinds it belongs to. Pure.

A request's text is as long as its body less its tools and what is no text. Of an answer, the pieces are counted and the
length of their strings is taken; the bytes of frames say nothing, because providers pad them. Never here: what has been
learnt (`calibration.py`). Called by `calibration.py` and `measure.py`.
"""

from __future__ import annotations

from typing import Final, Literal

import attrs

from lectr_core.cold.conformal import Interval
from lectr_core.cold.regression import Features
from lectr_core.model import units
from lectr_core.model.record import Ended

Way = Literal["input", "output"]
Key = tuple[str, ...]
"""Names a kind of requests. The first part says what is predicted; the fewer parts, the wider the kind."""
Counts = tuple[int, int, int, int]
"""In the order of `INPUT_NAMES` or `OUTPUT_NAMES`."""
Kind = tuple[Key, Counts]
"""With what it predicts from."""


@attrs.frozen
class Kinds:
    """All kinds that one request belongs to."""

    own: tuple[Kind, ...]
    """Its feature's and its model's. Empty, or two: a feature that has not made enough errors to be judged by them is
    judged by those of the other features of which that is so."""
    wide: tuple[Kind, ...]
    """Wider ones, each judged by the errors of all its requests; the last one is of all models."""


# Weights of a request of a model that nobody knows, per feature, and how far off they may be. Some four letters make a
# token of English text (docs/explanation/how-sure-are-the-numbers.md has figures); tools and images cost what they cost.
# A piece may carry one token or fifty: where that was thought unlikely, 500 requests were not enough to find out.
_UNIT: Final = 4.0
OF_INPUT: Final = ((1.0, 1.0, 300.0, 8.0), (1.0, 0.5, 600.0, 100.0))
OF_OUTPUT: Final = ((0.0, 1.0, 0.0, 2.0), (10.0, 1.0, 0.05, 100.0))
BEGIN: Final = {"input": OF_INPUT, "output": OF_OUTPUT}
FAR: Final = {"input": 1.5, "output": 4.0}
"""An error of so many usual ones counts for less. With 1, half of all errors come to be on either side: the middle error is
smallest, and sums are off where errors are lopsided, by 10 % for answers of models that think unseen. Prompts' are not."""
INPUT_NAMES: Final = ("text bytes", "tool bytes", "images", "")
OUTPUT_NAMES: Final = ("deltas", "characters", "max_tokens", "")
SCALES: Final = {"input": (_UNIT, _UNIT, 1.0, 1.0), "output": (1.0, _UNIT, 1.0, 1.0)}

COMPARABLE: Final = frozenset(
    {
        units.INPUT,
        units.INPUT_IMAGE,
        units.INPUT_TOOL,
        units.CACHE_READ,
        units.CACHE_READ_IMAGE,
        units.OUTPUT,
        units.REASONING,
        *units.CACHE_WRITE_UNITS,
        units.WEB_SEARCH,
        units.WEB_FETCH,
        units.FILE_SEARCH,
        units.CODE_EXECUTION,
    }
)
"""An answer that used something else (audio, video) teaches nothing about text."""


def model_of(ended: Ended) -> str:
    """Under which name a model's requests are kept together: known even where no answer came."""
    begun = ended.begun
    return begun.model_sent or begun.model_requested or ended.reading.model or ""


def provider_of(ended: Ended) -> str:
    """Who served it, or should have."""
    return (ended.attempts[-1].provider if ended.attempts else ended.begun.provider) or ""


def input_counts(ended: Ended) -> Counts:
    """Text bytes, tool bytes, images, 1."""
    size = max(ended.request_bytes, ended.begun.request_bytes)
    bulk = ended.begun.bulk
    if bulk is None:
        return size, 0, 0, 1
    return max(0, size - bulk.tool_bytes - bulk.coded_bytes), bulk.tool_bytes, bulk.images, 1


def output_counts(ended: Ended) -> Counts:
    """Deltas, characters, max_tokens, 1."""
    reading, begun = ended.reading, ended.begun
    return reading.deltas if begun.streamed else 0, reading.delta_chars, min(begun.max_tokens or 0, units.MAX_COUNT), 1


def scaled(way: Way, counts: Counts) -> Features:
    """Counts as a model takes them, so that a weight is near 1."""
    first, second, third, one = counts
    return (first / _UNIT if way == "input" else first, second / _UNIT, third, one)


def input_key(ended: Ended) -> Key:
    """The narrowest kind of a prompt."""
    bulk = ended.begun.bulk
    has_images = "images" if bulk is not None and bulk.images else ""
    return ("input", ended.begun.endpoint, has_images, provider_of(ended), model_of(ended), ended.begun.feature)


def input_kinds(ended: Ended) -> Kinds:
    """The kinds that a prompt belongs to."""
    key = input_key(ended)
    counts = input_counts(ended)
    return Kinds(((key, counts), (key[:5], counts)), ((key[:3], counts),))


def output_kinds(ended: Ended) -> Kinds:
    """As `input_kinds`, for the answer: by the reason for which it ended, then whether it was streamed.

    What was asked for at most says something of an answer that ended for a reason, and nothing of one that was cut off. In
    what an answer that is no stream has in common with one that is, pieces are not counted.
    """
    who, endpoint = (provider_of(ended), model_of(ended)), ended.begun.endpoint
    how = "streamed" if ended.begun.streamed else "whole"
    reason = ended.reading.finish_reason
    counts = output_counts(ended)
    deltas, chars, _, one = counts
    of_model: Key = ("output", endpoint, how, *who)
    own: tuple[Kind, ...] = ()
    if reason is not None:
        own = (((*of_model, ended.begun.feature, reason), counts), ((*of_model, "", reason), counts))
    in_all = (deltas, chars, 0, one)
    wide = ((of_model, in_all), (("output", endpoint, "", *who), (0, chars, 0, one)), (("output", endpoint, how), in_all))
    return Kinds(own, wide)


def is_of_model(key: Key) -> bool:
    """Whether a kind is of one model, or of all."""
    return len(key) > 3


def likely_input(ended: Ended) -> Interval:
    """Before anything is known: wide, and honest about it."""
    text, tools, images, _ = input_counts(ended)
    most = text + tools + 64
    return Interval((text + tools) // 16, round((text + tools) / _UNIT) + 300 * images, most + 20_000 * images)


def likely_output(ended: Ended) -> Interval:
    """As `likely_input`. What a model thinks without showing it has no bound here: the caller's ceiling is the high one."""
    deltas, chars, _, _ = output_counts(ended)
    # A stream with a piece for each token or so has about as many tokens as pieces.
    middle = deltas if deltas and chars / deltas < 8 else round(chars / _UNIT)
    return Interval(chars // 16, max(middle, 1), units.MAX_COUNT)
