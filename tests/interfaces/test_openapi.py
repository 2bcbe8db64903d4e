"""The description of the HTTPS entrance: valid, closed, with each code that can come, and nothing beyond clearance."""

import inspect
import json
import re
from dataclasses import replace

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.config import load, read_contract
from gateway.edge.edge import Edge
from gateway.edge.listener import Entrance
from gateway.errors import CODES
from gateway.hub import permit
from gateway.hub.hub import _SEALED_ANEW
from gateway.hub.journal import reading as journal
from gateway.interfaces.answers import ARRIVING, ASKING, OF_RECORDS, STATUS
from gateway.interfaces.described import of_lock, of_tenant
from gateway.interfaces.document import openapi
from gateway.interfaces.schema import as_text
from gateway.messages import wire
from gateway.plugin.interface import describe
from tests.architecture.tree import ROOT
from tests.flow.toys import OFFICE_INTERFACE

LOCKS = sorted(path.stem for path in (ROOT / "config/interfaces").glob("*.json"))


@pytest.mark.parametrize("name", LOCKS)
def test_what_a_lock_sends_is_described_validly(name):
    contract = read_contract(ROOT, name)
    document = openapi(of_lock(contract))
    OpenAPIV31SpecValidator(document).validate()
    sent = [each.name for each in contract.operations if each.direction == "sends"]
    posted = [path for path, item in document["paths"].items() if "post" in item]
    assert posted == [f"/v1/{{tenant}}/{name}/{each}" for each in sent]
    assert json.loads(as_text(document)) == document


def test_all_of_a_tenant_is_one_valid_document():
    config = load(ROOT)
    ((code, tenant),) = config.tenants.items()
    limits = config.gateway.limits
    every = [each for name in tenant.file.connectors for each in of_tenant(tenant, name, config.contracts, limits)]
    document = openapi(every)
    OpenAPIV31SpecValidator(document).validate()
    posted = {path for path, item in document["paths"].items() if "post" in item}
    assert posted == {f"/v1/{code}/{each.source}/{each.operation}" for each in tenant.file.routes}


def test_an_operation_tells_its_label_limits_headers_and_what_must_be_proven():
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    document = openapi(of_tenant(tenant, "clinic_app", config.contracts, config.gateway.limits))
    posted = document["paths"]["/v1/999997/clinic_app/examination.enter"]["post"]
    assert posted["summary"] == "医師記入欄の入力"
    assert posted["x-renkei-attests"] == ["identity_confirmed", "consent"]
    assert {each["name"]: each["required"] for each in posted["parameters"]} == {
        "Idempotency-Key": False,
        "Renkei-Actor": False,
        "Renkei-Terminal": False,
        "Renkei-Proof": True,
    }
    assert posted["requestBody"]["content"]["application/json"]["schema"]["maxItems"] == 1000
    assert document["security"] == [{"mutualTLS": []}]
    assert "Retry-After" in posted["responses"]["503"]["headers"]


def test_an_operation_names_the_codes_of_its_own_destination_alone():
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    document = openapi(of_tenant(tenant, "health_management", config.contracts, config.gateway.limits))
    for route in tenant.file.routes:
        if route.source == "health_management":
            posted = document["paths"][f"/v1/999997/health_management/{route.operation}"]["post"]
            codes = config.contracts[route.destination].codes
            assert posted.get("x-renkei-codes", {}) == codes
            assert all(f"`{code}`" in posted["description"] for code in codes)
    assert "dose_exists" not in as_text(openapi(of_lock(config.contracts["health_management"])))


def test_what_the_lock_has_and_the_route_has_not_is_told_there_and_back():
    """Its sender hears of no refusal, so nothing else would tell who builds from the document."""
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    whole = next(each for each in tenant.file.routes if each.source == "health_management" and each.reply_fields)
    less = whole.model_copy(update={"fields": whole.fields[1:], "reply_fields": whole.reply_fields[1:]})
    routed = replace(tenant, file=tenant.file.model_copy(update={"routes": (less,)}))

    def told(tenant):
        every = of_tenant(tenant, "health_management", config.contracts, config.gateway.limits)
        path = f"/v1/999997/health_management/{whole.operation}"
        return openapi(every)["paths"][path]["post"]["description"]

    assert "does not list" not in told(tenant)
    assert f"Taken and carried no further, for its route does not list them: `{whole.fields[0]}`." in told(routed)
    assert f"In no answer, for its route does not list them: `{whole.reply_fields[0]}`." in told(routed)


def test_what_is_not_routed_or_above_the_clearance_is_not_described():
    config = load(ROOT)
    ((_, tenant),) = config.tenants.items()
    contracts = {**config.contracts, "office": describe(OFFICE_INTERFACE)}
    assert not list(of_tenant(tenant, "office", contracts, config.gateway.limits)), "no route of this tenant carries it"
    operation = contracts["clinic_app"].operation("sends", "examination.enter")
    assert operation is not None
    cleared = operation.data_classes
    assert [each.operation.name for each in of_tenant(tenant, "clinic_app", contracts, config.gateway.limits, cleared)]
    narrower = cleared - {"health"}
    assert not list(of_tenant(tenant, "clinic_app", contracts, config.gateway.limits, narrower))
    assert "doctor" not in json.dumps(
        openapi(of_tenant(tenant, "clinic_app", contracts, config.gateway.limits, narrower))
    )


ELSEWHERE = {
    "records_refused": "files only",
    "not_held": "people at the operators' listener",
    "no_open_request": "replies only",
    "limits_differ": "a 503, all of which are told",
    "clock_differs": "a 503, all of which are told",
    "bad_reason": "people at the operators' listener",
}
LINE = [
    "edge/authenticate",
    "edge/parse",
    "edge/admit",
    "edge/flow",
    "edge/seal",
    "edge/edge",
    "edge/listener",
    "hub/permit",
    "hub/flow",
    "hub/journal/recording",
    "keys/signatures",
    "keys/directory",
]


@pytest.mark.parametrize("module", LINE)
def test_each_code_that_an_arrival_is_refused_with_is_told(module):
    """Also those that only a bug of ours would bring out: nobody is to meet a code of which nothing is said."""
    raised = set(re.findall(r'Refused\(\s*"(\w+)"', (ROOT / f"gateway/{module}.py").read_text()))
    assert raised - {*ASKING, *OF_RECORDS, *ELSEWHERE} == set()


GIVING_OUT = (
    *(Entrance.status, Entrance._own, Edge.status),
    *(journal.envelope, wire._read, wire._decode, permit._carried, permit.granted, permit._route, permit._basis),
)
"""What a look at a message goes through, where an answer is given out once more."""
NEVER = {"expired": "the hub looks at the time first", **dict.fromkeys(_SEALED_ANEW, "the answer is kept back")}
ANYWHERE = {"internal", "unknown_operation"}
"""A bug of ours; an address that is nearly this one."""


def test_the_codes_of_a_look_at_a_message_are_told_and_no_others():
    source = "".join(inspect.getsource(each) for each in GIVING_OUT)
    raised = set(re.findall(r'[Rr]efused\((?:[^"()]+, )?"(\w+)"', source))
    assert raised - NEVER.keys() == {*STATUS} - ANYWHERE


def test_each_code_told_is_one_of_ours():
    assert {*ARRIVING, *ASKING, *OF_RECORDS} <= CODES.keys()
