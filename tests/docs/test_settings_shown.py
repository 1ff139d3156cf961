"""Every piece of a `lectr.toml` that a page shows is one that `lectr config check` finds valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

from lectr_core.assembly.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "plugins").glob("*/README.md")]
_BLOCK = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NOT_OURS = re.compile(r"^\[(project|build-system|dependency-groups)", re.MULTILINE)
"""A `pyproject.toml`."""

SHOWN = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted(PAGES)
    for number, block in enumerate(_BLOCK.findall(page.read_text()))
    if re.search(r"^\[", block, re.MULTILINE) and not _NOT_OURS.search(block)
]


def test_there_are_settings_to_check() -> None:
    assert len(SHOWN) > 20


@pytest.mark.parametrize("block", SHOWN)
def test_settings_that_are_shown_are_valid(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lectr_provider_compatible", reason="the plugins of the extra `standard` are not installed")
    monkeypatch.chdir(tmp_path)
    for variable in re.findall(r'_env = "(\w+)"', block):
        monkeypatch.setenv(variable, "a:credential")
    Path("lectr.toml").write_text(_with_files(block, tmp_path))
    code = main(["config", "check", "lectr.toml"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "valid" in said.out


def _with_files(block: str, folder: Path) -> str:
    """The same with certificates that are there: they are looked into."""
    authority = trustme.CA()
    made = authority.issue_cert("gateway.example")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    for setting, name in (("ca_file", "ca"), ("(?:tls|client)_certificate", "cert"), ("(?:tls|client)_key", "key")):
        block = re.sub(rf'^({setting} = )".*?"', rf'\1"{folder}/{name}.pem"', block, flags=re.MULTILINE)
    return block
