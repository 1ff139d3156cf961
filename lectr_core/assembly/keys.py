"""Org keys on disk: `<data>/keys.json`, edited by commands, read by workers.

Holds digests, never keys: a key is seen once, by whoever made it. Edits are taken one after the other (a lock) and replace
the file whole; a worker notices within a quarter of a second. Called by the command line, the supervisor and the workers.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs

from lectr_core.errors import OperatorError
from lectr_core.journal.layout import FILE_MODE
from lectr_core.journal.whole import make_directory, replace_file
from lectr_core.model import codec
from lectr_core.model.keys import KeyHolder, KeyRing
from lectr_core.model.secret import KEY_PREFIX, key_digest

FILE = "keys.json"
LOCK = "keys.lock"
ORG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_NAME = 100


@attrs.frozen
class Org:
    """A customer, team or product: whoever requests are counted for."""

    name: str
    disabled: bool = False
    created_at: str = ""
    """UTC, ISO 8601."""


@attrs.frozen
class Key:
    """One key, as it is kept."""

    id: str
    org: str
    name: str
    digest: str
    created_at: str
    """UTC, ISO 8601."""
    revoked_at: str | None = None


@attrs.frozen
class Book:
    """Everything in the file."""

    orgs: tuple[Org, ...] = ()
    keys: tuple[Key, ...] = ()

    def org(self, name: str) -> Org | None:
        """The org of that name."""
        return next((org for org in self.orgs if org.name == name), None)

    def ring(self) -> KeyRing:
        """The book as the gateway asks it."""
        disabled = {org.name for org in self.orgs if org.disabled}
        return KeyRing(
            {
                key.digest: KeyHolder(key.id, key.org, key.digest, key.revoked_at is not None, key.org in disabled)
                for key in self.keys
            }
        )


def read_book(data: Path) -> Book:
    """The keys of a data directory; an empty book where there is no file. Errors: OperatorError where it is damaged."""
    try:
        return codec.decode((data / FILE).read_bytes(), Book)
    except FileNotFoundError:
        return Book()
    except ValueError:
        # the decoder's message could quote the file
        raise OperatorError(
            f"{str(data / FILE)!r} is damaged: restore it from a copy, or remove it and make new keys"
        ) from None
    except OSError as exc:
        raise OperatorError(f"cannot read {str(data / FILE)!r}: {exc.strerror}") from exc


def reread_book(data: Path) -> Book:
    """As `read_book`, for a gateway that runs: a file that is gone takes nobody's key away (`lectr keys revoke` does).

    Errors: OperatorError also where there is no file any more, as when somebody removed the data directory.
    """
    if not (data / FILE).exists():
        raise OperatorError(f"{str(data / FILE)!r} is gone: restore it; until then those keys work that worked before")
    return read_book(data)


def create_key(data: Path, org: str, name: str) -> tuple[Key, str]:
    """Make a key, and the org where it is new. Returns the key as kept, and the key itself: nobody can see it again.

    Errors: OperatorError for a name that cannot be, or a disabled org.
    """
    if not ORG.fullmatch(org):
        raise OperatorError("--org: expected 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit")
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME or name.startswith(KEY_PREFIX):
        raise OperatorError(f"--name: expected 1 to {LONGEST_NAME} printable characters")
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    made = Key(f"k_{secrets.token_hex(5)}", org, name, key_digest(secret.encode()), _now())

    def add(book: Book) -> Book:
        found = book.org(org)
        if found is not None and found.disabled:
            raise OperatorError(f"the org {org!r} is disabled; enable it first with: lectr orgs enable {org}")
        orgs = book.orgs if found is not None else (*book.orgs, Org(org, created_at=made.created_at))
        return Book(orgs, (*book.keys, made))

    _edit(data, add)
    return made, secret


def revoke_key(data: Path, key_id: str) -> Key:
    """Refuse a key from now on. Errors: OperatorError where there is no such key."""

    def revoke(book: Book) -> Book:
        if not any(key.id == key_id for key in book.keys):
            # an operator may paste the key itself here, so what was given is not repeated
            raise OperatorError("there is no key with this id; `lectr keys list` shows the ids")
        at = _now()
        return attrs.evolve(
            book,
            keys=tuple(attrs.evolve(key, revoked_at=key.revoked_at or at) if key.id == key_id else key for key in book.keys),
        )

    return next(key for key in _edit(data, revoke).keys if key.id == key_id)


def set_org(data: Path, name: str, *, disabled: bool) -> Org:
    """Switch an org off or on. Errors: OperatorError where there is no such org."""

    def switch(book: Book) -> Book:
        if book.org(name) is None:
            known = ", ".join(org.name for org in book.orgs) or "none"
            raise OperatorError(f"there is no org of this name; there are: {known}")
        return attrs.evolve(
            book, orgs=tuple(attrs.evolve(org, disabled=disabled) if org.name == name else org for org in book.orgs)
        )

    return next(org for org in _edit(data, switch).orgs if org.name == name)


@attrs.define
class Watched:
    """The key file as a worker watches it."""

    data: Path
    _seen: tuple[int, int, int] | None = attrs.field(init=False, default=None)

    def changed(self) -> bool:
        """Whether the file is another one than at the last call (the first call: yes). Costs one `stat`."""
        try:
            status = (self.data / FILE).stat()
            now = (status.st_ino, status.st_mtime_ns, status.st_size)
        except OSError:
            now = (0, 0, 0)
        changed = now != self._seen
        self._seen = now
        return changed


def _edit(data: Path, change: Callable[[Book], Book]) -> Book:
    """Read, change and replace the file, alone. Errors: OperatorError; the file is then as it was."""
    try:
        make_directory(data)
        with _alone(data):
            book = change(read_book(data))
            text = json.dumps({"orgs": _plain(book.orgs), "keys": _plain(book.keys)}, indent=1, ensure_ascii=False)
            replace_file(data / FILE, text.encode() + b"\n")
            return book
    except OSError as exc:
        raise OperatorError(f"cannot write {str(data / FILE)!r}: {exc.strerror}") from exc


def _plain(values: tuple[Org | Key, ...] | tuple[Org, ...] | tuple[Key, ...]) -> list[dict[str, object]]:
    return [attrs.asdict(value) for value in values]


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    lock = os.open(data / LOCK, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
