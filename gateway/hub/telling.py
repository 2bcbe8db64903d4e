"""What people are told of the log's facts: never what a hold is for (rule 5), and of what is not to be disclosed
(番号法第23条第2項) only that it is there, unless they decide about holds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.config.attested import REVIEW
from gateway.hub.holds import DECIDE
from gateway.hub.journal import Found
from gateway.hub.people import Person, same_person

_ACT: Final = (
    "seq", "at", "kind", "message_id", "operator", "act", "person", "role", "certificate", "until", "by",
    "client_certificate", "terminal", "code", "reason", "case", "found", "asked", "subject", "table", "since", "to",
    "findings", "finding", "outcome",
)  # fmt: skip
_LEFT: Final = ("message_id", "seq", "at", "kind")


def trail(facts: Sequence[Mapping[str, Any]], reader: Person, *, undisclosed: bool) -> list[dict[str, Any]]:
    """All facts of one message, as the reader may have them."""
    hidden = undisclosed and not discloses(reader)
    return [_left(each) if hidden else _without_review(each) for each in facts]


def listed(rows: Sequence[Mapping[str, Any]], reader: Person) -> list[dict[str, Any]]:
    """Rows of many messages; those marked `undisclosed` as the reader may have them."""
    return [_left(each) if each.get("undisclosed") and not discloses(reader) else {**each} for each in rows]


def copied(fact: Mapping[str, Any], *, hidden: bool) -> dict[str, Any]:
    """One fact for whoever gets a copy of the log: as an operator may have it."""
    return _left(fact) if hidden else _without_review(fact)


def found(facts: Sequence[Found], reader: Person, *, blind: bool) -> list[dict[str, Any]]:
    """What a search found. What is not to be disclosed is told as ever if the search was `blind` to what it is, and
    else not at all: that it was found would tell.
    """
    told = []
    for fact, _, hidden in facts:
        if not hidden or discloses(reader):
            told.append(_without_review(fact))
        elif blind:
            told.append(_left(fact))
    return told


def acts(facts: Sequence[Mapping[str, Any]], reader: Person) -> list[dict[str, Any]]:
    """What persons did: always who, when, where, and with which message, for that is what can be reviewed (C047). Of
    what is not to be disclosed, why it was refused is for those who decide.
    """
    told = []
    for fact in facts:
        hidden = fact.get("undisclosed") and not discloses(reader)
        keys = [key for key in _ACT if key in fact and not (hidden and key in ("code", "reason"))]
        told.append({key: fact[key] for key in keys} | ({"undisclosed": True} if hidden else {}))
    return told


def concerns(fact: Mapping[str, Any], person: str) -> bool:
    """Whether that person did it, or it was done about that person."""
    named = [fact[key] for key in ("operator", "person", "by") if key in fact]
    return any(same_person(each, person) for each in (*named, *fact.get("acted", ())))


def discloses(reader: Person) -> bool:
    """Whether that person is told what is not to be disclosed."""
    return not reader.roles.isdisjoint(DECIDE)


def _left(row: Mapping[str, Any]) -> dict[str, Any]:
    """By its id it can still be replayed."""
    return {**{key: row[key] for key in _LEFT if key in row}, "undisclosed": True}


def _without_review(fact: Mapping[str, Any]) -> dict[str, Any]:
    """A repeat has its attestations beside no header."""
    told = {**fact}
    if "header" in told:
        told["header"] = _without_review(told["header"])
    if "attestations" in told:
        told["attestations"] = [each for each in told["attestations"] if each["claim"] != REVIEW]
    return told
