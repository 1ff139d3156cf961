"""A headless Chromium, driven over its own debugging protocol: just what the tests of the pages need.

One browser, one page at a time. Everything stays on this machine: whatever is asked for elsewhere is noted.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from websockets.sync.client import ClientConnection, connect

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--mute-audio", "--remote-debugging-port=0"),
    *("--disable-dev-shm-usage", "--force-color-profile=srgb"),
    # Nothing but this machine can be reached, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_LIMIT_S: Final = 60


class Page:
    """One page. Its methods wait until they are done."""

    def __init__(self, line: ClientConnection, session: str) -> None:
        self._line = line
        self._session = session
        self._number = 0
        self.asked: list[str] = []
        """Every address the page has asked for."""
        self.errors: list[str] = []
        """What it complained of: exceptions, broken security policies, answers that failed."""

    def tell(self, method: str, **parameters: Any) -> Any:  # Any: JSON
        """One command of the protocol. Returns its result."""
        self._number += 1
        number = self._number
        said = {"id": number, "method": method, "params": parameters, "sessionId": self._session}
        self._line.send(json.dumps(said))
        while True:
            heard = json.loads(self._line.recv(timeout=_LIMIT_S))
            if heard.get("id") == number:
                assert "error" not in heard, heard
                return heard["result"]
            self._note(heard)

    def _note(self, heard: dict[str, Any]) -> None:  # Any: JSON
        method, parameters = heard.get("method"), heard.get("params", {})
        if method == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(parameters["exceptionDetails"].get("exception", {}).get("description")))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])

    def size(self, width: int, height: int, *, dark: bool = False) -> Self:
        """How large the window is, and whether it is night."""
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.tell("Emulation.setEmulatedMedia", features=[scheme, still])
        return self

    def zone(self, name: str) -> Self:
        """Where the viewer is."""
        self.tell("Emulation.setTimezoneOverride", timezoneId=name)
        return self

    def scripts(self, *, run: bool) -> Self:
        """Whether pages may run scripts."""
        self.tell("Emulation.setScriptExecutionDisabled", value=not run)
        return self

    def block(self, *patterns: str) -> Self:
        """Let no request go through whose address is like one of *patterns*; none: let all."""
        self.tell("Network.setBlockedURLs", urls=list(patterns))
        return self

    def open(self, url: str) -> Self:
        """Go there, and wait until it is there: loaded, and not about to go elsewhere."""
        self.asked.clear()
        self.errors.clear()
        self.tell("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        return self

    def run(self, script: str) -> Any:  # Any: JSON
        """What an expression, or what it promises, comes to."""
        found = self.tell("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, condition: str, limit_s: float = 30) -> None:
        """Wait until an expression is true."""
        give_up = time.monotonic() + limit_s
        while True:
            try:
                if self.run(f"Boolean({condition})"):
                    return
            except AssertionError:
                # The page went elsewhere while it was asked.
                pass
            assert time.monotonic() < give_up, f"never came true: {condition}"
            time.sleep(0.05)

    def key(self, name: str, code: int) -> None:
        """Press a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """A screenshot, of all of the page or of what the window shows."""
        found = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser(place: Path) -> Iterator[Page]:
    """A browser with one page. *place*: an empty directory for what it keeps."""
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, *_FLAGS, f"--user-data-dir={place}", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with connect(_address(process, place), max_size=None) as line:
            line.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            target = _answer(line, 1)["targetId"]
            attach = {"id": 2, "method": "Target.attachToTarget", "params": {"targetId": target, "flatten": True}}
            line.send(json.dumps(attach))
            page = Page(line, _answer(line, 2)["sessionId"])
            for domain in ("Page", "Runtime", "Network", "Log"):
                page.tell(f"{domain}.enable")
            yield page
    finally:
        process.terminate()
        process.wait(timeout=_LIMIT_S)


def _address(process: subprocess.Popen[bytes], place: Path) -> str:
    """Where the browser can be told what to do: it writes that down when it is ready."""
    give_up = time.monotonic() + _LIMIT_S
    said = place / "DevToolsActivePort"
    while True:
        lines = said.read_text().splitlines() if said.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        assert process.poll() is None, "the browser ended at once"
        assert time.monotonic() < give_up, "the browser did not start"
        time.sleep(0.05)


def _answer(line: ClientConnection, number: int) -> Any:  # Any: JSON
    while True:
        heard = json.loads(line.recv(timeout=_LIMIT_S))
        if heard.get("id") == number:
            return heard["result"]
