"""What is due to be sent, by kind: notices, doses given back, questions for ID5, doses for research.

The rule: a batch that is under way stays what it is until it is ended; only if a record of it may not go any more as it
was does it dissolve. What cannot be sent yet sleeps until something about its person changes.
"""

import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from pydantic_core import to_json

from gateway_vaccination_records.record_system.ledger_models import DueKind, EndedRow
from gateway_vaccination_records.record_system.pauses import pause
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Version, instant

Record: TypeAlias = Mapping[str, Any]
_MOST_LOOKED_AT: Final = 2000
"""So many at a time are found to be asleep: a million new notices to the unlinked must not hold up the area."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to send: about a person, and unless it is an ID5 that is wanted, one state of an entry."""

    id: int
    person: int
    entry: int | None
    version: Version | None
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sending:
    """The records that are being sent now; a record's place is its index in the batch."""

    id: str
    records: tuple[Record, ...] = field(repr=False)


Make: TypeAlias = Callable[[Item], Record | None]
"""An item as it is sent; None if it cannot be now."""


class Due:
    """On the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._key = key
        self._clock = clock

    # ---- what becomes due -------------------------------------------------------------------------------------------

    def put(self, kind: DueKind, person: int, entry: int, version: Version) -> None:
        """A state of an entry is to be sent."""
        self._db.execute(
            "INSERT INTO due (kind, person, entry, instant, seq, ready, due, asked) VALUES (?, ?, ?, ?, ?, 1, ?, 0)",
            (kind, person, entry, *version, instant(self._clock())),
        )

    def again(self, person: int) -> None:
        """What research is told of the person is another: each dose goes anew, also what was refused or is under way.

        Without `content` it is known to be another than the one that is under way.
        """
        self._db.execute(
            "INSERT INTO due (kind, person, entry, instant, seq, ready, due, asked)"
            " SELECT 'research', e.person, e.id, s.instant, s.seq, 1, ?, 0 FROM entry e"
            " JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.person = ? AND e.kind = 'record'"
            " ON CONFLICT (kind, entry, instant, seq) WHERE entry IS NOT NULL"
            " DO UPDATE SET refused = NULL, content = NULL",
            (instant(self._clock()), person),
        )

    def outdated(self, entry: int) -> None:
        """The entry has a newer state: of the former ones, only what is under way goes on."""
        self._db.execute("DELETE FROM due WHERE entry = ? AND batch IS NULL", (entry,))

    def want_id5(self, person: int) -> None:
        """If the person had a dose, an ID5 is to be had, unless there is one or it was wanted before."""
        self._db.execute(
            "INSERT INTO due (kind, person, ready, due, asked) SELECT 'id5', ?1, 1, ?2, 0"
            " WHERE EXISTS (SELECT 1 FROM entry WHERE person = ?1 AND kind = 'record') AND NOT EXISTS ("
            " SELECT 1 FROM person p JOIN pmh_key k ON k.number = p.individual_number"
            " JOIN id5 ON id5.pmh_key = k.pmh_key WHERE p.id = ?1) ON CONFLICT DO NOTHING",
            (person, instant(self._clock())),
        )

    def forget(self, kind: DueKind, person: int) -> None:
        """What of the kind is about this person need not be sent any more, unless it is under way."""
        self._db.execute("DELETE FROM due WHERE kind = ? AND person = ? AND batch IS NULL", (kind, person))

    def revive(self, kind: DueKind, person: int) -> None:
        """What was refused of this kind may be taken now."""
        self._db.execute(
            "UPDATE due SET refused = NULL, due = ? WHERE kind = ? AND person = ? AND refused IS NOT NULL",
            (instant(self._clock()), kind, person),
        )

    def wake(self, person: int) -> None:
        """Something about the person changed (state, number, key, pseudonym, ID5): what sleeps may go now."""
        self._db.execute("UPDATE due SET ready = 1 WHERE person = ? AND NOT ready", (person,))

    def wake_number(self, number: bytes) -> None:
        """`wake` for whoever has this individual number (blind)."""
        self._db.execute(
            "UPDATE due SET ready = 1 WHERE NOT ready"
            " AND person IN (SELECT id FROM person WHERE individual_number = ?)",
            (number,),
        )

    # ---- a batch ----------------------------------------------------------------------------------------------------

    def batch(self, kind: DueKind, most: int, make: Make, besides: Sequence[str] = ()) -> Sending | None:
        """A batch that is under way, but none of `besides`; else a new one of at most so many records; None if none can
        be sent now.
        """
        under_way = self._db.execute(
            "SELECT batch FROM due WHERE kind = ? AND batch IS NOT NULL GROUP BY batch ORDER BY min(id)", (kind,)
        )
        for batch in [each for (each,) in under_way.fetchall() if each not in besides]:
            items = self.items(kind, batch)
            records = [record for record in map(make, items.values()) if record is not None]
            if [self.content(each) for each in records] == [item.content for item in items.values()]:
                return Sending(batch, tuple(records))
            self._release(kind, batch)
        return self._begin(kind, most, make)

    def items(self, kind: DueKind, batch: str | None) -> dict[int, Item]:
        """What a batch under way holds, by index, in its order."""
        rows = self._db.execute(
            "SELECT position, id, person, entry, instant, seq, content FROM due WHERE kind = ? AND batch = ?"
            " ORDER BY position",
            (kind, batch),
        )
        return {position: _item(*rest) for position, *rest in rows}

    def content(self, record: Record) -> bytes:
        """By which a record is known to be the one that was sent."""
        return self._key.blind("due", to_json(record).decode())

    def goes_on(self, item: Item) -> None:
        """Whatever becomes of the record under way, the item is due at once: it is another record now."""
        self._db.execute("UPDATE due SET content = NULL WHERE id = ?", (item.id,))

    def end(self, kind: DueKind, batch: str, rows: Sequence[EndedRow]) -> None:
        """Done is gone, refused stays and is sent no more, the rest is sent again, each time after twice the pause."""
        items = self.items(kind, batch)
        status = {row.index: row for row in rows}
        for position, item in items.items():
            row = status.get(position)
            if item.content is None:  # see `again` and `goes_on`
                continue
            if row is not None and row.status == "done":
                self._db.execute("DELETE FROM due WHERE id = ?", (item.id,))
            elif row is not None and row.status == "refused":
                self._db.execute("UPDATE due SET refused = ? WHERE id = ?", (row.code or "refused", item.id))
            else:
                self._postpone(item)
        self._release(kind, batch)

    def was_asked(self, person: int) -> bool:
        """Whether an ID5 was ever asked for this person and is not had yet."""
        found = self._db.execute("SELECT 1 FROM due WHERE kind = 'id5' AND person = ? AND asked > 0", (person,))
        return found.fetchone() is not None

    def counts(self) -> dict[str, int]:
        """By kind: what is to be sent, under way and asleep included, and what was refused."""
        counts = {
            f"{what}_{kind}": 0 for what in ("due", "refused") for kind in ("notice", "return", "id5", "research")
        }
        query = "SELECT kind, count(*) - count(refused), count(refused) FROM due GROUP BY kind"
        for kind, due, refused in self._db.execute(query):
            counts |= {f"due_{kind}": due, f"refused_{kind}": refused}
        return counts

    def waiting(self) -> dict[str, int]:
        """How much was refused, and how many notices sleep: by indexes, so that it may be asked often.

        An ID5 that was refused is a dispute, and counted there.
        """
        refused = self._db.execute("SELECT count(*) FROM due WHERE refused IS NOT NULL AND kind <> 'id5'").fetchone()[0]
        asleep = self._db.execute("SELECT count(*) FROM due WHERE kind = 'notice' AND NOT ready").fetchone()[0]
        return {"refused": refused, "notices_asleep": asleep}

    def notices_not_linked(self) -> int:
        """How many notices wait for persons who never used the portal."""
        found = self._db.execute(
            "SELECT count(*) FROM due JOIN person p ON p.id = due.person"
            " LEFT JOIN pmh_key k ON k.number = p.individual_number LEFT JOIN pseudonym n ON n.pmh_key = k.pmh_key"
            " WHERE due.kind = 'notice' AND due.refused IS NULL AND n.pmh_key IS NULL"
        )
        return int(found.fetchone()[0])

    def _begin(self, kind: DueKind, most: int, make: Make) -> Sending | None:
        batch, records = uuid.uuid4().hex, list[Record]()
        for item in self._ready(kind, max(most, _MOST_LOOKED_AT)):
            record = make(item)
            if record is None:
                self._db.execute("UPDATE due SET ready = 0 WHERE id = ?", (item.id,))
                continue
            self._db.execute(
                "UPDATE due SET batch = ?, position = ?, content = ?, asked = asked + 1 WHERE id = ?",
                (batch, len(records), self.content(record), item.id),
            )
            records.append(record)
            if len(records) == most:
                break
        return Sending(batch, tuple(records)) if records else None

    def _ready(self, kind: DueKind, most: int) -> list[Item]:
        rows = self._db.execute(
            "SELECT id, person, entry, instant, seq, content FROM due WHERE kind = ? AND due <= ?"
            " AND ready AND batch IS NULL AND refused IS NULL ORDER BY due, id LIMIT ?",
            (kind, instant(self._clock()), most),
        )
        return [_item(*row) for row in rows.fetchall()]

    def _postpone(self, item: Item) -> None:
        asked = self._db.execute("SELECT asked FROM due WHERE id = ?", (item.id,)).fetchone()[0]
        later = instant(self._clock() + pause(asked))
        self._db.execute("UPDATE due SET due = ? WHERE id = ?", (later, item.id))

    def _release(self, kind: DueKind, batch: str) -> None:
        """No longer under way; and what has a newer state meanwhile is sent no more."""
        self._db.execute(
            "DELETE FROM due WHERE kind = ?1 AND batch = ?2 AND entry IS NOT NULL AND NOT EXISTS (SELECT 1 FROM"
            " entry_state s WHERE s.entry = due.entry AND s.instant = due.instant AND s.seq = due.seq AND s.latest)",
            (kind, batch),
        )
        self._db.execute(
            "UPDATE due SET batch = NULL, position = NULL, content = NULL WHERE kind = ? AND batch = ?", (kind, batch)
        )


def _item(
    identity: int, person: int, entry: int | None, moment: int | None, seq: int | None, content: bytes | None
) -> Item:
    version = Version(moment, seq) if moment is not None and seq is not None else None
    return Item(identity, person, entry, version, content)
