"""One data directory has one gateway, and a gateway opens all its doors or none."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from lectr_core.assembly.ground import allow_descriptors, open_doors, take_data
from lectr_core.errors import OperatorError


def test_a_data_directory_is_made_private_and_held_by_one(tmp_path: Path) -> None:
    data = tmp_path / "a" / "b"
    with take_data(data) as held:
        assert held == data
        assert data.stat().st_mode & 0o777 == 0o700
        with pytest.raises(OperatorError, match=r"is in use by another gateway \(process \d+\)"), take_data(data):
            pass
    with take_data(data):
        pass


def test_one_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with take_data(tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(OperatorError, match=r"gateway\.data: cannot use .*; choose another place with --data"),
        take_data(tmp_path / "file"),
    ):
        pass


def test_all_doors_open_or_none(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with open_doors([f"unix:{path}", "127.0.0.1:0"]) as doors:
        taken = doors.addresses[1]
        assert doors.base_url == f"http://127.0.0.1:{taken.port}"
        assert doors.is_loopback
        assert path.exists()
        other = tmp_path / "other"
        with pytest.raises(OperatorError, match="is taken"), open_doors([f"unix:{other}", str(taken)]):
            pass
        assert not other.exists()
    assert not path.exists()


def test_only_a_unix_socket_is_its_own_base_url(tmp_path: Path) -> None:
    with open_doors([f"unix:{tmp_path}/s"]) as doors:
        assert doors.base_url == f"unix:{tmp_path}/s"


def test_the_limit_on_open_files_is_raised_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
        allow_descriptors()
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised == resource.RLIM_INFINITY or raised >= min(256, soft)
        allow_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
