"""What a change does to whom: the rules of the verdict, as one table.

A field is *given* if the connector's system brings it into the line (a record that it sends, a reply to what it
receives) and *taken* if the line hands it to the system. So who meets a narrower rule first is the connector's own
system for what it gives, and those at the other end of its routes for what it takes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from gateway.interfaces.changes import Kind


class Weight(StrEnum):
    """How much it matters: something that worked is refused; somebody has to look at it; neither."""

    BREAKS = "breaks"
    HEED = "heed"
    COMPATIBLE = "compatible"


class Whom(StrEnum):
    """Whom it concerns: who gives, who takes, a route of a tenant, or what is under way."""

    SENDER = "sender"
    RECEIVER = "receiver"
    ROUTE = "route"
    IN_FLIGHT = "in_flight"


Side = Literal["given", "taken"]
Routes = Literal["all", "reaching", "listing", "lacking"]
"""Which of the operation's routes it concerns: all; those that list something of the part in which the field is, which
are all if it is in none; of these, those that list the field, or those that do not.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One effect of one kind of change. `told` may hold {field}, {operation}, {name}, {was}, {now}, and {sender}: who
    gives a record, or an answer.
    """

    weight: Weight
    whom: Whom
    told: str
    routes: Routes = "all"


_SENDER_REFUSED: Final = Rule(
    Weight.BREAKS, Whom.SENDER, "{sender} whose {field} does not fit any more is refused from now on"
)
_REFUSED_BEFORE: Final = Rule(
    Weight.BREAKS,
    Whom.SENDER,
    "{sender} whose {field} does not fit any more is refused from now on, before anything is sealed",
    "listing",
)
_LATE: Final = Rule(
    Weight.BREAKS,
    Whom.IN_FLIGHT,
    "what was sealed before and is delivered afterwards is refused if its {field} does not fit",
    "listing",
)
_NOT_TAKEN_THERE: Final = Rule(
    Weight.HEED,
    Whom.RECEIVER,
    "what the other end's lock does not take of {field} is refused before it is sealed",
    "listing",
)
_LISTS_WHAT_IS_GONE: Final = Rule(Weight.BREAKS, Whom.ROUTE, "lists {field}, which is gone", "listing")
_LACKS: Final = Rule(Weight.BREAKS, Whom.ROUTE, "does not list {field}, which is required at the taking end", "lacking")
_GONE: Final = Rule(Weight.BREAKS, Whom.ROUTE, "names {operation}, which is gone")
_ORDER: Final = Rule(
    Weight.HEED, Whom.IN_FLIGHT, "states under way were ordered by {was}; those from now on are by {now}"
)
_EXCHANGE: Final = Rule(Weight.BREAKS, Whom.ROUTE, "{operation} was of the kind {was} and is {now} at one end")
_CLASS: Final = Rule(
    Weight.HEED, Whom.ROUTE, "{field} is of another data class: clearances and the assessment must allow it", "listing"
)
_PERSON: Final = Rule(
    Weight.HEED, Whom.IN_FLIGHT, "persons were known by {was} and are by {now}: trails and use-stops begin anew"
)
_UNATTESTED: Final = Rule(
    Weight.HEED, Whom.ROUTE, "could carry {operation} without {name}: that it must be attested is locked no more"
)
_ATTEST: Final = Rule(Weight.BREAKS, Whom.SENDER, "a sender that shows no proof of {name} is refused from now on")
_FEWER: Final = Rule(
    Weight.BREAKS, Whom.SENDER, "a sender with more than {now} records in a message is refused (too_many_records)"
)
RULES: Final[Mapping[tuple[Kind, Side], tuple[Rule, ...]]] = MappingProxyType(
    {
        (Kind.OPERATION_REMOVED, "given"): (
            Rule(Weight.BREAKS, Whom.SENDER, "a sender of {operation} is refused from now on (unknown_operation)"),
            _GONE,
        ),
        (Kind.OPERATION_REMOVED, "taken"): (
            Rule(Weight.BREAKS, Whom.IN_FLIGHT, "what is under way to {operation} is refused (unknown_operation)"),
            _GONE,
        ),
        (Kind.OTHER_EXCHANGE, "given"): (_EXCHANGE,),
        (Kind.OTHER_EXCHANGE, "taken"): (_EXCHANGE,),
        (Kind.OTHER_PERSON_KEY, "given"): (_PERSON,),
        (Kind.OTHER_PERSON_KEY, "taken"): (_PERSON,),
        (Kind.OTHER_ORDER, "given"): (_ORDER,),
        (Kind.OTHER_ORDER, "taken"): (_ORDER,),
        (Kind.ATTESTS_ADDED, "given"): (_ATTEST,),
        (Kind.ATTESTS_ADDED, "taken"): (_ATTEST,),
        (Kind.ATTESTS_REMOVED, "given"): (_UNATTESTED,),
        (Kind.ATTESTS_REMOVED, "taken"): (_UNATTESTED,),
        (Kind.FEWER_RECORDS, "given"): (_FEWER,),
        (Kind.FEWER_RECORDS, "taken"): (
            _FEWER,
            Rule(Weight.BREAKS, Whom.IN_FLIGHT, "what is under way with more than {now} records is refused"),
        ),
        (Kind.REQUIRED_FIELD_ADDED, "given"): (
            Rule(Weight.BREAKS, Whom.SENDER, "{sender} that leaves out {field} is refused from now on"),
        ),
        (Kind.REQUIRED_FIELD_ADDED, "taken"): (
            _LACKS,
            Rule(Weight.BREAKS, Whom.IN_FLIGHT, "what was sealed before lacks {field} and is refused", "reaching"),
        ),
        (Kind.FIELD_REMOVED, "given"): (
            Rule(Weight.BREAKS, Whom.SENDER, "{sender} that gives {field} is refused from now on (unknown_field)"),
            _LISTS_WHAT_IS_GONE,
        ),
        (Kind.FIELD_REMOVED, "taken"): (
            _LISTS_WHAT_IS_GONE,
            Rule(Weight.BREAKS, Whom.IN_FLIGHT, "what was sealed before with {field} is refused", "listing"),
        ),
        (Kind.BECAME_REQUIRED, "given"): (
            Rule(Weight.BREAKS, Whom.SENDER, "{sender} that leaves out {field} is refused from now on"),
        ),
        (Kind.BECAME_REQUIRED, "taken"): (
            Rule(
                Weight.BREAKS,
                Whom.SENDER,
                "{sender} that leaves out {field} is refused from now on, before anything is sealed",
                "listing",
            ),
            _LACKS,
            Rule(Weight.BREAKS, Whom.IN_FLIGHT, "what was sealed before without {field} is refused", "listing"),
        ),
        (Kind.BECAME_OPTIONAL, "given"): (
            Rule(
                Weight.HEED,
                Whom.RECEIVER,
                "a record without {field} is refused before it is sealed, if the other end's lock requires it",
                "listing",
            ),
        ),
        (Kind.OTHER_TYPE, "given"): (_SENDER_REFUSED, _NOT_TAKEN_THERE),
        (Kind.OTHER_TYPE, "taken"): (_REFUSED_BEFORE, _LATE),
        (Kind.NARROWED, "given"): (_SENDER_REFUSED,),
        (Kind.NARROWED, "taken"): (_REFUSED_BEFORE, _LATE),
        (Kind.WIDENED, "given"): (_NOT_TAKEN_THERE,),
        (Kind.OTHER_FORM, "given"): (_SENDER_REFUSED, _NOT_TAKEN_THERE),
        (Kind.OTHER_FORM, "taken"): (
            Rule(
                Weight.BREAKS,
                Whom.SENDER,
                "{sender} whose {field} has the former form is refused from now on, before anything is sealed",
                "listing",
            ),
            _LATE,
        ),
        (Kind.OTHER_DATA_CLASS, "given"): (_CLASS,),
        (Kind.OTHER_DATA_CLASS, "taken"): (_CLASS,),
    }
)
"""What has no row here is compatible: what is added goes nowhere before a route lists it."""
ASIDE: Final[Mapping[Kind, Rule]] = MappingProxyType(
    {
        Kind.NEVER_REMOVED: Rule(Weight.HEED, Whom.ROUTE, "{name} is promised no more: the assessment may rest on it"),
        Kind.CODE_REMOVED: Rule(
            Weight.HEED, Whom.SENDER, "{name} is not told any more; senders hear refused_by_system in its place"
        ),
    }
)
"""What changes in no one operation, where it is not compatible."""
