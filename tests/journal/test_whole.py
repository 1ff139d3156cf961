"""A file is replaced whole or not at all, and is its owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lectr_core.journal.whole import make_directory, replace_file


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize("durable", [True, False])
def test_the_new_one_takes_the_place_of_the_old(tmp_path: Path, durable: bool) -> None:
    file = tmp_path / "a.json"
    for content in (b"a longer first one", b"second"):
        replace_file(file, content, durable=durable)
        assert file.read_bytes() == content
        assert file.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_where_it_fails_the_old_one_is_there_and_nothing_else(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    replace_file(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert names(tmp_path) == ["a.json"]


def test_without_durability_it_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the disk was waited for")

    monkeypatch.setattr(os, "fsync", asked)
    replace_file(tmp_path / "a.json", b"x", durable=False)
    assert (tmp_path / "a.json").read_bytes() == b"x"


def test_a_directory_is_its_owners_alone_and_one_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "a" / "b").chmod(0o755)
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o755
