"""A gateway that cannot start leaves no key behind that works and that nobody ever saw."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lectr_core.assembly import up
from lectr_core.assembly.keys import read_book
from lectr_core.assembly.plugins import load_plugins
from lectr_core.assembly.settings import Loaded, settle
from lectr_core.assembly.supervisor import Begun, Supervisor
from lectr_core.errors import OperatorError


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this process's log and limits as they are."""
    monkeypatch.setattr(up, "log_to_stderr", lambda: None)
    monkeypatch.setattr(up, "allow_descriptors", lambda: None)


def loaded(data: Path, port: int = 0) -> Loaded:
    return settle({"gateway": {"data": str(data), "listen": [f"127.0.0.1:{port}"]}}, (), environ={})


def start(settings: Loaded, seen: list[str]) -> int:
    async def ready(_: Supervisor, key: up.FirstKey | None) -> None:
        seen.append(key.secret if key is not None else "")

    return up.start(load_plugins([]), settings, ready=ready, key_for=up.first_key)


def test_no_key_is_made_where_a_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OperatorError, match="is taken"):
        start(loaded(tmp_path / "data", taken.getsockname()[1]), [])
    assert read_book(tmp_path / "data").keys == ()


def test_a_key_that_was_never_shown_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Supervisor, begun: Begun) -> int:
        raise OperatorError("no worker starts")

    async def work(self: Supervisor, begun: Begun) -> int:
        return await begun(self) or 0

    seen: list[str] = []
    monkeypatch.setattr(Supervisor, "run", fail)
    with pytest.raises(OperatorError, match="no worker starts"):
        start(loaded(tmp_path), seen)
    assert [key.revoked_at is not None for key in read_book(tmp_path).keys] == [True]
    monkeypatch.setattr(Supervisor, "run", work)
    assert start(loaded(tmp_path), seen) == 0
    assert start(loaded(tmp_path), seen) == 0
    assert [text[:7] for text in seen] == ["lc_key_", ""], "the next start shows one, and the one after does not"
