"""A group of writes becomes one transaction, all but its commit: each write's result, or what it alone raised.

The rule: what fails leaves no trace. Savepoints are dear and hardly ever needed, for what refuses does so before it has
written: the group is first tried without, and only if one of it fails half-way is all taken back and done with them.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from gateway.hub.journal.faults import cause, concerns_all
from gateway.hub.journal.transaction import Transaction

T = TypeVar("T")
Write: TypeAlias = Callable[[Transaction], T]


class Held(Exception):
    """Another program holds the database just now; nothing was written. The text is the cause for the operator."""


class _HalfWritten(Exception):
    """A write failed after it had changed something."""


def fill(transaction: Transaction, writes: Sequence[Write[Any]]) -> list[Any]:
    """Each write's result, or its exception if that is a matter of this write alone.

    Raises Held, and whatever concerns all of them: then the transaction is not to be committed.
    """
    _begin(transaction)
    mark = transaction.mark()
    try:
        return [_bare(transaction, each) for each in writes]
    except _HalfWritten:
        transaction.execute("ROLLBACK")
        transaction.reset(mark)
    _begin(transaction)
    return [_saved(transaction, each) for each in writes]


def _begin(transaction: Transaction) -> None:
    try:
        transaction.begin()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise
        raise Held(cause(error)) from None


def _bare(transaction: Transaction, write: Write[Any]) -> Any:
    """Raises _HalfWritten if something must be taken back."""
    before = transaction.connection.total_changes
    try:
        return write(transaction)
    except Exception as error:
        if concerns_all(error):
            raise
        if transaction.connection.total_changes != before:
            raise _HalfWritten from None
        return error


def _saved(transaction: Transaction, write: Write[Any]) -> Any:
    """In a savepoint of its own."""
    mark = transaction.mark()
    transaction.execute("SAVEPOINT one_write")
    try:
        result = write(transaction)
    except Exception as error:
        if concerns_all(error):
            raise
        transaction.execute("ROLLBACK TO one_write")
        transaction.reset(mark)
        result = error
    transaction.execute("RELEASE one_write")
    return result
