"""What children are told and what they let out: no secret in either."""

from __future__ import annotations

import os
import sys

import pytest
import trio
import trio.testing

from lectr_core.assembly import process
from lectr_core.errors import Bug

BOOT = process.Boot(name="worker-1", data="/somewhere", version="0123456789ab", listeners=(5, 6))


def test_boot_information_survives_the_environment() -> None:
    assert process.read_boot(BOOT.environ()) == BOOT


@pytest.mark.parametrize("environ", [{}, {process.VARIABLE: "nonsense"}, {process.VARIABLE: "{}"}])
def test_a_child_without_boot_information_says_who_starts_it(environ: dict[str, str]) -> None:
    with pytest.raises(Bug, match="started by `lectr up`"):
        process.read_boot(environ)


def test_last_words_name_places_and_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    canary = "Bearer sk-canary"
    try:
        try:
            raise ValueError(canary)
        except ValueError as exc:
            raise ExceptionGroup(canary, [RuntimeError(canary)]) from exc
    except ExceptionGroup as group:
        process.last_words(type(group), group, group.__traceback__)
    said = capsys.readouterr().err
    assert canary not in said
    for word in ("ExceptionGroup", "RuntimeError", "ValueError", "test_process.py"):
        assert word in said


def test_answers_are_one_line_each_and_a_supervisor_that_is_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    mouth = process.Mouth(writing)
    mouth.say("refused", "v1", "two\nlines")
    assert os.read(reading, 100) == b"refused v1 two lines\n"
    os.close(reading)
    mouth.say("ready")
    os.close(writing)


async def test_orders_come_as_words_whatever_pieces_they_arrive_in(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(os, "dup", lambda _: reading)
    found: list[list[str]] = []

    async def listen() -> None:
        async for words in process.orders():
            found.append(words)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listen)
        for piece in (b"rel", b"oad abc\nstop", b" 3.5\n", b"half"):
            os.write(writing, piece)
            await trio.testing.wait_all_tasks_blocked()
        os.close(writing)
    assert found == [["reload", "abc"], ["stop", "3.5"]]
    assert sys.excepthook is not process.last_words
