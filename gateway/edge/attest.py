"""Shown → Proven: the one call into a connector for what a peer shows of a person, and its word held to what can be.

A proof that nobody reads is refused, not passed over; and why one does not hold is told to the operator alone.
"""

import re
from collections.abc import Container, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, get_args

from gateway.edge.closed import closed_error
from gateway.edge.hand_over import Bugs
from gateway.errors import Deferred, Reason, Refused
from gateway.messages import WORD
from gateway.plugin.attest import Claim, ClaimName, Proven, Shown
from gateway.plugin.connector import Connector

_PROOF: Final = re.compile(r"[!-~]{1,8000}", re.ASCII)
_CLAIMS: Final = frozenset(get_args(ClaimName))
_REASONS: Final = frozenset(get_args(Reason))


def prove(shown: Shown, connector: Connector, bug: Bugs) -> Proven:
    """What the connector attests. Raises Refused("not_attested") if the proof does not hold, or Deferred: as the
    connector says, or connector_bug for whatever else it does.
    """
    attest = getattr(connector, "attest", None)
    if attest is None:
        raise Refused("not_attested", reason="route")
    if not _PROOF.fullmatch(shown.proof):
        raise Refused("not_attested", reason="form")
    try:
        proven: object = attest(shown)
    except Refused as refused:
        raise Refused("not_attested", reason=_closed(refused.reason)) from None
    except Deferred as deferred:
        raise closed_error(deferred) from None
    except (Exception, SystemExit, GeneratorExit) as error:  # noqa: BLE001  (as in `hand_over`)
        bug(error, "attest raised")
        raise Deferred("connector_bug") from None
    if not isinstance(proven, Proven) or not _sound(proven):
        bug(None, "attest answered something that is no sound Proven")
        raise Deferred("connector_bug")
    return proven


def own(claims: Sequence[Claim], may: Container[str], bug: Bugs) -> tuple[Claim, ...]:
    """What a connector attests of its own system's accord, in what it sends. Raises Deferred("connector_bug")."""
    said = tuple(claims)
    if not _sound(Proven(said)) or any(each.name not in may for each in said):
        bug(None, "a connector sent claims that are not sound, or not its own to make")
        raise Deferred("connector_bug")
    return said


def _closed(reason: Any) -> Reason:
    """A plugin's word, if it is one of ours."""
    return next((each for each in _REASONS if each == reason), "claims")


def _sound(proven: Proven) -> bool:
    """A plugin's word goes into a header: claims of the closed list, each once, with plain words and times in UTC."""
    claims: Any = proven.claims
    bound: Any = proven.bound
    return (
        isinstance(claims, tuple)
        and all(type(each) is Claim and _plain(each) for each in claims)
        and len({each.name for each in claims}) == len(claims)
        and isinstance(bound, Mapping)
        and all(isinstance(each, str) for pair in bound.items() for each in pair)
    )


def _plain(claim: Any) -> bool:
    return (
        claim.name in _CLAIMS
        and isinstance(claim.proof, bytes)
        and all(_utc(each) for each in (claim.until, claim.asked) if each is not None)
        and all(_is(form, each) for form, each in ((WORD, claim.text), ("[0-9]{6}", claim.party)) if each is not None)
    )


def _utc(moment: Any) -> bool:
    return isinstance(moment, datetime) and moment.utcoffset() == timedelta()


def _is(form: str, text: Any) -> bool:
    return isinstance(text, str) and re.fullmatch(form, text) is not None
