"""Whether what a header attests is what its route wants, and whether it is to be held: one answer for edges and hub."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.config.files import LegalBasis, Route
from gateway.messages import Attestation, Header, MessageKind, stamp
from gateway.plugin.checks import municipality_code, prefecture_code

REVIEW: Final = "review"
"""The claim that has a message held, and the only cause of a hold that is ever shown."""
_ENDING: Final = frozenset({"identity_confirmed", "permit", "self_requested"})
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


def counterparty_allowed(
    attestations: Sequence[Attestation], cited: Iterable[str], legal_basis: Mapping[str, LegalBasis]
) -> bool:
    """L6: whether the other body that a permit names is such as each cited reference allows."""
    governor = any(legal_basis[each].counterparty == "governor" for each in cited if each in legal_basis)
    parties = [each.party for each in attestations if each.claim == "permit"]
    return not governor or (bool(parties) and all(each is not None and prefecture_code(each) for each in parties))


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
    permit = attestation.claim == "permit"
    if permit != (attestation.party is not None) or permit != (attestation.asked is not None):
        return False
    if attestation.party is not None and not municipality_code(attestation.party):
        return False
    if attestation.claim == "consent":
        return attestation.text in route.consent_texts
    return attestation.text is None
