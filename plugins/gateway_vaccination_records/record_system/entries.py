"""The entries of the ledger: templates, doses due, doses had and notices, each a chain of sealed states.

The rule: what is read is the latest state, unless a version is named; nothing that was kept is ever written over. What
may be kept is the ledger's to judge.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.due import Item
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Version, instant

Kind: TypeAlias = Literal["template", "management", "record", "notice"]
Record: TypeAlias = Mapping[str, Any]

NAMES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        "template": "vaccination_setting_id",
        "management": "vaccination_management_id",
        "record": "vaccination_record_id",
        "notice": "notice_id",
    }
)
"""By which field an entry of each kind is known."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; a template has no person. `source` (blind) is who entered it first."""

    id: int
    person: int | None
    source: bytes
    latest: Record = field(repr=False)


class Entries:
    """On the area's own connection. `keep` runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._key = key
        self._clock = clock

    def template(self, vaccination_setting_id: str) -> Record | None:
        """The latest template of that setting."""
        entry = self.find("template", vaccination_setting_id)
        return entry.latest if entry else None

    def template_changed(self, vaccination_setting_id: str) -> int:
        """When the latest template of that setting was taken here (microseconds since 1970); 0 if there is none."""
        found = self._db.execute(
            "SELECT s.changed FROM entry e JOIN entry_state s ON s.entry = e.id AND s.latest"
            " WHERE e.kind = 'template' AND e.name = ?",
            (self._key.blind(NAMES["template"], vaccination_setting_id),),
        ).fetchone()
        return int(found[0]) if found else 0

    def template_at(self, vaccination_setting_id: str, version: Version) -> Record | None:
        """The template of that setting as it was in this version; None if there is none at all."""
        entry = self.find("template", vaccination_setting_id)
        return self.state(entry.id, version) if entry else None

    def management(self, person: Person, vaccination_management_id: str) -> Record | None:
        """A dose that this person is due, as registered by the city; None alike if unknown or another person's."""
        entry = self.find("management", vaccination_management_id)
        return entry.latest if entry is not None and entry.person == person.id else None

    def due(self, person: Person) -> list[Record]:
        """The doses that the person is due and has not had: no record of them stands."""
        found = self._db.execute("SELECT dose FROM entry WHERE person = ? AND dose IS NOT NULL", (person.id,))
        had = {dose for (dose,) in found}
        return [each for each in self._all("management", person) if self._dose(each) not in had]

    def records(self, person: Person) -> list[Record]:
        """The latest state of each record of the person, the deleted ones too (`is_deleted`)."""
        return self._all("record", person)

    def notices(self, person: Person) -> list[Record]:
        """The latest state of each notice to the person."""
        return self._all("notice", person)

    def state_of(self, item: Item) -> Record:
        """The state of an entry that is to be sent. Raises LookupError if the item is about none."""
        if item.entry is None or item.version is None:
            raise LookupError
        return self.state(item.entry, item.version)

    def state(self, entry: int, version: Version) -> Record:
        """The state of an entry that had this version."""
        kind, name, sealed = self._db.execute(
            "SELECT e.kind, e.name, s.sealed FROM entry_state s JOIN entry e ON e.id = s.entry"
            " WHERE s.entry = ? AND s.instant = ? AND s.seq = ?",
            (entry, *version),
        ).fetchone()
        return self._open(kind, name, version, sealed)

    def changed(self, person: Person, *kinds: Kind) -> int:
        """When the person, or an entry of the person of one of these kinds, was last taken here (microseconds since
        1970). Name what the answer holds: of anything else a time would tell its reader that there was something.

        Answers and examinations come on top: `max` with their `changed`, then `versions.written`.
        """
        found = self._db.execute(
            "SELECT max(s.changed) FROM entry e JOIN entry_state s ON s.entry = e.id AND s.latest"
            " WHERE e.person = ? AND e.kind IN (SELECT value FROM json_each(?))",
            (person.id, to_json(kinds).decode()),
        ).fetchone()
        return max(person.changed, found[0] or 0)

    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind."""
        held = dict(self._db.execute("SELECT kind, count(*) FROM entry GROUP BY kind"))
        return {f"{kind}s": held.get(kind, 0) for kind in NAMES}

    # ---- one entry --------------------------------------------------------------------------------------------------

    def find(self, kind: Kind, name: str) -> Entry | None:
        """The entry of that kind with this id."""
        blind = self._key.blind(NAMES[kind], name)
        found = self._db.execute(
            "SELECT e.id, e.person, e.source, s.instant, s.seq, s.sealed FROM entry e"
            " JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.kind = ? AND e.name = ?",
            (kind, blind),
        ).fetchone()
        if found is None:
            return None
        identity, person, source, moment, seq, sealed = found
        return Entry(identity, person, source, self._open(kind, blind, Version(moment, seq), sealed))

    def is_had(self, owner: int | None, record: Record, besides: Entry | None) -> bool:
        """Whether another record of the same dose of that person stands."""
        found = self._db.execute("SELECT id FROM entry WHERE person = ? AND dose = ?", (owner, self._dose(record)))
        row = found.fetchone()
        return row is not None and (besides is None or row[0] != besides.id)

    def keep(self, kind: Kind, entry: Entry | None, record: Record, owner: int | None, source: str) -> int:
        """Keep a newer state of that entry, or of a new one; its rowid."""
        dose = self._dose(record) if kind == "record" and not record["is_deleted"] else None
        name = self._key.blind(NAMES[kind], record[NAMES[kind]])
        if entry is None:
            cursor = self._db.execute(
                "INSERT INTO entry (kind, name, person, source, dose) VALUES (?, ?, ?, ?, ?) RETURNING id",
                (kind, name, owner, self.source(source), dose),
            )
            identity = int(cursor.fetchone()[0])
        else:
            identity = entry.id
            self._db.execute("UPDATE entry SET dose = ? WHERE id = ?", (dose, identity))
            self._db.execute("UPDATE entry_state SET latest = 0 WHERE entry = ? AND latest", (identity,))
        version = State.of(record, deleted=False).version
        sealed = self._key.seal(to_json(record), _entry_row(kind, name, version))
        self._db.execute(
            "INSERT INTO entry_state VALUES (?, ?, ?, 1, ?, ?)", (identity, *version, instant(self._clock()), sealed)
        )
        return identity

    def source(self, source: str) -> bytes:
        """Who entered something, as an entry holds it (blind)."""
        return self._key.blind("source", source)

    def _all(self, kind: Kind, person: Person) -> list[Record]:
        rows = self._db.execute(
            "SELECT e.name, s.instant, s.seq, s.sealed FROM entry e"
            " JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.person = ? AND e.kind = ? ORDER BY e.id",
            (person.id, kind),
        )
        return [self._open(kind, name, Version(moment, seq), sealed) for name, moment, seq, sealed in rows]

    def _open(self, kind: Kind, name: bytes, version: Version, sealed: bytes) -> Record:
        record: Record = from_json(self._key.open(sealed, _entry_row(kind, name, version)), cache_strings="keys")
        return record

    def _dose(self, record: Record) -> bytes:
        return self._key.blind("dose", record["vaccination_management_id"])


def _entry_row(kind: Kind, name: bytes, version: Version) -> bytes:
    return b"entry|%s|%s|%d|%d" % (kind.encode(), name.hex().encode(), *version)
