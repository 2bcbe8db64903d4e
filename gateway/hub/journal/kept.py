"""What a journal has of one message still, and what it says of what it has no more."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.finding import made_in
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import id_sought
from gateway.hub.journal.undisclosed import recorded_with, undisclosed


class Line(NamedTuple):
    """Of a fact, which and when."""

    seq: int
    at: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOf:
    """`facts` are those of the message that are whole, in order; `recorded` is whether that which recorded it is among
    them, `sealed` whether that was with an envelope; `payload` is whether this is there, and `until` when it goes, if
    that is known. `tags` counts the person tags; `erased` may say that they went. `purged` is the newest fact that says
    that facts went, `before` up to which time they did.
    """

    facts: tuple[Line, ...]
    recorded: bool
    sealed: bool
    payload: bool
    until: str | None
    tags: int
    erased: Line | None
    purged: Line | None
    before: str
    undisclosed: bool


def kept(connection: sqlite3.Connection, message_id: str) -> KeptOf:
    """Of a message that need not be known. Raises Altered."""
    stored = id_sought(message_id)
    facts = tuple(Line(*row) for row in connection.execute(_FACTS, (stored,)))
    recording = recorded_with(connection, stored)
    payload, until = connection.execute(_PAYLOAD, (stored,)).fetchone() or (0, None)
    purged = told(connection, [FactKind.FACTS_PURGED], 0)
    return KeptOf(
        facts=facts,
        recorded=bool(recording),
        sealed=bool(recording.get("envelope")),
        payload=bool(payload),
        until=until,
        tags=connection.execute(_TAGS, (recording.get("seq"),)).fetchone()[0],
        erased=_erased(recording, (fact for _, _, fact in told(connection, [FactKind.TRAIL_ERASED], 0))),
        purged=_line(purged[-1][2]) if purged else None,
        before=max((fact["before"] for _, _, fact in purged), default=""),
        undisclosed=undisclosed(connection, stored, recording.get("header")),
    )


def _erased(recording: Mapping[str, Any], erasures: Iterable[Mapping[str, Any]]) -> Line | None:
    """The last erasure that can have been of this message's tags: which tags went, nothing tells."""
    source, month, after = (recording.get("header") or {}).get("source"), made_in(recording), recording.get("seq", 0)
    its = [
        _line(each)
        for each in erasures
        if each["seq"] > after and each["connector"] == source and month in each["months"]
    ]
    return its[-1] if its else None


def _line(fact: Mapping[str, Any]) -> Line:
    return Line(fact["seq"], fact["at"], fact["kind"])


_FACTS: Final = "SELECT seq, at, kind FROM fact WHERE message_id = ? ORDER BY seq"
_PAYLOAD: Final = (
    "SELECT EXISTS (SELECT 1 FROM envelope WHERE envelope.message = message.seq), kept_until FROM message WHERE id = ?"
)
_TAGS: Final = "SELECT count(*) FROM tag WHERE seq = ? AND tag <> zeroblob(16)"
