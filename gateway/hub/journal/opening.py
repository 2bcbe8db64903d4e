"""From a path to a journal at work: lock, connect, verify, then start writing. Whatever stands in the way is one
sentence for the operator, and nothing stays open.
"""

import errno
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from gateway.errors import Misconfigured
from gateway.hub.journal import store
from gateway.hub.journal.copying import durable
from gateway.hub.journal.facts import Altered
from gateway.hub.journal.sentinel import DATABASE_HEAD, WAL_HEAD, Sentinel
from gateway.hub.journal.transaction import JournalLimits, Transaction
from gateway.hub.journal.verify import resume
from gateway.hub.journal.writer import Writer
from gateway.tlog import note


class Opened(NamedTuple):
    """What a journal works with. `resources` closes the files, once writer and reader are done with them."""

    writer: Writer
    reader: sqlite3.Connection
    resources: ExitStack


def open_files(path: Path, *, tenant: str, origin: str, signer: note.Signer, limits: JournalLimits) -> Opened:
    """Raises Misconfigured, as `Journal.open` says."""
    with ExitStack() as resources:
        try:
            writer = _start(path, resources, tenant=tenant, origin=origin, signer=signer, limits=limits)
            reader = store.connect_reader(path)
        except BlockingIOError:
            raise Misconfigured([f"{path.name}: another gateway has this journal open"]) from None
        except (Altered, store.WrongStore) as error:
            raise Misconfigured([f"{path.name}: {error}"]) from None
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise Misconfigured([f"{path.name}: the journal cannot be opened ({name})"]) from None
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "input/output error")
            raise Misconfigured([f"{path.name}: the journal cannot be opened ({name})"]) from None
        return Opened(writer, reader, resources.pop_all())


def _start(
    path: Path, resources: ExitStack, *, tenant: str, origin: str, signer: note.Signer, limits: JournalLimits
) -> Writer:
    """`resources` gives everything back in the reverse order."""
    database = Sentinel(path, DATABASE_HEAD, create=True)
    resources.callback(database.close)
    database.lock()
    connection = store.connect_writer(path)
    resources.callback(connection.close)
    store.prepare(connection, tenant=tenant, origin=origin)
    frontier, signed_size = resume(connection, verifier=signer.verifier(), origin=origin)
    # What a crash left in the WAL is verified by now; from here on only we move it.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wal = Sentinel(store.wal_of(path), WAL_HEAD)
    resources.callback(wal.close)
    durable(path.parent)  # the new file's name; SQLite does so for its WAL only
    database.remember()
    wal.remember(restarting=True)
    transaction = Transaction(
        connection, frontier=frontier, signed_size=signed_size, origin=origin, signer=signer, limits=limits
    )
    writer = Writer(transaction, database, wal, wal_bytes=limits.wal_bytes)
    resources.callback(writer.stop)
    return writer
