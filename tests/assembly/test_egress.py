"""From a provider's table to the way in which it is reached, and every fault with its path."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
import trustme

from lectr_core.assembly.certificate import client_expires_at
from lectr_core.assembly.document import parse
from lectr_core.assembly.egress import check_files, egress_of
from lectr_core.assembly.outward import look_outward
from lectr_core.assembly.settings import settle
from lectr_core.dialects.provider import DialectProvider
from lectr_core.errors import UnsettledSettings
from lectr_core.model.egress import Egress
from lectr_core.model.settings import ProviderSettings, Section, Settings

SECTION = Section("provider.one", ProviderSettings)
AUTHORITY = trustme.CA()


def settings(text: str, **environ: str) -> Settings:
    return settle(parse(text), (SECTION,), environ=environ).settings


def way(text: str, base_url: str = "https://one.test", **environ: str) -> Egress:
    made = settings(text, **environ)
    section = made.section("provider.one", ProviderSettings)
    provider = DialectProvider("one", section.base_url or base_url, ca_file=section.ca_file)
    return egress_of(made, [provider])["one"]


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(UnsettledSettings) as caught:
        settings(text)
    return caught.value.faults


def issue(folder: Path, *, days: int = 90) -> Egress:
    now = datetime.now(UTC)
    made = AUTHORITY.issue_cert("a.client", not_before=now - timedelta(days=100), not_after=now + timedelta(days=days))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    return Egress(client_certificate=folder / "cert.pem", client_key=folder / "key.pem")


def test_without_a_word_the_way_is_straight() -> None:
    assert way("") == Egress()
    assert way("", HTTPS_PROXY="http://proxy.test:1", https_proxy="http://proxy.test:1") == Egress()


def test_certificates_are_the_tables() -> None:
    text = "[provider.one]\nca_file = '/ca.pem'\nclient_certificate = '/c.pem'\nclient_key = '/k.pem'"
    assert way(text) == Egress(Path("/ca.pem"), Path("/c.pem"), Path("/k.pem"))


def test_a_key_without_a_certificate_is_a_fault() -> None:
    told = "provider.one.client_certificate: needed where provider.one.client_key is set"
    assert faults("[provider.one]\nclient_key = 'k.pem'") == (told,)


def test_all_files_at_fault_are_told_at_once(tmp_path: Path) -> None:
    good = issue(tmp_path)
    ways = {"b": Egress(ca_file=tmp_path / "no.pem"), "a": attrs.evolve(good, client_key=tmp_path / "no.key"), "c": good}
    with pytest.raises(UnsettledSettings) as caught:
        check_files(ways)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["provider.a.client_key", "provider.b.ca_file"]


@pytest.mark.parametrize(("days", "level"), [(90, "ok"), (5, "warn"), (-1, "fail")])
def test_the_doctor_says_how_long_a_client_certificate_holds(tmp_path: Path, days: int, level: str) -> None:
    egress = issue(tmp_path, days=days)
    until = client_expires_at(egress)
    assert until is None if level == "fail" else until == pytest.approx(time.time() + days * 86_400, abs=100)
    table = ProviderSettings(client_certificate=egress.client_certificate, client_key=egress.client_key)
    (found,) = _looked(table, "certificate")
    assert found.startswith(f"{level}: one")


def test_the_doctor_names_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    (found,) = _looked(ProviderSettings(client_certificate=tmp_path / "no.pem"), "certificate")
    assert found.startswith("fail: provider.one.client_certificate: cannot read ")


def _looked(table: ProviderSettings, what: str) -> list[str]:
    made = attrs.evolve(settings(""), sections={"provider.one": table})
    found = look_outward([DialectProvider("one", "https://one.test", ca_file=table.ca_file)], made)
    return [f"{one.level}: {one.text}" for one in found if one.what == what]
