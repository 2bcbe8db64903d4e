"""What befalls a recorded message: attempts, endings, its settlement, its second life. Each is a fact before it counts.

A record ends once: an outcome for a record that is not open changes nothing, because the first outcome stands.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.outcomes import group, ranges, ungroup
from gateway.hub.journal.recording import Entry, record
from gateway.hub.journal.transaction import Transaction
from gateway.messages import Ending, Envelope, MessageKind, Recorded, RecordOutcome, decode_header


def attempted(transaction: Transaction, message_id: str, indices: Sequence[int], *, attempt: int, at: str) -> None:
    """These records are about to be handed over for the `attempt`th time."""
    seq, *_ = transaction.message(message_id)
    transaction.append(
        FactKind.DELIVERY_ATTEMPTED, {"attempt": attempt, "records": ranges(indices)}, at=at, message_id=message_id
    )
    transaction.execute("UPDATE message SET attempt = ? WHERE seq = ?", (attempt, seq))


def conclude(  # noqa: PLR0913  (as the journal's own)
    transaction: Transaction,
    message_id: str,
    outcomes: Iterable[RecordOutcome],
    *,
    attempt: int,
    next_at: float | None,
    at: str,
    reply: Entry | None,
    now: float,
) -> Recorded | None:
    """What an attempt came to. Deferred records stay open until `next_at`; a reply is recorded with it."""
    seq, kind, stored = transaction.message(message_id)
    recorded = record(transaction, reply, at=at, now=now) if reply else None
    open_now = _open_indices(transaction, seq)
    fresh = {each.index: each for each in outcomes if each.index in open_now}
    _tell(transaction, message_id, list(fresh.values()), attempt, recorded, at)
    ended = [each for each in fresh.values() if each.ending is not None]
    transaction.close_records(seq, [each.index for each in ended])
    known = [*ungroup(json.loads(stored)), *ended]
    _store_outcomes(transaction, seq, known)
    if len(ended) < len(open_now):
        transaction.execute("UPDATE message SET attempt = ?, next_at = ? WHERE seq = ?", (attempt, next_at, seq))
    elif open_now:
        transaction.execute(
            "UPDATE message SET attempt = ?, next_at = NULL, state = 'ended', settle_asked = settle_asked + ?"
            " WHERE seq = ?",
            (attempt, 0 if kind == MessageKind.REPLY else 1, seq),
        )
    return recorded


def settled(transaction: Transaction, message_id: str, *, due: int | None) -> None:
    """The source has heard. With `due`, only what was due when that settlement was read is done."""
    seq, *_ = transaction.message(message_id)
    transaction.execute(_SETTLED, {"seq": seq, "due": due})


def revive(transaction: Transaction, message_id: str, *, at: str, now: float, operator: str) -> tuple[int, ...]:
    """Dead records become open again, with no attempt counted. Returns their indices."""
    seq, _, stored = transaction.message(message_id)
    dead, others = _dead(ungroup(json.loads(stored)))
    packed = transaction.execute("SELECT packed FROM envelope WHERE message = ?", (seq,)).fetchone()
    if packed is None:
        raise Refused("send_anew")
    header = decode_header(Envelope.unpack(packed[0]).header)
    indices = {each.index for each in dead}
    transaction.append(
        FactKind.MESSAGE_REPLAYED, {"operator": operator, "records": ranges(indices)}, at=at, message_id=message_id
    )
    revived = [(index, lane) for index, _, lane in header.records if index in indices]
    transaction.open_records(seq, revived, limited=True)
    _store_outcomes(transaction, seq, others)
    transaction.execute(
        "UPDATE message SET state = 'open', attempt = 0, next_at = ? WHERE seq = ?",
        (now, seq),
    )
    return tuple(index for index, _ in revived)


def unreplayable(transaction: Transaction, message_id: str, *, at: str, operator: str) -> None:
    """Dead records can no longer be carried as sealed: their code becomes send_anew, and the source hears it."""
    seq, kind, stored = transaction.message(message_id)
    dead, others = _dead(ungroup(json.loads(stored)))
    anew = [RecordOutcome(each.index, Ending.DEAD, "send_anew") for each in dead]
    transaction.append(
        FactKind.MESSAGE_DEAD, {"operator": operator, "outcomes": group(anew)}, at=at, message_id=message_id
    )
    _store_outcomes(transaction, seq, [*others, *anew])
    if kind != MessageKind.REPLY:
        transaction.execute("UPDATE message SET settle_asked = settle_asked + 1 WHERE seq = ?", (seq,))


def _tell(
    transaction: Transaction,
    message_id: str,
    fresh: Sequence[RecordOutcome],
    attempt: int,
    reply: Recorded | None,
    at: str,
) -> None:
    """The facts of a conclusion: one for what the attempt came to, one for what is given up."""
    handed = [each for each in fresh if each.ending is not Ending.DEAD]
    dead = [each for each in fresh if each.ending is Ending.DEAD]
    if handed or reply:
        fields: dict[str, Any] = {"attempt": attempt, "outcomes": group(handed)}
        if reply:
            fields["reply_id"] = reply.message_id
        transaction.append(FactKind.DELIVERY_CONCLUDED, fields, at=at, message_id=message_id)
    if dead:
        fields = {"attempt": attempt, "outcomes": group(dead)}
        transaction.append(FactKind.MESSAGE_DEAD, fields, at=at, message_id=message_id)


def _open_indices(transaction: Transaction, message: int) -> set[int]:
    rows = transaction.execute("SELECT idx FROM open_record WHERE message = ?", (message,)).fetchall()
    return {index for (index,) in rows}


def _store_outcomes(transaction: Transaction, message: int, outcomes: Sequence[RecordOutcome]) -> None:
    dead = sum(each.ending is Ending.DEAD for each in outcomes)
    transaction.execute(
        "UPDATE message SET outcomes = ?, dead = ? WHERE seq = ?", (json.dumps(group(outcomes)), dead, message)
    )


def _dead(outcomes: Iterable[RecordOutcome]) -> tuple[list[RecordOutcome], list[RecordOutcome]]:
    """Dead records, and the others. Raises Refused("not_replayable") if none is dead."""
    dead: list[RecordOutcome] = []
    others: list[RecordOutcome] = []
    for each in outcomes:
        (dead if each.ending is Ending.DEAD else others).append(each)
    if not dead:
        raise Refused("not_replayable")
    return dead, others


_SETTLED: Final = (
    "UPDATE message SET settle_told = max(settle_told, min(settle_asked, coalesce(:due, settle_asked)))"
    " WHERE seq = :seq"
)
