"""What one fact says of who did what: a person by a staff id, a connector, or a peer of one by its certificate.

Of whom a record is about nothing is kept but that records are about different people: whoever reviews the log looks at
those who work with it, and singles out nobody else (C254).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from gateway.config import japanese_time
from gateway.hub.journal import ACT_FACTS, REVIEW_FACTS, FactKind, Followed
from gateway.hub.review.finding import Code

KINDS: Final = (FactKind.MESSAGE_RECORDED, FactKind.MESSAGE_REFUSED, *ACT_FACTS)
"""The kinds in which somebody does something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """`at` is what the clocks in Japan show. `persons` are marks that differ where the people differ whom it
    was about; they hold within a month. `code` is why it was refused; of what is
    `undisclosed` that is for those who decide about it. `connector` is the one by which it came, if any,
    and `responsible` the person responsible for that one. `review`: it is looking the log over itself, by somebody who
    may; of whose role that is, it says nothing that it is done.
    """

    seq: int
    at: datetime
    kind: FactKind
    person: str | None
    connector: str | None = None
    certificate: str | None = None
    terminal: str | None = None
    route: str | None = None
    operation: str | None = None
    code: str | None = None
    undisclosed: bool = False
    responsible: str | None = None
    review: bool = False
    month: str = ""
    persons: frozenset[bytes | str] = frozenset()


def deed(followed: Followed, tags: frozenset[bytes]) -> Deed | None:
    """The deed that this fact tells of; None if it is nobody's. `tags` are those beside it."""
    fact, kind = followed.fact, followed.kind
    if kind is FactKind.MESSAGE_RECORDED:
        return _sent(followed, fact.get("header") or fact["statement"], tags)
    if kind is FactKind.MESSAGE_REFUSED:
        return _sent(followed, fact.get("statement") or fact, frozenset())
    if kind not in KINDS or (kind is FactKind.FINDING_OPENED and fact["code"] != Code.FLAGGED):
        return None  # what a signature opens is no act of its own
    return _acted(followed)


def whose(followed: Followed, request: Mapping[str, Any]) -> Iterator[str]:
    """Whose acts this fact may tell of, once or more: its doer's, and those of whoever sent the message that it is of
    or is responsible for that one. `request` is the header of the request that its message answers, or empty.
    """
    did = deed(followed, frozenset())
    named = [did.person, did.responsible] if did is not None else []
    for header in (followed.header, request):
        named += [_staff(header.get("actor")), header.get("responsible")]
    return (each for each in named if each is not None)


def doer(fact: Mapping[str, Any]) -> str | None:
    """Who did it, of a fact of one of `ACT_FACTS`; None if it was the gateway itself, which hands a mark on when what
    said it is purged.
    """
    if fact["kind"] == FactKind.MESSAGE_UNDISCLOSED:
        return fact.get("operator")
    person: str = fact.get("by") or fact.get("operator") or fact["person"]
    return person


def _sent(followed: Followed, said: Mapping[str, Any], tags: frozenset[bytes]) -> Deed | None:
    """By a header, a statement, or a refusal of the hub. An answer is nobody's own act. Where it went is not told of
    what is not to be disclosed.
    """
    if said.get("kind") == "reply":
        return None
    fact = followed.fact
    refused = followed.kind is FactKind.MESSAGE_REFUSED
    return Deed(
        seq=followed.seq,
        at=_time(fact),
        kind=followed.kind,
        person=_staff(said.get("actor")),
        connector=said.get("source") or said.get("connector"),
        certificate=said.get("client_certificate"),
        terminal=said.get("terminal"),
        route=None if followed.undisclosed else said.get("route"),
        operation=None if followed.undisclosed else said.get("source_operation") or said.get("operation"),
        code=(said.get("code") or "records_refused") if refused else None,
        undisclosed=followed.undisclosed,
        responsible=said.get("responsible"),
        month=said.get("created_at", "")[:7],
        persons=tags - {_NOBODY},
    )


def _acted(followed: Followed) -> Deed | None:
    """By a person at the operators' listener, or where the keys lie. Each message that is looked at or marked, and each
    case under which somebody's trail is sought or erased or use is stopped, stands for a person.
    """
    fact, kind = followed.fact, followed.kind
    if (person := doer(fact)) is None:
        return None
    about = fact.get("message_id") if kind in _ONE_MESSAGE else fact.get("case") if kind in _ONE_CASE else None
    approval = kind is FactKind.HOLD_LAPSED  # which another's release found: the certificate is not of that person
    return Deed(
        seq=followed.seq,
        at=_time(fact),
        kind=kind,
        person=person,
        certificate=None if approval else fact.get("client_certificate"),
        terminal=None if approval else fact.get("terminal"),
        operation=fact.get("act") or kind.value,
        code=fact.get("code") if kind is FactKind.OPERATOR_ACTED else None,
        undisclosed=followed.undisclosed,
        review=_reviews(followed),
        month=fact["at"][:7],
        persons=frozenset({about}) if about else frozenset(),
    )


def _reviews(followed: Followed) -> bool:
    """Whether it is the review's own act: looking, signing, findings, reports, and a search under a reason."""
    fact = followed.fact
    if followed.kind is not FactKind.OPERATOR_ACTED:
        return followed.kind in REVIEW_FACTS
    return "code" not in fact and (fact["act"] in _REVIEWING or (fact["act"] == "search" and "reason" in fact))


_REVIEWING: Final = frozenset({"review", "findings", "users", "report"})
_ONE_MESSAGE: Final = (FactKind.HOLD_LOOKED, FactKind.HOLD_SHOWN, FactKind.MESSAGE_UNDISCLOSED)
_ONE_CASE: Final = (
    FactKind.OPERATOR_ACTED,
    FactKind.TRAIL_ERASED,
    FactKind.USE_STOPPED,
    FactKind.USE_RESUMED,
)


def _staff(actor: str | None) -> str | None:
    """A resident who acts is a tag, and not looked at."""
    return actor if actor is not None and not re.fullmatch("[0-9a-f]{32}", actor) else None


def _time(fact: Mapping[str, Any]) -> datetime:
    return japanese_time(datetime.fromisoformat(fact["at"]))


_NOBODY: Final = bytes(16)
"""Beside a record that names no person."""
