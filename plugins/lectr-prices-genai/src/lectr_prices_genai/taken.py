"""The catalog that was taken in place of the package's own: one file in the data directory, replaced whole.

It holds the lists and where they come from. A file that was made of the package's own list only holds until that package, or
a newer one, is the one that runs: so a gateway takes up a new package without a restart, and none is held back by an old
file. A file that cannot be read is passed over, and said: in the log, by `lectr doctor` and by `lectr prices`; every record
names the catalog it was priced with. Called by `listed.py` and by the command `lectr prices update`.
"""

from __future__ import annotations

import json
import logging
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import attrs

from lectr_core import OperatorError, make_directory, replace_file
from lectr_prices_genai.catalog import VERSION, Catalog, installed
from lectr_prices_genai.reading import built, dumped

_log = logging.getLogger("lectr.cold")

FILE: Final = "prices.json"
FORMAT: Final = 1
MEND: Final = (
    "take one again with `lectr prices update` (or --from FILE, --fetch); "
    "what was priced meanwhile, `lectr reprice --since ...` restates"
)

Stamp = tuple[int, int, int] | None


@attrs.frozen(kw_only=True)
class Taken:
    """A catalog, with how it came here."""

    catalog: Catalog
    taken_at: str
    """UTC, ISO 8601."""
    package: str | None = None
    """The version of the package whose own list it is; None: it is of another origin."""


@attrs.frozen
class InUse:
    """The catalog that holds."""

    catalog: Catalog
    fault: str | None = None
    """Why it is not the one that was taken; None: it is, or none was."""


def path_in(data: Path) -> Path:
    """Where it is kept."""
    return data / FILE


def stamp(path: Path | None) -> Stamp:
    """What tells one file from the next one at that place; None: there is none."""
    try:
        status = None if path is None else path.stat()
    except OSError:
        return None
    return None if status is None else (status.st_ino, status.st_mtime_ns, status.st_size)


def in_use(path: Path | None) -> InUse:
    """The catalog that holds: the one that was taken, else the package's own."""
    try:
        taken = None if path is None else read(path)
    except OperatorError as exc:
        own = installed()
        fault = f"{exc}; priced with the package's own list meanwhile: {own.told()}"
        _log.error("%s; %s", fault, MEND)
        return InUse(own, fault)
    return InUse(installed() if taken is None or is_passed(taken) else taken.catalog)


def is_passed(taken: Taken) -> bool:
    """Whether the installed package has the same list, or a newer one of the same origin."""
    return taken.package is not None and _parts(VERSION) >= _parts(taken.package)


def read(path: Path) -> Taken | None:
    """What is kept there; None where nothing is. Errors: OperatorError where it cannot be read."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise OperatorError(f"cannot read {path}: {exc.strerror}") from exc
    try:
        kept = json.loads(data, parse_float=Decimal)
    except (ValueError, RecursionError) as exc:
        raise OperatorError(f"{path} is damaged: {'it is empty' if not data else 'it is no whole JSON'}") from exc
    try:
        if kept["format"] != FORMAT:
            raise OperatorError(f"{path} was written by another version of Lectr (format {kept['format']!r})")
        dated, package = kept["dated"], kept["package"]
        if dated is not None:
            date.fromisoformat(dated)
        if not isinstance(package, str | None):
            raise TypeError(package)
        catalog = Catalog(str(kept["source"]), dated, str(kept["mark"]), built(kept["providers"], str(path)))
        return Taken(catalog=catalog, taken_at=str(kept["taken_at"]), package=package)
    except (ValueError, KeyError, TypeError) as exc:
        raise OperatorError(f"{path} is damaged: it is JSON, but not what Lectr writes there") from exc


def write(path: Path, taken: Taken) -> None:
    """Keep it there, in one step: a reader finds the old file or the new one. Errors: OperatorError; the old one stays."""
    catalog = taken.catalog
    document = {
        "format": FORMAT,
        "source": catalog.source,
        "dated": catalog.dated,
        "mark": catalog.mark,
        "taken_at": taken.taken_at,
        "package": taken.package,
        "providers": dumped(catalog.providers),
    }
    try:
        make_directory(path.parent)
        replace_file(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    except OSError as exc:
        raise OperatorError(f"cannot keep the catalog at {path}: {exc.strerror}") from exc


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
