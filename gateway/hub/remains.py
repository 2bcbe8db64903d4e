"""What is left of one message in every copy that the gateway made: a row for each copy (C116, C123).

Pure: it judges by what journal, search index, export folders and the list of copies say of themselves.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from gateway.config import japanese_day
from gateway.errors import Refused
from gateway.evidence.purged import KEPT_YEARS, years_before
from gateway.hub.copies import BACKUP, ListedCopy
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.kept import KeptOf, Line
from gateway.messages import stamp

SLACK: Final = timedelta(days=1)
"""A copy is listed before it is made: so long later it may still take up what came meanwhile."""
PAYLOAD, FACTS, TAGS = "payload", "facts", "person tags"
_IN_JOURNAL: Final = ("envelope", "dead letters", "holds", "log")


class State(StrEnum):
    """Of a copy. `not there` it was never, or it does not matter since when."""

    GONE = "gone"
    ABSENT = "not there"
    KEPT = "kept"
    THERE = "there"
    MAY_BE = "may be there"


@dataclass(frozen=True, slots=True)
class Remain:
    """`until`: the last day in Japan on which it may be there. `seq` and `at` are of the fact in `log` that says it."""

    what: str
    where: str
    state: State
    until: date | None = None
    log: str | None = None
    seq: int | None = None
    at: str | None = None

    def left(self, today: date) -> bool:
        """Whether it is there, or may be, and should not: a payload ever, the others after their time."""
        if self.state in (State.GONE, State.ABSENT):
            return False
        return self.what == PAYLOAD or self.until is None or self.until < today

    def told(self, today: date) -> dict[str, Any]:
        """As plain JSON."""
        until = self.until.isoformat() if self.until else None
        return {**asdict(self), "until": until, "left": self.left(today)}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of `tenant` that is, or was: before `born` it cannot have been recorded. `whole`: none of its first
    facts can have been purged. What is told of a `hidden` one is what its facts' kinds and times tell.
    """

    tenant: str
    born: str
    kept: KeptOf
    whole: bool
    hidden: bool

    def last(self, *kinds: FactKind) -> Line | None:
        """Its last fact of these kinds."""
        return next((each for each in reversed(self.kept.facts) if each.kind in kinds), None)

    @property
    def over(self) -> date | None:
        """The last day on which a copy of all its facts has none beyond its time; None if it is over."""
        return _over(self.kept.facts[0]) if self.whole and self.kept.facts else None

    @property
    def sealed(self) -> bool:
        """Whether it had a payload, as far as can be known still."""
        return self.kept.sealed if self.kept.recorded else not self.whole

    @property
    def tagged(self) -> bool:
        """Whether person tags stood beside it, as far as can be known still."""
        return bool(self.kept.tags or self.kept.erased) if self.kept.recorded else not self.whole

    @property
    def payload_ended(self) -> Line | None:
        """What says that the payload is gone."""
        return None if self.kept.payload else self.last(FactKind.ENVELOPE_DELETED) or self.kept.purged

    @property
    def tags_ended(self) -> Line | None:
        """What says that its person tags are gone."""
        if self.kept.tags:
            return None
        return self.kept.erased if self.kept.recorded else self.kept.purged


def message(tenant: str, message_id: str, kept: KeptOf, *, hidden: bool) -> Message:
    """Raises Refused("unknown_message") if it has no facts, and by the time in its id (RFC 9562 §5.7) none of it can
    have been purged.
    """
    born, first = made(message_id), kept.facts[0].at if kept.facts else None
    whole = kept.recorded or not kept.before or (born is not None and born >= kept.before)
    if first is None and (born is None or whole):
        raise Refused("unknown_message")
    times = [first] if kept.recorded else [first, born]
    return Message(tenant, min(each for each in times if each is not None), kept, whole, hidden)


def remains(
    its: Message, indexed: int, folders: Mapping[str, Collection[date]], copies: Sequence[ListedCopy], today: date
) -> list[Remain]:
    """One row for each copy. `indexed` is the last fact that the search index goes by; `folders` has, for each export
    into one, the days of which this tenant's files are there.
    """
    return [
        *_payload(its),
        *_log(its, today),
        *_index(its, indexed, today),
        *(_folder(its, name, days, today) for name, days in folders.items()),
        *_listed(its, copies),
    ]


def unswept(found: Iterable[Remain]) -> list[Remain]:
    """The same while the journal's WAL may still have what was deleted of it."""
    return [
        replace(each, state=State.MAY_BE) if each.state is State.GONE and each.where in _IN_JOURNAL else each
        for each in found
    ]


def _payload(its: Message) -> Iterator[Remain]:
    if its.kept.payload:
        until = japanese_day(_time(its.kept.until)) if its.kept.until and not its.hidden else None
        yield Remain(PAYLOAD, "envelope", State.KEPT if until else State.THERE, until)
    else:
        yield _no_payload(its, "envelope")
    yield _waiting(its, "dead letters", FactKind.MESSAGE_DEAD, FactKind.MESSAGE_REPLAYED)
    ends = (FactKind.HOLD_RELEASED, FactKind.HOLD_REFUSED, FactKind.MESSAGE_DEAD)
    yield _waiting(its, "holds", FactKind.HOLD_PLACED, *ends)


def _no_payload(its: Message, where: str) -> Remain:
    return _gone(PAYLOAD, where, its, its.payload_ended) if its.sealed else Remain(PAYLOAD, where, State.ABSENT)


def _waiting(its: Message, where: str, enters: FactKind, *leaves: FactKind) -> Remain:
    """Where the same payload waits for people's decision."""
    since, by = its.last(enters), its.last(*leaves)
    if since is None:
        return Remain(PAYLOAD, where, State.ABSENT) if its.whole else _no_payload(its, where)
    if by is not None and by.seq > since.seq:
        return _gone(PAYLOAD, where, its, by)
    return Remain(PAYLOAD, where, State.THERE) if its.kept.payload else _no_payload(its, where)


def _log(its: Message, today: date) -> Iterator[Remain]:
    yield _timely(FACTS, "log", its, today) if its.kept.facts else _gone(FACTS, "log", its, its.kept.purged)
    if its.hidden:
        return
    if its.kept.tags:
        yield _timely(TAGS, "log", its, today)
    else:
        yield _gone(TAGS, "log", its, its.tags_ended) if its.tagged else Remain(TAGS, "log", State.ABSENT)


def _index(its: Message, indexed: int, today: date) -> Iterator[Remain]:
    """It follows the log, and forgets by the same facts."""
    for row in _log(its, today):
        behind = row.seq is not None and row.seq > indexed
        yield replace(row, where="search index", state=State.MAY_BE if behind else row.state)


def _folder(its: Message, name: str, days: Collection[date], today: date) -> Remain:
    """An export has facts alone, and no tags; its files go by the day."""
    where, facts, born = f"export {name}", its.kept.facts, japanese_day(_time(its.born))
    last = facts[-1] if facts else its.kept.purged
    end = _day(last) if last is not None else today
    if not any(born <= day <= end for day in days):
        return Remain(FACTS, where, State.ABSENT)
    if not its.whole and any(born <= day and (not facts or day < _day(facts[0])) for day in days):
        return Remain(FACTS, where, State.MAY_BE)
    return _timely(FACTS, where, its, today)


def _listed(its: Message, copies: Sequence[ListedCopy]) -> Iterator[Remain]:
    """A copy may have whatever was there at some time of its making."""
    earliest = stamp(_time(its.born) - SLACK)
    for each in copies:
        if its.tenant not in each.made["logs"] or each.made["at"] < earliest:
            continue
        for what, ended, until in _ends(its):
            if (what == FACTS or each.made["form"] == BACKUP) and (ended is None or each.made["at"] < ended.at):
                yield _copy(what, each, until)


def _ends(its: Message) -> Iterator[tuple[str, Line | None, date | None]]:
    """What copies of the log may have, the fact since when it is not there any more, and until when that is right."""
    if its.sealed:
        yield PAYLOAD, its.payload_ended, None
    yield FACTS, None if its.kept.facts else its.kept.purged, its.over
    if its.tagged and not its.hidden:
        yield TAGS, its.tags_ended, its.over if its.kept.tags else None


def _copy(what: str, copy: ListedCopy, until: date | None) -> Remain:
    where = f"{copy.made['form']} {copy.id}"
    if (ended := copy.destroyed) is not None:
        return Remain(what, where, State.GONE, None, "system", ended["seq"], ended["at"])
    return Remain(what, where, State.MAY_BE, until, "system", copy.made["seq"], copy.made["at"])


def _timely(what: str, where: str, its: Message, today: date) -> Remain:
    """Each fact has its own time: those of later acts go later."""
    first, last = _over(its.kept.facts[0]), _over(its.kept.facts[-1])
    return Remain(what, where, State.THERE, first) if first < today else Remain(what, where, State.KEPT, last)


def _gone(what: str, where: str, its: Message, by: Line | None) -> Remain:
    if by is None:
        return Remain(what, where, State.ABSENT)
    return Remain(what, where, State.GONE, None, its.tenant, by.seq, by.at)


def made(message_id: str) -> str | None:
    """When an edge made this id; None if it does not say."""
    try:
        known = UUID(message_id)
        return stamp(datetime.fromtimestamp((known.int >> 80) / 1000, UTC)) if known.version == 7 else None
    except (ValueError, OverflowError, OSError):
        return None


def _over(fact: Line) -> date:
    """The last day on which a fact is not too old (C116)."""
    return japanese_day(years_before(_time(fact.at), -KEPT_YEARS))


def _day(fact: Line) -> date:
    return japanese_day(_time(fact.at))


def _time(at: str) -> datetime:
    return datetime.fromisoformat(at)
