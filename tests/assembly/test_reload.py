"""What a new version changes at once, what waits for a restart, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lectr_core.assembly.document import parse
from lectr_core.assembly.ground import Doors, open_doors
from lectr_core.assembly.plugins import Plugins, load_plugins
from lectr_core.assembly.reload import Watch, weigh
from lectr_core.assembly.settings import Loaded, settle
from lectr_core.errors import OperatorError, UnsettledSettings
from lectr_core.model.settings import Settings


def loaded(text: str) -> Loaded:
    return settle(parse(text), (), environ={})


@pytest.fixture
def doors() -> Iterator[Doors]:
    with open_doors(["127.0.0.1:0"]) as opened:
        yield opened


def test_the_same_settings_in_other_words_are_nothing_new(doors: Doors) -> None:
    change = weigh(loaded("[gateway]\nworkers = 1"), loaded("# the same\n[gateway]\nworkers=1"), load_plugins([]), doors)
    assert (change.is_new, change.restart_cold, change.later) == (False, False, ())


def test_limits_hold_at_once_and_doors_and_workers_later(doors: Doors) -> None:
    new = loaded("[gateway]\nidle_limit_s = 1\nlisten = '127.0.0.1:1'\nworkers = 4\n")
    change = weigh(loaded(""), new, load_plugins([]), doors)
    assert change.is_new
    assert change.later == ("gateway.listen", "gateway.workers")


def test_money_that_is_declared_anew_reaches_who_prices(doors: Doors) -> None:
    rate = "[[money.rate]]\ncurrency = 'EUR'\nusd = 1.1\nsince = 2026-01-01\n"
    assert weigh(loaded(""), loaded(rate), load_plugins([]), doors).restart_cold
    assert not weigh(loaded(rate), loaded(rate + "[gateway]\nidle_limit_s = 1\n"), load_plugins([]), doors).restart_cold


def test_the_data_directory_cannot_change_under_way(doors: Doors) -> None:
    with pytest.raises(UnsettledSettings, match=r"gateway\.data: cannot change while the gateway runs"):
        weigh(loaded(""), loaded("[gateway]\ndata = 'elsewhere'"), load_plugins([]), doors)


def test_auth_none_is_judged_by_the_doors_that_are_open() -> None:
    new = loaded("[gateway]\nauth = 'none'\nlisten = '127.0.0.1:8420'\n")
    with open_doors(["0.0.0.0:0"]) as doors, pytest.raises(UnsettledSettings, match="listens on other addresses now"):
        weigh(loaded(""), new, load_plugins([]), doors)


def test_what_the_plugins_refuse_is_refused(doors: Doors) -> None:
    with pytest.raises(UnsettledSettings, match="expected an installed provider"):
        weigh(loaded(""), loaded("[gateway]\ndefault_provider = 'x'"), load_plugins([]), doors)


def test_faults_that_only_show_when_all_is_built_are_told_at_once(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(plugins: Plugins, settings: Settings) -> None:
        raise OperatorError("rule: two are named 'a'")

    monkeypatch.setattr(Plugins, "policies", refuse)
    with pytest.raises(UnsettledSettings) as caught:
        weigh(loaded(""), loaded("[gateway]\ndefault_provider = 'x'"), load_plugins([]), doors)
    assert [fault.partition(":")[0] for fault in caught.value.faults] == ["gateway.default_provider", "rule"]


def test_a_file_is_read_again_once_it_stands_still(tmp_path: Path) -> None:
    file = tmp_path / "lectr.toml"
    watch = Watch(lambda: file if file.exists() else None)
    assert not watch.changed()
    file.write_text("half")
    assert not watch.changed(), "it may not be written to its end"
    file.write_text("whole now")
    assert not watch.changed()
    assert watch.changed()
    assert not watch.changed()
    file.unlink()
    assert [watch.changed(), watch.changed(), watch.changed()] == [False, True, False]


def test_a_file_that_somebody_asked_to_be_read_is_not_read_a_second_time(tmp_path: Path) -> None:
    """Its faults would be told twice."""
    file = tmp_path / "lectr.toml"
    watch = Watch(lambda: file if file.exists() else None)
    file.write_text("new")
    watch.noted()
    assert [watch.changed(), watch.changed()] == [False, False]
    file.write_text("newer still")
    assert [watch.changed(), watch.changed()] == [False, True]
