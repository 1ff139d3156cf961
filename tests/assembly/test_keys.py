"""Keys are seen once, kept as digests, and edited by one at a time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from lectr_core.assembly import keys
from lectr_core.errors import OperatorError
from lectr_core.model.keys import KeyRing
from lectr_core.model.secret import KEY_PREFIX


def ring(data: Path) -> KeyRing:
    return keys.read_book(data).ring()


def test_a_created_key_opens_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made, secret = keys.create_key(data, "acme", "ci")
    assert secret.startswith(KEY_PREFIX)
    assert len(secret) == len(KEY_PREFIX) + 43
    holder = ring(data).find(secret.encode())
    assert holder is not None
    assert (holder.org, holder.key_id) == ("acme", made.id)
    for file in data.iterdir():
        assert secret not in file.read_text()
        assert secret.removeprefix(KEY_PREFIX) not in file.read_text()
    assert (data / keys.FILE).stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o777 == 0o700


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    made = [keys.create_key(tmp_path, "acme", "ci") for _ in range(5)]
    assert len({secret for _, secret in made}) == len({key.id for key, _ in made}) == 5


def test_a_revoked_key_is_nobodys(tmp_path: Path) -> None:
    made, secret = keys.create_key(tmp_path, "acme", "ci")
    _, other = keys.create_key(tmp_path, "acme", "other")
    first = keys.revoke_key(tmp_path, made.id)
    assert first.revoked_at
    assert keys.revoke_key(tmp_path, made.id) == first
    assert ring(tmp_path).find(secret.encode()) is None
    assert ring(tmp_path).find(other.encode()) is not None


def test_a_disabled_org_is_known_and_closed(tmp_path: Path) -> None:
    _, secret = keys.create_key(tmp_path, "acme", "ci")
    keys.set_org(tmp_path, "acme", disabled=True)
    holder = ring(tmp_path).find(secret.encode())
    assert holder is not None
    assert holder.org_disabled
    with pytest.raises(OperatorError, match="is disabled; enable it first"):
        keys.create_key(tmp_path, "acme", "more")
    keys.set_org(tmp_path, "acme", disabled=False)
    again = ring(tmp_path).find(secret.encode())
    assert again is not None
    assert not again.org_disabled


@pytest.mark.parametrize(
    ("org", "name"), [("", "x"), ("a b", "x"), ("-a", "x"), ("a" * 65, "x"), ("a", ""), ("a", "x\n"), ("a", "x" * 101)]
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, org: str, name: str) -> None:
    with pytest.raises(OperatorError, match="expected 1 to"):
        keys.create_key(tmp_path, org, name)
    assert keys.read_book(tmp_path) == keys.Book()


def test_a_key_pasted_as_a_name_is_not_repeated(tmp_path: Path) -> None:
    _, secret = keys.create_key(tmp_path, "acme", "ci")
    for attempt in (
        lambda: keys.create_key(tmp_path, "acme", secret),
        lambda: keys.revoke_key(tmp_path, secret),
        lambda: keys.set_org(tmp_path, secret, disabled=True),
    ):
        with pytest.raises(OperatorError) as caught:
            attempt()
        assert secret not in str(caught.value)


def test_many_edits_at_once_lose_none(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=keys.create_key, args=(tmp_path, f"org{number % 3}", str(number))) for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book = keys.read_book(tmp_path)
    assert sorted(key.name for key in book.keys) == sorted(str(number) for number in range(12))
    assert {org.name for org in book.orgs} == {"org0", "org1", "org2"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"orgs": 7}', '{"keys": [{"id": 1}]}'])
def test_a_damaged_file_is_said_and_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / keys.FILE).write_text(text)
    with pytest.raises(OperatorError, match="is damaged"):
        keys.create_key(tmp_path, "acme", "ci")
    assert (tmp_path / keys.FILE).read_text() == text


def test_a_failed_edit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    keys.create_key(tmp_path, "acme", "ci")
    before = (tmp_path / keys.FILE).read_bytes()
    with pytest.raises(OperatorError):
        keys.revoke_key(tmp_path, "k_none")
    assert (tmp_path / keys.FILE).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [keys.FILE, keys.LOCK]


def test_a_watched_file_is_changed_once_for_each_edit(tmp_path: Path) -> None:
    watched = keys.Watched(tmp_path)
    assert [watched.changed(), watched.changed()] == [True, False]
    made, _ = keys.create_key(tmp_path, "acme", "ci")
    assert [watched.changed(), watched.changed()] == [True, False]
    keys.revoke_key(tmp_path, made.id)
    assert [watched.changed(), watched.changed()] == [True, False]
    (tmp_path / keys.FILE).unlink()
    assert [watched.changed(), watched.changed()] == [True, False]


def test_the_file_is_plain_json_for_people_and_backups(tmp_path: Path) -> None:
    keys.create_key(tmp_path, "acme", "naïve")
    kept = json.loads((tmp_path / keys.FILE).read_text())
    assert kept["keys"][0]["name"] == "naïve"
    assert kept["orgs"][0] == {"name": "acme", "disabled": False, "created_at": kept["keys"][0]["created_at"]}


def test_a_file_that_is_gone_takes_nobodys_key_away(tmp_path: Path) -> None:
    keys.create_key(tmp_path, "acme", "ci")
    assert keys.reread_book(tmp_path) == keys.read_book(tmp_path)
    (tmp_path / "keys.json").unlink()
    with pytest.raises(OperatorError, match="is gone"):
        keys.reread_book(tmp_path)
