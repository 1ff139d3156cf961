"""Settings: every fault at once, with its path, and never a secret."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from lectr_core.assembly.document import parse, version_of
from lectr_core.assembly.overrides import overlay, variable_of
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.assembly.settings import Loaded, find_file, read_kept, read_settings, settle
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.money import MoneySettings
from lectr_core.model.settings import AdminSettings, ProviderSettings, Section

CANARY = "sk-proj-CanaryCanaryCanaryCanary0123"


@attrs.frozen(kw_only=True)
class Store:
    path: Path = Path("db")
    """Where."""
    keep_days: int | None = None
    """How long."""
    mode: Literal["wal", "delete"] = "wal"
    """How."""
    price: Decimal | str | None = None
    share: float = 0.5


@attrs.frozen(kw_only=True)
class When:
    feature: tuple[str, ...] = ()
    task: str | None = None


@attrs.frozen(kw_only=True)
class Rule:
    name: str
    when: When = attrs.field(factory=When)
    enabled: bool = True
    rates: Mapping[str, Decimal] = attrs.field(factory=dict)
    currency: str = "USD"

    def __attrs_post_init__(self) -> None:
        if self.name == "":
            raise ValueError("a rule needs a name")


@attrs.frozen(kw_only=True)
class Hosted(ProviderSettings):
    api_version: str = "1"


@attrs.frozen(kw_only=True)
class Needy:
    must: str


SECTIONS = (
    Section("sink.store", Store),
    Section("rule", Rule, many=True),
    Section("provider.*", ProviderSettings),
    Section("provider.hosted", Hosted),
    Section("needy", Needy),
)


def settled(text: str) -> Loaded:
    return settle(parse(text), SECTIONS, environ={})


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(UnsettledSettings) as caught:
        settled(text)
    return caught.value.faults


def test_nothing_at_all_is_a_valid_configuration() -> None:
    settings = settled("").settings
    assert settings.gateway.listen == ("127.0.0.1:8420",)
    assert settings.sections == {
        "admin": AdminSettings(),
        "money": MoneySettings(),
        "sink.store": Store(),
        "rule": (),
        "provider.hosted": Hosted(),
    }


def test_each_section_becomes_an_instance_under_its_full_path() -> None:
    settings = settled(
        """
        [gateway]
        listen = "127.0.0.1:1"
        workers = "auto"
        drain_s = 5
        [sink.store]
        path = "x/y"
        keep_days = 3
        price = 0.1
        [[rule]]
        name = "one"
        when = { feature = "a", task = "t" }
        rates = { input = 0.30 }
        [[rule]]
        name = "two"
        when = { feature = ["a", "b"] }
        [provider.hosted]
        api_version = "2"
        [provider.mine]
        base_url = "http://localhost:1"
        """
    ).settings
    assert settings.gateway.listen == ("127.0.0.1:1",)
    assert settings.gateway.workers == "auto"
    assert settings.gateway.drain_s == 5.0
    assert settings.sections["sink.store"] == Store(path=Path("x/y"), keep_days=3, price=Decimal("0.1"))
    assert settings.sections["rule"] == (
        Rule(name="one", when=When(feature=("a",), task="t"), rates={"input": Decimal("0.30")}),
        Rule(name="two", when=When(feature=("a", "b"))),
    )
    assert settings.section("provider.hosted", Hosted).api_version == "2"
    assert settings.section("provider.mine", ProviderSettings).base_url == "http://localhost:1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[gateway]\nlissten = 1", "gateway.lissten: unknown; did you mean 'listen'?"),
        ("[gatewy]\nlisten = 1", "gatewy: unknown; did you mean 'gateway'?"),
        ("[zzz]", "zzz: unknown; known here: admin, gateway, money, needy, provider, rule, sink; is its plugin installed?"),
        ("[sink.stor]", "sink.stor: unknown; did you mean 'store'?"),
        ("gateway = 1", "gateway: expected a table, got 1"),
        ("sink = 'x'", "sink: expected a table, got 'x'"),
        ("[rule]\nname = 'x'", "rule: expected an array of tables ([[rule]]), got a table"),
        ("rule = [1]", "rule[0]: expected a table, got 1"),
        ("[[rule]]", "rule[0].name: required, but missing (expected text)"),
        ("[[rule]]\nname = ''", "rule[0]: a rule needs a name"),
        ("[[rule]]\nname = 'x'\nwhen = { taks = 'y' }", "rule[0].when.taks: unknown; did you mean 'task'?"),
        ("[[rule]]\nname = 'x'\nwhen = { feature = [1] }", "rule[0].when.feature[0]: expected text, got 1"),
        ("[[rule]]\nname = 'x'\nrates = { input = true }", "rule[0].rates.input: expected a number, got true"),
        ("[[rule]]\nname = 'x'\nenabled = 1", "rule[0].enabled: expected true or false, got 1"),
        ("[sink.store]\nkeep_days = true", "sink.store.keep_days: expected a whole number, got true"),
        ("[sink.store]\nkeep_days = '3'", "sink.store.keep_days: expected a whole number, got '3'"),
        ("[sink.store]\nkeep_days = 3.0", "sink.store.keep_days: expected a whole number, got 3.0"),
        ("[sink.store]\nshare = nan", "sink.store.share: expected a number, got NaN"),
        ("[sink.store]\npath = ''", "sink.store.path: expected a path, got ''"),
        ("[sink.store]\nmode = 'off'", "sink.store.mode: expected 'wal' or 'delete', got 'off'"),
        ("[provider.Mine]", "provider.Mine: the name must be lower-case letters, digits, '-' and '_'"),
        ("[needy]", "needy.must: required, but missing (expected text)"),
        ("[gateway]\nworkers = 0", "gateway.workers: expected 1 to 512 or 'auto', got 0"),
        ("[gateway]\nworkers = 'many'", "gateway.workers: expected a whole number or 'auto', got 'many'"),
        ("[gateway]\nlisten = []", "gateway.listen: expected at least one address, got none"),
        ("[gateway]\nlisten = 'x'", "gateway.listen: expected host:port, [address]:port or unix:/path, got 'x'"),
        ("[gateway]\nlisten = 8420", "gateway.listen: expected a list of text, got 8420"),
        ("[gateway]\nhead_limit_s = 0", "gateway.head_limit_s: expected more than 0 seconds, got 0"),
        ("[gateway]\nmax_body_bytes = 0", "gateway.max_body_bytes: expected at least 1, got 0"),
        ("[gateway]\nhang_limit_s = 1", "gateway.hang_limit_s: expected at least 2 seconds, got 1"),
        ("[gateway]\nhang_limit_s = 0", "gateway.hang_limit_s: expected more than 0 seconds, got 0"),
        ("[gateway]\ndrain_s = -1", "gateway.drain_s: expected 0 seconds or more, got -1"),
        (
            "[gateway]\nauth = 'none'\nlisten = ['127.0.0.1:1', '0.0.0.0:1']",
            "gateway.auth: 'none' is allowed on loopback only, but gateway.listen[1] is '0.0.0.0:1'",
        ),
        (
            "[[money.provisioned]]\nname='p'\nprovider='a'\nmodel='m'\nper_hour=1\nsince=2026-01-01\ncurrency='EUR'",
            "money.provisioned[0].currency: no rate for 'EUR': declare it in [[money.rate]]",
        ),
        ("[[rule]]\nname = 'x'\ncurrency = 'GBP'", "rule[0].currency: no rate for 'GBP': declare it in [[money.rate]]"),
        ("[gateway]\nauth = 'off'", "gateway.auth: expected 'keys' or 'none', got 'off'"),
    ],
)
def test_a_fault_names_path_value_and_what_is_allowed(text: str, told: str) -> None:
    assert faults(text) == (told,)


def test_a_fault_of_shape_hides_no_fault_of_value() -> None:
    assert faults("[gateway]\nworkers = 'many'\nlisten = ['x']\nlistn = 1\nmax_body_bytes = -3") == (
        "gateway.listen: expected host:port, [address]:port or unix:/path, got 'x'",
        "gateway.listn: unknown; did you mean 'listen'?",
        "gateway.max_body_bytes: expected at least 1, got -3",
        "gateway.workers: expected a whole number or 'auto', got 'many'",
    )


def test_all_faults_are_told_at_once() -> None:
    told = faults("[gateway]\nworkers = 'x'\nauth = 3\n[sink.store]\nnope = 1\n[[rule]]\n[[rule]]\nname = 1\n[other]\n")
    assert [line.partition(":")[0] for line in told] == [
        "gateway.auth",
        "gateway.workers",
        "other",
        "rule[0].name",
        "rule[1].name",
        "sink.store.nope",
    ]


@pytest.mark.parametrize("auth_listen", ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/tmp/x", "127.9.9.9:1"])
def test_auth_none_is_fine_on_loopback(auth_listen: str) -> None:
    assert settled(f"[gateway]\nauth = 'none'\nlisten = '{auth_listen}'").settings.gateway.auth == "none"


@pytest.mark.parametrize(
    "text",
    [
        f"[provider.hosted]\napi_key_env = '{CANARY}'",
        f"[provider.hosted]\napi_key = '{CANARY}'",
        f"[provider.hosted]\n{CANARY} = 1",
        f"[gateway]\nworkers = '{CANARY}'",
        f"[gateway]\nlisten = '{CANARY}'",
        f"[gateway]\nauth = '{CANARY}'",
        f"[sink.store]\nkeep_days = '{CANARY}'",
        f"{CANARY} = 1",
        f"[provider.{CANARY}]",
        f"gateway = '{CANARY}'",
        f"a = '{CANARY}",
    ],
)
def test_no_fault_repeats_what_could_be_a_secret(text: str, tmp_path: Path) -> None:
    file = tmp_path / "lectr.toml"
    file.write_text(text)
    with pytest.raises(UnsettledSettings) as caught:
        read_kept(file, SECTIONS, {})
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_written_where_its_variables_name_belongs_is_a_fault() -> None:
    assert "the name of an environment variable" in faults(f"[provider.hosted]\napi_key_env = '{CANARY}'")[0]


def test_flag_beats_environment_beats_file_beats_default() -> None:
    document = parse("[gateway]\nlisten = 'file:1'\ndrain_s = 1\nworkers = 2\n")
    environ = {"LECTR_GATEWAY_LISTEN": "env:1, env:2", "LECTR_GATEWAY_WORKERS": "3", "LECTR_SINK_STORE_PATH": "7"}
    effective, origins = overlay(document, SECTIONS, environ, {"gateway.listen": "flag:1"})
    settings = settle(effective, SECTIONS, environ={}).settings
    assert settings.gateway.listen == ("flag:1",)
    assert settings.gateway.workers == 3
    assert settings.gateway.drain_s == 1
    assert settings.gateway.idle_limit_s == 75
    assert settings.section("sink.store", Store).path == Path("7")
    assert origins == {
        "gateway.listen": "--listen",
        "gateway.workers": "$LECTR_GATEWAY_WORKERS",
        "sink.store.path": "$LECTR_SINK_STORE_PATH",
    }
    assert document["gateway"]["listen"] == "file:1"


@pytest.mark.parametrize(
    ("value", "path", "wanted"),
    [
        ("a:1,b:2", "gateway.listen", ["a:1", "b:2"]),
        ('["a:1"]', "gateway.listen", ["a:1"]),
        ("true", "sink.store.share", True),
        ("0.25", "sink.store.share", Decimal("0.25")),
        ("auto", "gateway.workers", "auto"),
        ("5", "provider.mine.base_url", "5"),
    ],
)
def test_variables_are_read_by_the_type_of_their_setting(value: str, path: str, wanted: object) -> None:
    effective: Any  # Any: whatever TOML can hold
    effective, _ = overlay(parse("[provider.mine]\n"), SECTIONS, {variable_of(path): value}, {})
    for name in path.split("."):
        effective = effective[name]
    assert effective == wanted


def test_a_fault_says_when_its_value_came_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsettledSettings) as caught:
        read_settings(none(), environ={"LECTR_GATEWAY_WORKERS": "x"})
    told = "gateway.workers ($LECTR_GATEWAY_WORKERS): expected a whole number or 'auto', got 'x'"
    assert caught.value.faults == (told,)


def none() -> Plugins:
    return load_plugins([])


def test_the_file_is_looked_for_in_the_promised_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    named, given = tmp_path / "named.toml", tmp_path / "given.toml"
    named.touch()
    given.touch()
    environ = {"LECTR_CONFIG": str(named)}
    assert find_file(None, {}) is None
    assert find_file(None, environ) == named
    Path("lectr.toml").touch()
    assert find_file(None, environ) == Path("lectr.toml")
    assert find_file(given, environ) == given
    assert find_file(Path("/dev/null"), environ) == Path("/dev/null")
    with pytest.raises(OperatorError, match="there is no file"):
        find_file(tmp_path / "gone", environ)
    Path("lectr.toml").unlink()
    with pytest.raises(OperatorError, match=r"\$LECTR_CONFIG: there is no file"):
        find_file(None, {"LECTR_CONFIG": "gone"})


def test_the_version_is_of_the_effective_document_and_a_kept_one_is_the_same(tmp_path: Path) -> None:
    file = tmp_path / "lectr.toml"
    file.write_text("# remark\n[gateway]\nworkers = 2\n")
    first = read_settings(none(), config=file, environ={})
    file.write_text("[gateway]\nworkers = 2\n\n")
    assert read_settings(none(), config=file, environ={}).settings.version == first.settings.version
    changed = read_settings(none(), config=file, environ={"LECTR_GATEWAY_WORKERS": "3"})
    assert changed.settings.version != first.settings.version
    kept = tmp_path / f"{changed.settings.version}.toml"
    kept.write_text(changed.text)
    again = read_kept(kept, (), {"LECTR_GATEWAY_WORKERS": "9"})
    assert again.settings == attrs.evolve(changed.settings, environ=again.settings.environ)
    assert version_of(changed.text) == changed.settings.version


def test_a_file_that_is_no_toml_or_no_text_says_where(tmp_path: Path) -> None:
    file = tmp_path / "lectr.toml"
    file.write_text("[gateway]\nlisten = \n")
    with pytest.raises(UnsettledSettings, match=r"no valid TOML: Invalid value .at line 2, column 10"):
        read_settings(none(), config=file, environ={})
    file.write_bytes(b"a = '\xff'")
    with pytest.raises(UnsettledSettings, match="no valid UTF-8 at byte 5"):
        read_settings(none(), config=file, environ={})
