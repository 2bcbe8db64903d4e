"""An area with people who have keys, doses and notices, and a short way to speak to it."""

from typing import Any

from gateway_vaccination_records.record_system.database import transaction
from gateway_vaccination_records.record_system.due import Sending
from gateway_vaccination_records.record_system.ledger import Entered
from gateway_vaccination_records.record_system.ledger_models import DueKind, EndedBody, PullBody, RegistrationsBody
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.resident_models import LinksBody
from gateway_vaccination_records.record_system.versions import Verdict
from tests.plugins.vaccination_records.subjects import CITY, message_id, subject
from tests.plugins.vaccination_records.test_keys import City, key


class Town(City):
    """Every message has an id of its own, unless one is named."""

    _entered = 1000

    def person(self, serial: int) -> Person:
        person = self.area.find("internal_no", subject(serial)["internal_no"])
        assert person is not None
        return person

    def keep(self, operation: str, *records: dict[str, Any], message: int | None = None) -> list[str]:
        """The city registers records of one kind."""
        self._entered += 1
        rows = [{"index": index, "operation": operation, "record": each} for index, each in enumerate(records)]
        body = RegistrationsBody.model_validate({"message_id": message_id(message or self._entered), "rows": rows})
        verdicts = self.area.register(body.message_id, body.rows)
        return [str(verdicts[index]) for index in range(len(records))]

    def enter(self, serial: int, clinic: str, record: dict[str, Any]) -> Entered | Verdict:
        """A clinic enters a record for that person."""
        with transaction(self.area._db):
            return self.area._ledger.enter(self.person(serial), clinic, record)

    def link(self, serial: int, pseudonym: str) -> None:
        """The portal has handed over a pseudonym for the person's key."""
        self._entered += 1
        record = {"pmh_pseudonym_id": pseudonym, "pmh_key": key(0, serial)["pmh_key"]}
        row = {"index": 0, "operation": "hand_over", "record": record}
        body = LinksBody.model_validate({"message_id": message_id(self._entered), "rows": [row]})
        assert str(self.area.link(body.message_id, body.rows)[0]) in ("accepted", "duplicate")

    def sending(self, kind: DueKind, most: int = 10) -> Sending:
        sending = self.area.due(kind, most)
        assert sending is not None
        return sending

    def due(self, kind: DueKind) -> tuple[Any, ...]:
        """What goes out now."""
        sending = self.area.due(kind, 10)
        return sending.records if sending else ()

    def ended(self, kind: DueKind, batch: str | None, *rows: dict[str, Any]) -> list[str]:
        numbered = [{"index": index, **row} for index, row in enumerate(rows)]
        body = EndedBody.model_validate({"kind": kind, "batch": batch, "rows": numbered})
        return [str(each) for each in self.area.due_ended(body.kind, body.batch, body.rows).values()]

    def send(self, kind: DueKind) -> tuple[Any, ...]:
        """What goes out now, and all of it is taken."""
        sending = self.sending(kind)
        self.ended(kind, sending.id, *({"status": "done"} for _ in sending.records))
        return sending.records

    def pull(self, serial: int, municipality_code: str = CITY) -> Any:
        row = {"index": 0, "internal_no": subject(serial)["internal_no"], "municipality_code": municipality_code}
        body = PullBody.model_validate({"rows": [row]})
        return self.area.pull(body.rows)[0]

    def count(self, name: str) -> int:
        return self.area.counts()[name]
