"""Arrival → Attested: prove that the sender is this edge's own system, on a listener that may carry the operation.

The tenant comes from the authenticated peer, never from the payload (C156); what the address names must agree with it.
"""

from collections.abc import Callable
from typing import TypeAlias

from gateway.edge.rules import EdgeRules
from gateway.errors import Refused
from gateway.messages import Arrival, Attested, staff_id
from gateway.plugin.attest import Proven, Shown

Prove: TypeAlias = Callable[[Shown], Proven]
"""What the connector attests of what is shown. Raises Refused("not_attested") or Deferred."""


def unproven(_: Shown) -> Proven:
    """Where nobody reads proofs, none holds."""
    raise Refused("not_attested", reason="route")


def authenticate(arrival: Arrival, rules: EdgeRules, prove: Prove = unproven) -> Attested:
    """`prove` is asked of a known sender only, and before the body is looked at.

    Raises Refused: unknown_certificate, wrong_connector, wrong_tenant, bad_actor, unknown_operation, above_clearance,
    not_attested; and what `prove` raises.
    """
    for name in (arrival.actor, arrival.terminal):
        if name is not None and not staff_id(name):
            raise Refused("bad_actor")
    if arrival.entrance == "http" and arrival.fingerprint not in rules.pinned:
        raise Refused("unknown_certificate")
    if arrival.connector != rules.connector:
        raise Refused("wrong_connector")
    if arrival.tenant != rules.tenant.code:
        raise Refused("wrong_tenant")
    if arrival.entrance == "http":
        _cleared(arrival, rules)
    return Attested(arrival, rules.responsible, _proven(arrival, rules, prove))


def _proven(arrival: Arrival, rules: EdgeRules, prove: Prove) -> Proven:
    """What is shown must hold, whether or not the route asks for it; what is not shown proves nothing. A connector's
    own word, through its outbox, is that of its system.
    """
    if arrival.proof is None:
        return Proven(arrival.claims if arrival.entrance == "outbox" else ())
    peer = arrival.fingerprint or ""
    return prove(Shown(arrival.operation, arrival.proof, peer, arrival.received_at, rules.pinned.get(peer, "")))


def _cleared(arrival: Arrival, rules: EdgeRules) -> None:
    """C072: a listener refuses operations above the clearance of its zone, whether or not the record uses them."""
    operation = rules.contract.operation("sends", arrival.operation)
    if operation is None:
        raise Refused("unknown_operation")
    if operation.data_classes - rules.listener_clearance.get(arrival.listener or "", frozenset()):
        raise Refused("above_clearance")
