"""Made-up values to try plugins with: the same arguments give the same value, so a failure can be repeated."""

from __future__ import annotations

from lectr_core.model import units
from lectr_core.model.decision import Facts
from lectr_core.model.reading import Reading, Usage
from lectr_core.model.record import Account, Attempt, Begun, Ended, Record

_START_NS = 1_767_225_600_000_000_000  # 2026-01-01 00:00 UTC


def sample_record(seq: int = 1, *, stream: str = "stream-a", provider: str = "acme", model: str = "acme-1") -> Record:
    """A whole record of a request that went well; ids and times follow from *stream* and *seq*."""
    started_ns = _START_NS + seq * 1_000_000_000
    begun = Begun(
        seq=seq,
        id=_uuid7(started_ns, stream, seq),
        started_ns=started_ns,
        config_version="0123456789ab",
        method="POST",
        endpoint="/v1/chat/completions",
        org="acme",
        key_id="key-1",
        feature="search",
        task="classification",
        provider=provider,
        provider_detected=provider,
        model_requested=model,
        model_sent=model,
        streamed=True,
        max_tokens=256,
        request_bytes=1234,
    )
    counted = {units.INPUT: 90, units.CACHE_READ: 10, units.OUTPUT: 20, units.REASONING: 5}
    raw = {"prompt_tokens": 100, "completion_tokens": 25, "total_tokens": 125}
    ended = Ended(
        begun=begun,
        outcome="ok",
        ended_by="completed",
        status=200,
        duration_ns=1_500_000_000,
        ttfb_ns=200_000_000,
        ttft_ns=300_000_000,
        gateway_ns=80_000,
        request_bytes=1234,
        response_bytes=5678,
        response_digest="00" * 32,
        faithful=True,
        provider_request_id=f"req-{seq}",
        reading=Reading(state="reported", usage=Usage(counted, raw, True), model=model, finish_reason="stop", deltas=20),
        attempts=(Attempt(provider=provider, model=model, status=200, category=None, duration_ns=1_400_000_000),),
        headroom={"x-ratelimit-remaining-requests": "99"},
    )
    account = Account(
        units=counted,
        tokens_source="reported",
        input_tokens=100,
        input_tokens_low=100,
        input_tokens_high=100,
        output_tokens=25,
        output_tokens_low=25,
        output_tokens_high=25,
        cached_input_tokens=10,
        cache_write_tokens=0,
        reasoning_tokens=5,
        cost_nanousd=1_000_000 + seq,
        cost_low_nanousd=1_000_000 + seq,
        cost_high_nanousd=1_000_000 + seq,
        cost_parts_nanousd={units.INPUT: 900_000, units.OUTPUT: 100_000 + seq},
        cost_basis="exact",
        price_id=f"{provider}/{model}@2026-01-01",
        price_source="sample 1.0",
        price_date="2026-01-01",
    )
    return Record(stream=stream, ended=ended, account=account)


def bare_record(seq: int, *, stream: str = "stream-a") -> Record:
    """A record with nothing in it that may be missing: a request refused for want of a key."""
    started_ns = _START_NS + seq * 1_000_000_000
    begun = Begun(
        seq=seq,
        id=_uuid7(started_ns, stream, seq),
        started_ns=started_ns,
        config_version="0123456789ab",
        method="GET",
        endpoint="/{path}",
    )
    return Record(stream=stream, ended=Ended(begun=begun, outcome="lectr_refused", ended_by="completed"), account=Account())


def sample_facts(**changes: str | int | bool | None) -> Facts:
    """What a policy is told of an everyday request, with *changes*."""
    facts: dict[str, str | int | bool | None] = {
        "org": "acme",
        "key_id": "key-1",
        "feature": "search",
        "task": "classification",
        "provider": "acme",
        "model": "acme-1",
        "streamed": False,
        "endpoint": "/v1/chat/completions",
        "method": "POST",
        "request_bytes": 1234,
        "max_tokens": None,
    }
    return Facts(**(facts | changes))  # type: ignore[arg-type]  # one dict for fields of several types


def _uuid7(at_ns: int, stream: str, seq: int) -> str:
    """RFC 9562 §5.7, with the stream and the number in the place of chance."""
    tail = int.from_bytes(stream.encode()[-4:].rjust(4, b"\0"), "big") << 30 | seq
    digits = f"{at_ns // 1_000_000:012x}7{seq & 0xFFF:03x}{0x8 << 60 | tail & (1 << 60) - 1:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
