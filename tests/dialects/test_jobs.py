"""Work that is done later: open until its object tells what it used, and counted once under the object's id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lectr_core import Answer, Call, DialectProvider, Reader, Reading, Terms, Usage, units
from lectr_core.dialects.jobs import (
    EvaluationReader,
    FetchedRunReader,
    FetchedVideoReader,
    RunEventReader,
    RunReader,
    VideoReader,
)
from lectr_core.testing import check_reader
from tests.accounting.of_jobs import EVALUATED, STREAM, USED, run, told

PROVIDER = DialectProvider("mine", "https://host/v1")
VIDEO = {"id": "video_1", "object": "video", "model": "film-2", "status": "completed", "seconds": "8", "size": "1280x720"}


def read(reader: Reader, document: dict[str, Any], *, complete: bool = True) -> Reading:  # Any: JSON
    reader.feed(json.dumps(document).encode())
    return reader.finish(complete=complete)


@pytest.mark.parametrize("status", ["queued", "in_progress", "requires_action", "cancelling"])
def test_a_run_that_is_under_way_is_open_and_looking_at_it_is_free(status: str) -> None:
    expected = Reading("open", None, "gpt-4o", None, "run_1", status)
    check_reader(RunReader, json.dumps(run(None, status)).encode(), expected)
    assert read(FetchedRunReader(), run(None, status)).state == "unbilled"


def test_a_run_is_counted_once_wherever_it_is_told() -> None:
    usage = Usage({units.INPUT: 1_000, units.OUTPUT: 200}, USED, True, Terms(once="run_1"))
    assert read(FetchedRunReader(), run(USED)) == Reading("reported", usage, "gpt-4o", None, "run_1", "completed")
    check_reader(
        RunEventReader, STREAM, Reading("reported", usage, "gpt-4o", None, "run_1", "completed", deltas=1, delta_chars=2)
    )


def test_a_run_that_waits_for_the_clients_tools_stays_open() -> None:
    waiting = run(None, "requires_action", required_action={"type": "submit_tool_outputs"})
    events = told(("thread.run.created", run(None, "queued")), ("thread.run.requires_action", waiting), ("done", "[DONE]"))
    check_reader(RunEventReader, events, Reading("open", None, "gpt-4o", None, "run_1", "requires_action"))


def test_events_of_a_run_that_break_off_leave_it_open() -> None:
    reader = RunEventReader()
    reader.feed(STREAM[: STREAM.index(b"event: thread.run.completed")])
    assert reader.finish(complete=False).state == "open"


def test_a_failed_run_is_an_error_and_tells_what_it_took() -> None:
    reading = read(FetchedRunReader(), run(USED, "failed", last_error={"code": "server_error", "message": "no"}))
    assert (reading.state, reading.error_category, reading.finish_reason) == ("reported", "in_band", "failed")


@pytest.mark.parametrize("strange", [[], {}, [{"model_name": 3}], [7], [{"model_name": "m", "prompt_tokens": "12"}], "x"])
def test_an_evaluation_without_counts_is_not_billed(strange: object) -> None:
    assert read(EvaluationReader(), EVALUATED | {"per_model_usage": strange}).state == "unbilled"


def test_an_evaluation_under_way_is_not_counted_yet() -> None:
    assert read(EvaluationReader(), EVALUATED | {"status": "in_progress"}).state == "unbilled"


def test_a_video_is_open_until_it_is_there_and_then_has_seconds() -> None:
    begun = VIDEO | {"status": "queued"}
    assert read(VideoReader(), begun) == Reading("open", None, "film-2", None, "video_1", "queued")
    assert read(FetchedVideoReader(), VIDEO | {"status": "in_progress"}).state == "unbilled"
    assert read(FetchedVideoReader(), VIDEO | {"status": "failed"}).state == "unbilled"
    seconds = {units.VIDEO_SECONDS: 8}
    usage = Usage(seconds, seconds, None, Terms(once="video_1"))
    assert read(FetchedVideoReader(), VIDEO) == Reading("reported", usage, "film-2", None, "video_1", "completed")


@pytest.mark.parametrize("seconds", [None, "", "soon", -4, 10**9, [8], "8.5"])
def test_a_video_of_a_senseless_length_has_none(seconds: object) -> None:
    assert read(FetchedVideoReader(), VIDEO | {"seconds": seconds}).usage is None


@pytest.mark.parametrize(
    ("method", "path", "media_type", "kind"),
    [
        ("POST", "/v1/threads/runs", "application/json", RunReader),
        ("POST", "/v1/threads/thread_1/runs", "text/event-stream", RunEventReader),
        ("POST", "/v1/threads/thread_1/runs/run_1/submit_tool_outputs", "text/event-stream", RunEventReader),
        ("POST", "/v1/threads/thread_1/runs/run_1/cancel", "application/json", FetchedRunReader),
        ("GET", "/v1/threads/thread_1/runs/run_1", "application/json", FetchedRunReader),
        ("GET", "/v1/evals/eval_1/runs/evalrun_1", "application/json", EvaluationReader),
        ("POST", "/v1/videos", "application/json", VideoReader),
        ("GET", "/v1/videos/video_1", "application/json", FetchedVideoReader),
    ],
)
def test_each_kind_has_its_reader(method: str, path: str, media_type: str, kind: type) -> None:
    assert type(PROVIDER.reader(Call(method, path), Answer(200, {"content-type": media_type}))) is kind


@pytest.mark.parametrize(
    "path", ["/v1/containers", "/v1/vector_stores", "/v1/fine_tuning/jobs", "/v1/realtime/client_secrets"]
)
def test_what_is_billed_by_time_or_size_is_unknown_and_never_free(path: str) -> None:
    assert PROVIDER.reader(Call("POST", path), Answer(200, {"content-type": "application/json"})) is None
