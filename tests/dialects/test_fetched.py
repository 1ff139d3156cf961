"""What is fetched: counted when it was made, but for background work and batches, which are counted when they are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lectr_core import (
    Answer,
    BatchLinesReader,
    Call,
    DialectProvider,
    FetchedResponseEventReader,
    FetchedResponseReader,
    Reader,
    Reading,
    ResponsesEventReader,
    ResponsesReader,
    Share,
    Terms,
    UnbilledReader,
    Usage,
    units,
)
from lectr_core.testing import check_reader

USAGE = {"input_tokens": 30, "output_tokens": 12, "total_tokens": 42}
PARTS = {units.INPUT: 30, units.OUTPUT: 12}
Document = dict[str, Any]  # Any: JSON


def response(status: str = "completed", background: bool = True, **more: Any) -> Document:  # Any: JSON
    return {"id": "resp_1", "object": "response", "model": "m-1", "status": status, "background": background, **more}


def read(reader: Reader, document: Document) -> Reading:
    reader.feed(json.dumps(document).encode())
    return reader.finish(complete=True)


def told(usage: Usage | None, state: str = "reported", reason: str = "completed") -> Reading:
    return Reading(state, usage, "m-1", answer_id="resp_1", finish_reason=reason)  # type: ignore[arg-type]  # plain text


ONCE = told(Usage(PARTS, USAGE, True, Terms(once="resp_1")))


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_what_is_begun_in_the_background_is_open(status: str) -> None:
    check_reader(ResponsesReader, json.dumps(response(status)).encode(), told(None, "open", status))


def test_what_is_done_at_once_is_counted_at_once_and_needs_no_name() -> None:
    assert read(ResponsesReader(), response(background=False, usage=USAGE)) == told(Usage(PARTS, USAGE, True))


def test_a_background_response_is_counted_under_its_id_wherever_it_is_told() -> None:
    document = response(usage=USAGE)
    assert read(FetchedResponseReader(), document) == ONCE
    assert read(ResponsesReader(), document) == ONCE
    events = b"data: " + json.dumps({"type": "response.completed", "response": document}).encode() + b"\n\n"
    check_reader(ResponsesEventReader, events, ONCE)
    check_reader(FetchedResponseEventReader, events, ONCE)


@pytest.mark.parametrize(
    "document", [response("in_progress"), response("cancelled"), response(background=False, usage=USAGE), {"id": "x"}]
)
def test_what_is_fetched_again_is_not_billed_again(document: Document) -> None:
    assert read(FetchedResponseReader(), document).state == "unbilled"
    assert read(FetchedResponseReader(), document).usage is None


def test_events_that_break_off_leave_a_background_response_open() -> None:
    event = json.dumps({"type": "response.created", "response": response("in_progress")}).encode()
    reader = ResponsesEventReader()
    reader.feed(b"data: " + event + b"\n\n")
    assert reader.finish(complete=False).state == "open"


PROVIDER = DialectProvider("mine", "https://host/v1")


@pytest.mark.parametrize(
    ("method", "path", "status", "media_type", "kind"),
    [
        ("GET", "/v1/responses/resp_1", 200, "application/json", FetchedResponseReader),
        ("GET", "/v1/responses/resp_1", 200, "text/event-stream", FetchedResponseEventReader),
        ("POST", "/v1/responses/resp_1/cancel", 200, "application/json", FetchedResponseReader),
        ("GET", "/v1/files/file-1/content", 200, "application/octet-stream", BatchLinesReader),
        ("GET", "/v1/files/file-1", 200, "application/json", UnbilledReader),
        ("GET", "/v1/models", 200, "application/json", UnbilledReader),
        ("GET", "/v1/models", 500, "application/json", UnbilledReader),
        ("DELETE", "/v1/files/file-1", 200, "application/json", UnbilledReader),
        ("POST", "/v1/files", 200, "application/json", UnbilledReader),
        ("POST", "/v1/files", 400, "application/json", UnbilledReader),
        ("GET", "/v1/realtime", 101, "", type(None)),
        ("POST", "/v1/containers", 200, "application/json", type(None)),
    ],
)
def test_each_kind_of_request_has_its_reader(method: str, path: str, status: int, media_type: str, kind: type) -> None:
    assert type(PROVIDER.reader(Call(method, path), Answer(status, {"content-type": media_type}))) is kind


def test_a_request_of_a_kind_that_is_not_billed_says_so() -> None:
    reader = UnbilledReader()
    reader.feed(b'{"usage": {"input_tokens": 5}}')
    assert reader.finish(complete=False) == Reading(state="unbilled")


def line(model: str, **usage: Any) -> Document:  # Any: JSON
    body = {"id": "x", "object": "chat.completion", "model": model, "choices": [], "usage": usage}
    return {"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}


RESULTS = [
    line("m-1", prompt_tokens=10, completion_tokens=4, total_tokens=14, prompt_tokens_details={"cached_tokens": 3}),
    line("m-1", prompt_tokens=20, completion_tokens=1, total_tokens=21),
    line("m-2", input_tokens=5, output_tokens=6, output_tokens_details={"reasoning_tokens": 2}, total_tokens=11),
    {"id": "batch_req_2", "response": {"status_code": 400, "body": {"error": {"message": "no"}}}, "error": None},
    {"id": "batch_req_3", "response": None, "error": {"code": "batch_expired"}},
]
FIRST = {units.INPUT: 27, units.CACHE_READ: 3, units.OUTPUT: 5}
SECOND = {units.INPUT: 5, units.OUTPUT: 4, units.REASONING: 2}
SHARES = (Share("m-1", FIRST, "batch", 20), Share("m-2", SECOND, "batch", 5))


def lines(*documents: Document) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def of_file() -> BatchLinesReader:
    return BatchLinesReader("file-1")


def test_a_batchs_results_are_summed_by_model_at_the_rates_of_batches() -> None:
    expected = Reading("reported", Usage({}, {"requests": 3}, True, Terms(SHARES, once="file-1")))
    check_reader(of_file, lines(*RESULTS), expected)
    check_reader(of_file, lines(*RESULTS).rstrip(b"\n"), expected)


def test_a_batch_of_one_model_is_that_models() -> None:
    usage = Usage(FIRST, {"requests": 2}, True, Terms(longest_prompt=20, once="file-1"))
    check_reader(of_file, lines(*RESULTS[:2]), Reading("reported", usage, "m-1", "batch"))


def test_a_download_that_breaks_off_counts_nothing() -> None:
    reader = of_file()
    reader.feed(lines(*RESULTS))
    assert reader.finish(complete=False) == Reading(state="open", awaits="file-1")


def test_a_line_that_cannot_be_read_is_said() -> None:
    reader = of_file()
    reader.feed(lines(RESULTS[0]) + b'{"usage": nonsense\n')
    reading = reader.finish(complete=True)
    assert reading.usage is not None
    assert reading.usage.adds_up is False
    assert reading.usage.terms is not None
    assert reading.usage.terms.doubt == "not every line could be read"


@pytest.mark.parametrize("body", [b"", b"\x89PNG\r\n", b"plain text\n" * 9, lines({"messages": [], "usage": 3}), b"[1]"])
def test_other_files_hold_no_usage(body: bytes) -> None:
    check_reader(of_file, body, Reading(state="unbilled"))


def test_long_prompts_are_summed_apart_since_some_prices_depend_on_their_length() -> None:
    reader = of_file()
    reader.feed(lines(*(line("m-1", prompt_tokens=size, completion_tokens=1) for size in (10, 150_000, 250_000, 20))))
    reading = reader.finish(complete=True)
    assert reading.usage is not None
    assert reading.usage.terms is not None
    assert [(share.longest_prompt, share.units[units.INPUT]) for share in reading.usage.terms.shares] == [
        (20, 30),
        (150_000, 150_000),
        (250_000, 250_000),
    ]


BATCH = {
    "id": "batch_1",
    "object": "batch",
    "model": "m-1",
    "status": "completed",
    "output_file_id": "file-1",
    "request_counts": {"total": 3, "completed": 3, "failed": 0},
    "usage": USAGE,
}


def test_a_finished_batch_may_sum_itself_up_under_the_name_of_its_results() -> None:
    reader = PROVIDER.reader(Call("GET", "/v1/batches/batch_1"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    usage = Usage(PARTS, USAGE, True, Terms(longest_prompt=10, once="file-1"))
    expected = Reading("reported", usage, "m-1", "batch", answer_id="batch_1", finish_reason="completed")
    assert read(reader, BATCH) == expected


def test_a_batch_says_where_its_results_are_told() -> None:
    reader = PROVIDER.reader(Call("GET", "/v1/batches/batch_1"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    reading = read(reader, BATCH | {"usage": None})
    assert (reading.state, reading.answer_id, reading.awaits) == ("unbilled", "batch_1", "file-1")


@pytest.mark.parametrize(
    "change", [{"status": "in_progress"}, {"model": None}, {"usage": None}, {"output_file_id": None}, {"usage": {}}]
)
def test_a_batch_that_tells_less_is_counted_by_its_results(change: Document) -> None:
    reader = PROVIDER.reader(Call("GET", "/v1/batches/batch_1"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    assert read(reader, BATCH | change).state == "unbilled"


NONE_CAME = {"request_counts": {"total": 3, "completed": 0, "failed": 3}}


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("failed", {"request_counts": {"total": 0, "completed": 0, "failed": 0}}),
        ("expired", {"request_counts": None}),
        ("cancelled", {"request_counts": {"total": 3, "completed": 0, "failed": 0}}),
        ("completed", NONE_CAME),
    ],
)
def test_a_batch_that_ended_without_results_used_nothing_and_is_open_no_more(status: str, counts: Document) -> None:
    reader = PROVIDER.reader(Call("GET", "/v1/batches/batch_1"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    vain = BATCH | {"status": status, "output_file_id": None, "usage": None} | counts
    usage = Usage({}, {"requests": 0}, True, Terms(once="batch_1", cost_nanousd=0))
    assert read(reader, vain) == Reading("reported", usage, "m-1", "batch", answer_id="batch_1", finish_reason=status)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled", "output_file_id": None},
        {"request_counts": {"total": 0, "completed": 0, "failed": 0}, "output_file_id": None},
        {"request_counts": {"total": 3, "completed": 1, "failed": 2}, "output_file_id": None},
        {"request_counts": None, "output_file_id": None},
        NONE_CAME | {"status": "in_progress", "output_file_id": None},
        NONE_CAME | {"usage": None},
    ],
)
def test_a_batch_of_which_it_is_not_known_that_all_failed_stays_open(change: Document) -> None:
    reader = PROVIDER.reader(Call("GET", "/v1/batches/batch_1"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    assert read(reader, BATCH | change).state == "unbilled"


def test_a_batch_that_begins_is_open() -> None:
    reader = PROVIDER.reader(Call("POST", "/v1/batches"), Answer(200, {"content-type": "application/json"}))
    assert reader is not None
    assert read(reader, BATCH | {"status": "validating"}) == Reading("open", model="m-1", answer_id="batch_1")
