"""What the tests of this plugin share: how a record is made, and an imagined installation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest

from lectr_core import Account, Attempt, Begun, CommandLine, Ended, GatewaySettings, Reading, Record, Settings, Usage

DAY_NS = 86_400 * 1_000_000_000
START_NS = 1_760_000_000_123_456_789  # 2025-10-09T08:53:20.123Z

Make = Callable[..., Record]


def make_record(seq: int = 1, stream: str = "s1", **changes: Any) -> Record:  # Any: values of any field
    """One answered request. *changes* go to whichever of Begun, Ended, Reading and Account has such a field."""

    def pick(kind: type, **defaults: Any) -> dict[str, Any]:  # Any: values of any field
        names = {field.name for field in kind.__attrs_attrs__}  # type: ignore[attr-defined]  # every one is an attrs class
        return defaults | {name: changes[name] for name in changes if name in names}

    begun = Begun(
        **pick(
            Begun,
            seq=seq,
            id=f"0199c0de-0000-7000-8000-{crc32(stream.encode()) % 10**4:04d}{seq:08d}",
            started_ns=START_NS + seq * 1_000_000,
            config_version="abc",
            method="POST",
            endpoint="/v1/chat/completions",
            org="acme",
            key_id="k1",
            feature="search",
            provider="openai",
            model_requested="gpt-4o-mini",
            model_sent="gpt-4o-mini",
            streamed=True,
            request_bytes=512,
        )
    )
    usage = Usage({"input": 800, "cache_read": 200, "output": 50}, {"prompt_tokens": 1000, "completion_tokens": 50}, True)
    reading = Reading(**pick(Reading, state="reported", usage=usage, model="gpt-4o-mini-2024-07-18", finish_reason="stop"))
    attempt = Attempt(provider="openai", model="gpt-4o-mini", status=200, category=None, duration_ns=1_400_000_000)
    ended = Ended(
        **pick(
            Ended,
            begun=begun,
            outcome="ok",
            ended_by="completed",
            status=200,
            duration_ns=1_500_000_000,
            ttfb_ns=200_000_000,
            ttft_ns=250_000_000,
            gateway_ns=150_000,
            request_bytes=512,
            response_bytes=2048,
            response_digest="ab" * 32,
            faithful=True,
            provider_request_id="req_1",
            reading=reading,
            attempts=(attempt,),
            headroom={"x-ratelimit-remaining-requests": "99"},
        )
    )
    account = Account(
        **pick(
            Account,
            units={"input": 800, "cache_read": 200, "output": 50},
            tokens_source="reported",
            input_tokens=1000,
            input_tokens_low=1000,
            input_tokens_high=1000,
            output_tokens=50,
            output_tokens_low=50,
            output_tokens_high=50,
            cached_input_tokens=200,
            cache_write_tokens=0,
            reasoning_tokens=0,
            cost_nanousd=165_000,
            cost_low_nanousd=165_000,
            cost_high_nanousd=165_000,
            cost_parts_nanousd={"input": 120_000, "cache_read": 15_000, "output": 30_000},
            cost_basis="exact",
            price_id="openai/gpt-4o-mini@2024-07-18",
            price_source="genai-prices 0.2.3",
            price_date="2024-07-18",
        )
    )
    return Record(stream=stream, ended=ended, account=account)


@pytest.fixture(scope="session")
def make() -> Make:
    """Makes records."""
    return make_record


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An installation with the price books in its `books`, none at first; commands work in `tmp_path`."""
    made = SimpleNamespace(books=())
    made.price_books = lambda _: [("books", book) for book in made.books]
    settings = Settings(GatewaySettings(data=tmp_path), {}, "abc")
    monkeypatch.setattr(CommandLine, "settings", lambda _: settings)
    monkeypatch.setattr(CommandLine, "plugins", lambda _: made)
    return made
