"""The held messages of one tenant's journal: what is decided about them, and what they are; a part of `Journal`."""

import sqlite3
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from gateway.hub.journal import holding
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.hold import CODE, By
from gateway.hub.journal.holding import Confirmed, Reason
from gateway.hub.journal.parts import Commit, Read
from gateway.hub.journal.reading import DueSettlement
from gateway.hub.journal.undisclosed import undisclosed
from gateway.hub.journal.work import Work, read_work
from gateway.hub.people import Confirmers

LISTED: Final = 200
"""How many holds `listed` tells at a time."""


class Holds:
    """Every write is durable when its await returns; each checks what may follow in its own transaction."""

    def __init__(self, tenant: str, commit: Commit, read: Read) -> None:
        self._tenant = tenant
        self._commit = commit
        self._read = read

    async def look(self, message_id: str, *, by: By, at: str) -> None:
        """To be called before the content is given out. Raises Refused: unknown_message, not_held."""
        await self._commit(partial(holding.look, message_id=message_id, by=by, at=at))

    async def shown(self, message_id: str, *, by: By, at: str) -> None:
        """The content was given out and could be opened. Raises Refused: unknown_message, not_held, not_looked_at."""
        await self._commit(partial(holding.shown, message_id=message_id, by=by, at=at))

    async def place(self, message_id: str, *, at: str) -> bool:
        """Hold what was due, unless people released it once; whether it is held. Raises Refused("unknown_message")."""
        return await self._commit(partial(holding.place, message_id=message_id, at=at))

    async def confirm(self, message_id: str, *, by: By, people: Confirmers, at: str, now: float) -> Confirmed:
        """The first word approves; a second, another person's who is an approver, releases: then it is due at `now`.
        If the first may confirm no more, that approval has lapsed, and this is the first word.

        Raises Refused: unknown_message, not_held, maker_may_not_confirm, not_looked_at, second_person_needed,
        role_missing.
        """
        return await self._commit(partial(holding.confirm, message_id=message_id, by=by, people=people, at=at, now=now))

    async def refuse(
        self, message_id: str, *, by: By, people: Confirmers, reason: Reason, at: str
    ) -> DueSettlement | None:
        """All that is open ends refused `not_released`; returns what the source is to hear.

        Raises Refused: unknown_message, not_held, maker_may_not_confirm, not_looked_at, role_missing.
        """
        write = partial(holding.refuse, message_id=message_id, by=by, people=people, reason=reason, at=at)
        return await self._commit(partial(write, tenant=self._tenant))

    async def expire(self, message_id: str, *, at: str) -> DueSettlement | None:
        """If it is still held and its time is over, all that is open ends dead `expired`; what the source is to hear
        then. Raises Refused("unknown_message").
        """
        return await self._commit(partial(holding.expire, message_id=message_id, at=at, tenant=self._tenant))

    # ---- reads ------------------------------------------------------------------------------------------------------

    def listed(self, after: int = 0) -> list[dict[str, Any]]:
        """The next `LISTED` held messages behind that seq, as plain JSON for people: what stands in the clear."""
        return self._read(partial(_listed, after=after))

    def count(self) -> int:
        """How many messages are held."""
        return self._read(lambda connection: int(connection.execute(_COUNT).fetchone()[0]))

    def ends(self) -> Iterator[tuple[str, str, str]]:
        """When the time of each held message is over, its id, and its destination."""
        for page in self.pages():
            yield from ((each["until"], each["message_id"], each["destination"]) for each in page)

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """All held messages, some at a time."""
        after = 0
        while found := self.listed(after):
            yield found
            after = found[-1]["seq"]


def _listed(connection: sqlite3.Connection, after: int) -> list[dict[str, Any]]:
    rows = connection.execute(_HELD, (after, LISTED)).fetchall()
    found = ((seq, since, read_work(connection, stored_id)) for seq, stored_id, since in rows)
    return [_row(connection, seq, since, work) for seq, since, work in found if work and work.header]


def _row(connection: sqlite3.Connection, seq: int, since: str, work: Work) -> dict[str, Any]:
    header = work.header or {}
    return {
        "message_id": work.message_id,
        "seq": seq,
        "at": header["created_at"],
        "kind": FactKind.MESSAGE_RECORDED,
        **{key: header[key] for key in ("route", "source", "destination", "operation")},
        "records": len(work.open),
        "since": since,
        "until": work.until,
        "cause": CODE,
        "looked": sorted(work.hold.shown),
        "approved": work.hold.approved.person if work.hold.approved else None,
        "undisclosed": undisclosed(connection, work.stored_id, header),
    }


_HELD: Final = (
    "SELECT seq, id, (SELECT max(at) FROM fact WHERE message_id = message.id AND kind = 'hold.placed')"
    " FROM message WHERE held = 1 AND seq > ? ORDER BY seq LIMIT ?"
)
_COUNT: Final = "SELECT count(*) FROM message WHERE held = 1"
