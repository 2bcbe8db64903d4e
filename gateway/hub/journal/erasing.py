"""Takes a person's trail out of the log: the tag rows by which facts can be found to be about that person."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.finding import made_in
from gateway.hub.journal.legal_holds import covered, legal_holds
from gateway.hub.journal.store import connect_reader
from gateway.hub.journal.transaction import Transaction


def places(path: Path, tags: Iterable[bytes], connector: str, months: Collection[str]) -> list[tuple[int, int]]:
    """Where one of these tags stands in a running gateway's journal beside a fact whose tags that connector's edge made
    in one of these months: seq, and index of the record.

    There is no index for it: every tag is looked at, in a thread of the caller's. Raises sqlite3.Error.
    """
    sought = list(tags)
    with closing(connect_reader(path)) as connection:
        rows = connection.execute(_PLACES.format(", ".join("?" * len(sought))), sought)
        return list(_made_by(rows, connector, months))


def erase(transaction: Transaction, found: Sequence[tuple[int, int]], fields: Mapping[str, Any], *, at: str) -> int:
    """Delete these rows, or what of them is still there; returns how many. `fields`: of which connector and months,
    why, under which case, and who says so. The fact tells how many, and neither a tag nor where one stood.

    Raises Refused("under_investigation") if a legal hold is on one of the facts: then nothing goes.
    """
    holds = legal_holds(transaction.connection)
    for seq, _ in found:
        if covered(transaction.connection, holds, *transaction.execute(_FACT, (seq,)).fetchone()):
            raise Refused("under_investigation")
    before = transaction.connection.total_changes
    transaction.executemany("DELETE FROM tag WHERE seq = ? AND idx = ?", found)
    erased = transaction.connection.total_changes - before
    transaction.append(FactKind.TRAIL_ERASED, {**fields, "tags": erased}, at=at)
    return erased


def _made_by(rows: Iterable[Any], connector: str, months: Collection[str]) -> Iterator[tuple[int, int]]:
    """What the fact of an erasure says went is what goes: no other connector's tags, nor another month's."""
    for (seq, body), beside in groupby(rows, itemgetter(0, 2)):
        fact = json.loads(body)
        if fact["header"]["source"] == connector and made_in(fact) in months:
            yield from ((seq, index) for _, index, _ in beside)


_PLACES: Final = (
    "SELECT tag.seq, idx, body FROM tag JOIN fact ON fact.seq = tag.seq WHERE tag IN ({}) AND body IS NOT NULL"
    " ORDER BY tag.seq, idx"
)
_FACT: Final = "SELECT at, message_id FROM fact WHERE seq = ?"
