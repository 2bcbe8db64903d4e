"""The hub's durable store for one tenant: facts as leaves of a signed Merkle tree, envelopes, and what is due.

Whatever an operation of `Journal` returns is on disk; what it could not keep, it raises. `docs/log-format.md` is enough
to verify a log without this program.
"""

from gateway.hub.journal.delivering import Conclusion
from gateway.hub.journal.facts import ACT_FACTS, PERSON_FACTS, REVIEW_FACTS, SALT_BYTES, FactKind
from gateway.hub.journal.finding import Found
from gateway.hub.journal.following import Followed, Following
from gateway.hub.journal.hold import By
from gateway.hub.journal.holding import Confirmed, Reason
from gateway.hub.journal.holds import Holds
from gateway.hub.journal.journal import Journal
from gateway.hub.journal.legal_holds import LegalHold
from gateway.hub.journal.purging import Looked
from gateway.hub.journal.reading import FIRST, UNHEARD, DueMessage, DueSettlement, MessageStatus, Outdated
from gateway.hub.journal.transaction import JournalLimits
from gateway.hub.journal.verify import VerifyReport, anchors, verify

__all__ = [
    "ACT_FACTS",
    "FIRST",
    "PERSON_FACTS",
    "REVIEW_FACTS",
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
    "LegalHold",
    "Looked",
    "MessageStatus",
    "Outdated",
    "Reason",
    "VerifyReport",
    "anchors",
    "verify",
]
