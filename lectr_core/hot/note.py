"""The journal's side of an exchange: a begun line before the first byte goes upstream, an ended line when all is over.

Called by `way.py`; sync, so that nothing can be cancelled between the end of an exchange and its record.
"""

from __future__ import annotations

import logging
import time
from typing import Final

import attrs

from lectr_core.hot.exchange import ErrorSource, Exchange
from lectr_core.hot.guard import Faults, text_of
from lectr_core.journal.writer import Writer
from lectr_core.model.call import Answer
from lectr_core.model.reading import Reading
from lectr_core.model.record import Attempt, Begun, Ended, EndedBy, Outcome
from lectr_core.ports import Provider

_NO_READING: Final = Reading()
_log = logging.getLogger("lectr.hot")

# All that came had gone to the client when these ends came.
_ALL_WENT: Final = frozenset({"completed", "provider_failed"})


def begun(exchange: Exchange, journal: Writer) -> None:
    """Write that this request goes upstream now."""
    exchange.seq = journal.next_seq()
    exchange.begun = line = _begun(exchange)
    journal.begun(line)


def ended(exchange: Exchange, journal: Writer, faults: Faults, ended_by: EndedBy, category: str | None) -> None:
    """Write how this request ended: exactly one such line for each request, refused ones included."""
    now_ns = time.perf_counter_ns()
    if not exchange.seq:
        exchange.seq = journal.next_seq()
    outcome, source, category = _judge(exchange, ended_by, category, faults)
    reading = _NO_READING
    digest, faithful, response_bytes, ttft_ns = None, None, exchange.refused_bytes, None
    observer = exchange.observer
    if observer is not None:
        drained = exchange.draining is not None and exchange.draining.complete
        reading = observer.finish(complete=drained or ended_by == "completed")
        digest, response_bytes = observer.digest, observer.content_bytes
        faithful = _is_faithful(exchange, ended_by)
        if observer.first_token_ns:
            ttft_ns = observer.first_token_ns - exchange.clock_ns
        if reading.error_category is not None and outcome == "ok":
            outcome, source, category = "provider_error", "provider", reading.error_category
    if exchange.form is not None:
        _name_form(exchange)
    _add_attempt(exchange, now_ns, category)
    request_id, headroom = _from_head(exchange, faults)
    refused = exchange.refused
    journal.ended(
        Ended(
            begun=exchange.begun or _begun(exchange),
            outcome=outcome,
            ended_by=ended_by,
            status=exchange.status,
            error_source=source,
            error_category=category,
            error_code=refused.refusal.code if refused is not None else None,
            duration_ns=now_ns - exchange.clock_ns,
            ttfb_ns=exchange.first_byte_ns - exchange.clock_ns if exchange.first_byte_ns else None,
            ttft_ns=ttft_ns,
            gateway_ns=_own_share(exchange, now_ns),
            request_bytes=exchange.request_bytes,
            response_bytes=response_bytes,
            response_digest=digest,
            faithful=faithful,
            client_retry=_retry_count(exchange),
            provider_request_id=request_id,
            reading=reading,
            attempts=tuple(exchange.attempts),
            headroom=headroom,
        )
    )


def _is_faithful(exchange: Exchange, ended_by: EndedBy) -> bool | None:
    """Whether what came is what went. None where the client did not take all of it, so that there is nothing to compare."""
    if exchange.proof is None or ended_by not in _ALL_WENT:
        return None
    is_same = exchange.proof.holds
    if not is_same:
        _log.error("a fault of Lectr: the answer to request %s was not handed on as it came", exchange.id)
    return is_same


def _begun(exchange: Exchange) -> Begun:
    holder, detected, target = exchange.holder, exchange.provider, exchange.target_provider
    return Begun(
        seq=exchange.seq,
        id=exchange.id,
        started_ns=exchange.started_ns,
        config_version=exchange.version.id,
        method=exchange.head.method.decode("latin-1") if exchange.head is not None else "-",
        endpoint=exchange.endpoint,
        org=holder.org if holder else None,
        key_id=holder.key_id if holder else None,
        feature=exchange.feature,
        feature_cut=exchange.feature_cut,
        task=exchange.task,
        provider=target.id if target else None,
        provider_unknown=exchange.provider_unknown,
        provider_detected=detected.id if detected and detected is not target else None,
        model_requested=exchange.model_requested,
        model_sent=exchange.model_sent,
        streamed=exchange.streamed,
        max_tokens=exchange.max_tokens,
        choices=exchange.choices,
        request_bytes=exchange.request_bytes,
        rule=exchange.rule,
        policy_fault=exchange.policy_fault,
        usage_asked=exchange.usage_asked,
        bulk=exchange.bulk,
    )


def _judge(
    exchange: Exchange, ended_by: EndedBy, category: str | None, faults: Faults
) -> tuple[Outcome, ErrorSource | None, str | None]:
    refused = exchange.refused
    if refused is not None and refused.source == "network":
        return "upstream_failed", "network", refused.category
    if refused is not None:
        return "lectr_refused", refused.source, refused.category or ("client" if refused.source == "client" else None)
    if ended_by == "client_gone":
        return "client_disconnected", "client", category
    if ended_by == "gateway_shutdown":
        return "gateway_shutdown", "lectr", None
    if ended_by == "crash":
        return "interrupted", "lectr", None
    if ended_by != "completed":
        return "upstream_failed", "network", category
    answer, provider = exchange.answer, exchange.target_provider
    if answer is not None and provider is not None and answer.status >= 400:
        with faults.of(provider.id):
            return "provider_error", "provider", text_of(provider.classify(answer))
        return "provider_error", "provider", None
    return "ok", None, None


def _name_form(exchange: Exchange) -> None:
    """A form's model is known only when it has gone by: after the begun line was written."""
    model = exchange.form.model if exchange.form is not None else None
    if model is None or exchange.model_requested is not None:
        return
    exchange.model_requested = exchange.model_sent = model
    if exchange.begun is not None:
        exchange.begun = attrs.evolve(exchange.begun, model_requested=model, model_sent=model)


def _add_attempt(exchange: Exchange, now_ns: int, category: str | None) -> None:
    target = exchange.target_provider
    if not exchange.attempt_ns or target is None:
        return
    status = exchange.answer.status if exchange.answer is not None else None
    duration_ns = now_ns - exchange.attempt_ns
    exchange.attempts.append(
        Attempt(provider=target.id, model=exchange.model_sent, status=status, category=category, duration_ns=duration_ns)
    )


def _from_head(exchange: Exchange, faults: Faults) -> tuple[str | None, dict[str, str]]:
    answer, provider = exchange.answer, exchange.target_provider
    if answer is None or provider is None:
        return None, {}
    return faults.ask(provider.id, _said_by, provider, answer) or (None, {})


def _said_by(provider: Provider, answer: Answer) -> tuple[str | None, dict[str, str]]:
    headroom = {str(name): str(value) for name, value in provider.headroom(answer).items()}
    return text_of(provider.request_id(answer)), headroom


def _own_share(exchange: Exchange, now_ns: int) -> int:
    """What Lectr itself took: up to the first byte upstream, and from the complete head of the answer to its leaving."""
    if not exchange.sent_ns:
        return max(0, now_ns - exchange.clock_ns - exchange.waited_ns)
    up = exchange.sent_ns - exchange.clock_ns - exchange.waited_ns
    down = exchange.head_sent_ns - exchange.head_came_ns if exchange.head_sent_ns else 0
    return max(0, up) + max(0, down)


def _retry_count(exchange: Exchange) -> int | None:
    value = exchange.head.fields.value(b"x-stainless-retry-count") if exchange.head is not None else None
    return int(value) if value is not None and value.isdigit() and len(value) < 6 else None
