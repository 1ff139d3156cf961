"""One finished exchange of the past: counts, timings, errors and caches as the feature's habits and the incidents want them.

Pure; drawn from a given chance. What it costs is left to the price books, as with every real record. Called by `fill.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log
from random import Random
from typing import Final

import attrs

from lectr_core import Attempt, Begun, Ended, Reading, Usage, units
from lectr_provider_echo.catalog import PACES, Family, dated, thinks
from lectr_provider_echo.history.company import Event, Feature

STATUS: Final = {"rate_limit": 429, "overload": 503, "server": 500, "auth": 401, "client": 400, "timeout": 504}
# What fails on any day, of a thousand requests.
_USUAL: Final = (("rate_limit", 5), ("server", 3), ("overload", 2), ("client", 2), ("timeout", 1), ("network", 1))
_USUAL_NAMES: Final = tuple(name for name, _ in _USUAL)
_USUAL_WEIGHTS: Final = tuple(count for _, count in _USUAL)
_USUAL_SHARE: Final = sum(_USUAL_WEIGHTS) / 1000
# What an SDK tries again by itself, and how often it had to here.
RETRIED: Final = frozenset({"rate_limit", "overload", "server", "timeout", "network"})
_LEAVES: Final = 0.015
_CACHE_MISSED: Final = 0.12
_LEAST_CACHED: Final = 1024
_CACHE_STEP: Final = 128
_MS_NS: Final = 1_000_000
_S_NS: Final = 1_000_000_000


@attrs.frozen(kw_only=True)
class Moment:
    """What distinguishes one request of a feature from the others."""

    seq: int
    at_ns: int
    """Wall clock, nanoseconds since 1970."""
    retry: int = 0
    """The SDK's own retry number."""


def ended(moment: Moment, feature: Feature, events: Sequence[Event], chance: Random) -> Ended:
    """The record of one request, without its account."""
    mine = [event for event in events if event.feature in (None, feature.name)] if events else ()
    family, model = _model(feature, mine, chance)
    mine = [event for event in mine if event.provider in (None, family)] if mine else ()
    streamed = chance.random() < feature.streamed
    prompt = max(4, int(chance.lognormvariate(_log(feature.prompt), feature.prompt_sigma)))
    begun = Begun(
        seq=moment.seq,
        id=_uuid7(moment.at_ns, chance),
        started_ns=moment.at_ns,
        config_version="5a1f0c9e77d2",
        method="POST",
        endpoint=_endpoint(family, feature, streamed),
        org=feature.org,
        key_id=f"key_{feature.org}",
        feature=feature.name,
        task=feature.task,
        provider=family,
        model_requested=model,
        model_sent=model,
        streamed=streamed,
        max_tokens=feature.max_tokens,
        request_bytes=180 + prompt * 4,
    )
    category = _fault(mine, chance)
    if category is not None:
        return _failed(begun, moment, category, family, chance)
    slower = 1.0
    no_cache = False
    for event in mine:
        slower *= event.slower
        no_cache = no_cache or event.no_cache
    return _answered(begun, moment, feature, family, prompt, slower, no_cache, chance)


def _answered(
    begun: Begun,
    moment: Moment,
    feature: Feature,
    family: Family,
    prompt: int,
    slower: float,
    no_cache: bool,
    chance: Random,
) -> Ended:
    model = begun.model_sent or ""
    counts = _prompt_units(prompt, feature, no_cache, chance)
    answer = 0 if not feature.answer else max(1, int(chance.lognormvariate(_log(feature.answer), feature.answer_sigma)))
    finish = "stop"
    if feature.max_tokens is not None and answer >= feature.max_tokens:
        answer, finish = feature.max_tokens, "length"
    thought = int(chance.lognormvariate(_log(3.0 * feature.answer), 0.7)) if feature.answer and thinks(model) else 0
    pace = PACES[family]
    first_s = chance.lognormvariate(_log(pace.first_s), pace.sigma) * slower
    rate = chance.lognormvariate(_log(pace.tokens_per_s), pace.sigma)
    first_ns = int((first_s + prompt / 90_000 + thought / rate) * _S_NS)
    rest_ns = int(answer / rate * slower * _S_NS)
    leaves = begun.streamed and chance.random() < _LEAVES
    if leaves:
        share = chance.random()
        answer, rest_ns = max(1, int(answer * share)), int(rest_ns * share)
    if answer:
        counts["output"] = answer
    if thought:
        counts["reasoning"] = thought
    duration_ns = first_ns + rest_ns
    # What the older clients of chat completions do not ask for, their streams do not report.
    told = not begun.streamed or family in ("anthropic", "gemini") or feature.via != "chat"
    told = (told or chance.random() < feature.asks_usage) and not (leaves and family != "anthropic")
    reading = Reading(
        state=("partial" if leaves else "reported") if told else "absent",
        usage=Usage(counts, _raw(family, prompt, counts, answer + thought), True) if told else None,
        model=dated(family, model),
        finish_reason=None if leaves else finish,
        deltas=answer if begun.streamed else 0,
        delta_chars=int(answer * chance.uniform(3.9, 4.4)) if begun.streamed else 0,
    )
    return Ended(
        begun=begun,
        outcome="client_disconnected" if leaves else "ok",
        ended_by="client_gone" if leaves else "completed",
        status=200,
        duration_ns=duration_ns,
        ttfb_ns=first_ns if not begun.streamed else int(first_ns * 0.9),
        ttft_ns=first_ns if begun.streamed else duration_ns,
        gateway_ns=int(chance.lognormvariate(_log(110_000), 0.3)),
        request_bytes=begun.request_bytes,
        response_bytes=420 + answer * (190 if begun.streamed else 4),
        response_digest=f"{chance.getrandbits(256):064x}",
        faithful=None if leaves else True,
        client_retry=moment.retry or None,
        provider_request_id=f"req_{chance.getrandbits(64):016x}",
        reading=reading,
        attempts=(Attempt(provider=family, model=model, status=200, category=None, duration_ns=duration_ns),),
    )


def _failed(begun: Begun, moment: Moment, category: str, family: Family, chance: Random) -> Ended:
    is_network = category == "network"
    status = 502 if is_network else 529 if category == "overload" and family == "anthropic" else STATUS[category]
    from_gateway = is_network or category == "timeout"
    duration_ns = int(chance.lognormvariate(_log(600_000 if category == "timeout" else 240), 0.5) * _MS_NS)
    tried = Attempt(
        provider=family,
        model=begun.model_sent,
        status=None if from_gateway else status,
        category=category,
        duration_ns=duration_ns,
    )
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
        gateway_ns=int(chance.lognormvariate(_log(110_000), 0.3)),
        request_bytes=begun.request_bytes,
        response_bytes=210,
        response_digest=f"{chance.getrandbits(256):064x}",
        faithful=None if from_gateway else True,
        client_retry=moment.retry or None,
        provider_request_id=None if from_gateway else f"req_{chance.getrandbits(64):016x}",
        attempts=(tried,),
    )


def _model(feature: Feature, events: Sequence[Event], chance: Random) -> tuple[Family, str]:
    for event in events:
        if event.model is not None:
            return event.model
    if len(feature.models) == 1:
        return feature.models[0][1:]
    lot = chance.random() * sum(share for share, _, _ in feature.models)
    for share, family, model in feature.models:
        lot -= share
        if lot < 0:
            return family, model
    return feature.models[-1][1:]


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


def _endpoint(family: Family, feature: Feature, streamed: bool) -> str:
    if family == "anthropic":
        return "/v1/messages"
    if family == "groq":
        return "/openai/v1/chat/completions"
    if family == "gemini":
        action = (
            "embedContent" if feature.via == "embeddings" else "streamGenerateContent" if streamed else "generateContent"
        )
        return f"/v1beta/models/{{model}}:{action}"
    return {"chat": "/v1/chat/completions", "responses": "/v1/responses", "embeddings": "/v1/embeddings"}[feature.via]


@lru_cache(maxsize=256)
def _log(median: float) -> float:
    return log(median)


def _uuid7(at_ns: int, chance: Random) -> str:
    """RFC 9562 §5.7."""
    digits = f"{at_ns // _MS_NS:012x}7{chance.getrandbits(12):03x}{0x8 << 60 | chance.getrandbits(62):016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
