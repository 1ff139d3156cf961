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
from lectr_core.assembly.proxies import is_excepted
from lectr_core.assembly.settings import settle
from lectr_core.dialects.provider import DialectProvider
from lectr_core.errors import UnsettledSettings
from lectr_core.model.call import Origin
from lectr_core.model.egress import Egress, Proxy
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


PROXY = Proxy("http", "proxy.test", 3128)
THROUGH = "proxy = 'http://proxy.test:3128'"


@pytest.mark.parametrize(
    ("text", "environ", "proxy"),
    [
        (f"[provider.one]\n{THROUGH}", {}, PROXY),
        (f"[gateway]\n{THROUGH}", {}, PROXY),
        (f"[gateway]\n{THROUGH}\n[provider.one]\nproxy = 'direct'", {}, None),
        (f"[gateway]\n{THROUGH}\n[provider.one]\nproxy = 'socks5://s.test'", {}, Proxy("socks5", "s.test", 1080)),
        (f"[gateway]\n{THROUGH}", {"HTTPS_PROXY": "http://other.test"}, PROXY),
        ("[gateway]\nproxy = 'env'", {"HTTPS_PROXY": "http://proxy.test:3128"}, PROXY),
        ("[gateway]\nproxy = 'env'", {"https_proxy": "proxy.test:3128", "HTTPS_PROXY": "http://x.test"}, PROXY),
        ("[gateway]\nproxy = 'env'", {"ALL_PROXY": "socks5h://s.test:9"}, Proxy("socks5", "s.test", 9)),
        ("[gateway]\nproxy = 'env'", {"HTTP_PROXY": "http://proxy.test:3128"}, None),
        ("[gateway]\nproxy = 'env'", {"HTTPS_PROXY": "http://proxy.test:3128", "NO_PROXY": "a, .test"}, None),
        ("[gateway]\nproxy = 'env'", {}, None),
        ("[provider.one]\nproxy = 'env'\nbase_url = 'http://a.test'", {"http_proxy": "http://proxy.test:3128"}, PROXY),
        (f"[gateway]\n{THROUGH}\n[provider.one]\nbase_url = 'http://127.0.0.1:1'", {}, None),
        (f"[gateway]\n{THROUGH}\n[provider.one]\nbase_url = 'http://localhost:1'", {}, None),
        (f"[provider.one]\nbase_url = 'http://[::1]:1'\n{THROUGH}", {}, PROXY),
    ],
)
def test_the_nearest_word_chooses_the_way(text: str, environ: dict[str, str], proxy: Proxy | None) -> None:
    assert way(text, **environ).proxy == proxy


def test_http2_is_offered_where_the_table_says_so() -> None:
    assert way("[provider.one]\nhttp2 = true") == Egress(http2=True)
    found = settings("[provider.one]\nhttp2 = true\nclient_certificate = '/c.pem'")
    (told, _) = look_outward([DialectProvider("one", "https://a.test")], found)
    assert told.text == "one: straight, HTTP/2 where it is spoken, with a client certificate"


def test_http2_needs_tls_and_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[provider.one]\nhttp2 = true"
    with pytest.raises(UnsettledSettings, match=r"provider\.one\.http2: expected an https:// address"):
        way(f"{text}\nbase_url = 'http://a.test'")
    monkeypatch.setattr("lectr_core.assembly.egress.find_spec", lambda name: None)
    with pytest.raises(UnsettledSettings, match=r"provider\.one\.http2: needs the package h2.*pip install 'lectr\[http2\]'"):
        way(text)


def test_a_login_comes_from_the_environment_and_is_never_shown() -> None:
    mine = way(f"[gateway]\n{THROUGH}\nproxy_auth_env = 'PROXY_LOGIN'", PROXY_LOGIN="me:canary")
    theirs = way("[gateway]\nproxy = 'env'", HTTPS_PROXY="http://me:can%41ry@proxy.test:3128")
    assert [one.proxy and one.proxy.login and one.proxy.login.reveal() for one in (mine, theirs)] == [
        b"me:canary",
        b"me:canAry",
    ]
    assert "can" not in f"{mine} {theirs} {mine.proxy} {theirs.proxy}".lower()
    assert mine == theirs  # connections that were granted stay good when the password changes


def test_a_login_goes_to_the_proxy_it_is_for() -> None:
    text = f"[gateway]\n{THROUGH}\nproxy_auth_env = 'PROXY_LOGIN'\n[provider.one]\nproxy = 'http://other.test:1'"
    proxy = way(text, PROXY_LOGIN="me:canary").proxy
    assert proxy is not None
    assert (proxy.host, proxy.login) == ("other.test", None)


@pytest.mark.parametrize("table", ["gateway", "provider.one"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("proxy = 'https://proxy.test'", "proxy: a proxy that is itself reached over TLS is not supported"),
        ("proxy = 'ftp://canary.test'", "proxy: expected 'direct', 'env' or an address such as "),
        ("proxy = 'canary'", "proxy: expected 'direct', 'env' or an address such as "),
        ("proxy = 'http://canary:99999'", "proxy: expected 'direct', 'env' or an address such as "),
        ("proxy = 'http://proxy.test/canary'", "proxy: expected 'direct', 'env' or an address such as "),
        ("proxy = 'http://me:canary@proxy.test'", "proxy: expected no user or password in the address; "),
        ("proxy = 'http://can\u00e4ry.test'", "proxy: expected ASCII without spaces"),
        ("proxy_auth_env = 'LOGIN'", "proxy: expected the proxy's address where "),
        ("proxy = 'env'\nproxy_auth_env = 'LOGIN'", "proxy: expected the proxy's address where "),
        (f"{THROUGH}\nproxy_auth_env = 'me:canary'", "proxy_auth_env: expected the name of an environment variable"),
    ],
)
def test_a_fault_of_a_proxy_names_its_place_and_repeats_nothing(table: str, text: str, told: str) -> None:
    found = faults(f"[{table}]\n{text}")
    assert any(fault.startswith(f"{table}.{told}") for fault in found), found
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("text", "environ", "told"),
    [
        ("proxy = 'env'", {"HTTPS_PROXY": "ftp://canary"}, "$HTTPS_PROXY: expected 'direct', 'env' or an address"),
        (f"{THROUGH}\nproxy_auth_env = 'LOGIN'", {}, "gateway.proxy_auth_env: expected the name of a variable that is set"),
        (f"{THROUGH}\nproxy_auth_env = 'LOGIN'", {"LOGIN": "canary"}, "gateway.proxy_auth_env: expected user:password in"),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(text: str, environ: dict[str, str], told: str) -> None:
    with pytest.raises(UnsettledSettings) as caught:
        way(f"[gateway]\n{text}", **environ)
    (fault,) = caught.value.faults
    assert fault.startswith(told)
    assert "canary" not in fault


@pytest.mark.parametrize(
    ("listed", "host", "port", "excepted"),
    [
        ("*", "one.test", 443, True),
        ("one.test", "one.test", 443, True),
        ("test", "one.test", 443, True),
        (".test", "one.test", 443, True),
        ("*.test", "one.test", 443, True),
        ("ne.test", "one.test", 443, False),
        ("ONE.test", "one.test", 443, True),
        ("one.test:443", "one.test", 443, True),
        ("one.test:80", "one.test", 443, False),
        ("a.test b.test,one.test", "one.test", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:443", "10.1.2.3", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:80", "::1", 443, False),
        ("fe80::/10", "fe80::1", 443, True),
        ("10.0.0.0/8", "one.test", 443, False),
        (",, .", "one.test", 443, False),
    ],
)
def test_exceptions_are_read_as_other_programs_read_them(listed: str, host: str, port: int, excepted: bool) -> None:
    assert is_excepted(Origin("https", host, port), listed) is excepted


def test_the_doctor_says_which_way_each_goes_and_who_says_so() -> None:
    made = settings(f"[gateway]\nproxy = 'env'\n[provider.one]\n{THROUGH}", HTTPS_PROXY="http://me:canary@env.test")
    providers = [DialectProvider(name, "https://a.test") for name in ("one", "two", "three", "four", "five")]
    providers += [DialectProvider("here", "http://127.0.0.1:1"), DialectProvider("unset", None)]
    found = [one.text for one in look_outward(providers, made)]
    assert found == [
        "here: straight (on this machine)",
        "one: through http://proxy.test:3128 (provider.one.proxy)",
        "every other provider: through http://env.test:80 ($HTTPS_PROXY)",
    ]


@pytest.mark.parametrize(
    ("text", "warned"), [("", True), ("[gateway]\nproxy = 'direct'", False), ("[gateway]\nproxy = 'env'", False)]
)
def test_a_variable_that_is_not_used_is_pointed_out(text: str, warned: bool) -> None:
    made = settings(text, HTTPS_PROXY="http://me:canary@env.test", all_proxy="x")
    found = [(one.level, one.text) for one in look_outward([DialectProvider("one", "https://a.test")], made)]
    told = ("warn", "$HTTPS_PROXY, $all_proxy set, and not used: no setting says so")
    assert (told in found) is warned
    assert "canary" not in str(found)


def test_the_doctor_names_a_fault_of_the_environment() -> None:
    made = settings("[gateway]\nproxy = 'env'", HTTPS_PROXY="nonsense://")
    (found,) = look_outward([DialectProvider("one", "https://a.test")], made)
    assert (found.level, found.text.partition(":")[0]) == ("fail", "$HTTPS_PROXY")


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
