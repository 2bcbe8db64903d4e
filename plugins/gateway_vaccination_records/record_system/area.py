"""One tenant's area: rows that were validated become durable, versioned, sealed states in a database of its own.

The rule: each call is one transaction, durable when it returns. In clear are only versions, flags of the version
history, message ids, verdicts, codes of refusals, and how often and when something was asked for, sent, linked or
confirmed.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from gateway_vaccination_records.record_system.chains import Chains
from gateway_vaccination_records.record_system.closed import Indexed
from gateway_vaccination_records.record_system.confirmations import Confirmations
from gateway_vaccination_records.record_system.database import open_database, transaction, up_to_date
from gateway_vaccination_records.record_system.due import Due, Sending
from gateway_vaccination_records.record_system.entries import Entries
from gateway_vaccination_records.record_system.keys import Batch, Keys
from gateway_vaccination_records.record_system.keys import Said as KeySaid
from gateway_vaccination_records.record_system.layout import LAYOUT
from gateway_vaccination_records.record_system.ledger import Ledger
from gateway_vaccination_records.record_system.ledger_models import (
    DueKind,
    EndedRow,
    PullRow,
    Registration,
    TemplateRow,
)
from gateway_vaccination_records.record_system.models import DeleteRow, KeyRow, LookupRow, RegisterRow, UnansweredRow
from gateway_vaccination_records.record_system.outgoing import Outgoing, Said
from gateway_vaccination_records.record_system.people import By, People, Person
from gateway_vaccination_records.record_system.pseudonyms import Pseudonyms
from gateway_vaccination_records.record_system.questionnaires import Questionnaires
from gateway_vaccination_records.record_system.replies import Replies
from gateway_vaccination_records.record_system.research import Research
from gateway_vaccination_records.record_system.resident_models import LinkRow
from gateway_vaccination_records.record_system.residents import Residents
from gateway_vaccination_records.record_system.row_models import Row
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict
from gateway_vaccination_records.record_system.visit_models import FoundConfirmation
from gateway_vaccination_records.record_system.visits import Visits

R = TypeVar("R", bound=Indexed)


def _utc() -> datetime:
    return datetime.now(UTC)


class Area:
    """The store of one municipality. Not thread-safe: one thread calls it, one call at a time.

    What residents and clinics ask and enter is with `residents` and `visits`.
    """

    def __init__(
        self, directory: Path, municipality_code: str, key: TenantKey, clock: Callable[[], datetime] = _utc
    ) -> None:
        self.municipality_code = municipality_code
        self._db, layout = open_database(directory / f"{municipality_code}.sqlite3", municipality_code, key)
        self._due = Due(self._db, key, clock)
        self._keys = Keys(self._db, key, clock, self._due)
        self._people = People(self._db, key, clock, self._keys, self._due)
        self._entries = Entries(self._db, key, clock)
        self._ledger = Ledger(self._entries, clock, self._people, self._due)
        self._chains = Chains(self._db, key, clock, self._people)
        self._research = Research(
            self._db, key, municipality_code, self._people, self._entries, self._chains, self._due
        )
        self._outgoing = Outgoing(self._due, self._people, self._entries, self._chains, self._research)
        self._pseudonyms = Pseudonyms(self._db, key, clock, self._chains, self._due)
        self._confirmations = Confirmations(self._db, key, clock)
        questionnaires = self._questionnaires = Questionnaires(self._db, key, clock, self._entries)
        replies = Replies(self._db, key)
        self.residents = Residents(self._pseudonyms, questionnaires, self._entries, replies)
        self.visits = Visits(self._people, self._confirmations, questionnaires, self._ledger, replies, clock)
        if layout != LAYOUT:
            self._bring_up_to_date(layout)

    def close(self) -> None:
        """Checkpoint and close; durable already, so a kill loses nothing."""
        self._db.close()

    # ---- from the city ----------------------------------------------------------------------------------------------

    def store(self, message_id: str, rows: Sequence[RegisterRow | DeleteRow]) -> dict[int, Verdict]:
        """Judge each row about a subject and keep what is accepted.

        A row whose (message_id, index) was judged before gets its first verdict again, whatever it holds now.
        """
        return self._once(message_id, rows, self._store)

    def register(self, message_id: str, rows: Sequence[Registration]) -> dict[int, Verdict]:
        """Judge each template, dose due, dose had and notice, and keep what is accepted; each once, as `store` does."""
        return self._once(message_id, rows, self._register)

    def lookup(self, rows: Sequence[LookupRow]) -> dict[int, Person | None]:
        """Who each row means; None alike for the unknown, the deleted and the wrong municipality (C160)."""
        return {row.index: self._visible(row) for row in rows}

    def pull(self, rows: Sequence[PullRow]) -> dict[int, Mapping[str, Any] | None]:
        """The records of whom each row means (see `Outgoing.pull`); None as for `lookup`."""
        with transaction(self._db):
            found = {row.index: self._visible(row) for row in rows}
            return {index: self._outgoing.pull(person) if person else None for index, person in found.items()}

    # ---- from the portal and from PMH -------------------------------------------------------------------------------

    def link(self, message_id: str, rows: Sequence[LinkRow]) -> dict[int, Verdict]:
        """Link pseudonyms, and note that the portal deleted keys; each once, as `store` does."""
        return self._once(message_id, rows, self._pseudonyms.take)

    def confirm(self, rows: Sequence[Row[FoundConfirmation]]) -> dict[int, Verdict]:
        """Keep what PMH has confirmed; once more does no harm."""
        with transaction(self._db):
            self._confirmations.forget()
            return {row.index: self._confirmations.keep(row.record) for row in rows}

    # ---- what is asked for and sent ---------------------------------------------------------------------------------

    def key_batch(self, most: int, besides: Sequence[str] = ()) -> Batch | None:
        """See `Keys.batch`."""
        with transaction(self._db):
            return self._keys.batch(most, besides)

    def key_answers(self, batch: str | None, rows: Sequence[KeyRow | UnansweredRow]) -> Mapping[int, KeySaid]:
        """See `Keys.answer`."""
        with transaction(self._db):
            return self._keys.answer(batch, rows)

    def due(self, kind: DueKind, most: int, besides: Sequence[str] = ()) -> Sending | None:
        """See `Due.batch`."""
        with transaction(self._db):
            return self._outgoing.batch(kind, most, besides)

    def due_ended(self, kind: DueKind, batch: str | None, rows: Sequence[EndedRow]) -> Mapping[int, Said]:
        """See `Outgoing.end`."""
        with transaction(self._db):
            return self._outgoing.end(kind, batch, rows)

    # ---- the whole --------------------------------------------------------------------------------------------------

    def find(self, by: By, value: str) -> Person | None:
        """See `People.find`."""
        return self._people.find(by, value)

    def counts(self) -> dict[str, int]:
        """How much the area holds, and how much waits to be sent, in numbers only."""
        notices = {"notices_not_linked": self._due.notices_not_linked()}
        persons = self._people.counts() | self._pseudonyms.counts() | self._confirmations.counts()
        return persons | self._entries.counts() | self._questionnaires.counts() | notices | self._due.counts()

    def key_counts(self) -> Mapping[str, int]:
        """See `Keys.counts`."""
        return self._keys.counts()

    def disputes(self) -> int:
        """How many disputes about PMH keys and what belongs to them wait for people."""
        return self._keys.disputes() + self._chains.disputes()

    def waiting(self) -> dict[str, int]:
        """What waits for people: the disputes, and see `Due.waiting`."""
        return {"disputes": self.disputes(), **self._due.waiting()}

    def check(self) -> None:
        """Raises sqlite3.Error if the database cannot be written now."""
        with transaction(self._db):
            pass

    def _once(self, message_id: str, rows: Sequence[R], take: Callable[[R], Verdict]) -> dict[int, Verdict]:
        with transaction(self._db):
            verdicts = self._judged_before(message_id, {row.index for row in rows})
            fresh = {row.index: take(row) for row in rows if row.index not in verdicts}
            self._db.executemany(
                "INSERT INTO outcome VALUES (?, ?, ?)", [(message_id, index, str(it)) for index, it in fresh.items()]
            )
        return verdicts | fresh

    def _store(self, row: RegisterRow | DeleteRow) -> Verdict:
        ours = row.record.municipality_code == self.municipality_code
        return self._people.take(row) if ours else Verdict.WRONG_MUNICIPALITY

    def _register(self, row: Registration) -> Verdict:
        ours = isinstance(row, TemplateRow) or row.record.municipality_code == self.municipality_code
        return self._ledger.take(row) if ours else Verdict.WRONG_MUNICIPALITY

    def _visible(self, row: LookupRow | PullRow) -> Person | None:
        if row.municipality_code != self.municipality_code:
            return None
        person = self._people.find("internal_no", row.internal_no)
        return person if person is not None and not person.state.deleted else None

    def _judged_before(self, message_id: str, asked: set[int]) -> dict[int, Verdict]:
        known = self._db.execute(
            "SELECT row, verdict FROM outcome WHERE message_id = ? AND row BETWEEN ? AND ?",
            (message_id, min(asked), max(asked)),
        )
        return {index: Verdict(verdict) for index, verdict in known if index in asked}

    def _bring_up_to_date(self, layout: int) -> None:
        with transaction(self._db):
            if layout == 1:
                self._people.want_all()
            self._research.assume_all()
            up_to_date(self._db)
