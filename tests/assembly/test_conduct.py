"""What the operator says of a provider reaches the version that decides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from lectr_core.assembly.conduct import drains, stale_retries
from lectr_core.assembly.shapes import build
from lectr_core.model.decision import Drain
from lectr_core.model.settings import DrainSettings, GatewaySettings, ProviderSettings, Settings


def _settings(**sections: object) -> Settings:
    return Settings(GatewaySettings(), {path.replace("_", "."): value for path, value in sections.items()}, "v1")


def test_only_providers_that_the_operator_names_may_see_a_request_twice() -> None:
    settings = _settings(
        provider_one=ProviderSettings(retry_stale=True),
        provider_two=ProviderSettings(),
        sink_one=ProviderSettings(retry_stale=True),
    )
    assert stale_retries(settings) == {"one"}


def test_only_answers_of_providers_that_the_operator_names_are_read_on() -> None:
    settings = _settings(
        provider_one=ProviderSettings(drain=DrainSettings(max_s=60)), provider_two=ProviderSettings(), sink_one=object()
    )
    assert drains(settings) == {"one": Drain(60)}


def test_money_becomes_tokens_and_never_more_than_it_buys() -> None:
    said = DrainSettings(max_s=9, max_usd=Decimal("0.01"), usd_per_million_tokens=Decimal("75"))
    assert said.allowance() == Drain(9, 133)  # 134 would be 0.01005


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("finish", "provider.one.drain: expected 'cancel' or a table, got 'finish'"),
        ({}, "provider.one.drain.max_s: required, but missing (expected a number)"),
        ({"max_s": 0}, "provider.one.drain: max_s: expected more than 0 seconds, got 0"),
        ({"max_s": 1, "max_usd": 1}, "provider.one.drain: max_usd and usd_per_million_tokens: expected both or neither"),
        (
            {"max_s": 1, "max_usd": 0, "usd_per_million_tokens": 1},
            "provider.one.drain: max_usd: expected more than 0, got 0",
        ),
        ({"max_s": 1, "max_eur": 1}, "provider.one.drain.max_eur: unknown; did you mean 'max_usd'?"),
    ],
)
def test_faults_of_drain_are_told_with_their_place(table: object, fault: str) -> None:
    assert build({"drain": table}, ProviderSettings, "provider.one") == (None, [fault])
