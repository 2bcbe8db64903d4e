"""What the HTTPS entrance answers: by which status, with which of our codes, in which form.

A test holds this table against every code that edge and hub refuse an arrival with, or a look at what became of it. Of
503 a peer may hear every code: a connector or the hub says why it must wait.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from gateway.errors import CODES

_KNOWN: Final = ("unknown_certificate", "internal")
ARRIVING: Final = (
    *_KNOWN,
    *("bad_actor", "wrong_connector", "wrong_tenant", "above_clearance", "not_attested"),
    *("bad_request_key", "body_too_large", "not_json", "not_an_array", "no_records", "too_many_records"),
    *("all_records_refused", "unknown_operation", "no_route", "request_key_reused"),
    *("basis_not_in_force", "counterparty_not_allowed", "items_beyond_route", "interface_changed", "expired"),
    *("bad_envelope", "bad_tags", "bad_signature", "unknown_key", "header_mismatch", "message_id_reused"),
)
ASKING: Final = (*ARRIVING, "answer_expired", "dispute")
STATUS: Final = (
    *(*_KNOWN, "above_clearance", "unknown_message", "unknown_operation", "dispute"),
    *("bad_envelope", "no_route", "header_mismatch", "not_attested", "items_beyond_route"),
    *("basis_not_in_force", "counterparty_not_allowed"),
)
PROOF: Final = (*_KNOWN, "unknown_message", "unknown_operation", "unknown_fact", "fact_purged")
DESCRIPTION: Final = _KNOWN
"""The codes of each address; those of 503 besides."""
_BARE: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.EXPECTATION_FAILED)
"""What is answered before anything is known of a request: a status without a code."""
OF_RECORDS: Final = (
    *(name for name, code in CODES.items() if code.status == HTTPStatus.UNPROCESSABLE_ENTITY),
    *("not_attested", "basis_not_in_force"),
)
"""What one record may be refused with at its own edge."""
RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "After how many whole seconds to come again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}


def problems(codes: Iterable[str]) -> dict[str, Any]:
    """The answers for these codes and for whoever has to wait, by status, in its order."""
    later = (name for name, code in CODES.items() if code.status == HTTPStatus.SERVICE_UNAVAILABLE)
    by_status: dict[int, list[str]] = {int(status): [] for status in _BARE}
    for name in (*codes, *later):
        by_status.setdefault(CODES[name].status, []).append(name)
    return {str(status): _problem(status, found) for status, found in sorted(by_status.items())}


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    forms = [_coded(status, codes)] if codes else []
    if status in _BARE:
        forms.append(_bare(status))
    told = "".join(f"\n- `{each}`: {CODES[each].title}" for each in codes)
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase + told,
        "content": {"application/problem+json": {"schema": forms[0] if len(forms) == 1 else {"oneOf": forms}}},
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer["headers"] = RETRY_AFTER
    return answer


def _coded(status: int, codes: list[str]) -> dict[str, Any]:
    """RFC 9457, with our stable code; the title is for people and may change."""
    properties: dict[str, Any] = {
        "type": {"type": "string", "pattern": "^urn:renkei:problem:"},
        "title": {"type": "string"},
        "status": {"const": status},
        "code": {"enum": codes},
        "message_id": {"type": "string", "description": "The refusal stands in the log under this id."},
        "detail": {"type": "string"},
    }
    if "all_records_refused" in codes:
        properties["records"] = {"$ref": "#/components/schemas/Refused"}
    return closed(properties, optional=("message_id", "detail", "records"))


def _bare(status: int) -> dict[str, Any]:
    phrase = {"const": HTTPStatus(status).phrase}
    return closed({"type": {"const": "about:blank"}, "title": phrase, "status": {"const": int(status)}})


def closed(properties: Mapping[str, Any], optional: Iterable[str] = ()) -> dict[str, Any]:
    """An object with these members and no other."""
    required = [name for name in properties if name not in (*optional,)]
    return {"type": "object", "additionalProperties": False, "properties": {**properties}, "required": required}


_INDEX: Final = {"type": "integer", "minimum": 0, "description": "Which record of the message, from 0."}
_PATH: Final = {"type": "string", "description": "A field's path, or where a field stands that nobody knows."}
_OWN: Final = (
    "Ours, or one of the destination's own: x-renkei-codes names them, where this describes what routes carry. "
    "A lock alone does not know them."
)
_OUTCOME_CODE: Final = {"type": "string", "description": _OWN}
MESSAGE_ID: Final = {"type": "string", "format": "uuid"}
FORMS: Final = MappingProxyType(
    {
        "Refused": {
            "type": "array",
            "description": "Records that were refused, by index; no value is ever quoted.",
            "items": closed({"index": _INDEX, "code": {"enum": list(OF_RECORDS)}, "path": _PATH}, optional=("path",)),
        },
        "Recorded": closed(
            {
                "message_id": MESSAGE_ID,
                "repeated": {"type": "boolean", "description": "Whether it had been recorded before."},
                "refused": {"$ref": "#/components/schemas/Refused"},
            }
        ),
        "Outcomes": {
            "type": "array",
            "items": closed(
                {
                    "index": _INDEX,
                    "outcome": {"enum": ["accepted", "duplicate", "refused", "dead"]},
                    "code": _OUTCOME_CODE,
                    "path": _PATH,
                },
                optional=("outcome", "code", "path"),
            ),
            "description": "How each record ended; without an outcome, it is still to be delivered.",
        },
    }
)
"""What answers are made of, for every operation."""


def replies(record: Mapping[str, Any]) -> dict[str, Any]:
    """To each record that was asked, an answer or a code."""
    answered = closed({"index": _INDEX, "record": record})
    return {"type": "array", "items": {"oneOf": [answered, closed({"index": _INDEX, "code": _OUTCOME_CODE})]}}
