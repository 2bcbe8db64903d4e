"""A copy of a log as it is at one moment, beside a running gateway or without one."""

import os
from contextlib import closing
from pathlib import Path

from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of


def copy_log(path: Path, to: Path) -> None:
    """Everything that is committed, without what was deleted before. `to` must not exist; it is durable on return.

    Raises WrongStore if it is no journal, sqlite3.Error or OSError.
    """
    if not path.is_file():
        raise WrongStore("does not exist")
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # SQLite takes an empty file, and its mode
    with closing(connect_reader(path, at_rest=not wal_of(path).exists())) as connection:
        identify(connection)
        connection.execute("PRAGMA query_only = OFF")  # the database itself is opened for reading only
        connection.execute("VACUUM INTO ?", (str(to),))
    durable(to)
    durable(to.parent)


def durable(path: Path) -> None:
    """Have a file's content, or a folder's names, survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
