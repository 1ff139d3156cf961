"""The lines that people paste really make a client that sends what Lectr needs."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from lectr_provider_openai.snippets import quickstart

BASE_URL = "http://127.0.0.1:8420"
KEY = "lc_key_0123"


@pytest.mark.parametrize("is_held", [True, False])
def test_every_form_names_the_gateway_and_the_key(is_held: bool) -> None:
    found = quickstart(BASE_URL, KEY, is_held=is_held)
    assert [title.split(",")[1].split()[0] for title, _ in found] == ["Python", "Node", "curl"]
    for _, text in found:
        assert BASE_URL in text
        assert KEY in text
        assert ("X-Lectr-Key" in text) is not is_held
        assert "X-Lectr-Feature" in text, "what it costs is asked by feature"


@pytest.mark.parametrize("is_held", [True, False])
def test_the_python_form_is_python_and_the_curl_form_one_command(is_held: bool) -> None:
    python, _, curl = (text for _, text in quickstart(BASE_URL, KEY, is_held=is_held))
    compile(python, "pasted", "exec")
    words = shlex.split(curl.replace("\\\n", " "))
    assert words[0] == "curl"
    assert json.loads(words[words.index("-d") + 1])["messages"]


def test_no_form_has_a_brace_left_over() -> None:
    for _, text in quickstart(BASE_URL, KEY, is_held=False):
        assert not re.search(r"\{\{|\}\}\}", text)
