"""What befalls a recorded message: attempts, endings, its settlement, its second life. Each is a fact before it counts.

A record ends once: an outcome for a record that is not open changes nothing, because the first outcome stands.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.legal_holds import held
from gateway.hub.journal.outcomes import group, ranges
from gateway.hub.journal.reading import DueSettlement
from gateway.hub.journal.recording import Entry, place_hold, record
from gateway.hub.journal.store import id_sought
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.work import Work
from gateway.messages import Ending, MessageKind, Recorded, RecordOutcome


class Revived(NamedTuple):
    """The indices that are open once more, and whether they are held."""

    records: tuple[int, ...]
    held: bool


class Conclusion(NamedTuple):
    """What is due by an attempt's end: the recorded `reply`, and what the source is to hear, if nothing is open."""

    reply: Recorded | None
    settlement: DueSettlement | None


def attempted(transaction: Transaction, message_id: str, indices: Sequence[int], *, attempt: int, at: str) -> None:
    """These records are about to be handed over for the `attempt`th time."""
    transaction.attempt(transaction.work(message_id), {"attempt": attempt, "records": ranges(indices)}, at=at)


def conclude(  # noqa: PLR0913  (as the journal's own)
    transaction: Transaction,
    message_id: str,
    outcomes: Iterable[RecordOutcome],
    *,
    attempt: int,
    next_at: float | None,
    at: str,
    reply: Entry | None,
    reply_goes: bool,
    now: float,
    tenant: str,
) -> Conclusion:
    """What an attempt came to. Deferred records stay open until `next_at`; a reply is recorded with it."""
    work = transaction.work(message_id)
    recorded = record(transaction, reply, at=at, now=now, goes=reply_goes) if reply else None
    fresh = {each.index: each for each in outcomes if each.index in work.open}.values()
    dead = [each for each in fresh if each.ending is Ending.DEAD]
    handed = [each for each in fresh if each.ending is not Ending.DEAD]
    asked = 0
    if handed or recorded:
        fields: dict[str, Any] = {"attempt": attempt, "outcomes": group(handed)}
        if recorded:
            fields["reply_id"] = recorded.message_id
        asked = transaction.tell(work, FactKind.DELIVERY_CONCLUDED, fields, at=at, next_at=next_at)
    if dead:
        fields = {"attempt": attempt, "outcomes": group(dead)}
        asked = transaction.tell(work, FactKind.MESSAGE_DEAD, fields, at=at, next_at=next_at)
    return Conclusion(recorded, settlement_of(work, asked, tenant))


def settlement_of(work: Work, asked: int, tenant: str) -> DueSettlement | None:
    """What the source is to hear for the `asked`th time, if nothing is open."""
    if not asked or work.open or work.kind is MessageKind.REPLY:
        return None
    return DueSettlement(tenant, work.source, work.message_id, work.outcomes, asked)


def settled(transaction: Transaction, message_id: str, *, due: int | None) -> None:
    """The source has heard. With `due`, only what was due when that settlement was read is done."""
    if not transaction.execute(_SETTLED, {"id": id_sought(message_id), "due": due}).rowcount:
        raise Refused("unknown_message")


def revive(transaction: Transaction, message_id: str, *, at: str, now: float, operator: str, held: bool) -> Revived:
    """Dead records become open again, with no attempt counted: held, if it is to be and nobody ever released it."""
    work = transaction.work(message_id)
    dead = _dead(work)
    held = held and not work.hold.released
    if (held and work.open) or work.hold.waiting:
        raise Refused("not_ended")
    if not transaction.execute("SELECT 1 FROM envelope WHERE message = ?", (transaction.seq(message_id),)).fetchone():
        raise Refused("send_anew")
    transaction.require_room(len(dead))
    fields = {"operator": operator, "records": ranges(dead)}
    transaction.tell(work, FactKind.MESSAGE_REPLAYED, fields, at=at, next_at=now)
    if held:
        place_hold(transaction, work, at=at)
    return Revived(dead, held)


def unreplayable(transaction: Transaction, message_id: str, *, at: str, operator: str) -> None:
    """Dead records can no longer be carried as sealed: their code becomes send_anew, and the source hears it."""
    work = transaction.work(message_id)
    anew = [RecordOutcome(index, Ending.DEAD, "send_anew") for index in _dead(work)]
    fields = {"operator": operator, "outcomes": group(anew)}
    transaction.tell(work, FactKind.MESSAGE_DEAD, fields, at=at, next_at=None)


def delete_envelope(transaction: Transaction, message_id: str, *, at: str) -> None:
    """The sealed payload of a message that has ended is kept no more; its digest stays in the log (C117).

    Raises Refused (unknown_message, also if it is gone; not_ended if it is open again; under_investigation if a legal
    hold is on it).
    """
    work = transaction.work(message_id)
    if work.open:
        raise Refused("not_ended")
    if work.deleted:
        raise Refused("unknown_message")
    if held(transaction.connection, work.stored_id):
        raise Refused("under_investigation")
    transaction.append(FactKind.ENVELOPE_DELETED, {"envelope": work.envelope}, at=at, message_id=message_id)
    work.apply(FactKind.ENVELOPE_DELETED, {})
    seq = transaction.seq(message_id)
    transaction.execute("DELETE FROM envelope WHERE message = ?", (seq,))
    transaction.execute("UPDATE message SET ended_at = NULL, kept_until = NULL WHERE seq = ?", (seq,))


def _dead(work: Work) -> tuple[int, ...]:
    """Raises Refused("not_replayable") if none is."""
    if not work.dead:
        raise Refused("not_replayable")
    return work.dead


_SETTLED: Final = (
    "UPDATE message SET settle_told = max(settle_told, min(settle_asked, coalesce(:due, settle_asked))) WHERE id = :id"
)
