"""Which facts of reviews are needed still: by them it is known up to where the log was reviewed, and what is open."""

import sqlite3
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from gateway.hub.journal.facts import REVIEW_FACTS, FactKind
from gateway.hub.journal.reading import told


@dataclass(slots=True)
class Reviewed:
    """`newest` are the newest signature of each subject; `of` is the finding that a fact is about, by the seq that
    opened it; `closed` are those that have ended, and `opened` those whose opening stands.
    """

    newest: frozenset[int] = frozenset()
    of: dict[int, int] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    opened: set[int] = field(default_factory=set)

    def needs(self, seq: int, going: Collection[int]) -> bool:
        """Whether that fact is, if those `going` are gone: a finding is open as long as anything says that it was
        opened, and nothing that it was closed.
        """
        if (finding := self.of.get(seq)) is None:
            return seq in self.newest
        return finding not in self.closed or (seq != finding and finding in self.opened and finding not in going)


def reviewed(connection: sqlite3.Connection) -> Reviewed:
    """What the log says of it now. Raises Altered."""
    found, newest = Reviewed(), defaultdict[str, int](int)
    for seq, kind, fact in told(connection, REVIEW_FACTS, 0):
        if kind is FactKind.REVIEW_SIGNED:
            newest[fact["subject"]] = seq
            continue
        found.of[seq] = fact.get("finding", seq)
        if kind is FactKind.FINDING_OPENED:
            found.opened.add(seq)
        elif kind is FactKind.FINDING_CLOSED:
            found.closed.add(found.of[seq])
    found.newest = frozenset(newest.values())
    return found
