"""`gateway log export --form`: the facts of a log for other tools, once."""

import os
import sqlite3
import sys
from pathlib import Path

from gateway.errors import Misconfigured


def copy(connection: sqlite3.Connection, log: str, to: Path, form: str, root: Path, since: int) -> None:
    """Every fact from `since` on, to a new file or, if that is `-`, to stdout. Raises Misconfigured."""
    from gateway.config import read_gateway_file
    from gateway.hub.exports import copy_of, file_form
    from gateway.hub.journal.facts import Altered
    from gateway.hub.journal.following import follow

    write = file_form(form, read_gateway_file(root).name)
    (size,) = connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()
    at = since - 1
    try:
        with sys.stdout.buffer if str(to) == "-" else os.fdopen(new_file(to), "wb") as stream:
            while at < size:
                found, at = follow(connection, at, size, ())
                stream.writelines(write(copy_of(log, each)) for each in found)
    except Altered as altered:
        raise Misconfigured((f"{log}: {altered}; run: gateway log verify",)) from None


def require_form(form: str) -> None:
    """Raises Misconfigured if there is no such form."""
    from gateway.hub.exports import SUFFIXES

    if form not in SUFFIXES:
        raise Misconfigured((f"--form {form}: there is {', '.join(SUFFIXES)}",))


def require_new(to: Path) -> None:
    """Before the copy is listed: raises Misconfigured if no file can be made there."""
    if str(to) != "-":
        os.close(new_file(to))
        to.unlink()


def new_file(to: Path) -> int:
    """One for its owner alone, opened for writing. Raises Misconfigured, also if something is there."""
    try:
        return os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Misconfigured((f"{to}: {error.strerror}",)) from None
