"""AdmittedThere → Sealed: what is left is sealed for the destination alone, under a header that the hub can enforce.

The header is serialised once; its bytes are bound into the seal and signed. It names the item sets of the records, so
that the blind hub can hold them against the route, and commits to the records' person tags.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from pydantic_core import to_json

from gateway.config import Route
from gateway.edge.rules import EdgeRules
from gateway.edge.seal_payload import seal_payload
from gateway.errors import Refused
from gateway.keys.directory import KemPublic
from gateway.keys.private import EdgeKeys
from gateway.messages import (
    AdmittedThere,
    Arrival,
    Attestation,
    Attested,
    BadRecord,
    Envelope,
    Header,
    MessageKind,
    Parsed,
    Sealed,
    SignedStatement,
    Statement,
    Tags,
    encode,
    item_paths,
    signed_part,
    stamp,
)
from gateway.plugin.act import Act, Counted
from gateway.plugin.attest import Claim
from gateway.plugin.contract import ContractOperation

_PARTS: Final = 8
"""Of so many parts of the lanes the last is for questions, and the one before it for what is ahead."""
NO_TAG = bytes(16)
"""Stands for a record that names no person, as an answer may."""


@dataclass(frozen=True, slots=True)
class Address:
    """Who a sealed message is for, by which permission, what is attested for it, and what it cites."""

    route: Route
    operation: ContractOperation
    kind: MessageKind
    source_operation: str
    destination: str
    destination_operation: str
    attestations: tuple[Attestation, ...] = ()
    legal_basis: tuple[str, ...] = ()


def seal(there: AdmittedThere, to: Address, rules: EdgeRules, keys: EdgeKeys, salt: bytes) -> Sealed:
    """Seal for the destination's current key. `salt` is 32 fresh random bytes for the digest of the person tags.

    Raises Refused("body_too_large"): what came by an outbox had no size until here.
    """
    arrival = there.projected.admitted.parsed.attested.arrival
    refused = _refused(there) if to.kind != MessageKind.REPLY else ()  # a request's outcomes tell of its answers
    parsed = there.projected.admitted.parsed
    statement = _refusal(arrival, rules, keys, "records_refused", refused, parsed) if refused else None
    if not there.records:
        return Sealed(None, None, statement)
    month = stamp(arrival.received_at)[:7]
    tags = Tags(salt, tuple(keys.tag(each, month) if each else NO_TAG for each in _persons(there, to)))
    recipient = rules.directory.recipient(to.destination)
    header = encode(_header(there, to, rules, keys, tags, recipient))
    plaintext = to_json([record for _, record in there.records])
    if len(plaintext) > rules.limits.body_bytes:
        raise Refused("body_too_large")
    ciphertext = seal_payload(plaintext, header, recipient)
    return Sealed(Envelope(header, ciphertext, keys.sign(signed_part(header, ciphertext))), tags, statement)


def _refused(there: AdmittedThere) -> tuple[BadRecord, ...]:
    return tuple(sorted((*there.projected.admitted.refused, *there.refused), key=lambda each: each.index))


def _persons(there: AdmittedThere, to: Address) -> Iterator[str]:
    """Each record's person key, as text; empty where it names nobody."""
    return (str(record.get(to.operation.person_key, "")) for _, record in there.records)


def _header(
    there: AdmittedThere,
    to: Address,
    rules: EdgeRules,
    keys: EdgeKeys,
    tags: Tags,
    recipient: KemPublic,
) -> Header:
    arrival = there.projected.admitted.parsed.attested.arrival
    sets: dict[frozenset[str], int] = {}
    numbers = [sets.setdefault(frozenset(item_paths(record)), len(sets)) for _, record in there.records]
    lanes = (_lane(each, to.operation, keys, rules.limits.lanes) if each else 0 for each in _persons(there, to))
    request_key, body_tag = _repeat_marks(there.projected.admitted.parsed, keys)
    seconds = rules.limits.carried_seconds(to.route, reply=to.kind == MessageKind.REPLY)
    return Header(
        version=1,
        message_id=arrival.message_id,
        kind=to.kind,
        tenant=rules.tenant.code,
        source=rules.connector,
        source_operation=to.source_operation,
        destination=to.destination,
        operation=to.destination_operation,
        route=to.route.id,
        source_interface=rules.digests[rules.connector],
        destination_interface=rules.digests[to.destination],
        item_sets=tuple(tuple(sorted(items)) for items in sets),
        records=tuple(
            (index, number, lane) for (index, _), number, lane in zip(there.records, numbers, lanes, strict=True)
        ),
        withheld=there.projected.withheld,
        created_at=stamp(arrival.received_at),
        expires_at=stamp(arrival.received_at + timedelta(seconds=seconds)),
        responsible=rules.responsible,
        legal_basis=to.legal_basis,
        purpose=to.route.purpose,
        attestations=to.attestations,
        kem_key=recipient.id,
        signing_key=keys.signing_id,
        suite=recipient.suite.value,
        tags_digest=tags.digest(),
        correlation_id=arrival.correlation_id,
        actor=arrival.actor,
        terminal=arrival.terminal,
        client_certificate=certificate(arrival.fingerprint),
        request_key=request_key,
        body_tag=body_tag,
        request_mark=arrival.request_mark,
    )


def _lane(person: str, operation: ContractOperation, keys: EdgeKeys, lanes: int) -> int:
    """Of a state (what has a version) by person. What has none is a question, or told once, and may wait long for what
    is no person's state; what is `ahead` may not wait for what is. Both have lanes by operation and person, among lanes
    that nothing else is in.
    """
    part = lanes // _PARTS
    states = lanes - 2 * part
    if not part or (operation.version and not operation.ahead):
        return keys.lane(person, states)
    first = states if operation.ahead else states + part
    return first + keys.lane(f"{operation.name}\n{person}", part)


def attestations(sender: Attested, keys: EdgeKeys) -> tuple[Attestation, ...]:
    """The claims as the header has them."""
    return _attested(sender.proven.claims, stamp(sender.arrival.received_at), keys)


def attests(header: Header, claims: tuple[Claim, ...], connector: str, keys: EdgeKeys) -> bool:
    """Whether the header is of this edge's own connector and attests exactly these: what another sealed has references
    under a key that this edge has not.
    """
    return header.source == connector and header.attestations == _attested(claims, header.created_at, keys)


def _attested(claims: tuple[Claim, ...], at: str, keys: EdgeKeys) -> tuple[Attestation, ...]:
    """References of one proof cannot be joined beyond the month, as tags cannot."""
    month = at[:7]
    return tuple(
        Attestation(
            each.name,
            keys.reference(f"attestation\n{month}", each.proof),
            stamp(each.until) if each.until is not None else None,
            each.text,
            each.party,
            stamp(each.asked) if each.asked is not None else None,
        )
        for each in sorted(claims, key=lambda each: each.name)
    )


def refuse(arrival: Arrival, rules: EdgeRules, keys: EdgeKeys, code: str, parsed: Parsed | None = None) -> Sealed:
    """The refusal of a whole arrival, signed, to be recorded; with the marks of a repeat if it could be parsed."""
    return Sealed(None, None, _refusal(arrival, rules, keys, code, parsed=parsed))


def _refusal(
    arrival: Arrival,
    rules: EdgeRules,
    keys: EdgeKeys,
    code: str,
    records: tuple[BadRecord, ...] = (),
    parsed: Parsed | None = None,
) -> SignedStatement:
    """The operation is named only if the locked interface has it: it is the sender's word until then."""
    request_key, body_tag = _repeat_marks(parsed, keys) if parsed else (None, None)
    sound = code != "bad_actor"
    return _signed(
        keys,
        Statement(
            version=1,
            kind="refusal",
            message_id=arrival.message_id,
            tenant=rules.tenant.code,
            connector=rules.connector,
            at=stamp(arrival.received_at),
            responsible=rules.responsible,
            signing_key=keys.signing_id,
            operation=rules.contract.known(arrival.operation),
            code=code,
            records=tuple((each.index, each.code, each.path) for each in records),
            request_key=request_key,
            body_tag=body_tag,
            actor=arrival.actor if sound else None,
            terminal=arrival.terminal if sound else None,
            client_certificate=certificate(arrival.fingerprint),
        ),
    )


def certificate(fingerprint: str | None) -> str | None:
    """Which of the connector's peers it is, as header and statement say it: one connector may have many, as clinics
    are.
    """
    return fingerprint.removeprefix("sha256:") if fingerprint is not None else None


def note(  # noqa: PLR0913  (each is one column of the fact)
    rules: EdgeRules,
    keys: EdgeKeys,
    message_id: str,
    at: str,
    act: Act,
    reference: bytes,
    counts: dict[Counted, int],
    code: str | None = None,
) -> Sealed:
    """A signed statement of one act of the connector, with a keyed reference, counts and, of a refusal, its code."""
    statement = _signed(
        keys,
        Statement(
            version=1,
            kind="note",
            message_id=message_id,
            tenant=rules.tenant.code,
            connector=rules.connector,
            at=at,
            responsible=rules.responsible,
            signing_key=keys.signing_id,
            code=code,
            act=act,
            reference=keys.reference("note", reference),
            counts=counts,
        ),
    )
    return Sealed(None, None, statement)


def _signed(keys: EdgeKeys, statement: Statement) -> SignedStatement:
    unsigned = SignedStatement(encode(statement), b"")
    return SignedStatement(unsigned.statement, keys.sign(unsigned.signed_part()))


def _repeat_marks(parsed: Parsed, keys: EdgeKeys) -> tuple[str | None, str | None]:
    """The keyed digests by which the journal knows a repeat: of the sender's key, and of the body.

    What a proof binds is part of the key: nobody gets another's answer, or a conflict with it, by the same key.
    """
    arrival = parsed.attested.arrival
    if arrival.request_key is None:
        return None, None
    body = arrival.same
    if body is None:
        body = arrival.body if isinstance(arrival.body, bytes) else _plain_values(parsed)
    bound = sorted(parsed.attested.proven.bound.items())
    key = b"\n".join((arrival.entrance.encode(), arrival.operation.encode(), arrival.request_key))
    key += b"\n" + to_json(bound) if bound else b""
    return keys.reference("request", key), keys.reference("body", body)


def _plain_values(parsed: Parsed) -> bytes:
    """What a connector sent, in one byte form: the same values in the same order give the same bytes."""
    try:
        return to_json(parsed.records)
    except ValueError:  # half a character, whose record was refused
        return json.dumps(parsed.records, default=asdict).encode()
