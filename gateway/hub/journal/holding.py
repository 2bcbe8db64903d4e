"""What befalls a held message: it is looked at, approved, released or refused by people, or its time ends.

Each checks inside its transaction, where nobody acts beside it: two people may decide at the same moment, and one of
them may just have lost the right.
"""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from gateway.errors import Refused
from gateway.hub.journal.delivering import settlement_of
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.hold import By
from gateway.hub.journal.outcomes import group
from gateway.hub.journal.reading import DueSettlement
from gateway.hub.journal.recording import place_hold
from gateway.hub.journal.transaction import Transaction
from gateway.hub.people import Confirmers, Person, Role
from gateway.messages import Ending, RecordOutcome

Reason: TypeAlias = Literal["not_disclosable", "content_wrong", "request_wrong"]
"""Why a hold is refused; a closed list."""
NOT_RELEASED: Final = "not_released"
"""What the source hears of it, whatever the reason."""


class Confirmed(NamedTuple):
    """What came of one person's word: `released` are the records that are due now, none if it was the first word."""

    released: tuple[int, ...]
    seq: int


def look(transaction: Transaction, message_id: str, *, by: By, at: str) -> None:
    """Its content is about to be shown to this person. Raises Refused: unknown_message, not_held."""
    work = transaction.work(message_id)
    work.hold.require_waiting()
    transaction.tell(work, FactKind.HOLD_LOOKED, by._asdict(), at=at)


def shown(transaction: Transaction, message_id: str, *, by: By, at: str) -> None:
    """The edge has opened it for this person. Raises Refused: unknown_message, not_held, not_looked_at."""
    work = transaction.work(message_id)
    work.hold.require_given_out(by)
    transaction.tell(work, FactKind.HOLD_SHOWN, by._asdict(), at=at)


def place(transaction: Transaction, message_id: str, *, at: str) -> bool:
    """What was on its way is held from now on, with no attempt counted, unless it was released once; whether it is.

    Raises Refused("unknown_message").
    """
    work = transaction.work(message_id)
    if work.hold.released or not work.open:
        return False
    place_hold(transaction, work, at=at)
    return True


def confirm(transaction: Transaction, message_id: str, *, by: By, people: Confirmers, at: str, now: float) -> Confirmed:
    """The first word approves, the second releases. Of whoever may confirm no more, the approval lapses: then this is
    the first word. Raises Refused: unknown_message, and as `Hold.confirmed`.
    """
    work = transaction.work(message_id)
    work.hold.require_may_decide(by)
    able = people(transaction.connection)
    approver = Role.APPROVER in _still(able, by).roles
    if work.hold.approved is not None and work.hold.approved.person not in able:
        lapsed = {**work.hold.approved._asdict(), "by": by.person}
        transaction.tell(work, FactKind.HOLD_LAPSED, lapsed, at=at)
    kind = work.hold.confirmed(by, approver=approver)
    transaction.tell(work, kind, by._asdict(), at=at, next_at=now)
    due = tuple(work.open) if kind is FactKind.HOLD_RELEASED else ()
    return Confirmed(due, transaction.seq(message_id))


def refuse(  # noqa: PLR0913  (a refusal is this much)
    transaction: Transaction, message_id: str, *, by: By, people: Confirmers, reason: Reason, at: str, tenant: str
) -> DueSettlement | None:
    """All that is open ends refused. Raises Refused: unknown_message, role_missing, as `Hold.require_may_decide`."""
    work = transaction.work(message_id)
    work.hold.require_may_decide(by)
    _still(people(transaction.connection), by)
    ended = [RecordOutcome(index, Ending.REFUSED, NOT_RELEASED) for index in work.open]
    fields = {**by._asdict(), "reason": reason, "outcomes": group(ended)}
    asked = transaction.tell(work, FactKind.HOLD_REFUSED, fields, at=at)
    return settlement_of(work, asked, tenant)


def _still(able: Mapping[str, Person], by: By) -> Person:
    """Whoever decides, if by this very certificate they still may. Raises Refused("role_missing")."""
    person = able.get(by.person)
    if person is None or person.certificate != by.client_certificate:
        raise Refused("role_missing")
    return person


def expire(transaction: Transaction, message_id: str, *, at: str, tenant: str) -> DueSettlement | None:
    """If it is still held and its time is over, or that of what it attests, all that is open ends dead; else nothing
    happens.
    """
    work = transaction.work(message_id)
    if not work.hold.waiting or work.header is None or work.until > at:
        return None
    ended = [RecordOutcome(index, Ending.DEAD, "expired") for index in work.open]
    fields = {"attempt": work.attempt, "outcomes": group(ended)}
    asked = transaction.tell(work, FactKind.MESSAGE_DEAD, fields, at=at)
    return settlement_of(work, asked, tenant)
