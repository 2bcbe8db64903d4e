"""A fact's bytes and its commitment: what one line of the central log is, before it is stored.

The log commits to SHA-256(salt, body), so that body and salt can be purged together and nothing can be guessed from
the commitment that stays.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from gateway.evidence.purged import PURGED
from gateway.evidence.succeeded import SUCCEEDED
from gateway.messages import encode

SALT_BYTES: Final = 32
_FIRST: Final = frozenset({"seq", "at", "kind"})


class FactKind(StrEnum):
    """Every kind of fact there is. The page `docs/log-format.md` says what each holds."""

    MESSAGE_RECORDED = "message.recorded"
    MESSAGE_REPEATED = "message.repeated"
    MESSAGE_REFUSED = "message.refused"
    REPLY_FETCHED = "reply.fetched"
    DELIVERY_ATTEMPTED = "delivery.attempted"
    DELIVERY_CONCLUDED = "delivery.concluded"
    MESSAGE_DEAD = "message.dead"
    MESSAGE_REPLAYED = "message.replayed"
    ENVELOPE_DELETED = "envelope.deleted"
    HOLD_PLACED = "hold.placed"
    HOLD_LOOKED = "hold.looked"
    HOLD_SHOWN = "hold.shown"
    HOLD_APPROVED = "hold.approved"
    HOLD_LAPSED = "hold.lapsed"
    HOLD_RELEASED = "hold.released"
    HOLD_REFUSED = "hold.refused"
    CONNECTOR_NOTED = "connector.noted"
    NOISE_COUNTED = "noise.counted"
    GATEWAY_STARTED = "gateway.started"
    GATEWAY_STOPPED = "gateway.stopped"
    GATEWAY_REFUSED_TO_START = "gateway.refused_to_start"
    LOGS_RESTORED = "logs.restored"
    LOG_SUCCEEDED = SUCCEEDED
    LOGS_COPIED = "logs.copied"
    COPY_DESTROYED = "copy.destroyed"
    EDGE_LINKED = "edge.linked"
    EDGE_UNLINKED = "edge.unlinked"
    CONFIG_APPLIED = "config.applied"
    CONFIG_REFUSED = "config.refused"
    OPERATOR_ACTED = "operator.acted"
    PERSON_GRANTED = "person.granted"
    PERSON_REVOKED = "person.revoked"
    MESSAGE_UNDISCLOSED = "message.undisclosed"
    FACTS_PURGED = PURGED
    TRAIL_ERASED = "trail.erased"
    LEGAL_HOLD_PLACED = "legal_hold.placed"
    LEGAL_HOLD_LIFTED = "legal_hold.lifted"
    REVIEW_SIGNED = "review.signed"
    FINDING_OPENED = "finding.opened"
    FINDING_TAKEN = "finding.taken"
    FINDING_CLOSED = "finding.closed"
    USE_STOPPED = "use.stopped"
    USE_RESUMED = "use.resumed"


HOLD_FACTS: Final = frozenset(
    {
        FactKind.HOLD_PLACED,
        FactKind.HOLD_LOOKED,
        FactKind.HOLD_SHOWN,
        FactKind.HOLD_APPROVED,
        FactKind.HOLD_LAPSED,
        FactKind.HOLD_RELEASED,
        FactKind.HOLD_REFUSED,
    }
)
DELIVERY_FACTS: Final = frozenset(
    {
        FactKind.MESSAGE_RECORDED,
        FactKind.MESSAGE_REPEATED,
        FactKind.DELIVERY_ATTEMPTED,
        FactKind.DELIVERY_CONCLUDED,
        FactKind.MESSAGE_DEAD,
        FactKind.MESSAGE_REPLAYED,
        FactKind.ENVELOPE_DELETED,
        *HOLD_FACTS,
    }
)
"""The kinds that change what is due: only the journal's own operations write them."""
PERSON_FACTS: Final = (FactKind.PERSON_GRANTED, FactKind.PERSON_REVOKED)
"""The kinds that say who may act: what they come to is nowhere else."""
RETENTION_FACTS: Final = (
    FactKind.FACTS_PURGED,
    FactKind.TRAIL_ERASED,
    FactKind.LEGAL_HOLD_PLACED,
    FactKind.LEGAL_HOLD_LIFTED,
)
"""The kinds that say what may be missing, and what may not be purged: they stay."""
COPY_FACTS: Final = (FactKind.LOGS_COPIED, FactKind.COPY_DESTROYED)
"""The kinds that say where else something may be: they stay, in the system's log."""
REVIEW_FACTS: Final = (
    FactKind.REVIEW_SIGNED,
    FactKind.FINDING_OPENED,
    FactKind.FINDING_TAKEN,
    FactKind.FINDING_CLOSED,
)
"""The kinds that say up to where the log was reviewed and what is still to be looked into: it stands nowhere else, and
they stay as long as they say it.
"""


ACT_FACTS: Final = (
    FactKind.OPERATOR_ACTED,
    FactKind.MESSAGE_REPLAYED,
    FactKind.HOLD_LOOKED,
    FactKind.HOLD_SHOWN,
    FactKind.HOLD_APPROVED,
    FactKind.HOLD_LAPSED,
    FactKind.HOLD_RELEASED,
    FactKind.HOLD_REFUSED,
    FactKind.PERSON_GRANTED,
    FactKind.PERSON_REVOKED,
    FactKind.MESSAGE_UNDISCLOSED,
    FactKind.TRAIL_ERASED,
    FactKind.LEGAL_HOLD_PLACED,
    FactKind.LEGAL_HOLD_LIFTED,
    FactKind.REVIEW_SIGNED,
    FactKind.FINDING_OPENED,
    FactKind.FINDING_TAKEN,
    FactKind.FINDING_CLOSED,
    FactKind.USE_STOPPED,
    FactKind.USE_RESUMED,
)
"""The kinds that tell what persons did in a tenant: the history has all of them, and a review knows whose each is."""
SIGNED_FACTS: Final = frozenset({*ACT_FACTS, *RETENTION_FACTS, *COPY_FACTS, FactKind.LOG_SUCCEEDED})
"""The kinds that say what persons decided, or what may be missing: each comes with a checkpoint of its own, so that who
can write into the file, and has not the log's key, can add none.
"""


class Altered(Exception):
    """The log is not what was written, first at fact `seq`. The text says what is wrong."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq

    def __reduce__(self) -> tuple[type["Altered"], tuple[int, str]]:
        """So that the process that found it can hand it to another."""
        return type(self), (self.seq, str(self))


def fact_body(seq: int, at: str, kind: FactKind, fields: Mapping[str, Any]) -> bytes:
    """The canonical bytes: one JSON object with seq, at, kind and the kind's own fields."""
    if not _FIRST.isdisjoint(fields):
        raise ValueError("seq, at and kind are the journal's to set")
    return encode({"seq": seq, "at": at, "kind": kind.value, **fields})


def commitment(salt: bytes, body: bytes) -> bytes:
    """SHA-256(salt, body): the fact's leaf in the tree."""
    return hashlib.sha256(salt + body).digest()
