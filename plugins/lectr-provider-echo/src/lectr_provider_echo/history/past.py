"""One finished exchange of the past: counts, timings, errors and caches as the feature's habits and the incidents want them.

Pure; drawn from a given chance. What it costs, and what tokens were used where nobody says so, is left to the account, as
with every real record. Called by `fill.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, Literal

import attrs

from lectr_core import Attempt, Begun, Ended, Reading, Usage, units
from lectr_provider_echo.catalog import PACES, Family, dated, thinks
from lectr_provider_echo.history.asking import Ask, endpoint, median
from lectr_provider_echo.history.company import Event, Feature
from lectr_provider_echo.history.limits import headroom

STATUS: Final = {"rate_limit": 429, "overload": 503, "server": 500, "auth": 401, "client": 400, "timeout": 504}
# What fails on any day, of a thousand requests.
_USUAL: Final = (("rate_limit", 5), ("server", 3), ("overload", 2), ("client", 2), ("timeout", 1), ("network", 1))
_USUAL_NAMES: Final = tuple(name for name, _ in _USUAL)
_USUAL_WEIGHTS: Final = tuple(count for _, count in _USUAL)
_USUAL_SHARE: Final = sum(_USUAL_WEIGHTS) / 1000
# What an SDK tries again by itself, and how often it had to here.
RETRIED: Final = frozenset({"rate_limit", "overload", "server", "timeout", "network"})
_LEAVES: Final = 0.015
_BREAKS: Final = 0.003
"""Of streams: the provider is gone in the middle of them."""
_CACHE_MISSED: Final = 0.12
_LEAST_CACHED: Final = 1024
_CACHE_STEP: Final = 128
_TOKENS_A_DELTA: Final[dict[Family, float]] = {"openai": 1.0, "groq": 1.0, "anthropic": 5.5, "gemini": 28.0}
_MS_NS: Final = 1_000_000
_S_NS: Final = 1_000_000_000

_Cut = Literal["", "left", "broke", "late"]
"""How an answer ended before its end: the client left, the provider was gone, the client's patience was over."""


@attrs.frozen(kw_only=True)
class Moment:
    """What distinguishes one request from others that ask the same."""

    seq: int
    at_ns: int
    """Wall clock, nanoseconds since 1970."""
    retry: int = 0
    """The SDK's own retry number."""


def ended(moment: Moment, asked: Ask, events: Sequence[Event], chance: Random) -> Ended:
    """The record of one request, without its account."""
    feature, family = asked.feature, asked.family
    mine: Sequence[Event] = ()
    if events:
        mine = [event for event in events if event.feature in (None, feature.name) and event.provider in (None, family)]
    begun = Begun(
        seq=moment.seq,
        id=_uuid7(moment.at_ns, chance),
        started_ns=moment.at_ns,
        config_version="5a1f0c9e77d2",
        method="POST",
        endpoint=endpoint(asked),
        org=feature.org,
        key_id=f"key_{feature.org}",
        feature=feature.name,
        task=feature.task,
        provider=family,
        model_requested=asked.model,
        model_sent=asked.model,
        streamed=asked.streamed,
        max_tokens=feature.max_tokens,
        request_bytes=asked.request_bytes,
    )
    if any(event.crashed for event in mine):
        return Ended(
            begun=begun,
            outcome="interrupted",
            ended_by="crash",
            error_source="lectr",
            request_bytes=begun.request_bytes,
            client_retry=moment.retry or None,
        )
    category = _fault(mine, chance)
    if category is not None:
        return _failed(begun, moment, category, asked, mine, chance)
    return _answered(begun, moment, asked, mine, chance)


def is_tried_again(made: Ended, patience_s: float) -> bool:
    """Whether a client's SDK asks again after this: it was turned away, or took longer than the client waits."""
    late = made.outcome == "client_disconnected" and made.duration_ns >= int(patience_s * _S_NS)
    return late or (made.error_category in RETRIED and made.status != 200)


def _answered(begun: Begun, moment: Moment, asked: Ask, events: Sequence[Event], chance: Random) -> Ended:
    feature, family, model = asked.feature, asked.family, asked.model
    slower = 1.0
    no_cache = False
    for event in events:
        slower *= event.slower
        no_cache = no_cache or event.no_cache
    counts = _prompt_units(asked.prompt, feature, no_cache, chance)
    answer = 0 if not feature.answer else max(1, int(chance.lognormvariate(median(feature.answer), feature.answer_sigma)))
    finish = "stop"
    if feature.max_tokens is not None and answer >= feature.max_tokens:
        answer, finish = feature.max_tokens, "length"
    thought = int(chance.lognormvariate(median(3.0 * feature.answer), 0.7)) if feature.answer and thinks(model) else 0
    pace = PACES[family]
    first_s = chance.lognormvariate(median(pace.first_s), pace.sigma) * slower
    rate = chance.lognormvariate(median(pace.tokens_per_s), pace.sigma)
    first_ns = int((first_s + asked.prompt / 90_000 + thought / rate) * _S_NS)
    rest_ns = int(answer / rate * slower * _S_NS)
    cut = _cut(asked, (first_ns + rest_ns) / _S_NS, chance)
    if cut == "late":
        return _late(begun, moment, asked, chance)
    if cut:
        share = chance.random()
        answer, rest_ns = max(1, int(answer * share)), int(rest_ns * share)
    if answer:
        counts["output"] = answer
    if thought:
        counts["reasoning"] = thought
    duration_ns = first_ns + rest_ns
    return Ended(
        begun=begun,
        outcome="upstream_failed" if cut == "broke" else "client_disconnected" if cut else "ok",
        ended_by="provider_failed" if cut == "broke" else "client_gone" if cut else "completed",
        status=200,
        error_source="network" if cut == "broke" else "client" if cut else None,
        error_category="network" if cut == "broke" else None,
        duration_ns=duration_ns,
        ttfb_ns=first_ns if not begun.streamed else int(first_ns * 0.9),
        ttft_ns=first_ns if begun.streamed else duration_ns,
        gateway_ns=int(chance.lognormvariate(median(110_000), 0.3)),
        request_bytes=begun.request_bytes,
        response_bytes=420 + answer * (190 if begun.streamed else 4),
        response_digest=f"{chance.getrandbits(256):064x}",
        faithful=None if cut else True,
        client_retry=moment.retry or None,
        provider_request_id=f"req_{chance.getrandbits(64):016x}",
        reading=_reading(begun, asked, counts, answer, None if cut else finish, chance),
        attempts=(Attempt(provider=family, model=model, status=200, category=None, duration_ns=duration_ns),),
        headroom=headroom(family, asked.prompt + answer, moment.at_ns, events, refused=False, chance=chance),
    )


def _cut(asked: Ask, took_s: float, chance: Random) -> _Cut:
    if not asked.streamed:
        return "late" if took_s > asked.feature.patience_s else ""
    lot = chance.random()
    return "left" if lot < _LEAVES else "broke" if lot < _LEAVES + _BREAKS else ""


def _late(begun: Begun, moment: Moment, asked: Ask, chance: Random) -> Ended:
    """The client waited as long as it does, and had nothing."""
    took_ns = int(asked.feature.patience_s * _S_NS)
    tried = Attempt(provider=asked.family, model=asked.model, status=None, category=None, duration_ns=took_ns)
    return Ended(
        begun=begun,
        outcome="client_disconnected",
        ended_by="client_gone",
        error_source="client",
        duration_ns=took_ns,
        gateway_ns=int(chance.lognormvariate(median(110_000), 0.3)),
        request_bytes=begun.request_bytes,
        client_retry=moment.retry or None,
        attempts=(tried,),
    )


def _reading(begun: Begun, asked: Ask, counts: dict[str, int], answer: int, finish: str | None, chance: Random) -> Reading:
    """What could be read of the answer. Without a reason to finish it was cut off, and told what it had told by then."""
    family, feature = asked.family, asked.feature
    usage = None
    if finish is not None:
        # What the older clients of chat completions do not ask for, their streams do not report.
        told = not begun.streamed or family in ("anthropic", "gemini") or feature.via != "chat"
        if told or chance.random() < feature.asks_usage:
            whole = answer + counts.get("reasoning", 0)
            usage = Usage(counts, _raw(family, asked.prompt, counts, whole), True)
    elif family == "gemini":
        usage = Usage(counts, _raw(family, asked.prompt, counts, answer + counts.get("reasoning", 0)), True)
    elif family == "anthropic":
        # The prompt is counted when the answer begins, the answer only at its end.
        begun_with = min(answer, chance.randrange(1, 9))
        said = {unit: count for unit, count in counts.items() if unit not in ("output", "reasoning")} | {
            "output": begun_with
        }
        usage = Usage(said, _raw(family, asked.prompt, said, begun_with), True)
    deltas = (1 + int(answer / _TOKENS_A_DELTA[family]) if begun.streamed else 1) if answer else 0
    return Reading(
        state="absent" if usage is None else "partial" if finish is None else "reported",
        usage=usage,
        model=dated(family, asked.model),
        finish_reason=finish,
        deltas=deltas,
        delta_chars=int(answer * chance.lognormvariate(median(feature.bytes_a_token), 0.03)) if answer else 0,
    )


def _failed(begun: Begun, moment: Moment, category: str, asked: Ask, events: Sequence[Event], chance: Random) -> Ended:
    family = asked.family
    is_network = category == "network"
    status = 502 if is_network else 529 if category == "overload" and family == "anthropic" else STATUS[category]
    from_gateway = is_network or category == "timeout"
    duration_ns = int(chance.lognormvariate(median(600_000 if category == "timeout" else 240), 0.5) * _MS_NS)
    tried = Attempt(
        provider=family,
        model=begun.model_sent,
        status=None if from_gateway else status,
        category=category,
        duration_ns=duration_ns,
    )
    room: dict[str, str] = {}
    if not from_gateway:
        out = category == "rate_limit"
        room = headroom(family, 0, moment.at_ns, events, refused=out, chance=chance)
    return Ended(
        begun=begun,
        outcome="upstream_failed" if from_gateway else "provider_error",
        ended_by="gateway_timeout" if category == "timeout" else "provider_failed" if is_network else "completed",
        status=status,
        error_source="network" if from_gateway else "provider",
        error_category=category,
        error_code={"network": "provider_unreachable", "timeout": "provider_timeout"}.get(category),
        duration_ns=duration_ns,
        ttfb_ns=None if from_gateway else duration_ns,
        gateway_ns=int(chance.lognormvariate(median(110_000), 0.3)),
        request_bytes=begun.request_bytes,
        response_bytes=210,
        response_digest=f"{chance.getrandbits(256):064x}",
        faithful=None if from_gateway else True,
        client_retry=moment.retry or None,
        provider_request_id=None if from_gateway else f"req_{chance.getrandbits(64):016x}",
        attempts=(tried,),
        headroom=room,
    )


def _fault(events: Sequence[Event], chance: Random) -> str | None:
    """As what the request fails, if it does."""
    for event in events:
        if event.failing and chance.random() < event.failing:
            return event.category
    if chance.random() >= _USUAL_SHARE:
        return None
    return chance.choices(_USUAL_NAMES, _USUAL_WEIGHTS)[0]


def _prompt_units(prompt: int, feature: Feature, no_cache: bool, chance: Random) -> dict[str, int]:
    cached = int(prompt * feature.cached * chance.uniform(0.85, 1.0)) // _CACHE_STEP * _CACHE_STEP
    if feature.cache == "none" or prompt < _LEAST_CACHED or not cached:
        return {units.INPUT: prompt}
    missed = no_cache or chance.random() < _CACHE_MISSED
    if not missed:
        return {units.INPUT: prompt - cached, units.CACHE_READ: cached}
    if feature.cache == "marked":
        return {units.INPUT: prompt - cached, units.CACHE_WRITE_5M: cached}
    return {units.INPUT: prompt}


def _raw(family: Family, prompt: int, counts: dict[str, int], answer: int) -> dict[str, object]:
    """The usage object as the provider would have sent it."""
    read, written = counts.get(units.CACHE_READ, 0), counts.get(units.CACHE_WRITE_5M, 0)
    if family == "anthropic":
        return {
            "input_tokens": counts[units.INPUT],
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
            "output_tokens": answer,
        }
    if family == "gemini":
        return {"promptTokenCount": prompt, "candidatesTokenCount": answer, "totalTokenCount": prompt + answer}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": read},
    }


def _uuid7(at_ns: int, chance: Random) -> str:
    """RFC 9562 §5.7."""
    digits = f"{at_ns // _MS_NS:012x}7{chance.getrandbits(12):03x}{0x8 << 60 | chance.getrandbits(62):016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
