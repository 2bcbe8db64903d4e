"""Sealed → Permitted: the hub's own check of header against route, without a look inside.

Who signed it, whether a route carries it under a legal basis in force at this time, whether its items are within that
route, whether the interfaces are the locked ones, what had to be attested, and whether it is still in time.
"""

from datetime import datetime, timedelta
from typing import Final

from gateway.config import Limits, Route, counterparty_allowed, in_force, still_attested, still_valid
from gateway.errors import CODES, Refused
from gateway.hub.rules import HubRules
from gateway.keys.signatures import verify_envelope, verify_statement
from gateway.messages import (
    Header,
    MessageKind,
    Permitted,
    Sealed,
    SignedStatement,
    Statement,
    path_known,
    staff_id,
    stamp,
)

_SKEW: Final = timedelta(minutes=5)
OURS: Final = frozenset({"clock_differs", "limits_differ"})
"""Ours to mend, not the sender's: refused and recorded as such, it may come again."""
_SEALING: Final = 4096
"""Bytes that sealing may add to a body: the encapsulated key and the tag."""


def permit(sealed: Sealed, peer: str, rules: HubRules, now: datetime) -> Permitted:
    """`peer` is the connector whose edge the link has authenticated. Raises Refused with the first reason found:
    body_too_large, bad_envelope, header_mismatch, unknown_key, bad_signature, no_route, items_beyond_route,
    basis_not_in_force, counterparty_not_allowed, interface_changed, not_attested, expired, too_many_records; or one of
    OURS, which is nobody's fault who sends.
    """
    _bounded(sealed, rules.limits)
    header = statement = None
    if sealed.envelope is not None:
        header = verify_envelope(sealed.envelope, rules.directory)
        _same_peer(header.source, peer)
        route = _carried(header, rules, now)
        _entering(header, route, rules, now)
    if sealed.statement is not None:
        statement = _stated(sealed.statement, peer, rules, now)
    if header is None and statement is None:
        raise Refused("bad_envelope")
    if header is not None and (sealed.tags is None or not sealed.tags.sound(len(header.records))):
        raise Refused("bad_tags")
    if header is not None and statement is not None:
        _together(header, statement)
    return Permitted(sealed, header, statement)


def permit_again(header: Header, rules: HubRules, now: datetime) -> None:
    """Replay: what was recorded re-enters here, under today's routes. Raises Refused as `permit` does."""
    _carried(header, rules, now)


def proven(sealed: Sealed, peer: str, rules: HubRules) -> Header | Statement | None:
    """What the peer itself signed, if its signature holds: what is refused may otherwise be forged whole."""
    try:
        if sealed.envelope is not None:
            header = verify_envelope(sealed.envelope, rules.directory)
            return header if header.source == peer else None
        if sealed.statement is not None:
            statement = verify_statement(sealed.statement, rules.directory)
            return statement if statement.connector == peer else None
    except Refused:
        pass
    return None


def _bounded(sealed: Sealed, limits: Limits) -> None:
    """The hub keeps what it is given, unseen: so no part of it is larger than a body and what sealing adds."""
    parts = [sealed.envelope.header, sealed.envelope.ciphertext] if sealed.envelope else []
    parts += [sealed.statement.statement] if sealed.statement else []
    if any(len(each) > limits.body_bytes + _SEALING for each in parts):
        raise Refused("body_too_large")


def _same_peer(source: str, peer: str) -> None:
    if source != peer:
        raise Refused("header_mismatch")


def _entering(header: Header, route: Route, rules: HubRules, now: datetime) -> None:
    """What is asked once, on entry: a reload that changes a limit or a name must not kill what is under way."""
    _numbers(header, rules.limits)
    if len(header.records) > rules.most.get(route.id, len(header.records)):
        raise Refused("too_many_records")
    _words(header, route, rules)
    _times(header, route, rules, now)


def _carried(header: Header, rules: HubRules, now: datetime) -> Route:
    """What today's routes ask of a header, on entry and again at every attempt: the route that carries it.

    The claims first: what is refused for another reason may have its first answer again.
    """
    route = granted(header, rules, now)
    for connector, digest in (
        (header.source, header.source_interface),
        (header.destination, header.destination_interface),
    ):
        if digest != rules.digests.get(connector) and not still_valid(digest, connector, rules.former, now):
            raise Refused("interface_changed")
    keys = {each.id: each.suite.value for each in rules.directory.connectors[header.destination].kem}
    rules.directory.signing(header.source, header.signing_key)  # retired since it was signed: nobody vouches for it
    if header.kem_key not in keys or header.suite != keys[header.kem_key]:
        raise Refused("unknown_key")
    if header.expires_at <= stamp(now):
        raise Refused("expired")
    return route


def granted(header: Header, rules: HubRules, now: datetime) -> Route:
    """The route that grants what the header says of itself: ends, kind, claims, items, legal basis at that time.

    Raises Refused: no_route, header_mismatch, not_attested, items_beyond_route, basis_not_in_force,
    counterparty_not_allowed.
    """
    route = _route(header, rules)
    if not still_attested(header, route, now):
        raise Refused("not_attested")
    allowed = rules.allowed[route.id, header.kind is MessageKind.REPLY]
    if any(not allowed.issuperset(items) for items in header.item_sets):
        raise Refused("items_beyond_route")
    _basis(header, route, rules, now)
    return route


def _route(header: Header, rules: HubRules) -> Route:
    """The route that the header names, if its ends and its kind are the header's. Raises Refused."""
    route = rules.tenant.route(header.route)
    if route is None:
        raise Refused("no_route")
    reply = header.kind is MessageKind.REPLY
    forth = (route.source, route.operation)
    back = (route.destination, route.destination_operation)
    here, there = (back, forth) if reply else (forth, back)
    if (header.source, header.source_operation, header.destination, header.operation) != (*here, *there):
        raise Refused("no_route")
    is_event = header.kind is MessageKind.EVENT
    if reply and (header.request_key, header.body_tag, header.client_certificate) != (None, None, None):
        raise Refused("header_mismatch")  # it is no repeat of anything, and came by no listener
    if not reply and header.request_mark is not None:
        raise Refused("header_mismatch")
    if reply != (header.correlation_id is not None) or is_event == (header.route in rules.requests):
        raise Refused("header_mismatch")
    return route


def _words(header: Header, route: Route, rules: HubRules) -> None:
    """Nothing but words of the configuration stands in a header, and each once."""
    if header.legal_basis != route.cites(header.legal_basis):
        raise Refused("header_mismatch")
    if header.purpose != route.purpose or header.replaces is not None:
        raise Refused("header_mismatch")
    if len(set(header.withheld)) != len(header.withheld) or not rules.paths.issuperset(header.withheld):
        raise Refused("bad_envelope")
    _named(header.actor, header.terminal)
    if header.responsible != rules.responsible.get(header.source):
        raise Refused("header_mismatch")


def _times(header: Header, route: Route, rules: HubRules, now: datetime) -> None:
    seconds = rules.limits.carried_seconds(route, reply=header.kind is MessageKind.REPLY)
    latest = now + timedelta(seconds=seconds) + _SKEW
    _now(header.created_at, now)
    if header.expires_at > stamp(latest):
        raise Refused("limits_differ")


def _now(at: str, now: datetime) -> None:
    """An edge's word for the time is the time: what is made is submitted at once."""
    if not stamp(now - _SKEW) <= at <= stamp(now + _SKEW):
        raise Refused("clock_differs")


def _numbers(header: Header, limits: Limits) -> None:
    """The soundness of the header's own numbering."""
    indices = [index for index, _, _ in header.records]
    if not indices or indices != sorted(set(indices)):
        raise Refused("bad_envelope")
    if indices[-1] >= limits.records_per_message or any(lane >= limits.lanes for _, _, lane in header.records):
        raise Refused("limits_differ")
    sets = header.item_sets
    if len(set(sets)) != len(sets) or len(sets) > len(indices) or any(len(set(each)) != len(each) for each in sets):
        raise Refused("bad_envelope")


def _basis(header: Header, route: Route, rules: HubRules, now: datetime) -> None:
    """C009: no legal basis and assessment in force, no passage. What is under way may cite fewer than the route does by
    now, but a row if the route has rows, and its assessment.
    """
    if not route.cited_by(header.legal_basis):
        raise Refused("header_mismatch")
    if not in_force(header.legal_basis, rules.legal_basis, now):
        raise Refused("basis_not_in_force")
    if not counterparty_allowed(header.attestations, header.legal_basis, rules.legal_basis):
        raise Refused("counterparty_not_allowed")


def _stated(signed: SignedStatement, peer: str, rules: HubRules, now: datetime) -> Statement:
    statement = verify_statement(signed, rules.directory)
    _same_peer(statement.connector, peer)
    _now(statement.at, now)
    note = statement.kind == "note"
    codes = [statement.code, *(code for _, code, _ in statement.records)]
    if any(code is not None and code not in (rules.codes if note else CODES) for code in codes):
        raise Refused("bad_envelope")
    _plain_words(statement, rules)
    indices = [index for index, _, _ in statement.records]
    if indices != sorted(set(indices)):
        raise Refused("bad_envelope")
    if note != (statement.act is not None) or (not note and statement.code is None):
        raise Refused("bad_envelope")
    if note and (statement.records or statement.client_certificate is not None):  # it is an act of the connector's own
        raise Refused("bad_envelope")
    return statement


def _named(*names: str | None) -> None:
    if not all(name is None or staff_id(name) for name in names):
        raise Refused("bad_actor")


def _plain_words(statement: Statement, rules: HubRules) -> None:
    """Nothing but words of the configuration stands in a statement."""
    _named(statement.actor, statement.terminal)
    if statement.records and statement.records[-1][0] >= rules.limits.records_per_message:
        raise Refused("limits_differ")
    operations = rules.operations.get(statement.connector, frozenset())
    if statement.operation is not None and statement.operation not in operations:
        raise Refused("bad_envelope")
    if any(path is not None and not path_known(path, rules.paths) for _, _, path in statement.records):
        raise Refused("bad_envelope")
    if statement.responsible != rules.responsible.get(statement.connector):
        raise Refused("header_mismatch")


def _together(header: Header, statement: Statement) -> None:
    """An envelope and the refusals beside it come from one arrival and never speak of the same record."""
    refused = {index for index, _, _ in statement.records}
    if (
        statement.kind != "refusal"
        or statement.message_id != header.message_id
        or (statement.request_key, statement.body_tag) != (header.request_key, header.body_tag)
        or statement.client_certificate != header.client_certificate
        or not refused
        or refused & {index for index, _, _ in header.records}
    ):
        raise Refused("bad_envelope")
