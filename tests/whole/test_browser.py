"""A real browser, where there is one: it can put a key into the sub-protocols alone, and is content with the answer."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.whole.chromium import PROGRAM
from tests.whole.gateway import Gateway
from tests.whole.live_upstream import LiveUpstream

PATIENCE_S: Final = 40.0

PAGE: Final = """<script>
const said = [];
const socket = new WebSocket(%s, %s);
socket.onopen = () => { said.push("open " + socket.protocol); socket.send('{"type":"response.create"}'); };
socket.onmessage = (event) => {
  const kind = JSON.parse(event.data).type;
  said.push(kind);
  if (kind === "response.done") socket.close(1000);
};
socket.onclose = (event) => { said.push("close " + event.code); fetch("/done?said=" + encodeURIComponent(said.join())); };
</script>"""


@contextmanager
def site(page: str, told: list[str], done: threading.Event) -> Iterator[str]:
    """A page, and where it tells what happened."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            body = page.encode() if asked.path == "/" else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            if asked.path == "/done":
                told.extend(parse_qs(asked.query)["said"][0].split(","))
                done.set()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@pytest.mark.skipif(PROGRAM is None, reason="no chromium on this machine")
def test_a_browser_holds_a_session_with_its_key_in_the_sub_protocols(
    live_holding: Gateway, live: LiveUpstream, tmp_path: Path
) -> None:
    assert PROGRAM is not None
    url = f"ws://127.0.0.1:{live_holding.port}/v1/realtime?model=gpt-browser"
    page = PAGE % (json.dumps(url), json.dumps(["realtime", f"openai-insecure-api-key.{live_holding.key}"]))
    told: list[str] = []
    done = threading.Event()
    with site(page, told, done) as address:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen([PROGRAM, *options, address], stdin=quiet, stdout=quiet, stderr=quiet) as browser:
            try:
                assert done.wait(PATIENCE_S), "the page never said how its connection ended"
            finally:
                browser.terminate()
    answered = ["response.created", "response.output_audio_transcript.delta", "response.done"]
    assert told == ["open realtime", "session.created", *answered, "close 1000"]
    talk = live.last("model=gpt-browser")
    assert talk.field("Sec-WebSocket-Protocol") == "realtime"
    assert live_holding.key.encode() not in talk.head
    (connection,) = live_holding.stored(1, "status = 101 and model_requested = 'gpt-browser'")
    assert (connection["outcome"], connection["finish_reason"]) == ("ok", "1000")
    (turn,) = live_holding.stored(1, "connection = ?", connection["id"])
    assert (turn["outcome"], turn["input_tokens"], turn["output_tokens"]) == ("ok", 132, 121)
