"""A fact as a FHIR R4 AuditEvent in the shape of IHE's Basic Audit Log Patterns: one JSON object a line.

What was given to a destination has the shape of a privacy disclosure (agents 110153 and 110152), what people decide
that of an authorization decision. No event claims a profile of BALP: these want a patient, and here nobody is named,
nor by a tag; and it is the hub that saw it, not one of the two ends.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.hub.exports.copy import Copy
from gateway.hub.journal import FactKind

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_AUTHZ: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_SOURCE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_DISPLAYS: Final = MappingProxyType(
    {
        "110100": "Application Activity",
        "110101": "Audit Log Used",
        "110106": "Export",
        "110107": "Import",
        "110113": "Security Alert",
        "110120": "Application Start",
        "110121": "Application Stop",
        "110124": "Attach",
        "110125": "Detach",
        "110126": "Node Authentication",
        "110129": "Security Configuration",
        "110132": "Use of Restricted Function",
        "110136": "Security Roles Changed",
        "110150": "Application",
        "110152": "Destination Role ID",
        "110153": "Source Role ID",
    }
)
_GOOD, _MINOR, _SERIOUS = "0", "4", "8"
_ROLE: Final = (_AUTHZ, "AuthZ-Role")
KINDS: Final[Mapping[FactKind, tuple[str, tuple[str, str], str, str]]] = MappingProxyType(
    {
        FactKind.MESSAGE_RECORDED: ("110107", (_LIFECYCLE, "receive"), "C", _GOOD),
        FactKind.MESSAGE_REPEATED: ("110107", (_LIFECYCLE, "receive"), "R", _GOOD),
        FactKind.MESSAGE_REFUSED: ("110113", (_DCM, "110132"), "E", _MINOR),
        FactKind.REPLY_FETCHED: ("110106", (_LIFECYCLE, "disclose"), "R", _GOOD),
        FactKind.DELIVERY_ATTEMPTED: ("110106", (_LIFECYCLE, "transmit"), "R", _GOOD),
        FactKind.DELIVERY_CONCLUDED: ("110106", (_LIFECYCLE, "disclose"), "R", _GOOD),
        FactKind.MESSAGE_DEAD: ("110106", (_LIFECYCLE, "transmit"), "R", _SERIOUS),
        FactKind.MESSAGE_REPLAYED: ("110106", (_LIFECYCLE, "reactivate"), "E", _GOOD),
        FactKind.ENVELOPE_DELETED: ("110100", (_LIFECYCLE, "destroy"), "D", _GOOD),
        FactKind.HOLD_PLACED: ("110100", (_DCM, "110132"), "U", _GOOD),  # `hold` of the life cycle is a legal one
        FactKind.HOLD_LOOKED: ("110100", (_LIFECYCLE, "access"), "R", _GOOD),
        FactKind.HOLD_SHOWN: ("110100", (_LIFECYCLE, "access"), "R", _GOOD),
        FactKind.HOLD_APPROVED: ("110113", _ROLE, "E", _GOOD),
        FactKind.HOLD_LAPSED: ("110113", _ROLE, "E", _MINOR),
        FactKind.HOLD_RELEASED: ("110113", _ROLE, "E", _GOOD),
        FactKind.HOLD_REFUSED: ("110113", _ROLE, "E", _MINOR),
        FactKind.CONNECTOR_NOTED: ("110100", (_LIFECYCLE, "report"), "E", _GOOD),
        FactKind.NOISE_COUNTED: ("110113", (_DCM, "110126"), "E", _MINOR),
        FactKind.GATEWAY_STARTED: ("110100", (_DCM, "110120"), "E", _GOOD),
        FactKind.GATEWAY_STOPPED: ("110100", (_DCM, "110121"), "E", _GOOD),
        FactKind.GATEWAY_REFUSED_TO_START: ("110100", (_DCM, "110120"), "E", _SERIOUS),
        FactKind.LOGS_RESTORED: ("110113", (_LIFECYCLE, "restore"), "E", _GOOD),
        FactKind.LOG_SUCCEEDED: ("110113", (_LIFECYCLE, "restore"), "E", _MINOR),
        FactKind.LOGS_COPIED: ("110106", (_LIFECYCLE, "archive"), "R", _GOOD),
        FactKind.COPY_DESTROYED: ("110100", (_LIFECYCLE, "destroy"), "D", _GOOD),
        FactKind.EDGE_LINKED: ("110100", (_DCM, "110124"), "E", _GOOD),
        FactKind.EDGE_UNLINKED: ("110100", (_DCM, "110125"), "E", _GOOD),
        FactKind.CONFIG_APPLIED: ("110113", (_DCM, "110129"), "U", _GOOD),
        FactKind.CONFIG_REFUSED: ("110113", (_DCM, "110129"), "U", _MINOR),
        FactKind.OPERATOR_ACTED: ("110101", (_LIFECYCLE, "access"), "R", _GOOD),
        FactKind.PERSON_GRANTED: ("110113", (_DCM, "110136"), "U", _GOOD),
        FactKind.PERSON_REVOKED: ("110113", (_DCM, "110136"), "U", _GOOD),
        FactKind.MESSAGE_UNDISCLOSED: ("110113", (_LIFECYCLE, "amend"), "U", _GOOD),
        FactKind.FACTS_PURGED: ("110100", (_LIFECYCLE, "destroy"), "D", _GOOD),
        FactKind.TRAIL_ERASED: ("110100", (_LIFECYCLE, "deidentify"), "D", _GOOD),
        FactKind.LEGAL_HOLD_PLACED: ("110113", (_LIFECYCLE, "hold"), "U", _GOOD),
        FactKind.LEGAL_HOLD_LIFTED: ("110113", (_LIFECYCLE, "unhold"), "U", _GOOD),
        FactKind.REVIEW_SIGNED: ("110101", (_LIFECYCLE, "attest"), "R", _GOOD),
        FactKind.FINDING_OPENED: ("110113", (_LIFECYCLE, "report"), "C", _MINOR),
        FactKind.FINDING_TAKEN: ("110113", (_LIFECYCLE, "report"), "U", _GOOD),
        FactKind.FINDING_CLOSED: ("110113", (_LIFECYCLE, "report"), "U", _GOOD),
        FactKind.USE_STOPPED: ("110113", (_LIFECYCLE, "hold"), "U", _GOOD),
        FactKind.USE_RESUMED: ("110113", (_LIFECYCLE, "unhold"), "U", _GOOD),
    }
)
"""Type, subtype, action and outcome of each kind of fact."""
_WORST: Final = MappingProxyType({"dead": _SERIOUS, "refused": _MINOR, "deferred": _MINOR})
"""The outcome of an attempt, by how records ended; whatever went through stands in the log beside it."""


def audit_event(copy: Copy, *, gateway: str) -> bytes:
    """One line, with its end; ASCII. `gateway` is its name."""
    kind, subtype, action, _ = KINDS[copy.kind]
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"{copy.log}-{copy.fact['seq']}-{copy.commitment.hex()[:16]}",
        "type": _coding(_DCM, kind),
        "subtype": [_coding(*subtype)],
        "action": action,
        "recorded": copy.fact["at"],
        "outcome": _outcome(copy),
        "outcomeDesc": copy.said("code") or copy.said("reason"),
        "purposeOfEvent": [{"text": purpose}] if (purpose := copy.said("purpose")) else None,
        "agent": _agents(copy, gateway),
        "source": {"site": copy.log, "observer": _who("Device", gateway, gateway), "type": [_coding(_SOURCE, "4")]},
        "entity": _entities(copy, gateway),
    }
    told = {key: value for key, value in event.items() if value is not None}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def _outcome(copy: Copy) -> str:
    outcome = KINDS[copy.kind][3]
    if copy.kind is FactKind.OPERATOR_ACTED and "code" in copy.fact:
        return _MINOR
    if copy.kind is FactKind.DELIVERY_CONCLUDED:
        return max([outcome, *(_WORST.get(each.get("ending"), _GOOD) for each in copy.fact.get("outcomes", ()))])
    return outcome


def _agents(copy: Copy, gateway: str) -> list[dict[str, Any]]:
    """The two ends and the person, as far as the fact knows them; otherwise the gateway itself."""
    ends = {"110153": copy.source, "110152": copy.said("destination")}
    found = [_device(role, f"{copy.log}/{name}", gateway) for role, name in ends.items() if name is not None]
    if (person := copy.person) is not None:
        acting = _concept(_PARTICIPATION, "IRCP" if copy.kind is FactKind.OPERATOR_ACTED else "AUT")
        agent = {"type": acting, "who": _who("Practitioner", person, gateway), "requestor": True}
        terminal = copy.said("terminal")
        found.append(agent | ({"network": {"address": terminal, "type": "1"}} if terminal is not None else {}))
    return found or [_device("110150", gateway, gateway)]


def _entities(copy: Copy, gateway: str) -> list[dict[str, Any]]:
    """The fact by its commitment, its message by the id, and whom an act was about."""
    commitment = {"identifier": {"value": copy.commitment.hex(), "assigner": {"display": gateway}}}
    found: list[dict[str, Any]] = [{"what": commitment, "type": _coding(_ENTITY, "4"), "name": copy.kind.value}]
    if (message_id := copy.fact.get("message_id")) is not None:
        sent = {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{message_id}"}}
        named = {"name": operation} if (operation := copy.said("operation")) is not None else {}
        found.append({"what": sent, "type": _coding(_ENTITY, "2"), **named})
    if (about := copy.about) is not None:
        found.append({"what": _who("Practitioner", about, gateway), "type": _coding(_ENTITY, "1")})
    return found


def _device(role: str, name: str, gateway: str) -> dict[str, Any]:
    network = {"address": name, "type": "1"}
    return {"type": _concept(_DCM, role), "who": _who("Device", name, gateway), "requestor": False, "network": network}


def _who(kind: str, value: str, gateway: str) -> dict[str, Any]:
    return {"type": kind, "identifier": {"value": value, "assigner": {"display": gateway}}}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code)]}


def _coding(system: str, code: str) -> dict[str, str]:
    display = {"display": _DISPLAYS[code]} if system == _DCM else {}
    return {"system": system, "code": code, **display}
