"""What a journal does with what is not to be kept, and with what must be; a part of `Journal`."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.errors import Deferred, Refused
from gateway.evidence.purged import Purged
from gateway.hub.journal import legal_holds
from gateway.hub.journal.erasing import erase, places
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.following import last_before
from gateway.hub.journal.kept import KeptOf, kept
from gateway.hub.journal.legal_holds import LegalHold
from gateway.hub.journal.parts import Commit, Read
from gateway.hub.journal.purging import Looked, look, purge, purged
from gateway.hub.journal.restored import unconfirmed
from gateway.hub.journal.store import id_sought, id_text
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.undisclosed import asked_by, header_of


class Retention:
    """Of one journal. Every write is durable when its await returns; each raises Deferred."""

    def __init__(
        self, path: Path, commit: Commit, read: Read, shorten: Callable[[], None], unswept: Callable[[], bool]
    ) -> None:
        self._path = path
        self._commit = commit
        self._read = read
        self._shorten = shorten
        self.unswept = unswept
        self._purged = Purged()
        self._told = 0
        self._waits = True

    def due(self, after: int, *, before: str, at: str) -> Looked:
        """What of the next facts behind that seq would go if all from before `before` were purged now, `at`."""
        gaps = self._gaps(after)
        return self._read(lambda connection: look(connection, gaps, before=before, at=at))

    async def purge(self, after: int, *, before: str, at: str) -> Looked:
        """Purge the next facts behind that seq from before `before`; that is a fact. `before` lies years back."""
        gaps = self._gaps(after)  # what another purges meanwhile is passed over
        return await self._commit(partial(purge, gaps=gaps, before=before, at=at), large=True)

    def silent(self, since: str, until: str) -> bool:
        """Whether the log has facts and none from between these times, as far as halving finds them."""
        return self._read(partial(_silent, since=since, until=until))

    def waits(self) -> bool:
        """Whether the log was put back from a backup, and nobody has had retention run since."""
        try:
            self._waits = self._waits and unconfirmed(self._path)
        except (sqlite3.Error, Altered):
            raise Deferred("log_unavailable") from None
        return self._waits

    async def swept(self) -> None:
        """Nothing of what was deleted so far stays in the WAL, unless somebody reads there just now: then it is to be
        done again, as long as it is `unswept`.
        """
        self._shorten()
        for _ in range(2):  # the second begins when the WAL was moved behind the first
            await self._commit(lambda _: None)

    def held(self, message_id: str) -> bool:
        """Whether a legal hold is on this message."""
        return self._read(partial(legal_holds.held, message_id=id_sought(message_id)))

    def legal_holds(self) -> list[LegalHold]:
        """Those in force."""
        return self._read(legal_holds.legal_holds)

    async def place(self, fields: Mapping[str, Any], *, at: str) -> None:
        """See `legal_holds.place`. Raises Refused("case_taken")."""
        await self._commit(partial(legal_holds.place, fields=fields, at=at))

    async def lift(self, fields: Mapping[str, Any], *, at: str) -> None:
        """See `legal_holds.lift`. Raises Refused("unknown_case")."""
        await self._commit(partial(legal_holds.lift, fields=fields, at=at))

    async def erase(self, tags: Iterable[bytes], fields: Mapping[str, Any], *, at: str) -> int:
        """Take the rows with one of these tags away, of the connector and the months that `fields` name; returns how
        many. Raises Refused("under_investigation").
        """
        try:
            found = await asyncio.to_thread(places, self._path, tags, fields["connector"], fields["months"])
        except sqlite3.Error:
            raise Deferred("log_unavailable") from None
        erased = await self._commit(partial(erase, found=found, fields=fields, at=at), large=True)
        await self.swept()
        return erased

    async def mark(self, message_id: str, fields: Mapping[str, Any], *, at: str) -> str:
        """From now on the exchange that this message is of is not to be disclosed; returns the id of its first message.

        Raises Refused("unknown_message").
        """
        return await self._commit(partial(_mark, message_id=message_id, fields=fields, at=at))

    def kept(self, message_id: str) -> KeptOf:
        """What the journal has of a message still; it need not be known."""
        return self._read(partial(kept, message_id=message_id))

    def _gaps(self, after: int) -> list[tuple[int, int]]:
        self._told = self._read(partial(purged, into=self._purged, after=self._told))
        return list(self._purged.gaps(after))


def _silent(connection: sqlite3.Connection, since: str, until: str) -> bool:
    size = connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0]
    place = last_before(connection, until, size)
    row = connection.execute("SELECT at FROM fact WHERE seq = ?", (place,)).fetchone()
    return row is not None and row[0] < since


def _mark(transaction: Transaction, message_id: str, fields: Mapping[str, Any], at: str) -> str:
    sought = id_sought(message_id)
    if transaction.execute(_STANDS, (sought,)).fetchone() is None:
        raise Refused("unknown_message")
    header = header_of(
        transaction.connection, sought
    )  # empty if that was purged: then what is left is marked by itself
    first = id_text(asked_by(header) or sought)
    transaction.append(FactKind.MESSAGE_UNDISCLOSED, fields, at=at, message_id=first)
    return first


_STANDS: Final = "SELECT 1 FROM fact WHERE message_id = ? AND body IS NOT NULL LIMIT 1"
