"""The configuration is right as a whole or not taken: each contradiction is named with file and key, all together."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, SecretStr, StringConstraints, ValidationError

from gateway.config import (
    Former,
    contradictions,
    ending,
    idle,
    keep_former,
    lapses,
    load,
    not_a_municipality,
    passed,
    read,
    read_contract,
    read_gateway_file,
    sentences,
    write_contract,
)
from gateway.errors import Misconfigured
from gateway.plugin import ConnectorSpec
from gateway.plugin.interface import describe
from gateway.wiring.opening import fitting
from tests.flow.site import BASES, FILES, GATEWAY, TENANT_FILE, ZONES, write_config
from tests.flow.toys import CARRIED, OFFICE, OFFICE_INTERFACE, REGISTER, TENANT

TENANTS = f"tenants/{TENANT}.toml"
SECRET = "hidden-3f9a"


def problems(root, changed=None):
    write_config(root, changed)
    with pytest.raises(Misconfigured) as caught:
        load(root)
    return list(caught.value.problems)


def test_the_example_holds_together(tmp_path):
    write_config(tmp_path)
    config = load(tmp_path)
    route = config.tenants[TENANT].route_from(OFFICE, "person.put")
    assert route is not None
    assert (route.id, route.destination, route.fields) == ("T1", REGISTER, CARRIED)
    assert config.tenants[TENANT].route_from(OFFICE, "person.unrouted") is None
    assert config.tenants[TENANT].route("T9") is None
    assert read_gateway_file(tmp_path) == config.gateway
    assert read_contract(tmp_path, OFFICE) == config.contracts[OFFICE]


@pytest.mark.parametrize("name", [*FILES, f"interfaces/{OFFICE}.json"])
def test_the_digest_feels_every_byte_of_every_file(tmp_path, name):
    write_config(tmp_path)
    before = load(tmp_path).digest
    path = tmp_path / "config" / name
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert load(tmp_path).digest != before


def exchanged(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


def tenant(old, new):
    return {TENANTS: exchanged(TENANT_FILE, old, new)}


T1_BASIS = 'legal_basis = ["L1", "L2"]'
GOVERNED = (
    BASES
    + """
[legal_basis.P26]
reference = "架空省令 26の項"
valid_from = 2024-05-27
counterparty = "governor"
"""
)


def under_rows(rows, attest='attest = ["permit"]', field="name"):
    """The first route with rows."""
    return tenant(T1_BASIS, f'{T1_BASIS}\nrow_field = "{field}"\nlegal_rows = {rows}\n{attest}')


FIELDS = json.dumps(CARRIED)
T2_FIELDS = 'fields = ["internal_no", "municipality_code"]'
CONTRADICTIONS = {
    "an internet zone that is cleared for the individual number": (
        {"zones.toml": exchanged(ZONES, 'clearance = ["identifier"]', 'clearance = ["individual_number"]')},
        "config/zones.toml: zones.internet.clearance: ",
    ),
    "a listener in no zone": (
        {"gateway.toml": exchanged(GATEWAY, 'zone = "municipal_zone"', 'zone = "nowhere"')},
        "config/gateway.toml: listeners.municipal.zone: ",
    ),
    "a listener that faces the internet beside keys for the individual number": (
        {"gateway.toml": exchanged(GATEWAY, 'zone = "municipal_zone"', 'zone = "internet"')},
        "config/gateway.toml: listeners.municipal: this process faces the internet and may not hold the keys",
    ),
    "a tenant that is no municipality": (
        {"tenants/999990.toml": 'name = "x"\nroot_key = "r"\ndirectory = "d"\nroutes = []\n[connectors]\n'},
        "config/tenants/999990.toml: the file's name",
    ),
    "a connector in no zone": (
        tenant('zone = "lgwan"', 'zone = "nowhere"'),
        f"config/{TENANTS}: connectors.{REGISTER}.zone: ",
    ),
    "a connector that is not locked": (
        tenant("[[routes]]", '[connectors.stranger]\nzone = "lgwan"\nresponsible = "s"\n\n[[routes]]'),
        f"config/{TENANTS}: connectors.stranger: its interface is not locked",
    ),
    "an interface above its zone's clearance": (
        tenant('zone = "municipal_zone"', 'zone = "lgwan"'),
        f"config/{TENANTS}: connectors.{OFFICE}: its interface carries individual_number, which zone lgwan may not",
    ),
    "an internet zone that is cleared for tax and welfare": (
        {"zones.toml": exchanged(ZONES, 'clearance = ["identifier"]', 'clearance = ["identifier", "tax_welfare"]')},
        "config/zones.toml: zones.internet.clearance: an internet zone never carries tax_welfare (rule 8)",
    ),
    "a connector's clearance that is wider than its zone's": (
        tenant('zone = "lgwan"', 'zone = "lgwan"\nclearance = ["individual_number"]'),
        f"config/{TENANTS}: connectors.{REGISTER}.clearance: zone lgwan may not carry individual_number",
    ),
    "an interface above its connector's own clearance": (
        tenant('zone = "municipal_zone"', 'zone = "municipal_zone"\nclearance = ["identifier", "basic"]'),
        f"config/{TENANTS}: connectors.{OFFICE}: its interface carries individual_number, operational, safety",
    ),
    "a consent to no text": (
        tenant('purpose = "vaccination"', 'purpose = "vaccination"\nmay_attest = ["consent"]'),
        f"config/{TENANTS}: routes.T1.consent_texts: ",
    ),
    "a text that nobody consents to": (
        tenant('purpose = "vaccination"', 'purpose = "vaccination"\nconsent_texts = ["2026-04"]'),
        f"config/{TENANTS}: routes.T1.consent_texts: ",
    ),
    "a claim that must be attested and may be": (
        tenant('purpose = "vaccination"', 'purpose = "vaccination"\nattest = ["agent"]\nmay_attest = ["agent"]'),
        f"config/{TENANTS}: routes.T1.may_attest: agent stands in attest already",
    ),
    "a request that is to be held": (
        tenant("reply_fields", "hold = true\nreply_fields"),
        f"config/{TENANTS}: routes.T2.hold: only an event can be held; a request's answer is not there yet",
    ),
    "a request that must be reviewed": (
        tenant("reply_fields", 'attest = ["review"]\nreply_fields'),
        f"config/{TENANTS}: routes.T2.attest: review has an event held; a request's answer is not there yet",
    ),
    "a request that may be reviewed": (
        tenant("reply_fields", 'may_attest = ["review"]\nreply_fields'),
        f"config/{TENANTS}: routes.T2.may_attest: review has an event held; a request's answer is not there yet",
    ),
    "two listeners of one name": (
        {"gateway.toml": GATEWAY + GATEWAY[GATEWAY.index("[[listeners]]") : GATEWAY.index("[admin]")]},
        "config/gateway.toml: listeners.municipal: two listeners have this name",
    ),
    "two listeners on one port": (
        {"gateway.toml": GATEWAY.replace("port = 0", "port = 8443")},
        "config/gateway.toml: admin.port: listeners.municipal listens on this host and port already",
    ),
    "a legal basis that is not listed": (
        tenant('legal_basis = ["L1"]', 'legal_basis = ["L1", "L9"]'),
        f"config/{TENANTS}: routes.T2.legal_basis: L9 is not in",
    ),
    "an assessment that is not listed": (
        tenant('assessment = "A1"', 'assessment = "A9"'),
        f"config/{TENANTS}: routes.T1.assessment: A9 is no assessment of config/legal_basis.toml",
    ),
    "a legal basis in an assessment's place": (
        tenant('assessment = "A1"', 'assessment = "L1"'),
        f"config/{TENANTS}: routes.T1.assessment: L1 is no assessment of config/legal_basis.toml",
    ),
    "an assessment in a legal basis' place": (
        tenant('legal_basis = ["L1"]', 'legal_basis = ["L1", "A1"]'),
        f"config/{TENANTS}: routes.T2.legal_basis: A1 is not in",
    ),
    "a row that is not listed": (
        under_rows('{ "1" = "L1-25" }'),
        f"config/{TENANTS}: routes.T1.legal_rows: L1-25 is not in",
    ),
    "a row that all messages cite already": (
        under_rows('{ "1" = "L2" }'),
        f"config/{TENANTS}: routes.T1.legal_rows: L2 stands in legal_basis already",
    ),
    "a row for governors only without a permit": (
        {"legal_basis.toml": GOVERNED} | under_rows('{ "1" = "P26" }', attest=""),
        f"config/{TENANTS}: routes.T1.attest: lacks permit, without which nobody knows to whom P26 goes",
    ),
    "rows without a field": (
        tenant(T1_BASIS, f'{T1_BASIS}\nlegal_rows = {{ "1" = "L2" }}'),
        f"config/{TENANTS}: routes.T1.legal_rows: a route with rows, and no other, names the row_field",
    ),
    "a row's field without rows": (
        tenant(T1_BASIS, f'{T1_BASIS}\nrow_field = "name"'),
        f"config/{TENANTS}: routes.T1.legal_rows: a route with rows, and no other, names the row_field",
    ),
    "a row's field that does not travel": (
        under_rows('{ "1" = "L9" }', field="sex"),
        f"config/{TENANTS}: routes.T1.row_field: sex is none of the route's fields",
    ),
    "a row's field that not each record has": (
        under_rows('{ "1" = "L9" }', field="sex"),
        f"config/{TENANTS}: routes.T1.row_field: {OFFICE} locks sex as nothing that each record has",
    ),
    "a row's field that the destination has not": (
        under_rows('{ "1" = "L9" }', field="individual_number"),
        f"config/{TENANTS}: routes.T1.row_field: {REGISTER} locks individual_number as nothing that each record has",
    ),
    "a row's field within another": (
        under_rows('{ "1" = "L9" }', field="home.address"),
        f"config/{TENANTS}: routes.T1.row_field: {OFFICE} locks home.address as nothing that each record has",
    ),
    "a flag as a row's field": (
        under_rows('{ "true" = "L9" }', field="control_flag_recovery"),
        f"config/{TENANTS}: routes.T1.row_field: {OFFICE} locks control_flag_recovery as nothing that each record has",
    ),
    "rows of a request": (
        tenant('legal_basis = ["L1"]', 'legal_basis = ["L1"]\nrow_field = "internal_no"\nlegal_rows = { "1" = "L2" }'),
        f"config/{TENANTS}: routes.T2.legal_rows: only an event goes under a row",
    ),
    "a basis for governors only that all messages cite": (
        {"legal_basis.toml": exchanged(BASES, "[legal_basis.L2]", '[legal_basis.L2]\ncounterparty = "governor"')},
        f"config/{TENANTS}: routes.T1.legal_basis: L2 narrows whom it may go to",
    ),
    "a source that is not enabled": (
        tenant(f'from = "{OFFICE}"', 'from = "stranger"'),
        f"config/{TENANTS}: routes.T1.from: ",
    ),
    "a destination that is not enabled": (
        tenant(f'to = "{REGISTER}"', 'to = "stranger"'),
        f"config/{TENANTS}: routes.T1.to: ",
    ),
    "an operation that the source does not send": (
        tenant('operation = "person.put"', 'operation = "person.gone"'),
        f"config/{TENANTS}: routes.T1.operation: the source's locked interface does not send it",
    ),
    "an operation that the destination does not receive": (
        tenant('as = "person.put"', 'as = "person.gone"'),
        f"config/{TENANTS}: routes.T1.as: the destination's locked interface does not receive it",
    ),
    "an event that arrives as a request": (
        tenant('as = "person.put"', 'as = "person.find"'),
        f"config/{TENANTS}: routes.T1.operation: one end sees an event, the other a request",
    ),
    "a field that only one end has": (
        tenant(FIELDS, json.dumps([*CARRIED, "sex"])),
        f"config/{TENANTS}: routes.T1.fields: sex is not in the locked interface of both ends",
    ),
    "an object in the place of its items": (
        tenant(FIELDS, json.dumps([*CARRIED, "home"])),
        f"config/{TENANTS}: routes.T1.fields: home is not in the locked interface of both ends",
    ),
    "a required field that does not travel": (
        tenant(FIELDS, json.dumps([each for each in CARRIED if each != "name"])),
        f"config/{TENANTS}: routes.T1.fields: name is required at the taking end",
    ),
    "a reply field that only one end has": (
        tenant('reply_fields = ["internal_no"', 'reply_fields = ["name", "internal_no"'),
        f"config/{TENANTS}: routes.T2.reply_fields: name is not in the locked interface of both ends",
    ),
    "a required reply field that does not travel": (
        tenant('reply_fields = ["internal_no", "update_seq"]', 'reply_fields = ["internal_no"]'),
        f"config/{TENANTS}: routes.T2.reply_fields: update_seq is required at the taking end",
    ),
    "a reply to an event": (
        tenant(f"fields = {FIELDS}", f'fields = {FIELDS}\nreply_fields = ["internal_no"]'),
        f"config/{TENANTS}: routes.T1.reply_fields: an event has no reply",
    ),
    "a person key that stays behind": (
        tenant(T2_FIELDS, 'fields = ["municipality_code"]'),
        f"config/{TENANTS}: routes.T2.fields: the person key of both ends must travel",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_each_contradiction_is_named_with_file_and_key(tmp_path, name):
    changed, expected = CONTRADICTIONS[name]
    assert any(each.startswith(expected) for each in problems(tmp_path, changed))


@pytest.mark.parametrize(
    ("as_written", "told"),
    [
        ('[assessment.A1]\ncounterparty = "governor"', "assessment A1 has counterparty"),
        ('[assessment.A1]\nallows = "use"', "assessment A1 has allows"),
        ("[assessment.L2]", "L2 is both a legal basis and an assessment"),
    ],
)
def test_an_assessment_is_no_legal_basis(tmp_path, as_written, told):
    (problem,) = problems(tmp_path, {"legal_basis.toml": exchanged(BASES, "[assessment.A1]", as_written)})
    assert problem.startswith(f"config/legal_basis.toml: {told}")


def test_all_problems_are_told_together(tmp_path):
    changes = [(each, start) for each, start in CONTRADICTIONS.values() if TENANTS not in each]
    changed = {name: text for each, _ in changes for name, text in each.items()}
    changed |= tenant('legal_basis = ["L1"]', 'legal_basis = ["L8", "L9"]')
    told = problems(tmp_path, changed)
    for start in (
        "config/zones.toml: zones.internet.clearance",
        "config/tenants/999990.toml",
        f"config/{TENANTS}: routes.T2.legal_basis: L8",
        f"config/{TENANTS}: routes.T2.legal_basis: L9",
    ):
        assert any(each.startswith(start) for each in told)


def test_a_lock_that_is_gone_is_told_once_and_no_other_connector_is_guessed_for_its_routes(tmp_path):
    write_config(tmp_path)
    (tmp_path / f"config/interfaces/{REGISTER}.json").unlink()
    said = (
        f"config/{TENANTS}: connectors.{REGISTER}: its interface is not locked; "
        f"if the name is right, run: gateway interface lock {REGISTER}"
    )
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert caught.value.problems == (said,)


def test_an_object_that_the_taking_end_requires_must_travel(tmp_path):
    """Else every record would be refused at the edge, for a fault of the configuration."""
    path = tmp_path / "config" / f"interfaces/{REGISTER}.json"
    write_config(tmp_path)
    lock = json.loads(path.read_text(encoding="utf-8"))
    put = next(each for each in lock["operations"] if each["name"] == "person.put")
    home = next(field for field in put["fields"] if field["path"] == "home")
    home["required"] = True
    path.write_text(json.dumps(lock), encoding="utf-8")
    (tmp_path / "config" / TENANTS).write_text(
        exchanged(TENANT_FILE, FIELDS, json.dumps([each for each in CARRIED if each != "home.address"])),
        encoding="utf-8",
    )
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert any(each.startswith(f"config/{TENANTS}: routes.T1.fields: home") for each in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        ("gateway.toml", 'name = "renkei.example"', 'name = "renkei.example"\nextra_hidden = 1', "extra_hidden"),
        ("gateway.toml", "port = 0", f'port = "{SECRET}"', "listeners.municipal.port"),
        ("gateway.toml", "port = 0", "port = 70000", "listeners.municipal.port"),
        ("gateway.toml", "operators = {}", f'operators = {{}}\n[limits]\nattempts = "{SECRET}"', "limits.attempts"),
        ("gateway.toml", "operators = {}", "operators = {}\n[limits]\nattempts = 0", "limits.attempts"),
        ("zones.toml", "internet = false", f'internet = "{SECRET}"', "zones.municipal_zone.internet"),
        ("zones.toml", '"identifier"', f'"{SECRET}"', "zones.municipal_zone.clearance"),
        ("legal_basis.toml", "2024-05-27", f'"{SECRET}"', "legal_basis.L1.valid_from"),
        ("legal_basis.toml", "2024-05-27", "2024-02-30", "not TOML"),
        (TENANTS, 'legal_basis = ["L1", "L2"]', "legal_basis = []", "routes.T1.legal_basis"),
        (TENANTS, FIELDS, "[]", "routes.T1.fields"),
        (TENANTS, FIELDS, '["*"]', "routes.T1.fields.#1"),
        (TENANTS, FIELDS, f'["internal_no", "{SECRET}"]', "routes.T1.fields.#2"),
        (TENANTS, 'purpose = "vaccination"', f'purpose = "{SECRET} "', "routes.T1.purpose"),
        (TENANTS, f'from = "{OFFICE}"', f'source = "{OFFICE}"', "routes.T1.from"),
        (TENANTS, 'id = "T2"', f'id = "{SECRET} "', "routes.#2.id"),
        (TENANTS, 'responsible = "staff-0001"', "responsible = 1", f"connectors.{OFFICE}.responsible"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_key_and_without_its_value(tmp_path, name, old, new, key):
    told = problems(tmp_path, {name: exchanged(FILES[name], old, new)})
    assert any(each.startswith(f"config/{name}: {key}") for each in told)
    assert not any(SECRET in each for each in told)


ADMINISTRATORS = "\n[administrators]\n"


@pytest.mark.parametrize(
    ("administrators", "told"),
    [
        ("staff-0100 = 1", "administrators.staff-0100: must be a text, in quotes"),
        ('"0000-1111-2222" = "a.crt"', "administrators.0000-1111-2222: must be a staff id"),
        ('operator = "a.crt"', "administrators.operator: is an operator in config/gateway.toml"),
    ],
)
def test_an_administrator_is_a_staff_id_with_a_certificate_and_no_operator(tmp_path, administrators, told):
    found = problems(
        tmp_path,
        {
            "gateway.toml": exchanged(GATEWAY, "operators = {}", 'operators = { operator = "b.crt" }'),
            TENANTS: exchanged(
                TENANT_FILE, f"\n[connectors.{OFFICE}]", f"{ADMINISTRATORS}{administrators}\n\n[connectors.{OFFICE}]"
            ),
        },
    )
    assert [each for each in found if each.startswith(f"config/{TENANTS}: {told}")]


MISTAKES = {
    "a key that is nearly right": (
        "zones.toml",
        'clearance = ["identifier"]',
        'clearence = ["identifier"]',
        "zones.internet.clearence: there is no such key; did you mean clearance?",
    ),
    "a key deep in a list": (
        TENANTS,
        'reply_fields = ["internal_no"',
        'replyfields = ["internal_no"',
        "routes.T2.replyfields: there is no such key; did you mean reply_fields?",
    ),
    "a key in a connector's table": (
        TENANTS,
        'responsible = "staff-0002"',
        'responsible = "staff-0002"\nrequire = true',
        f"connectors.{REGISTER}.require: there is no such key; did you mean required?",
    ),
    "a key that is nothing like any": (
        "legal_basis.toml",
        'reference = "架空法第1条"',
        'reference = "架空法第1条"\nxyz = 1',
        "legal_basis.L1.xyz: there is no such key; there is allows, counterparty, reference, valid_from, valid_until",
    ),
    "a list that is empty": (TENANTS, FIELDS, "[]", "routes.T1.fields: has too few elements: 1 or more"),
    "a key that is missing": (
        TENANTS,
        'responsible = "staff-0002"',
        "",
        f"connectors.{REGISTER}.responsible: is missing, and has no default",
    ),
    "a table that is missing": ("gateway.toml", "[admin]", "[administration]", "admin: is missing, and has no default"),
    "a number in quotes": (
        "gateway.toml",
        "port = 0",
        'port = "https"',
        "listeners.municipal.port: must be a whole number, without quotes",
    ),
    "a number that is too large": (
        "gateway.toml",
        "port = 0",
        "port = 70000",
        "listeners.municipal.port: must be at most 65535",
    ),
    "a text without quotes": (
        TENANTS,
        'responsible = "staff-0002"',
        "responsible = 2",
        f"connectors.{REGISTER}.responsible: must be a text, in quotes",
    ),
    "a switch that is none": (
        "zones.toml",
        "internet = true",
        'internet = "perhaps"',
        "zones.internet.internet: must be true or false, without quotes",
    ),
    "a text in the place of a list": (
        TENANTS,
        'legal_basis = ["L1"]',
        'legal_basis = "L1"',
        "routes.T2.legal_basis: must be a list in [ ], or [[tables]]",
    ),
    "a table in the place of a list of tables": (
        "gateway.toml",
        "[[listeners]]",
        "[listeners]",
        "listeners: must be a list in [ ], or [[tables]]",
    ),
    "a date that is none": (
        "legal_basis.toml",
        "2024-05-27",
        '"27 May 2024"',
        "legal_basis.L1.valid_from: must be a date such as 2026-04-01, without quotes",
    ),
    "a data class that is none": (
        "zones.toml",
        'clearance = ["identifier"]',
        'clearance = ["secrets"]',
        "zones.internet.clearance.#1: must be 'individual_number', ",
    ),
    "a name with a capital": (
        TENANTS,
        f'to = "{REGISTER}"',
        'to = "Register"',
        "routes.T1.to: must be a name: lower-case letters, digits and _, beginning with a letter",
    ),
    "limits that contradict each other": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nopen_records = 1",
        "limits.open_records: must be at least records_per_message, so that one message fits",
    ),
    "a longest wait that is shorter than the first": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nretry_first = 10.0\nretry_longest = 1.0",
        "limits.retry_longest: must be at least retry_first",
    ),
    "a time without end": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nmessage_seconds = inf",
        "limits.message_seconds: must be a finite number",
    ),
    "a time of ages": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nmessage_seconds = 1e12",
        "limits.message_seconds: must be at most 31622400",
    ),
    "a message of more records than any": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nrecords_per_message = 10001",
        "limits.records_per_message: must be at most 10000",
    ),
    "more lanes than a header can name": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nlanes = 65537",
        "limits.lanes: must be at most 65536",
    ),
    "too much at one time": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nin_flight = 1001",
        "limits.in_flight: must be at most 1000",
    ),
    "an answer to a proof that is old before it ends": (
        "gateway.toml",
        "operators = {}",
        "operators = {}\n[limits]\nanswer_seconds = 601.0",
        "limits.answer_seconds: must be at most 600",
    ),
    "a number that stands in quotes": (
        "gateway.toml",
        "port = 0",
        'port = "8443"',
        "listeners.municipal.port: must be a whole number, without quotes",
    ),
    "a time in quotes": (
        "gateway.toml",
        "operators = {}",
        'operators = {}\n[limits]\nretry_first = "1.0"',
        "limits.retry_first: must be a number, without quotes",
    ),
    "a date in quotes": (
        "legal_basis.toml",
        "2024-05-27",
        '"2024-05-27"',
        "legal_basis.L1.valid_from: must be a date such as 2026-04-01, without quotes",
    ),
    "a date with a time": (
        "legal_basis.toml",
        "2024-05-27",
        "2024-05-27T00:00:00",
        "legal_basis.L1.valid_from: must be a date such as 2026-04-01, without quotes",
    ),
    "a switch in quotes": (
        "zones.toml",
        "internet = true",
        'internet = "true"',
        "zones.internet.internet: must be true or false, without quotes",
    ),
    "a person in the place of a staff id": (
        TENANTS,
        'responsible = "staff-0002"',
        'responsible = "0000-1234-5674"',
        f"connectors.{REGISTER}.responsible: must be a staff id: 1 to 32 letters, digits and ._- with fewer than 12",
    ),
    "a zone with a stroke": (
        TENANTS,
        'zone = "lgwan"',
        'zone = "lg-wan"',
        f"connectors.{REGISTER}.zone: there is no such zone in config/zones.toml; did you mean lgwan?",
    ),
    "a connector that is nearly right": (
        TENANTS,
        f"[connectors.{REGISTER}]",
        f"[connectors.{REGISTER}s]",
        f"connectors.{REGISTER}s: its interface is not locked; did you mean {REGISTER}?",
    ),
    "a route to a connector that is nearly right": (
        TENANTS,
        f'to = "{REGISTER}"',
        f'to = "{REGISTER}s"',
        f"routes.T1.to: connector {REGISTER}s is not enabled and locked for this tenant; did you mean {REGISTER}?",
    ),
    "an operation that is nearly right": (
        TENANTS,
        'operation = "person.find"',
        'operation = "person.fnd"',
        "routes.T2.operation: the source's locked interface does not send it; did you mean person.find?",
    ),
    "a field that is nearly right": (
        TENANTS,
        FIELDS,
        json.dumps(["home.adress" if each == "home.address" else each for each in CARRIED]),
        "routes.T1.fields: home.adress is not in the locked interface of both ends; did you mean home.address?",
    ),
    "a zone that is nearly right": (
        TENANTS,
        'zone = "lgwan"',
        'zone = "lgwann"',
        f"connectors.{REGISTER}.zone: there is no such zone in config/zones.toml; did you mean lgwan?",
    ),
    "an id that stands twice": (TENANTS, 'id = "T2"', 'id = "T1"', "routes.T1: another route has this id"),
    "an operation that has a route already": (
        TENANTS,
        'operation = "person.find"',
        'operation = "person.put"',
        f"routes.T2: route T1 carries this operation of {OFFICE} already",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_common_mistake_is_told_in_our_words_with_what_would_be_right(tmp_path, name):
    file, old, new, expected = MISTAKES[name]
    told = problems(tmp_path, {file: exchanged(FILES[file], old, new)})
    assert any(each.startswith(f"config/{file}: {expected}") for each in told), told
    assert not any("Input should" in each or "inputs are not" in each for each in told)


def test_a_list_with_one_wrong_element_is_told_once(tmp_path):
    told = problems(tmp_path, tenant(FIELDS, '["*"]'))
    assert told == [f"config/{TENANTS}: routes.T1.fields.#1: must be a field's path as the locked interface writes it"]


def test_a_mark_at_the_start_of_a_file_is_no_part_of_it(tmp_path):
    write_config(tmp_path, {name: f"\ufeff{text}" for name, text in FILES.items()})
    assert load(tmp_path).tenants[TENANT].route("T1")


def test_a_check_digit_that_is_missing_is_told():
    assert not_a_municipality("13101").endswith("the check digit, is missing; it is 131016")


@pytest.fixture
def starter(tmp_path):
    """The example municipality's configuration, with a stretch of its routes exchanged."""

    def written(old, new):
        shutil.copytree(Path(__file__).parents[2] / "config", tmp_path / "config")
        path = tmp_path / "config" / TENANTS
        path.write_text(exchanged(path.read_text(encoding="utf-8"), old, new), encoding="utf-8")
        return list(contradictions(read(tmp_path)))

    return written


def test_rule_3_a_pmh_key_never_goes_towards_the_internet(starter):
    told = starter('reply_fields = ["pmh_pseudonym_id"]', 'reply_fields = ["pmh_pseudonym_id", "pmh_key"]')
    at = f"config/{TENANTS}: routes.R07.reply_fields: "
    assert f"{at}pmh_key never goes towards an internet zone (C140)" in told


def test_rule_2_what_a_connector_is_not_cleared_for_is_on_no_route_of_it(starter):
    told = starter('clearance = ["identifier"]', 'clearance = ["basic"]')
    own = f"config/{TENANTS}: connectors.history_lookup: its interface carries identifier"
    assert any(each.startswith(own) for each in told)
    at = f"config/{TENANTS}: routes.R14."
    assert {each for each in told if each.startswith(at)} == {
        f"{at}{key}: they carry identifier, for which connector history_lookup is not cleared"
        for key in ("fields", "reply_fields")
    }


PROOF = 'attest = ["identity_confirmed", "consent"]\nmay_attest = ["agent"]\nconsent_texts = ["2026-04"]'
LOGIN = 'attest = ["card_login", "consent"]\nmay_attest = ["agent"]'


@pytest.mark.parametrize(
    ("route", "old", "new", "lacking"),
    [
        ("R11-visit", PROOF, "", "consent, identity_confirmed"),
        ("R11-visit", PROOF, 'attest = ["identity_confirmed"]', "consent"),
        ("R11-visit", PROOF, PROOF.replace(', "consent"', "").replace('["agent"]', '["agent", "consent"]'), "consent"),
        ("R09-record", LOGIN, 'may_attest = ["card_login", "consent", "agent"]', "card_login, consent"),
        ("R07", LOGIN, 'attest = ["consent"]\nmay_attest = ["card_login"]', "card_login"),
    ],
)
def test_rule_4_no_route_does_without_what_the_lock_wants_attested(tmp_path, route, old, new, lacking):
    shutil.copytree(Path(__file__).parents[2] / "config", tmp_path / "config")
    path = tmp_path / "config" / TENANTS
    before, mark, after = path.read_text(encoding="utf-8").partition(f'id = "{route}"\n')
    path.write_text(before + mark + exchanged(after, old, new), encoding="utf-8")
    (told,) = contradictions(read(tmp_path))
    assert told.startswith(f"config/{TENANTS}: routes.{route}.attest: lacks {lacking}, without which ")


NUMBER_ITEM = {
    "path": "individual_number",
    "kind": "code",
    "required": False,
    "label": "個人番号",
    "data_class": "individual_number",
    "max_length": 12,
    "check": "individual_number",
}


@pytest.mark.parametrize("relabelled", [False, True])
def test_rule_2_a_widened_lock_carries_nothing_that_it_says_it_never_does(tmp_path, relabelled):
    """R14 with the individual number: both locks widened, and the line that narrows the zone left out."""
    shutil.copytree(Path(__file__).parents[2] / "config", tmp_path / "config")
    for name in ("history_lookup", "vaccination_records"):
        path = tmp_path / "config/interfaces" / f"{name}.json"
        lock = json.loads(path.read_text(encoding="utf-8"))
        (operation,) = (each for each in lock["operations"] if each["name"] == "id5.fetch")
        relabel = {"data_class": "identifier"} if relabelled and name == "history_lookup" else {}
        operation["fields"].append(NUMBER_ITEM | relabel)
        path.write_text(json.dumps(lock), encoding="utf-8")
    path = tmp_path / "config" / TENANTS
    text = exchanged(path.read_text(encoding="utf-8"), 'clearance = ["identifier"]', "")
    before, mark, after = text.partition('id = "R14"\n')
    path.write_text(before + mark + exchanged(after, 'fields = ["pmh_key"', 'fields = ["individual_number", "pmh_key"'))
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    (told,) = (each for each in caught.value.problems if "never" in each or "R14" in each)
    if relabelled:
        at = f"config/{TENANTS}: routes.R14.fields: "
        assert told == f"{at}they carry individual_number, for which connector history_lookup is not cleared"
    else:
        assert told.startswith("config/interfaces/history_lookup.json: ")
        assert told.endswith("it carries individual_number, and says that it never does")


def test_a_route_that_wants_what_its_connector_cannot_attest_is_named(tmp_path):
    wanted = 'purpose = "vaccination"\nattest = ["agent"]\nmay_attest = ["card_login"]'
    write_config(tmp_path, tenant('purpose = "vaccination"', wanted))
    factory: Any = object
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=BaseModel, factory=factory, attests=frozenset({"agent"}))
    with pytest.raises(Misconfigured) as caught:
        fitting(load(tmp_path), TENANT, spec, None)
    at = f"config/{TENANTS}: routes.T1.may_attest"
    assert caught.value.problems == (f"{at}: connector {OFFICE} does not attest card_login",)


def test_a_certificate_of_the_settings_that_the_connector_does_not_admit_is_named(tmp_path):
    factory: Any = object
    write_config(tmp_path)
    known = load(tmp_path).tenants[TENANT].file.connectors[OFFICE].certificates
    spec = ConnectorSpec(
        interface=OFFICE_INTERFACE,
        settings=BaseModel,
        factory=factory,
        peers=lambda _: [*known, "keys/tls/stranger.crt"],
    )
    with pytest.raises(Misconfigured) as caught:
        fitting(load(tmp_path), TENANT, spec, None)
    at = f"config/{TENANTS}: connectors.{OFFICE}.settings"
    assert caught.value.problems == (
        f"{at}: keys/tls/stranger.crt is not among the connector's certificates; it stays shut, for all of its peers",
    )


def test_what_carries_nothing_is_named(tmp_path):
    write_config(tmp_path)
    assert list(idle(load(tmp_path))) == [
        f"config/{TENANTS}: connectors.{OFFICE}: no route carries person.unrouted, which it sends",
    ]
    (tmp_path / "config" / TENANTS).unlink()
    assert list(idle(load(tmp_path))) == ["config/tenants: holds no TOML file, so there is no tenant and nothing flows"]


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        ("", 36123),  # 1 + 2 + ... + 512, and 39 waits of 900
        ("attempts = 4", 7),
        ("attempts = 1", 0),
        ("retry_first = 900.0", 44100),
        ("retry_first = 5e-324", 0),
    ],
)
def test_a_life_for_which_no_attempts_last_is_named(tmp_path, limits, seconds):
    """What waits ends `gave_up` after these seconds, though its route says that it may wait for longer."""
    start = 'id = "T1"\n'

    def of_life(life: int) -> list[str]:
        changed = {"gateway.toml": f"{GATEWAY}[limits]\n{limits}\n"}
        changed[TENANTS] = TENANT_FILE.replace(start, f"{start}message_seconds = {life}.0\n")
        write_config(tmp_path, changed)
        return [each for each in idle(load(tmp_path)) if "message_seconds" in each]

    at = f"config/{TENANTS}: routes.T1.message_seconds"
    assert of_life(seconds + 1) == [f"{at}: what waits is given up before: all limits.attempts are made in {seconds} s"]
    assert (of_life(max(seconds, 1)) == []) == (seconds > 0)


def test_a_wrong_check_digit_is_told_with_the_right_one(tmp_path):
    text = 'name = "x"\nroot_key = "r"\ndirectory = "d"\nroutes = []\n[connectors]\n'
    told = problems(tmp_path, {"tenants/999990.toml": text, "tenants/city.toml": text})
    start = "the file's name is not a municipality code"
    assert f"config/tenants/999990.toml: {start}: its check digit is wrong; if the first five digits are" in told[0]
    assert told[0].endswith("it is 999997")
    assert told[1] == f"config/tenants/city.toml: {start} of 6 digits with its check digit"


class Wire(BaseModel):
    """Settings as a plugin has them."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    base_url: Annotated[str, StringConstraints(pattern="^https://")]
    ready: Literal["renamed", "end_file"]
    key: SecretStr | None = None


def test_the_settings_of_a_plugin_are_told_in_the_same_words():
    written = {"base_url": SECRET, "ready": SECRET, "kee": SECRET}
    with pytest.raises(ValidationError) as caught:
        Wire.model_validate(written)
    assert sorted(sentences(caught.value, Wire, written)) == [
        "base_url: must be an address that begins with https://",
        "kee: there is no such key; did you mean key?",
        "ready: must be 'renamed' or 'end_file'",
    ]


@pytest.mark.parametrize("command", [load, read_gateway_file, lambda root: read_contract(root, OFFICE)])
def test_a_root_without_a_configuration_is_told_with_what_was_looked_for_and_what_to_do(tmp_path, command):
    with pytest.raises(Misconfigured) as caught:
        command(tmp_path / "nowhere")
    told = str(caught.value)
    assert f"{tmp_path}/nowhere/config/gateway.toml" in told
    assert f"gateway init {tmp_path}/nowhere" in told
    assert not (tmp_path / "nowhere").exists()


def test_the_root_of_the_file_system_has_one_stroke():
    with pytest.raises(Misconfigured) as caught:
        load(Path("/"))
    assert "//" not in str(caught.value)


def test_the_config_folder_in_the_place_of_the_root_is_told(tmp_path):
    write_config(tmp_path)
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path / "config")
    assert caught.value.problems[-1] == f"the root is the folder above: --root {tmp_path}"


def test_nothing_is_locked_where_there_is_no_root(tmp_path):
    with pytest.raises(Misconfigured):
        write_contract(tmp_path / "nowhere", describe(OFFICE_INTERFACE))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["gateway.toml", "zones.toml", "legal_basis.toml"])
def test_a_missing_file_is_named_and_the_others_are_read_all_the_same(tmp_path, name):
    write_config(tmp_path, {TENANTS: exchanged(TENANT_FILE, FIELDS, "[]")})
    (tmp_path / "config" / name).unlink()
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    told = caught.value.problems
    assert any(each.startswith(f"config/{name}: cannot be read") for each in told)
    assert any(each.startswith(f"config/{TENANTS}: routes.T1.fields") for each in told)
    assert str(caught.value) == "\n".join(told)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"connector": 1}', "\ufeff{}"])
def test_a_lock_of_another_form_is_named(tmp_path, text):
    write_config(tmp_path)
    (tmp_path / f"config/interfaces/{OFFICE}.json").write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    assert all(each.startswith(f"config/interfaces/{OFFICE}.json: ") for each in caught.value.problems)


@given(garbage=st.binary(max_size=200))
def test_arbitrary_bytes_are_a_problem_with_a_file_and_nothing_else(tmp_path_factory, garbage):
    root = tmp_path_factory.mktemp("root")
    write_config(root)
    (root / "config/zones.toml").write_bytes(garbage)
    with pytest.raises(Misconfigured) as caught:
        load(root)
    assert all(
        each.startswith("config/zones.toml: ") or "there is no such zone" in each for each in caught.value.problems
    )


def test_nothing_of_the_environment_changes_what_was_reviewed(tmp_path, monkeypatch):
    write_config(tmp_path)
    before = load(tmp_path)
    for name in ("NAME", "GATEWAY_NAME", "RENKEI_NAME", "LIMITS__ATTEMPTS", "attempts", "port"):
        monkeypatch.setenv(name, "1")
    assert load(tmp_path) == before


@pytest.mark.parametrize(
    ("day", "holds"), [("2021-08-31", False), ("2021-09-01", True), ("2099-03-31", True), ("2099-04-01", False)]
)
def test_a_basis_is_in_force_on_its_first_and_last_day(tmp_path, day, holds):
    write_config(tmp_path, {"legal_basis.toml": BASES})
    assert load(tmp_path).legal_basis["L2"].in_force(date.fromisoformat(day)) is holds


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2099-03-31T14:59", []),  # 23:59 in Japan, on the last day
        ("2099-03-31T15:00", [("T1", "L2", True)]),
        (
            "2021-08-31T14:59",
            [("T1", "L1", False), ("T1", "L2", False), ("T1", "A1", False), ("T2", "L1", False), ("T2", "A1", False)],
        ),
    ],
)
def test_a_citation_that_is_not_in_force_is_a_lapse(tmp_path, moment, expected):
    write_config(tmp_path)
    found = list(lapses(load(tmp_path), datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    assert [(each.route, each.cited, each.ended) for each in found] == expected
    for each in found:
        assert str(each).startswith(f"config/{TENANTS}: routes.{each.route} carries nothing today: {each.cited} (架空")
        assert str(each).endswith("ended on 2099-03-31" if each.ended else f"begins on {each.basis.valid_from}")


ROWED = (
    BASES
    + """
[legal_basis.P25]
reference = "架空省令 25の項"
valid_from = 2024-05-27

[legal_basis.P16]
reference = "架空省令 16の項"
valid_from = 2021-09-01
valid_until = 2025-03-31
"""
)


@pytest.mark.parametrize(
    ("moment", "named"),
    [
        ("2099-02-28T14:59:59", 0),  # 31 days before the last one, by Japan's day
        ("2099-02-28T15:00:00", 1),
        ("2099-03-31T14:59:59", 1),
        ("2099-03-31T15:00:00", 0),  # then it is a lapse
    ],
)
def test_what_soon_ends_is_named_before_it_does(tmp_path, moment, named):
    write_config(tmp_path)
    told = list(ending(load(tmp_path), datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    what = "L2 (架空法第2条) ends on 2099-03-31; routes that cite it: 1, T1 the first"
    assert told == [f"config/legal_basis.toml: {what}"] * named


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-31T14:59", []),
        (
            "2025-03-31T15:00",
            [("P16", "nothing under one of its rows today: P16 (架空省令 16の項) ended on 2025-03-31")],
        ),
        (
            "2024-05-26T14:59",
            [
                ("L1", "nothing today: L1 (架空法第1条) begins on 2024-05-27"),
                ("P25", "nothing under one of its rows today: P25 (架空省令 25の項) begins on 2024-05-27"),
                ("A1", "nothing today: A1 (架空市の特定個人情報保護評価書) begins on 2024-05-27"),
            ],
        ),
    ],
)
def test_a_row_that_is_not_in_force_while_others_are_is_named(tmp_path, moment, expected):
    write_config(tmp_path, {"legal_basis.toml": ROWED} | under_rows('{ "25" = "P25", "16" = "P16" }'))
    found = lapses(load(tmp_path), datetime.fromisoformat(moment).replace(tzinfo=UTC))
    told = [(each.cited, str(each).partition(" carries ")[2]) for each in found if each.route == "T1"]
    assert told == expected


def test_a_route_of_whose_rows_none_is_in_force_carries_nothing(tmp_path):
    write_config(tmp_path, {"legal_basis.toml": ROWED} | under_rows('{ "16" = "P16" }'))
    (lapse,) = lapses(load(tmp_path), datetime(2026, 4, 1, tzinfo=UTC))
    assert "routes.T1 carries nothing today: P16" in str(lapse)


def test_rule_6_the_example_asks_and_gives_under_the_rows_of_the_law_alone():
    """L4: the city asks under six; L5, L6: it gives under three, and under 26 to a governor only."""
    config = read(Path(__file__).parents[2])
    routes = {each.id: each for each in config.tenants["999997"].file.routes if each.legal_rows}
    of_law = {row: f"L4-{row}" for row in ("25", "26", "27", "28", "29", "153")}
    doses, tax = ({row: of_law[row] for row in rows} for rows in (("25", "26", "153"), ("27", "28", "29")))
    give = ("provision_row", {row: f"L5-{row}" for row in ("25", "26", "153")})
    rows = {name: (each.row_field, each.legal_rows) for name, each in routes.items()}
    asks = {"R18": of_law, "R19": doses, "R19-tax": tax, "R19-end": of_law}
    assert rows == {name: ("inquiry_row", its) for name, its in asks.items()} | {"R20": give}
    assert {row for each in routes.values() for row in each.rows if config.legal_basis[row].counterparty} == {"L5-26"}


def test_rule_6_the_example_asks_under_no_row_that_its_connectors_do_not_know(tmp_path):
    """Nor do rows stand in it that no record can have."""
    root = Path(__file__).parents[2]
    shutil.copytree(root / "config", tmp_path / "config")
    file = tmp_path / "config" / "tenants" / "999997.toml"
    file.write_text(file.read_text().replace('"L4-153" }', '"L4-153", 16 = "L4-16-2" }', 1))
    told = "routes.R18.legal_rows: health_management locks no inquiry_row 16"
    assert any(told in each for each in contradictions(read(tmp_path)))


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000])
def test_what_no_parser_bears_is_a_sentence_too(tmp_path, text):
    """Else a reload would end as neither applied nor refused."""
    assert problems(tmp_path, {"zones.toml": text}) == ["config/zones.toml: not TOML of a size that anybody writes"]


def test_a_file_in_a_folders_place_is_a_sentence(tmp_path):
    write_config(tmp_path)
    shutil.rmtree(tmp_path / "config/tenants")
    (tmp_path / "config/tenants").write_text("")
    with pytest.raises(Misconfigured, match="config/tenants: cannot be read"):
        load(tmp_path)


# ---- former interfaces -----------------------------------------------------------------------------------------------

FORMER = "interfaces/former.toml"


def test_former_digests_are_kept_side_by_side_and_are_part_of_what_was_reviewed(tmp_path):
    write_config(tmp_path)
    before = load(tmp_path)
    kept = [
        Former(connector=name, digest=c * 64, until=date(2027, 3, 31)) for name, c in ((OFFICE, "a"), (REGISTER, "b"))
    ]
    for each in kept:
        keep_former(tmp_path, each)
    after = load(tmp_path)
    assert (before.former, after.former) == ((), tuple(kept))
    assert before.digest != after.digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'connector = "{OFFICE}"\ndigest = "{SECRET}"\nuntil = 2027-03-31', "former.#1.digest: "),
        (f'connector = "{OFFICE}"\ndigest = "{"a" * 64}"\nuntil = "2027-03-31"', "former.#1.until: "),
        (f'connector = "{OFFICE}"\ndigest = "{"a" * 64}"', "former.#1.until: "),
        (f'connector = "nobody"\ndigest = "{"a" * 64}"\nuntil = 2027-03-31', "former.#1.connector: there is no lock"),
    ],
)
def test_a_former_digest_that_is_not_sound_is_told(tmp_path, text, told):
    (problem,) = problems(tmp_path, {FORMER: f"[[former]]\n{text}\n"})
    assert problem.startswith(f"config/{FORMER}: {told}")
    assert SECRET not in problem


@pytest.mark.parametrize(("moment", "over"), [("2027-03-31T14:59", False), ("2027-03-31T15:00", True)])
def test_a_former_digest_whose_last_day_is_over_is_told(tmp_path, moment, over):
    write_config(tmp_path)
    keep_former(tmp_path, Former(connector=OFFICE, digest="a" * 64, until=date(2027, 3, 31)))
    found = list(passed(load(tmp_path), datetime.fromisoformat(moment).replace(tzinfo=UTC)))
    assert found == over * [
        f"config/{FORMER}: former.#1: the former digest of {OFFICE} was valid until 2027-03-31; take it out"
    ]
