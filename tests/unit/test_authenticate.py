"""Who sent it: the certificate decides, the address must agree, and the zone's clearance holds for the operation."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.edge.authenticate import authenticate
from gateway.errors import Refused
from gateway.messages import Arrival
from gateway.plugin import Claim
from gateway.plugin.item import DataClass
from tests.flow.toys import NUMBER, OFFICE, TENANT


def arrival(site, **changes):
    values: dict[str, Any] = {
        "message_id": "01960000-0000-7000-8000-000000000001",
        "received_at": datetime(2026, 4, 1, tzinfo=UTC),
        "entrance": "http",
        "tenant": TENANT,
        "connector": OFFICE,
        "operation": "person.put",
        "body": b"[]",
        "fingerprint": next(iter(site.office_rules.pinned)),
        "listener": "municipal",
    }
    return Arrival(**values | changes)


@pytest.mark.parametrize(("entrance", "said"), [("outbox", True), ("http", False), ("reply", False)])
def test_a_connector_s_own_claims_come_by_its_outbox_and_by_no_other_entrance(site, entrance, said):
    claim = Claim("permit", b"p")
    came = arrival(site, entrance=entrance, claims=(claim,))
    assert authenticate(came, site.office_rules).proven.claims == ((claim,) if said else ())


def test_the_pinned_certificate_is_let_in_for_its_connector_and_tenant(site):
    attested = authenticate(arrival(site, actor="staff-0042", terminal="T_1.2"), site.office_rules)
    assert attested.responsible == "staff-0001"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fingerprint": "sha256:" + "0" * 64}, "unknown_certificate"),
        ({"fingerprint": None}, "unknown_certificate"),
        ({"connector": "register"}, "wrong_connector"),
        ({"tenant": "131016"}, "wrong_tenant"),
        ({"operation": "person.unheard_of"}, "unknown_operation"),
        ({"listener": "elsewhere"}, "above_clearance"),
        ({"listener": None}, "above_clearance"),
        ({"actor": ""}, "bad_actor"),
        ({"actor": "架空"}, "bad_actor"),
        ({"actor": "a b"}, "bad_actor"),
        ({"actor": "a" * 33}, "bad_actor"),
        ({"actor": "staff\n"}, "bad_actor"),
        ({"actor": NUMBER}, "bad_actor"),
        ({"terminal": "0000-0000-0000"}, "bad_actor"),
    ],
)
def test_everyone_else_is_not(site, changes, code):
    with pytest.raises(Refused) as caught:
        authenticate(arrival(site, **changes), site.office_rules)
    assert caught.value.code == code


@pytest.mark.parametrize("lacking", [DataClass.INDIVIDUAL_NUMBER, DataClass.BASIC, DataClass.SAFETY])
def test_a_listener_refuses_what_its_zone_may_not_carry_whatever_the_records_hold(site, lacking):
    rules = site.office_rules
    narrow = {"municipal": rules.listener_clearance["municipal"] - {lacking}}
    with pytest.raises(Refused, match="above_clearance"):
        authenticate(arrival(site), replace(rules, listener_clearance=narrow))


def test_the_reply_counts_too(site):
    rules = site.office_rules
    narrow = {"municipal": frozenset({DataClass.IDENTIFIER, DataClass.OPERATIONAL})}
    with pytest.raises(Refused, match="above_clearance"):  # the answer may hold the sex, which is basic
        authenticate(arrival(site, operation="person.find"), replace(rules, listener_clearance=narrow))


def test_a_connectors_outbox_speaks_for_its_own_connector_and_tenant_only(site):
    own = {"entrance": "outbox", "fingerprint": None, "listener": None}
    assert authenticate(arrival(site, **own), site.office_rules).arrival.connector == OFFICE
    for changes, code in (({"connector": "register"}, "wrong_connector"), ({"tenant": "131016"}, "wrong_tenant")):
        with pytest.raises(Refused, match=code):
            authenticate(arrival(site, **own, **changes), site.office_rules)
