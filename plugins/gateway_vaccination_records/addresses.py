"""Where the record system takes each operation, and how a delivery's rows are written and answered there.

The rule: a record goes as it was delivered, under its own index; what changes something goes with the message's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from gateway.plugin import Payload
from gateway_vaccination_records.interface import city, clinic, resident, subject

Portion: TypeAlias = Mapping[int, Payload]
"""Records by their index in the message."""
_FEW: Final = 50
_VERDICT: Final = 1024
_PERSON: Final = 1024 * 1024
"""The record system bounds what a resident may add to it (its `MOST_ANSWERS`); the rest is far below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One operation's. `word` names it among those of the same path; a `flat` record stands beside its index.

    `reply` is the shape of a request's answer; None if the rows are judged like those of an event. At most `most` rows
    go at a time; an honest answer has at most `row_bytes` bytes a row.
    """

    path: str
    word: str | None = None
    flat: bool = False
    changes: bool = True
    reply: type[Payload] | None = None
    most: int = 1000
    row_bytes: int = _VERDICT

    def body(self, message_id: str, portion: Portion) -> Mapping[str, Any]:
        """The request's body."""
        rows = [self._row(index, record) for index, record in portion.items()]
        return {"message_id": message_id, "rows": rows} if self.changes else {"rows": rows}

    def _row(self, index: int, record: Payload) -> Mapping[str, Any]:
        if self.flat:
            return {"index": index, **record.model_dump(exclude_none=True)}
        named = {"operation": self.word} if self.word is not None else {}
        return {"index": index, **named, "record": record}


def _registered(word: str) -> Address:
    return Address(path="/v1/registrations", word=word)


def _linked(word: str) -> Address:
    return Address(path="/v1/residents/links", word=word)


def _shown(path: str, reply: type[Payload], *, flat: bool = False) -> Address:
    return Address(path=path, reply=reply, flat=flat, changes=False, most=_FEW, row_bytes=_PERSON)


def _entered(path: str, reply: type[Payload]) -> Address:
    return Address(path=path, reply=reply)


ADDRESSES: Final[Mapping[str, Address]] = MappingProxyType(
    {
        "subject.register": Address(path="/v1/subjects", word="register"),
        "subject.delete": Address(path="/v1/subjects", word="delete"),
        "subject.lookup": Address(path="/v1/subjects/lookup", reply=subject.FoundSubject, flat=True, changes=False),
        "template.register": _registered("template"),
        "management.register": _registered("management"),
        "record.register": _registered("record"),
        "notice.register": _registered("notice"),
        "record.pull": _shown("/v1/records/pull", city.PulledRecords, flat=True),
        "pseudonym.hand_over": _linked("hand_over"),
        "pseudonym.key_deleted": _linked("key_deleted"),
        "template.query": _shown("/v1/residents/templates", resident.Template),
        "questionnaire.enter": _entered("/v1/residents/questionnaires", resident.Kept),
        "record.query": _shown("/v1/residents/records", resident.OwnRecords),
    }
)
VISITS: Final[Mapping[str, Address]] = MappingProxyType(
    {
        "visit.query": _shown("/v1/visits/queries", clinic.Visit),
        "examination.enter": _entered("/v1/visits/examinations", clinic.Examined),
        "vaccination.enter": _entered("/v1/visits/vaccinations", clinic.Vaccinated),
    }
)
"""These are answered only once the record system has PMH's own confirmation (C206)."""
CONFIRMATIONS: Final = Address(path="/v1/confirmations", changes=False)
