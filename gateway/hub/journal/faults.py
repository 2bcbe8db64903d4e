"""An error while writing: whether it is a matter of one write or of them all, and its cause for the operator."""

import errno
import sqlite3

from gateway.hub.journal.facts import Altered
from gateway.hub.journal.sentinel import FileChanged


class OtherHistory(Exception):
    """The log is not the one that others know it to be. The text says who, and what they know."""


def concerns_all(error: Exception) -> bool:
    """Whether an error in one write concerns them all: disk full, input/output, corruption; not a broken constraint."""
    if isinstance(error, Altered):
        return True
    mine = sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError
    return isinstance(error, sqlite3.Error | OSError) and not isinstance(error, mine)


def cause(error: Exception) -> str:
    """One sentence for the operator. Names the file or the system's error code, never what was being written."""
    match error:
        case FileChanged() | Altered() | OtherHistory():
            return f"The central log cannot be trusted: {error}."
        case sqlite3.Error():
            return f"The central log cannot be written: {getattr(error, 'sqlite_errorname', type(error).__name__)}."
        case OSError():
            return f"The central log cannot be written: {errno.errorcode.get(error.errno or 0, 'input/output error')}."
        case _:
            return f"The central log stopped by a fault of the gateway: {type(error).__name__}."
