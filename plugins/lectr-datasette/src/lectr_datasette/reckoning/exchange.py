"""One request as people read it: its moments on a line, its tokens and cost part by part. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from lectr_datasette.asking.query import Row

UNITS: Final = {
    "input": "prompt",
    "cache_read": "prompt, read from the cache",
    "cache_write_5m": "prompt, written to the cache for 5 minutes",
    "cache_write_1h": "prompt, written to the cache for an hour",
    "input_audio": "audio in",
    "input_image": "images in",
    "cache_read_audio": "audio in, read from the cache",
    "output": "answer",
    "reasoning": "answer, spent on thinking",
    "output_audio": "audio out",
    "output_image": "images out",
}


@attrs.frozen
class Moment:
    """Something that happened, and when."""

    at_ms: float
    """After the request's head was complete."""
    name: str
    says: str = ""
    kind: str = ""
    """CSS class: `bad` where something failed."""


@attrs.frozen
class Span:
    """A stretch of the line."""

    name: str
    since_ms: float
    until_ms: float
    kind: str

    @property
    def length_ms(self) -> float:
        return self.until_ms - self.since_ms


@attrs.frozen
class Part:
    """One unit that was used."""

    unit: str
    name: str
    amount: int
    cost_nanousd: int | None
    """None: no price is known for it."""

    @property
    def usd_a_million(self) -> float | None:
        """What a million of it would cost, in dollars."""
        return self.cost_nanousd / self.amount / 1000 if self.cost_nanousd is not None and self.amount else None


def parsed(text: str | None) -> Any:  # Any: JSON
    """A JSON column; None where it is empty or no JSON."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def attempts(row: Row) -> list[Mapping[str, Any]]:  # Any: JSON
    """Every try at a provider, in their order."""
    found = parsed(row["attempts_json"])
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def spans(row: Row) -> list[Span]:
    """The request's time in stretches that follow one another and add up to all of it."""
    end = max(row["duration_ms"] or 0.0, 0.0)
    gateway = min(max(row["gateway_ms"] or 0.0, 0.0), end)
    first_byte = row["ttfb_ms"]
    if first_byte is None:
        return [Span("Lectr", 0.0, gateway, "ours"), Span("waiting for the provider", gateway, end, "waiting")]
    byte = min(max(first_byte, gateway), end)
    found = [Span("Lectr", 0.0, gateway, "ours"), Span("waiting for the provider", gateway, byte, "waiting")]
    token = row["ttft_ms"]
    if token is None or not row["streamed"]:
        return [*found, Span("receiving the answer", byte, end, "answer")]
    token = min(max(token, byte), end)
    return [*found, Span("until the first token", byte, token, "thinking"), Span("streaming", token, end, "answer")]


def moments(row: Row) -> list[Moment]:
    """What happened, in its order."""
    said = [Moment(0.0, "accepted", f"{row['method']} {row['endpoint']}, {row['request_bytes']:,} bytes")]
    said.append(Moment(0.0, "decided", _decision(row)))
    failed = row["outcome"] not in {"ok", "client_disconnected"}
    at = row["gateway_ms"] or 0.0
    for number, each in enumerate(attempts(row), 1):
        category = each.get("category")
        came = f"{each.get('provider')} {each.get('model') or ''}".strip()
        status = each.get("status")
        answer = f": {category or 'answered'}{f', {status}' if status else ''}"
        took = (each.get("duration_ns") or 0) / 1e6
        said.append(Moment(at, f"attempt {number}", f"{came}{answer}, took {took:,.0f} ms", "bad" if category else ""))
        if category:
            at += took
    if row["ttfb_ms"] is not None:
        said.append(Moment(row["ttfb_ms"], "first byte", "of the provider's answer"))
    if row["streamed"] and row["ttft_ms"] is not None:
        said.append(Moment(row["ttft_ms"], "first token", "of the stream"))
    said.append(Moment(row["duration_ms"], "end", _end(row), "bad" if failed else ""))
    return said


def _decision(row: Row) -> str:
    model = row["model_requested"] or "no model named"
    if row["outcome"] == "lectr_refused":
        by = f" by {row['rule']}" if row["rule"] else ""
        return f"refused{by}: {row['error_code'] or row['error_category'] or 'no reason kept'}"
    moved = row["model_sent"] not in {None, row["model_requested"]} or row["provider_detected"] not in {
        None,
        row["provider"],
    }
    where = f"{row['provider'] or 'no provider'}, {row['model_sent'] or model}"
    if moved:
        return f"{model} → {where}, by {row['rule'] or 'a rule'}"
    unsure = "; nothing spoke for a provider, so the default was used" if row["provider_unknown"] else ""
    rule = f"; {row['rule']} looked at it" if row["rule"] else "; no rule changed it"
    return f"to {where}{rule}{unsure}"


_ENDS: Final = {
    "completed": "complete",
    "client_gone": "the client left",
    "provider_failed": "the provider was gone",
    "gateway_timeout": "the time set for it was over",
    "gateway_shutdown": "Lectr was stopped",
    "crash": "Lectr was killed, so what became of it is not known",
}


def cost_words(row: Row) -> str:
    """How sure the cost of one request is, or why it is not known; empty where its bounds say it."""
    if row["cost_nanousd"] is not None:
        return "exact" if row["cost_low_nanousd"] == row["cost_nanousd"] == row["cost_high_nanousd"] else ""
    if row["outcome"] in {"provider_error", "lectr_refused"}:
        return "turned away: as a rule nothing"
    if row["input_tokens"] is not None:
        return "no price is known for the model"
    return "what it used is not known"


def _end(row: Row) -> str:
    size = f"{row['response_bytes']:,} bytes to the client" if row["response_bytes"] else "nothing sent to the client"
    status = f", status {row['status']}" if row["status"] else ""
    return f"{_ENDS.get(row['ended_by'], (row['ended_by'] or row['outcome']).replace('_', ' '))}{status}, {size}"


def parts(row: Row) -> list[Part]:
    """Units and what each cost, prompt first."""
    amounts, costs = parsed(row["units_json"]) or {}, parsed(row["cost_parts_json"]) or {}
    order = {unit: at for at, unit in enumerate(UNITS)}
    names = sorted({*amounts, *costs}, key=lambda unit: (order.get(unit, len(order)), unit))
    return [Part(unit, UNITS.get(unit, unit.replace("_", " ")), amounts.get(unit, 0), costs.get(unit)) for unit in names]


def flat(tree: Any, front: str = "") -> list[tuple[str, Any]]:  # Any: JSON
    """A tree of numbers and words as lines: path and value."""
    if isinstance(tree, dict):
        return [line for key, value in tree.items() for line in flat(value, f"{front}.{key}" if front else str(key))]
    if isinstance(tree, list):
        return [line for at, value in enumerate(tree) for line in flat(value, f"{front}[{at}]")]
    return [(front, tree)]
