"""Requests and answers as values: what a Host line and a log may show of them."""

from __future__ import annotations

import pytest

from lectr_core.model.call import Answer, Call, Origin


@pytest.mark.parametrize(
    ("origin", "authority", "text"),
    [
        (Origin("https", "a.test", 443), "a.test", "https://a.test"),
        (Origin("http", "a.test", 80), "a.test", "http://a.test"),
        (Origin("https", "a.test", 80), "a.test:80", "https://a.test:80"),
        (Origin("http", "a.test", 443), "a.test:443", "http://a.test:443"),
        (Origin("https", "::1", 443), "[::1]", "https://[::1]"),
        (Origin("http", "::1", 8000), "[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_origins_port_is_named_unless_it_is_the_schemes_own(origin: Origin, authority: str, text: str) -> None:
    assert (origin.authority, str(origin)) == (authority, text)


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        ("application/json", "application/json"),
        ("Text/Event-Stream ; charset=utf-8", "text/event-stream"),
        (";charset=utf-8", ""),
        ("", ""),
    ],
)
def test_a_media_type_is_compared_without_case_and_parameters(value: str, media_type: str) -> None:
    assert Answer(200, {"content-type": value}).media_type == media_type


def test_an_answer_without_a_field_has_none() -> None:
    answer = Answer(200, {"x-request-id": "r1"})
    assert (answer.field("x-request-id"), answer.field("x-other"), answer.media_type) == ("r1", None, "")


def test_a_call_shows_no_query_since_one_may_hold_a_key() -> None:
    assert "hidden" not in repr(Call("GET", "/v1/models", "key=hidden", True))
