"""The ledger: questionnaire templates, doses due, doses had and notices, each a chain of sealed states.

The rule: of one entry the higher version stands, whoever wrote it, for its states go on to others under their version.
A dose has one record that is not deleted; a record belongs to one person and to whoever entered it, for good.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from gateway_vaccination_records.record_system.due import Due
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict

Kind: TypeAlias = Literal["template", "management", "record", "notice"]
Record: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entered:
    """A record that a clinic entered is kept; `warnings` are codes of what ought to be looked at."""

    vaccination_record_id: str = field(repr=False)
    warnings: tuple[str, ...]


class Ledger:
    """On the area's own connection. What keeps something runs inside a transaction of the area."""

    def __init__(
        self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], people: People, due: Due
    ) -> None: ...

    def enter(self, person: Person, clinic_code: str, record: Record) -> Entered | Verdict:
        """Take the record that a clinic entered: the fields of `RegisteredRecord` as far as clinics have them.

        Without `vaccination_record_id` it is a new one, else a correction of that clinic's own. A verdict is why not:
        SUPERSEDED, VERSION_CONFLICT, OUT_OF_RANGE, DOSE_EXISTS (another record of that dose stands) or NOT_YOURS (the
        dose is not due of this person; the record is another clinic's, another person's, or unknown).
        """
        raise NotImplementedError

    def template(self, vaccination_setting_id: str) -> Record | None:
        """The latest template of that setting."""
        raise NotImplementedError

    def management(self, person: Person, vaccination_management_id: str) -> Record | None:
        """A dose that this person is due, as registered by the city; None alike if unknown or another person's."""
        raise NotImplementedError

    def managements(self, person: Person) -> list[Record]:
        """The doses that the person is due."""
        raise NotImplementedError

    def records(self, person: Person) -> list[Record]:
        """The latest state of each record of the person, the deleted ones too (`is_deleted`)."""
        raise NotImplementedError

    def notices(self, person: Person) -> list[Record]:
        """The latest state of each notice to the person."""
        raise NotImplementedError

    def changed(self, person: Person) -> int:
        """When anything of the person or of the person's entries was last taken here (microseconds since 1970).

        Answers and examinations come on top: `max` with their `changed`, then `versions.written`.
        """
        raise NotImplementedError
