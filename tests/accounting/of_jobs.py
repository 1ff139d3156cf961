"""Hand-computed answers of work that is told by the object that stands for it: runs of threads and of evaluations."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.accounting.case import SSE, Case, Document, whole
from tests.accounting.of_openai import case, counts

RUNS = "/v1/threads/thread_1/runs"


def run(usage: Document | None, status: str = "completed", **more: Any) -> Document:  # Any: JSON
    basic = {"id": "run_1", "object": "thread.run", "thread_id": "thread_1", "model": "gpt-4o", "status": status}
    return basic | {"tools": [], "last_error": None, "usage": usage} | more


def told(*named: tuple[str, Document | str]) -> bytes:
    """Events that are told apart by their names alone."""
    return "".join(
        f"event: {name}\ndata: {one if isinstance(one, str) else json.dumps(one)}\n\n" for name, one in named
    ).encode()


def of(model: str, calls: int, prompt: int, completion: int, cached: int) -> Document:
    sums = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"model_name": model, "invocation_count": calls, **sums, "cached_tokens": cached}


USED = {name: number for name, number in counts(1_000, 200).items() if not name.endswith("_details")}
FILED = run(USED, id="run_4", tools=[{"type": "file_search"}])
PIECE = {"id": "msg_1", "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "ok"}}]}}
STREAM = told(
    ("thread.run.created", run(None, "queued")),
    ("thread.run.step.completed", {"id": "step_1", "object": "thread.run.step", "usage": USED}),
    ("thread.message.delta", PIECE),
    ("thread.run.completed", run(USED)),
    ("done", "[DONE]"),
)
EVALUATED = {"id": "evalrun_1", "object": "eval.run", "model": "gpt-4o-mini", "status": "completed"} | {
    "per_model_usage": [of("gpt-4o-mini", 40, 8_000, 900, 2_000), of("o3", 40, 12_000, 4_000, 0)]
}

CASES: Final[dict[str, Case]] = {
    "run, fetched": case(RUNS + "/run_1", None, whole(run(USED)), (1_000, 200),
        (1_000, "2.50"), (200, "10"), nanousd=4_500_000, method="GET"),
    "run, streamed": case(RUNS, "gpt-4o", STREAM, (1_000, 200),
        (1_000, "2.50"), (200, "10"), nanousd=4_500_000, media_type=SSE),
    "run, gone on with": case(RUNS + "/run_1/submit_tool_outputs", None, whole(run(USED)), (1_000, 200),
        (1_000, "2.50"), (200, "10"), nanousd=4_500_000),
    "run, with tools that are billed": case(RUNS + "/run_4", None, whole(FILED),
        (1_000, 200), (1_000, "2.50"), (200, "10"), nanousd=4_500_000, method="GET", is_bounded=False),
    "evaluation, by model": case("/v1/evals/eval_1/runs/evalrun_1", None, whole(EVALUATED), (20_000, 4_900),
        (6_000, "0.15"), (2_000, "0.075"), (900, "0.60"), (12_000, "2"), (4_000, "8"),
        nanousd=57_590_000, method="GET"),
}  # fmt: skip
