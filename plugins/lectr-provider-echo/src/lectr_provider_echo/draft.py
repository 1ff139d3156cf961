"""What a model might answer: text or a tool call, tokens, and when they come. Drawn from a seeded chance, so repeatable.

Pure. The dialects put a draft into their provider's words.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final, Literal

import attrs

from lectr_provider_echo import catalog
from lectr_provider_echo.asked import Asked

Finish = Literal["stop", "length", "tool", "filter"]

_TEXT: Final = (
    "the answer depends on what you measure and how often you look at it so start with the simplest "
    "number that could change your mind then check whether it did this order arrived on Monday was packed "
    "within two hours and left the warehouse before noon which is why the customer wrote twice we can refund "
    "one part keep the other and tell them today because waiting costs more than asking a short note is enough "
    "name the reason give the date and offer a choice between two things that are both good for them"
)
_WORDS: Final = tuple(_TEXT.split())
# Prompts shorter than this are not cached by any of the providers.
_CACHE_FROM_TOKENS: Final = 1024
_CACHE_STEP_TOKENS: Final = 128


@attrs.frozen(kw_only=True)
class Draft:
    """One believable answer."""

    model: str
    """As the answer names it."""
    number: str
    """24 hex digits: what the dialects make their ids of."""
    words: tuple[str, ...]
    """The text, in the pieces in which it is streamed; joined they are the whole."""
    tool: str | None
    """Name of the tool to call instead of answering."""
    arguments: tuple[str, ...]
    """JSON text of the call, in pieces."""
    finish: Finish
    prompt_tokens: int
    """All of the prompt, cached tokens included."""
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    """Visible ones."""
    reasoning_tokens: int
    first_s: float
    """To the first piece, in seconds."""
    each_s: float
    """Between two pieces, in seconds."""

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.words)

    @property
    def completion_tokens(self) -> int:
        """All of the answer, reasoning included."""
        return self.output_tokens + self.reasoning_tokens

    @property
    def lasts_s(self) -> float:
        """How long the whole answer takes, in seconds."""
        return self.first_s + self.each_s * max(0, len(self.words or self.arguments) - 1)


def draft(asked: Asked, chance: Random, *, filtered: bool = False) -> Draft:
    """Draw an answer. *filtered*: the provider's content filter ends it early."""
    pace = catalog.PACES[asked.family]
    number = f"{chance.getrandbits(96):024x}"
    reasoning = _reasoning(asked, chance)
    tool = chance.choice(asked.tools) if asked.tools and asked.model != "echo" and chance.random() < 0.7 else None
    words, finish = (("",), "tool") if tool else _words(asked, chance, reasoning)
    if filtered:
        words, finish = words[: max(1, len(words) // 3)], "filter"
    arguments = ('{"query":', ' "order 4711",', ' "limit": 5}') if tool else ()
    output = _output(words, tool, asked.max_tokens, reasoning)
    cached, written = _cached(asked, chance)
    tokens_per_s = chance.lognormvariate(math.log(pace.tokens_per_s), pace.sigma)
    pieces = len(arguments) if tool else max(1, len(words))
    return Draft(
        model=catalog.dated(asked.family, asked.model),
        number=number,
        words=() if tool else words,
        tool=tool,
        arguments=arguments,
        finish=finish,
        prompt_tokens=asked.prompt_tokens,
        cached_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
        reasoning_tokens=reasoning,
        first_s=chance.lognormvariate(math.log(pace.first_s), pace.sigma) + reasoning / tokens_per_s,
        each_s=output / pieces / tokens_per_s,
    )


def _words(asked: Asked, chance: Random, reasoning: int) -> tuple[tuple[str, ...], Finish]:
    """The text in pieces of one to four words, and whether the request's own ceiling ended it."""
    if asked.model == "echo":
        return _cut(asked.last_text.split(" "), chance), "stop"
    many = max(3, round(chance.lognormvariate(math.log(70), 0.7)))
    start = chance.randrange(len(_WORDS))
    words = [_WORDS[(start + step) % len(_WORDS)] for step in range(many)]
    words[0] = words[0].capitalize()
    finish: Finish = "stop"
    # A word and its space are about 1.3 tokens.
    ceiling = None if asked.max_tokens is None else max(1, int((asked.max_tokens - reasoning) / 1.3))
    if ceiling is not None and ceiling < many:
        words, finish = words[:ceiling], "length"
    else:
        words[-1] += "."
    return _cut(words, chance), finish


def _output(words: tuple[str, ...], tool: str | None, max_tokens: int | None, reasoning: int) -> int:
    """Visible tokens of the answer, within the request's own ceiling."""
    counted = 18 if tool else max(1, round(len("".join(words)) / 4.2))
    return counted if max_tokens is None else max(1, min(counted, max_tokens - reasoning))


def _cut(words: list[str], chance: Random) -> tuple[str, ...]:
    pieces = []
    at = 0
    while at < len(words):
        step = chance.randint(1, 4)
        pieces.append((" " if at else "") + " ".join(words[at : at + step]))
        at += step
    return tuple(pieces)


def _reasoning(asked: Asked, chance: Random) -> int:
    if asked.model == "echo" or not (asked.thinks or catalog.thinks(asked.model)):
        return 0
    drawn = round(chance.lognormvariate(math.log(180), 0.6))
    return drawn if asked.max_tokens is None else min(drawn, asked.max_tokens // 2)


def _cached(asked: Asked, chance: Random) -> tuple[int, int]:
    """(read from the cache, written to it). Only Anthropic bills the writing."""
    if asked.prompt_tokens < _CACHE_FROM_TOKENS:
        return 0, 0
    fits = (asked.prompt_tokens - 40) // _CACHE_STEP_TOKENS * _CACHE_STEP_TOKENS
    if chance.random() < 0.6:
        return fits, 0
    return 0, fits if asked.family == "anthropic" else 0
