"""What a clinic sends becomes what one sends that does wrong, as a fault says.

The rule: everything a clinic can get at may be misused here; what only the eligibility side can make, it cannot.
"""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gateway_clinic_app.simulated.clinic import Visit

_NUMBER: Final = "0000 9999 9993"
"""Made up, with a valid check digit."""
_NOBODY: Final = "MADEUPOTHER1"
_REMARKS: Final = {"examination.enter": "doctor_note", "vaccination.enter": "special_circumstances"}


class NoSuchVisit(Exception):
    """There is none that could be misused so."""


@dataclass(frozen=True, slots=True)
class Post:
    """What goes to the gateway."""

    operation: str
    records: list[dict[str, Any]] = field(repr=False)
    token: str = field(repr=False)


def wrong(fault: str, post: Post, visit: Visit, known: Iterable[Visit]) -> Post:
    """The same with what the fault says wrong with it. `known` are all visits of all clinics. Raises NoSuchVisit."""
    other = _misused(fault, visit, known)
    match fault:
        case "other_clinic" | "ended":
            post = replace(_with(post, **other.bound), token=other.token)
        case "other_token":
            post = replace(post, token=other.token)
        case "other_person":
            post = _with(post, vaccination_subject_no=other.vaccination_subject_no)
        case "other_code":
            post = _with(post, clinic_code=other.clinic_code)
        case "altered":
            post = replace(_with(post, vaccination_subject_no=_NOBODY), token=_altered(post.token))
        case "no_token":
            post = replace(post, token="")
        case "number_in_remark":
            post = _with(post, **{_REMARKS[post.operation]: f"架空の備考 {_NUMBER}"})
    return post


def fits(fault: str, operation: str) -> bool:
    """Whether the operation has what the fault spoils."""
    return fault != "number_in_remark" or operation in _REMARKS


def _misused(fault: str, visit: Visit, known: Iterable[Visit]) -> Visit:
    """The visit that the fault takes from; its own where it takes from none."""
    elsewhere = (each for each in known if each.clinic_code != visit.clinic_code)
    match fault:
        case "other_clinic" | "other_token" | "other_code":
            found = next(elsewhere, None)
        case "other_person":
            found = next((each for each in known if each.vaccination_subject_no != visit.vaccination_subject_no), None)
        case "ended":
            found = next((each for each in known if each.ended and each.clinic_code == visit.clinic_code), None)
        case _:
            found = visit
    if found is None:
        raise NoSuchVisit
    return found


def _with(post: Post, **changes: Any) -> Post:
    return Post(post.operation, [{**each, **changes} for each in post.records], post.token)


def _altered(token: str) -> str:
    head, claims, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    changed = json.dumps({**told, "sub": _NOBODY}).encode()
    return f"{head}.{base64.urlsafe_b64encode(changed).rstrip(b'=').decode()}.{signature}"
