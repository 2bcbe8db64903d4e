"""The hub's durable store for one tenant: facts as leaves of a signed Merkle tree, envelopes, and what is due.

Whatever an operation of `Journal` returns is on disk; what it could not keep, it raises. `docs/log-format.md` is enough
to verify a log without this program.
"""

from gateway.hub.journal.delivering import Conclusion
from gateway.hub.journal.facts import PERSON_FACTS, SALT_BYTES, FactKind
from gateway.hub.journal.finding import Found
from gateway.hub.journal.following import Followed, Following
from gateway.hub.journal.hold import By
from gateway.hub.journal.holding import Confirmed, Reason
from gateway.hub.journal.holds import Holds
from gateway.hub.journal.journal import Journal
from gateway.hub.journal.reading import UNHEARD, DueMessage, DueSettlement, MessageStatus
from gateway.hub.journal.transaction import JournalLimits
from gateway.hub.journal.verify import VerifyReport, anchors, verify

__all__ = [
    "PERSON_FACTS",
    "SALT_BYTES",
    "UNHEARD",
    "By",
    "Conclusion",
    "Confirmed",
    "DueMessage",
    "DueSettlement",
    "FactKind",
    "Followed",
    "Following",
    "Found",
    "Holds",
    "Journal",
    "JournalLimits",
    "MessageStatus",
    "Reason",
    "VerifyReport",
    "anchors",
    "verify",
]
