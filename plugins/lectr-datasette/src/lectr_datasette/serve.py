"""The explorer's process: writes the metadata down, then becomes Datasette.

Run as `python -m lectr_datasette.serve DATABASE`. No secret stands in the arguments: a password is named, not given.
Called by the companion and by `lectr explore`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lectr_core import OperatorError
from lectr_datasette.metadata import metadata_of
from lectr_datasette.settings import ExplorerSettings

DATABASE_VARIABLE: Final = "LECTR_EXPLORER_DATABASE"
PASSWORD_ENV_VARIABLE: Final = "LECTR_EXPLORER_PASSWORD_ENV"
METADATA_VARIABLE: Final = "LECTR_EXPLORER_METADATA"
"""The file with the metadata; removed once it is read."""
ARGUMENTS_VARIABLE: Final = "LECTR_EXPLORER_ARGUMENTS"
HOSTS_VARIABLE: Final = "LECTR_EXPLORER_HOSTS"

# The whole page took 0.7 s over 50,000 requests in 60 days (two cores); a single question may take longer than that.
_SETTINGS: Final = {
    "suggest_facets": "off",
    "sql_time_limit_ms": "3000",
    "facet_time_limit_ms": "400",
    "max_returned_rows": "2000",
    "default_page_size": "50",
    "default_facet_size": "15",
    "truncate_cells_html": "160",
    "allow_download": "off",
    "default_cache_ttl": "0",
}


def datasette_words(listen: tuple[str, int], metadata: Path, *, opens: bool) -> list[str]:
    """Datasette's command line. The database is not in it: it may not exist yet, and is attached when it does."""
    host, port = listen
    words = ["serve", "--host", host, "--port", str(port), "--metadata", str(metadata)]
    for name, value in _SETTINGS.items():
        words += ["--setting", name, value]
    return [*words, "--open"] if opens else words


def begin_again() -> None:
    """Become a new Datasette with the arguments of this one. Does not return."""
    os.execv(sys.executable, [sys.executable, "-m", "lectr_datasette.serve", *json.loads(os.environ[ARGUMENTS_VARIABLE])])


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Does not return: the process becomes Datasette."""
    parser = argparse.ArgumentParser("python -m lectr_datasette.serve", description="Datasette on Lectr's database.")
    parser.add_argument("database", type=Path)
    parser.add_argument("--listen", default="127.0.0.1:8421", help="HOST:PORT (default %(default)s)")
    parser.add_argument("--password-env", help="name of the variable that holds the password")
    parser.add_argument("--host-name", action="append", default=[], help="a name it may be called by")
    parser.add_argument("--open", action="store_true", help="open a browser")
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = parser.parse_args(given)
    settings = ExplorerSettings(listen=chosen.listen, password_env=chosen.password_env, hosts=tuple(chosen.host_name))
    try:
        settings.check(os.environ)
        settings.check_free()
        listen = settings.address()
    except OperatorError as exc:
        print(f"lectr explore: {exc}", file=sys.stderr)
        return 2
    handle, name = tempfile.mkstemp(prefix="lectr-explorer-", suffix=".json")
    with open(handle, "w") as file:
        json.dump(metadata_of(chosen.database), file)
    os.environ[DATABASE_VARIABLE] = str(chosen.database.absolute())
    os.environ[METADATA_VARIABLE] = name
    os.environ[HOSTS_VARIABLE] = ",".join((listen[0], *settings.hosts))
    if settings.password_env is not None:
        os.environ[PASSWORD_ENV_VARIABLE] = settings.password_env
    # A browser is opened the first time only.
    os.environ[ARGUMENTS_VARIABLE] = json.dumps([word for word in given if word != "--open"])
    words = datasette_words(listen, Path(name), opens=chosen.open)
    os.execv(sys.executable, [sys.executable, "-m", "datasette", *words])


if __name__ == "__main__":
    sys.exit(main())
