"""Tables for people: whatever the screen, a number stands there whole."""

from __future__ import annotations

import os
import re
import shutil
import sys

import click
import pytest

from lectr_core.assembly.cli.show import show_table

HEADS = ("sink", "stream", "accepted", "stored", "waiting", "in flight", "lost")
ROWS = [("sqlite", "20261123T221700.832733Z-14347-31ee21", 1_234_567, 1_234_566, 1, 0, None)]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 240])
def test_no_number_and_no_head_of_numbers_is_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((width, 24)))
    show_table(HEADS, ROWS, right=HEADS[2:])
    shown = click.unstyle(capsys.readouterr().out).splitlines()
    assert re.findall(r"\S+(?: flight)?", shown[1]) == list(HEADS)
    assert "1234567" in shown[3]
    assert "1234566" in shown[3]
    if width >= 80:
        assert max(map(len, shown)) <= width
    assert ("20261123T221700.832733Z-14347-31ee21" in shown[3]) == (width >= 120)
