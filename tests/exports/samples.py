"""A fact of every kind, with every field that `docs/log-format.md` gives it, as the journal would tell of it."""

import json
from typing import Any

from gateway.hub.exports import Copy, copy_of
from gateway.hub.journal import FactKind, Followed
from gateway.hub.journal.facts import commitment, fact_body
from gateway.messages import Tags, encode
from tests.journal.builders import AT, TENANT, digest, header

MESSAGE = "01960000-0000-7000-8000-0000000000aa"
REVIEW = {"claim": "review", "reference": "0" * 64, "until": AT}
BY = {"person": "staff-0200", "client_certificate": digest("officer"), "terminal": "desk-7"}
ENDED = [{"ending": "accepted", "records": "0-2"}, {"ending": "dead", "code": "expired", "records": "4"}]
STATEMENT = {
    "version": 1,
    "kind": "refusal",
    "message_id": MESSAGE,
    "tenant": TENANT,
    "connector": "clinic_app",
    "at": AT,
    "responsible": "staff-0001",
    "signing_key": "sig-1",
    "operation": "history.find",
    "code": "not_attested",
    "actor": "staff-0300",
    "terminal": "clinic-3",
}
REACHED = {"logs": {TENANT: 12}, "roots": {TENANT: "a" * 64}, "directories": {TENANT: 1}}
ACT = {"operator": "staff-0100", "client_certificate": digest("officer"), "terminal": "desk-1", "case": "R8-12"}
SIGNED = {"operator": "staff-0400", "client_certificate": "b" * 64, "terminal": "desk-7"}
GRANT = {"person": "staff-0200", "role": "officer", "by": "staff-0100", "client_certificate": digest("administrator")}

USE = {
    "operator": "staff-0100",
    "client_certificate": digest("operator"),
    "terminal": "desk-1",
    "connector": "health_management",
    "case": "R8-0012",
}


def plain_header(*attestations: dict[str, Any]) -> dict[str, Any]:
    made = header(MESSAGE, (0, 1), Tags(b"0" * 32, (b"1" * 16, b"2" * 16)), actor="staff-0300", terminal="desk-1")
    return {**json.loads(encode(made)), "attestations": list(attestations)}


FIELDS: dict[FactKind, dict[str, Any]] = {
    FactKind.MESSAGE_RECORDED: {"header": plain_header(), "envelope": "e" * 64},
    FactKind.MESSAGE_REPEATED: {"repeat": MESSAGE, "connector": "health_management", "attestations": []},
    FactKind.MESSAGE_REFUSED: {"stage": "edge", "statement": STATEMENT, "signature": "s"},
    FactKind.REPLY_FETCHED: {"connector": "clinic_app", "client_certificate": digest("peer"), "envelope": "e" * 64},
    FactKind.DELIVERY_ATTEMPTED: {"attempt": 1, "records": "0-4"},
    FactKind.DELIVERY_CONCLUDED: {"attempt": 1, "outcomes": ENDED, "reply_id": MESSAGE},
    FactKind.MESSAGE_DEAD: {"operator": "operator", "outcomes": ENDED[1:]},
    FactKind.MESSAGE_REPLAYED: {"operator": "operator", "records": "4"},
    FactKind.ENVELOPE_DELETED: {"envelope": "e" * 64},
    FactKind.HOLD_PLACED: {"code": "review"},
    FactKind.HOLD_LOOKED: BY,
    FactKind.HOLD_SHOWN: BY,
    FactKind.HOLD_APPROVED: BY,
    FactKind.HOLD_LAPSED: BY,
    FactKind.HOLD_RELEASED: BY,
    FactKind.HOLD_REFUSED: {**BY, "reason": "content_wrong", "outcomes": ENDED[1:]},
    FactKind.CONNECTOR_NOTED: {"statement": STATEMENT | {"kind": "note", "act": "file_taken"}, "signature": "s"},
    FactKind.NOISE_COUNTED: {"listener": "municipal", "count": 7},
    FactKind.GATEWAY_STARTED: {"config": "c" * 64, "references": {"L1": {"reference": "架空法第1条"}}, **REACHED},
    FactKind.GATEWAY_STOPPED: REACHED,
    FactKind.GATEWAY_REFUSED_TO_START: {"config": "c" * 64, "problems": ["config/gateway.toml: admin: is missing"]},
    FactKind.LOGS_RESTORED: {"logs": {TENANT: 12}, "roots": {TENANT: "a" * 64}},
    FactKind.LOG_SUCCEEDED: {
        "origin": "renkei.example/999997/log/20260401T0900Z",
        "former": "renkei.example/999997/log+00000000+AA==",
        "checkpoint": "renkei.example/999997/log\n14\nAA==\n\n\u2014 renkei.example/999997/log AA==\n",
        "facts": 12,
        "root": "a" * 64,
        "copy": "20260401-3f2a91c4",
        "case": "R8-0012",
        "people": [{"operator": "staff-0100", "client_certificate": "c" * 64, "signature": "s"}],
    },
    FactKind.LOGS_COPIED: {
        "operator": "operator",
        "client_certificate": digest("operator"),
        "terminal": "desk-1",
        "copy": "20260401-3f2a91c4",
        "form": "backup",
        "logs": {"system": 7, TENANT: 12},
    },
    FactKind.COPY_DESTROYED: {**ACT, "copy": "20260401-3f2a91c4"},
    FactKind.EDGE_LINKED: {"edge": "lgwan_edge", "config": "c" * 64},
    FactKind.EDGE_UNLINKED: {"edge": "lgwan_edge"},
    FactKind.CONFIG_APPLIED: {"by": "SIGHUP", "config": "c" * 64, "former": "d" * 64, "directories": {TENANT: 1}},
    FactKind.CONFIG_REFUSED: {"by": "operator", "problems": 2},
    FactKind.OPERATOR_ACTED: {
        "operator": "staff-0400",
        "act": "grant",
        "code": "role_missing",
        **BY,
        "role": "officer",
    },
    FactKind.PERSON_GRANTED: {**GRANT, "certificate": "c" * 64, "until": "2027-03-31"},
    FactKind.PERSON_REVOKED: GRANT,
    FactKind.MESSAGE_UNDISCLOSED: ACT,
    FactKind.FACTS_PURGED: {"before": "2023-04-01T00:00:00.000000Z", "facts": "1-40", "tags": 0},
    FactKind.TRAIL_ERASED: {**ACT, "connector": "clinic_app", "months": ["2026-03"], "tags": 2, "reason": "correction"},
    FactKind.LEGAL_HOLD_PLACED: {**ACT, "messages": [MESSAGE]},
    FactKind.LEGAL_HOLD_LIFTED: ACT,
    FactKind.REVIEW_SIGNED: {**SIGNED, "subject": "log", "since": 1, "to": 40, "findings": 1},
    FactKind.FINDING_OPENED: {**SIGNED, "code": "off_hours", "person": "staff-0500", "facts": [7, 9], "count": 2},
    FactKind.FINDING_TAKEN: {**SIGNED, "finding": 12, "case": "R8-0012"},
    FactKind.FINDING_CLOSED: {**SIGNED, "finding": 12, "outcome": "proper"},
    FactKind.USE_STOPPED: USE,
    FactKind.USE_RESUMED: USE,
}
"""The table must hold every kind: a new one cannot be forgotten."""
ABOUT_NO_MESSAGE = (
    "noise.", "gateway.", "log.", "logs.", "copy.", "edge.", "config.", "person.", "operator.", "use.",
    "review.", "finding.", "facts.", "trail.", "legal_hold.",
)  # fmt: skip


def followed(
    kind: FactKind, *, fields: dict[str, Any] | None = None, seq: int = 41, undisclosed: bool = False
) -> Followed:
    of_message = not kind.startswith(ABOUT_NO_MESSAGE)
    own = FIELDS[kind] if fields is None else fields
    told = {**own, **({"message_id": MESSAGE} if of_message else {})}
    body = fact_body(seq, AT, kind, told)
    salt = digest(kind).encode()[:32]
    return Followed(
        seq=seq,
        kind=kind,
        commitment=commitment(salt, body),
        salt=salt,
        body=body,
        fact=_decoded(body),
        header=plain_header() if of_message else {},
        undisclosed=undisclosed,
    )


def sample(kind: FactKind, **how: Any) -> Copy:
    log = "system" if kind.startswith(("gateway.", "logs.", "copy.", "edge.", "config.", "noise.")) else TENANT
    return copy_of(log, followed(kind, **how))


def _decoded(body: bytes) -> Any:
    return json.loads(body)
