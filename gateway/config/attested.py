"""Whether what a header attests is what its route wants, and whether it is to be held: one answer for edges and hub."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.config.files import Route
from gateway.messages import Attestation, Header, MessageKind, stamp

REVIEW: Final = "review"
"""The claim that has a message held, and the only cause of a hold that is ever shown."""
_ENDING: Final = frozenset({"identity_confirmed"})
"""Claims that hold for a while only, and must say until when (C206)."""


def attested(attestations: Sequence[Attestation], route: Route, now: datetime) -> bool:
    """Whether all that the route demands is there, each claim once, nothing beyond what it may have, and each holds at
    `now` (UTC): none is over, and a consent is to a text that the route names.
    """
    claims = {each.claim for each in attestations}
    return (
        len(claims) == len(attestations)
        and claims.issuperset(route.attest)
        and claims.issubset((*route.attest, *route.may_attest))
        and all(_holds(each, route, stamp(now)) for each in attestations)
    )


def still_attested(header: Header, route: Route, now: datetime) -> bool:
    """The same of a message under way, whenever it is handed on. A reply attests nothing: its request did."""
    if header.kind is MessageKind.REPLY:
        return header.attestations == ()
    return attested(header.attestations, route, now)


def to_be_held(header: Header, route: Route | None) -> bool:
    """Whether two people must release it first: its route says so, or the system that owns the flag attests it. Nobody
    is told which of both it was (rule 5).
    """
    return (route is not None and route.hold) or any(each.claim == REVIEW for each in header.attestations)


def _holds(attestation: Attestation, route: Route, now: str) -> bool:
    if attestation.until is None:
        if attestation.claim in _ENDING:
            return False
    elif attestation.until <= now:
        return False
    if attestation.claim == "consent":
        return attestation.text in route.consent_texts
    return attestation.text is None
