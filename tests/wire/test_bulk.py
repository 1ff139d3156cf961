"""What of a request is no text is counted the same in every dialect, and a body of text alone has none of it."""

from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectr_core.model.record import Bulk
from lectr_core.wire.body import read_fields
from lectr_core.wire.bulk import bulk_of

PICTURE = base64.b64encode(random.Random(1).randbytes(30_000)).decode()
WORDS = "It was a bright cold day, and the clocks were all telling different times. "

ONE_IMAGE: list[object] = [
    {"messages": [{"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}]}]},
    {"input": [{"content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]}]},
    {"messages": [{"content": [{"type": "image", "source": {"media_type": "image/png", "data": PICTURE}}]}]},
    {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}, {"text": WORDS * 300}]}]},
]


@pytest.mark.parametrize("document", ONE_IMAGE)
@pytest.mark.parametrize("indent", [None, 1])
def test_an_image_is_found_in_every_dialect_and_its_bytes_are_no_text(document: object, indent: int | None) -> None:
    found = bulk_of(json.dumps(document, indent=indent).encode(), 0)
    assert found is not None
    assert found.images == 1
    assert len(PICTURE) <= found.coded_bytes <= len(PICTURE) + 30


def test_several_images_are_several_and_those_that_are_named_by_an_address_count() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert bulk_of(json.dumps({"messages": [{"content": [part, part, part]}]}).encode(), 0) == Bulk(0, 3, 0)


@pytest.mark.parametrize("times", [1, 100, 10_000])
def test_text_alone_is_nothing_apart(times: int) -> None:
    assert bulk_of(json.dumps({"messages": [{"content": WORDS * times}]}).encode(), 0) is None


def test_tools_are_measured_where_they_stand_at_the_top() -> None:
    tools = json.dumps([{"name": "look_up", "parameters": {"type": "object"}}])
    fields = read_fields(f'{{"tools": {tools}, "model": "m"}}'.encode())
    assert fields.tool_bytes == len(tools)
    assert bulk_of(b"{}", fields.tool_bytes) == Bulk(tool_bytes=len(tools))


@given(st.binary(max_size=20_000))
def test_no_body_makes_it_raise_or_count_more_than_there_is(body: bytes) -> None:
    found = bulk_of(body, 0)
    assert found is None or 0 <= found.coded_bytes <= len(body)
