"""Envelope → Opened: verify who sealed it, open it with this edge's key, and prove that it holds what its header names.

The hub has checked the signature already; the edge trusts the hub for order and completeness only, so it checks again.
"""

from datetime import datetime

import jiter
from pydantic import JsonValue

from gateway.config import counterparty_allowed, in_force, still_attested, still_valid
from gateway.edge.rules import EdgeRules
from gateway.edge.seal_payload import open_payload
from gateway.errors import Deferred, Refused
from gateway.keys.private import EdgeKeys
from gateway.keys.signatures import verify_envelope
from gateway.messages import Envelope, Header, Opened, item_paths, stamp


def open_envelope(
    envelope: Envelope, wanted: frozenset[int], rules: EdgeRules, keys: EdgeKeys, now: datetime
) -> Opened:
    """Open it; of its records keep those with the `wanted` indices. Raises Refused: bad_envelope, header_mismatch,
    bad_signature, not_attested, basis_not_in_force, counterparty_not_allowed, too_many_records, interface_changed,
    items_beyond_route, cannot_open, items_differ; and Deferred: "key_not_here" (the hub knows the key, so this edge has
    an older directory, or not all of its own keys), "expired" (its time is over by this clock; the hub will find the
    same, and make it a dead letter).
    """
    try:
        return _opened(envelope, wanted, rules, keys, now)
    except Refused as refusal:
        if refusal.code != "unknown_key":
            raise
        raise Deferred("key_not_here") from None


def _opened(envelope: Envelope, wanted: frozenset[int], rules: EdgeRules, keys: EdgeKeys, now: datetime) -> Opened:
    header = verify_envelope(envelope, rules.directory)
    _for_us(header, rules, now)
    if header.expires_at <= stamp(now):  # a hub that holds a message back past its time does not get it in
        raise Deferred("expired")
    key = keys.kem_private(header.kem_key)
    if header.suite != key.suite.value:
        raise Refused("header_mismatch")
    plaintext = open_payload(envelope.ciphertext, envelope.header, key)
    records = _records(plaintext, header)
    _under_rows(records, header, rules)
    return Opened(header, tuple((index, record) for index, record in records if index in wanted))


def _for_us(header: Header, rules: EdgeRules, now: datetime) -> None:
    route = rules.tenant.route(header.route)
    if (header.tenant, header.destination) != (rules.tenant.code, rules.connector) or route is None:
        raise Refused("header_mismatch")
    reply = header.kind == "reply"
    named = (header.source, header.source_operation, header.destination, header.operation)
    forth = (route.source, route.operation, route.destination, route.destination_operation)
    if named != ((*forth[2:], *forth[:2]) if reply else forth):
        raise Refused("header_mismatch")
    if not still_attested(header, route, now):  # a hub that holds a message back past its proof does not get it in
        raise Refused("not_attested")
    if not route.cited_by(header.legal_basis):
        raise Refused("header_mismatch")
    if not in_force(header.legal_basis, rules.legal_basis, now):
        raise Refused("basis_not_in_force")
    if not counterparty_allowed(header.attestations, header.legal_basis, rules.legal_basis):
        raise Refused("counterparty_not_allowed")
    operation = rules.receiving_operation(header)
    if operation and operation.most_records and len(header.records) > operation.most_records:
        raise Refused("too_many_records")
    digest, ours = header.destination_interface, rules.connector
    if digest != rules.digests[ours] and not still_valid(digest, ours, rules.former, now):
        raise Refused("interface_changed")
    allowed = frozenset(route.reply_fields if reply else route.fields)
    if any(not allowed.issuperset(items) for items in header.item_sets):
        raise Refused("items_beyond_route")


def _records(plaintext: bytes, header: Header) -> "list[tuple[int, dict[str, JsonValue]]]":
    """The proof: record by record, exactly the items that the header names."""
    try:
        # "keys": jiter would keep values in a cache of the process, long after their message has gone.
        plain = jiter.from_json(plaintext, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError:
        raise Refused("items_differ") from None
    if not isinstance(plain, list) or len(plain) != len(header.records):
        raise Refused("items_differ")
    sets = [set(each) for each in header.item_sets]
    records: list[tuple[int, dict[str, JsonValue]]] = []
    for (index, number, _), record in zip(header.records, plain, strict=True):
        if not isinstance(record, dict) or not 0 <= number < len(sets) or item_paths(record) != sets[number]:
            raise Refused("items_differ")
        records.append((index, record))
    return records


def _under_rows(records: "list[tuple[int, dict[str, JsonValue]]]", header: Header, rules: EdgeRules) -> None:
    """And exactly the rows that the header cites."""
    route = rules.tenant.route(header.route)
    if route is None or route.row_field is None:
        return
    if {route.row_of(record) for _, record in records} != {*header.legal_basis} & {*route.rows}:
        raise Refused("items_differ")
