"""What the facts of one message come to: which of its records are open, whether it is held, and how the others ended.

The one place that knows what those facts mean: operations, reads, start and verification all ask here. So what is
forgotten or made up beside the log can be found.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import msgspec

from gateway.config.attested import REVIEW
from gateway.hub.journal.facts import DELIVERY_FACTS, HOLD_FACTS, Altered, FactKind
from gateway.hub.journal.hold import Hold
from gateway.hub.journal.outcomes import indices, ungroup
from gateway.hub.journal.store import id_bytes
from gateway.messages import Ending, MessageKind, RecordOutcome, carried_until, decode_header, encode


class Work:
    """One message, up to the last fact that was applied.

    `open` maps indices of records that have not ended to lanes; `hold` says whether people are waited for; `deleted`:
    the envelope is kept no more; `asked` counts how often the source is to hear how the message ended. `header` is None
    if every record was refused by the edge; such a message has no answer, so it counts as an event.
    """

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        header, statement = recorded.get("header"), recorded.get("statement")
        self._named: Mapping[str, Any] = header or statement or {}
        self.header: Mapping[str, Any] | None = header
        self.envelope: str | None = recorded.get("envelope")
        self.message_id: str = self._named["message_id"]
        self.stored_id = id_bytes(self.message_id)
        self.source = str(self._named["source" if header else "connector"])
        self.client_certificate: str | None = self._named.get("client_certificate")
        self.destination = str(header["destination"]) if header else ""
        self.kind = MessageKind(header["kind"]) if header else MessageKind.EVENT
        self._lanes: dict[int, int] = {index: lane for index, _, lane in header["records"]} if header else {}
        self.open = dict(self._lanes)
        refused = statement["records"] if statement else ()
        self._ended = {index: RecordOutcome(index, Ending.REFUSED, code, path) for index, code, path in refused}
        self.hold = Hold(str(self._named.get("actor") or self._named["responsible"]))
        self.attempt = 0
        self.asked = 0 if self.open else 1
        self.deleted = False

    @property
    def outcomes(self) -> tuple[RecordOutcome, ...]:
        """Of the records that have ended, by index."""
        return tuple(self._ended[index] for index in sorted(self._ended))

    @property
    def size(self) -> int:
        """How many records were sealed."""
        return len(self._lanes)

    @property
    def dead(self) -> tuple[int, ...]:
        """The indices of the records that ended dead."""
        return tuple(each.index for each in self.outcomes if each.ending is Ending.DEAD)

    def apply(self, kind: FactKind, fields: Mapping[str, Any]) -> None:
        """Let one more fact count. Raises ValueError or KeyError if it is none that can follow."""
        self._require_may_follow(kind)
        was_open, anew = bool(self.open), False
        match kind:
            case FactKind.DELIVERY_ATTEMPTED:
                self.attempt = int(fields["attempt"])
            case FactKind.DELIVERY_CONCLUDED:
                self.attempt = int(fields["attempt"])
                self._end(ungroup(fields["outcomes"]))
            case FactKind.MESSAGE_DEAD:
                anew = "operator" in fields  # what had been dead already has another reason now
                self.attempt = self.attempt if anew else int(fields["attempt"])
                self._end(ungroup(fields["outcomes"]))
            case FactKind.MESSAGE_REPLAYED:
                self.attempt = 0
                self._reopen(indices(fields["records"]))
            case FactKind.ENVELOPE_DELETED:
                self.deleted = True
            case FactKind.MESSAGE_REPEATED:
                anew = not was_open  # who sends again has perhaps not heard how it ended
            case FactKind.HOLD_PLACED if was_open:
                self.hold.apply(kind, fields)
                self.attempt = 0
            case _ if kind in HOLD_FACTS and was_open:
                self.hold.apply(kind, fields)
                self._end(ungroup(fields.get("outcomes", ())))
            case _:
                raise ValueError("a message is recorded once, and held while something of it is open")
        if self.kind is not MessageKind.REPLY and (anew or (was_open and not self.open)):
            self.asked += 1

    def _require_may_follow(self, kind: FactKind) -> None:
        """While it is held nothing goes out, nor ever without a release what attests `review`; once the envelope is
        deleted, after the end, nothing ever does again.
        """
        if self.hold.waiting and kind in (*_GOING_OUT, FactKind.MESSAGE_REPLAYED):
            raise ValueError("it is held: nothing goes out")
        if kind in _GOING_OUT and not self.hold.released and self._to_be_reviewed:
            raise ValueError("it attests that people must release it, and nobody did")
        if self.deleted and kind in (FactKind.MESSAGE_REPLAYED, FactKind.ENVELOPE_DELETED):
            raise ValueError("its envelope is deleted")
        if kind is FactKind.ENVELOPE_DELETED and (self.open or self.envelope is None):
            raise ValueError("an envelope is deleted once its message has ended")

    @property
    def _to_be_reviewed(self) -> bool:
        return self.header is not None and any(each["claim"] == REVIEW for each in self.header["attestations"])

    @property
    def kept(self) -> bool:
        """Whether it has ended and its envelope is still there, to be deleted one day."""
        return self.envelope is not None and not self.open and not self.deleted

    @property
    def until(self) -> str:
        """As `carried_until` of its header; empty if it has none."""
        return carried_until(decode_header(encode(self.header))) if self.header else ""

    @property
    def held(self) -> bool:
        """Whether it waits for people, and is not due."""
        return self.hold.waiting

    def row(self) -> dict[str, Any]:
        """The columns of `message` that follow from the facts; settle_asked too, if every repeat was applied."""
        key, tag = self._named.get("request_key"), self._named.get("body_tag")
        reply = self.header if self.kind is MessageKind.REPLY else None
        return {
            "id": self.stored_id,
            "source": self.source,
            "route": self.header["route"] if self.header else None,
            "request_key": bytes.fromhex(key) if key else None,
            "body_tag": bytes.fromhex(tag) if tag else None,
            "answers": id_bytes(reply["correlation_id"]) if reply else None,
            "open": len(self.open),
            "dead": len(self.dead),
            "held": int(self.held),
            "settle_asked": self.asked,
        }

    def _end(self, outcomes: Iterable[RecordOutcome]) -> None:
        for each in outcomes:
            if each.ending is not None:
                self.open.pop(each.index, None)
                self._ended[each.index] = each
        self.hold.waiting &= bool(self.open)

    def _reopen(self, revived: Iterable[int]) -> None:
        for index in revived:
            del self._ended[index]
            self.open[index] = self._lanes[index]


def read_work(connection: sqlite3.Connection, stored_id: bytes, *, repeats: bool = False) -> Work | None:
    """The message by its facts; None if none was recorded under this id, or if that fact was purged. Raises Altered.

    Repeats change nothing but `asked`, and there may be any number: they are read for verification only.
    """
    return work_of(connection.execute(_FACTS, (stored_id, FactKind.MESSAGE_REPEATED if repeats else None)))


def read_works(connection: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[int, Work | None]]:
    """As `read_work` with repeats, each message that was recorded as one of these facts, by that. Raises Altered."""
    rows = connection.execute(_FACTS_OF, (first, last))
    for seq, facts in groupby(rows, key=itemgetter(0)):
        yield seq, work_of(row[1:] for row in facts)


def work_of(facts: Iterable[tuple[int, Any, Any]]) -> Work | None:
    """What these facts of one message come to, each by seq, kind and body, in order. Raises Altered."""
    work = None
    for seq, kind, body in facts:
        try:
            if work is None and kind == FactKind.MESSAGE_RECORDED:
                work = Work(msgspec.json.decode(body))
                work.row()  # whatever stands there, it has a row
            elif work is not None:
                work.apply(FactKind(kind), msgspec.json.decode(body))
            else:
                raise ValueError("a message is recorded first")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, msgspec.MsgspecError):
            raise Altered(seq, f"fact {seq} is altered: it does not follow from those before it") from None
    return work


_GOING_OUT: Final = (FactKind.DELIVERY_ATTEMPTED, FactKind.DELIVERY_CONCLUDED)
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(DELIVERY_FACTS - {FactKind.MESSAGE_REPEATED}))
_FACTS: Final = (
    "SELECT seq, kind, body FROM fact WHERE message_id = ?1"  # noqa: S608  (the kinds are ours)
    f" AND kind IN ({_KINDS}, ?2) AND seq >= (SELECT max(seq) FROM fact WHERE message_id = ?1"
    " AND kind = 'message.recorded') ORDER BY seq"
)
_FACTS_OF: Final = (
    "SELECT recorded.seq, told.seq, told.kind, told.body FROM fact AS recorded"  # noqa: S608  (the kinds are ours)
    # "+": by the message alone; else SQLite looks for each kind apart.
    " CROSS JOIN fact AS told ON told.message_id = recorded.message_id"
    f" AND +told.kind IN ({_KINDS}, '{FactKind.MESSAGE_REPEATED}')"
    " AND told.seq >= recorded.seq"
    f" WHERE recorded.kind = '{FactKind.MESSAGE_RECORDED}' AND recorded.seq BETWEEN ? AND ?"
    " ORDER BY recorded.seq, told.seq"
)
