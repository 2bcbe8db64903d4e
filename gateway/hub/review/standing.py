"""What the facts of reviews come to: up to where the log and the users were reviewed, and which findings are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from gateway.errors import Refused
from gateway.hub.journal import FactKind
from gateway.hub.people import same_person
from gateway.hub.review.finding import Outcome


class Subject(StrEnum):
    """What is reviewed."""

    LOG = "log"
    USERS = "users"


@dataclass(frozen=True, slots=True)
class Signed:
    """The last review: who signed it, when, and up to which fact it goes."""

    operator: str
    at: str
    to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`id` is the seq of the fact that opened it, `told` what that says. `opened_by` is who flagged it, or signed the
    review that found it; `by` is who works on it, under a case.
    """

    id: int
    at: str
    told: Mapping[str, Any]
    opened_by: str
    by: str | None = None
    case: str | None = None
    outcome: Outcome | None = None
    closed_by: str | None = None
    closed_at: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to be looked into."""
        return self.outcome is None

    def row(self) -> dict[str, Any]:
        """As plain JSON, for people."""
        standing = "closed" if self.outcome else "taken" if self.by else "open"
        said = {
            "opened_by": self.opened_by,
            "by": self.by,
            "case": self.case,
            "outcome": self.outcome.value if self.outcome else None,
            "closed_by": self.closed_by,
            "closed_at": self.closed_at,
        }
        return {"finding": self.id, "at": self.at, "standing": standing, **self.told, **said}


_TOLD = ("code", "facts", "count", "most", "new", "person", "connector", "certificate", "role", "acted")


class Standing:
    """Of one tenant, up to the last fact that was applied. A finding whose opening was purged is known no more."""

    def __init__(self) -> None:
        self.signed: dict[Subject, Signed] = {}
        self.findings: dict[int, Finding] = {}

    def apply(self, seq: int, kind: FactKind, fact: Mapping[str, Any]) -> None:
        """Let one more fact count."""
        if kind is FactKind.REVIEW_SIGNED:
            self.signed[Subject(fact["subject"])] = Signed(fact["operator"], fact["at"], fact["to"])
        elif kind is FactKind.FINDING_OPENED:
            told = {key: fact[key] for key in _TOLD if key in fact}
            self.findings[seq] = Finding(id=seq, at=fact["at"], told=told, opened_by=fact["operator"])
        elif (found := self.findings.get(fact["finding"])) is None:
            return
        elif kind is FactKind.FINDING_TAKEN:
            self.findings[found.id] = replace(found, by=fact["operator"], case=fact["case"])
        else:
            ended = {"outcome": Outcome(fact["outcome"]), "closed_by": fact["operator"], "closed_at": fact["at"]}
            self.findings[found.id] = replace(found, **ended)

    def reviewed(self, subject: Subject) -> int:
        """Up to which fact it was reviewed; 0 if it never was."""
        return self.signed[subject].to if subject in self.signed else 0

    def due(self, subject: Subject, days: int, first_at: str) -> datetime:
        """When it is to be reviewed next: so many days after the last review, or after the log's first fact."""
        last = self.signed[subject].at if subject in self.signed else first_at
        return datetime.fromisoformat(last) + timedelta(days)

    def open_findings(self) -> Sequence[Finding]:
        """Those that nobody has closed, oldest first."""
        return [each for each in self.findings.values() if each.open]

    def require_open(self, finding: int, by: str, *, taken: bool) -> None:
        """Raises Refused: unknown_finding, finding_closed, own_finding if it may be about acts of theirs (C144); or, of
        one that is to be `taken`, not_taken.
        """
        if (found := self.findings.get(finding)) is None:
            raise Refused("unknown_finding")
        if not found.open:
            raise Refused("finding_closed")
        if any(same_person(by, each) for each in found.told.get("acted", ())):
            raise Refused("own_finding")
        if taken and found.by is None:
            raise Refused("not_taken")
