"""What `lectr up` prints for a client: right in both forms, and no key asked for that Lectr holds."""

from __future__ import annotations

import pytest
from lectr_provider_openai.provider import OpenAIProvider
from lectr_provider_openai.snippets import quickstart

from lectr_core import Secret
from lectr_core.testing import check_provider


@pytest.mark.parametrize("held", [None, Secret(b"sk-held")])
def test_every_form_can_be_pasted(held: Secret | None) -> None:
    check_provider(OpenAIProvider("openai", "https://upstream.test", held))


@pytest.mark.parametrize("is_held", [True, False])
def test_the_clients_own_key_is_asked_for_where_lectr_holds_none(is_held: bool) -> None:
    found = quickstart("http://127.0.0.1:8420", "lc_key_0123", is_held=is_held)
    assert [title.split(",")[1].split()[0] for title, _ in found] == ["Python", "Node", "curl"]
    assert all(("X-Lectr-Key" in text) is not is_held for _, text in found)
    assert ("$OPENAI_API_KEY" in found[-1][1]) is not is_held
