"""The google-genai SDK's live sessions, unmodified. It insists on TLS, so it is driven through a gateway that speaks it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from google import genai
from google.genai import types

from tests.whole.gateway import HELD_KEYS, document, free_port, new_key
from tests.whole.live_upstream import LiveUpstream
from tests.whole.test_tls import SecureGateway

MODEL = "gemini-2.5-flash-native-audio"


async def converse(url: str, key: str, headers: dict[str, str], trust: ssl.SSLContext) -> list[Any]:  # Any: an SDK's own
    """Two turns; what the provider reported of each."""
    options = types.HttpOptions(base_url=url, headers=headers, async_client_args={"ssl": trust})
    client: Any = genai.Client(api_key=key, http_options=options)  # Any: as above
    usages = []
    async with client.aio.live.connect(model=MODEL, config={"response_modalities": ["TEXT"]}) as session:
        for _ in range(2):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "hello"}]}, turn_complete=True)
            async for message in session.receive():
                if message.usage_metadata is not None:
                    usages.append(message.usage_metadata)
    return usages


@pytest.mark.parametrize("held", [False, True])
def test_a_live_session_is_compressed_secured_and_recorded_by_turn(held: bool, tmp_path: Path, live: LiveUpstream) -> None:
    running = SecureGateway(place=tmp_path, port=free_port(), key="")
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    (tmp_path / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    files = f'tls_certificate = "{tmp_path}/cert.pem"\ntls_key = "{tmp_path}/key.pem"'
    running.config.write_text(document(live.url, running.port, running.data, held=held, gateway=files))
    running.key = new_key(running)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    key = running.key if held else "AIzaSyClientCanary91bdClientCanary91bdXXX"
    headers = {} if held else {"X-Lectr-Key": running.key}
    try:
        running.start()
        usages = asyncio.run(converse(f"https://127.0.0.1:{running.port}", key, headers, trust))
        assert [usage.total_token_count for usage in usages] == [140, 140]
        rows = running.stored(3)
    finally:
        running.stop()
    talk = live.last("BidiGenerateContent")
    assert talk.field("x-goog-api-key") == (HELD_KEYS["gemini"] if held else key)
    assert running.key.encode() not in talk.head
    assert b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" in talk.answer
    (connection,) = [row for row in rows if row["connection"] is None]
    turns = [row for row in rows if row["connection"] is not None]
    assert connection["endpoint"] == "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
    assert (connection["outcome"], connection["usage_state"], connection["provider"]) == ("ok", "in_turns", "gemini")
    assert [(row["input_tokens"], row["output_tokens"], row["audio_tokens"]) for row in turns] == [(100, 40, 100)] * 2
    assert {row["model_actual"] for row in turns} == {MODEL}
    assert {row["outcome"] for row in turns} == {"ok"}
