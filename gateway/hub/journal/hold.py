"""A hold as its facts tell it: who has looked, who approved, whether it was released.

The one place that knows the rule of two people. Decisions ask here what may follow, and verification whether what
follows in a log could: so a log in which one person released something alone does not verify.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.people import same_person

CODE = "review"
"""Whatever the cause: for who may not be answered about looks the same as for what is looked at anyway (rule 5)."""


class By(NamedTuple):
    """Who acts: staff id, SHA-256 (hex) over the personal certificate, and terminal; the fields of each fact."""

    person: str
    client_certificate: str
    terminal: str


@dataclass(slots=True)
class Hold:
    """Of one message; `maker` is who made it. `looked` are those for whom this very hold was given out, `shown` those
    before whom it could be opened, `approved` the first who would release it.
    """

    maker: str
    waiting: bool = False
    released: bool = False
    looked: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    approved: By | None = None

    def require_waiting(self) -> None:
        """Raises Refused("not_held")."""
        if not self.waiting:
            raise Refused("not_held")

    def require_may_decide(self, by: By) -> None:
        """Whoever decides was shown it, and did not make it (C144). Raises Refused: not_held, maker_may_not_confirm,
        not_looked_at.
        """
        self.require_waiting()
        if same_person(by.person, self.maker):
            raise Refused("maker_may_not_confirm")
        if by.person not in self.shown:
            raise Refused("not_looked_at")

    def require_given_out(self, by: By) -> None:
        """Only what was given out for somebody can have been shown. Raises Refused: not_held, not_looked_at."""
        self.require_waiting()
        if by.person not in self.looked:
            raise Refused("not_looked_at")

    def confirmed(self, by: By, *, approver: bool) -> FactKind:
        """What it comes to that this person would release it: the first approves, a second, with the approving role,
        releases. Raises Refused as `require_may_decide`, and second_person_needed, role_missing.
        """
        self.require_may_decide(by)
        if self.approved is None:
            return FactKind.HOLD_APPROVED
        if same_person(by.person, self.approved.person) or by.client_certificate == self.approved.client_certificate:
            raise Refused("second_person_needed")
        if not approver:
            raise Refused("role_missing")
        return FactKind.HOLD_RELEASED

    def apply(self, kind: FactKind, fields: Mapping[str, Any]) -> None:
        """Let one more fact count. Raises ValueError or LookupError if it is none that can follow."""
        try:
            if kind is FactKind.HOLD_PLACED:
                self._place()
            else:
                self._act(kind, By(*(str(fields[name]) for name in By._fields)))
        except Refused:
            raise ValueError("nobody could decide so") from None

    def _place(self) -> None:
        if self.waiting or self.released:
            raise ValueError("it is held already, or was released for good")
        self.waiting, self.looked, self.shown, self.approved = True, frozenset(), frozenset(), None

    def _act(self, kind: FactKind, by: By) -> None:
        match kind:
            case FactKind.HOLD_LOOKED:
                self.require_waiting()
                self.looked |= {by.person}
            case FactKind.HOLD_SHOWN:
                self.require_given_out(by)
                self.shown |= {by.person}
            case FactKind.HOLD_LAPSED if self.waiting and by == self.approved:
                self.approved = None
            case FactKind.HOLD_REFUSED:
                self.require_may_decide(by)
            case FactKind.HOLD_APPROVED | FactKind.HOLD_RELEASED if self.confirmed(by, approver=True) is kind:
                self.approved = self.approved or by
                self.waiting, self.released = kind is FactKind.HOLD_APPROVED, kind is FactKind.HOLD_RELEASED
            case _:
                raise ValueError("it does not follow")
