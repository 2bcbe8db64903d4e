"""A made-up log for reports: facts as the journal would tell them, also such as it would never have written."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from gateway.evidence.purged import PURGED, spans
from gateway.hub.journal import FactKind, Followed
from gateway.hub.people import Person, Role
from gateway.hub.reports import Given, Report, made
from gateway.messages import Tags
from tests.journal.builders import header, new_id

OFFICER = Person("staff-0001", "a" * 64, frozenset({Role.OFFICER}))
OPERATOR = Person("root", "b" * 64, frozenset({Role.OPERATOR}))
AT = "2026-04-01T00:00:{:02}.000000Z"
UNDISCLOSED = {"claim": "undisclosed", "reference": "0" * 64}


@dataclass
class Log:
    rules: Any
    facts: list[Followed] = field(default_factory=list)
    headers: dict[str, Any] = field(default_factory=dict)

    def recorded(self, records=(0,), *, attest=(), statement=None, sets=None, **changes) -> str:
        """A message of route T1 of the toys, unless it is said otherwise."""
        ours = {
            "source": "office", "source_operation": "person.put", "destination": "register",
            "operation": "person.put", "route": "T1", "legal_basis": ("L1", "L2", "A1"),
            "item_sets": (("internal_no", "name"),),
        }  # fmt: skip
        message_id = new_id()
        plain = msgspec.to_builtins(header(message_id, records, Tags(b"s" * 32, ()), **ours | changes))
        self.headers[message_id] = {key: each for key, each in plain.items() if each is not None}
        self.headers[message_id]["attestations"] = list(attest)
        if sets is not None:  # which set each record has
            self.headers[message_id]["records"] = [[index, number, 0] for index, number in enumerate(sets)]
        stated = {"statement": statement} if statement else {}
        self.add("message.recorded", message_id, header=self.headers[message_id], **stated)
        return message_id

    def concluded(self, message_id, ending="accepted", records="0", code=None) -> int:
        """Attempted, and how that ended; the seq of its end."""
        self.add("delivery.attempted", message_id, attempt=1, records=records)
        group = {"ending": ending, "records": records} | ({"code": code} if code else {})
        return self.add("delivery.concluded", message_id, attempt=1, outcomes=[group])

    def add(self, kind, message_id=None, **fields) -> int:
        seq = len(self.facts) + 1
        named = {"message_id": message_id} if message_id else {}
        fact = {"seq": seq, "at": AT.format(seq % 60), "kind": kind, **named, **fields}
        known = self.headers.get(message_id, {})
        hidden = any(each["claim"] == "undisclosed" for each in known.get("attestations", ()))
        self.facts.append(
            Followed(
                seq=seq,
                kind=FactKind(kind),
                commitment=b"",
                salt=b"",
                body=b"",
                fact=fact,
                header=known,
                undisclosed=hidden,
            )
        )
        return seq

    def purged(self, first: int, last: int) -> bool:
        gone = [spans(each.fact["facts"]) for each in self.facts if each.kind == PURGED]
        return any(begin <= last and first <= end for some in gone for begin, end in some)

    def given(self, reader=OFFICER, records=None, **besides) -> Given:
        """What a report is made of besides these facts."""
        return Given(
            rules=self.rules,
            reader=reader,
            day=date(2026, 4, 1),
            purged=self.purged,
            before=max((each.fact["before"] for each in self.facts if each.kind == PURGED), default=""),
            message=lambda message_id: [each.fact for each in self.facts if each.fact.get("message_id") == message_id],
            records=records or (lambda fact: frozenset(index for index, _, _ in fact.header.get("records", ()))),
            **besides,
        )

    def made(self, report: Report, reader=OFFICER, records=None) -> list[dict[str, Any]]:
        """The report's rows by column, with the facts behind them."""
        told = [each for each in self.facts if each.kind in report.kinds]
        names = [column.name for column in report.columns]
        rows = [
            row for rows in made(report, self.given(reader, records), iter([told[:1], [], told[1:]])) for row in rows
        ]
        assert all(row.cells.keys() <= set(names) for row in rows), "no cell is lost"
        return [dict(zip(names, report.cells(row), strict=True)) | {"facts": str(row.facts)} for row in rows]
