"""The configuration is right as a whole or not taken: each contradiction is named with file and key, all together."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import load, read_contract, read_gateway_file
from gateway.errors import Misconfigured
from tests.flow.site import BASES, FILES, GATEWAY, TENANT_FILE, ZONES, write_config
from tests.flow.toys import CARRIED, OFFICE, REGISTER, TENANT

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
    "a second route for an operation": (
        tenant('operation = "person.find"', 'operation = "person.put"'),
        f"config/{TENANTS}: routes.T2: a route for this operation",
    ),
    "a second route of an id": (tenant('id = "T2"', 'id = "T1"'), f"config/{TENANTS}: routes.T1: a route for this"),
    "a legal basis that is not listed": (
        tenant('legal_basis = ["L1"]', 'legal_basis = ["L1", "L9"]'),
        f"config/{TENANTS}: routes.T2.legal_basis: L9 is not in",
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
        ("gateway.toml", "port = 0", f'port = "{SECRET}"', "listeners.0.port"),
        ("gateway.toml", "port = 0", "port = 70000", "listeners.0.port"),
        ("gateway.toml", "operators = {}", f'operators = {{}}\n[limits]\nattempts = "{SECRET}"', "limits.attempts"),
        ("gateway.toml", "operators = {}", "operators = {}\n[limits]\nattempts = 0", "limits.attempts"),
        ("zones.toml", "internet = false", f'internet = "{SECRET}"', "zones.municipal_zone.internet"),
        ("zones.toml", '"identifier"', f'"{SECRET}"', "zones.municipal_zone.clearance"),
        ("legal_basis.toml", "2024-05-27", f'"{SECRET}"', "legal_basis.L1.valid_from"),
        ("legal_basis.toml", "2024-05-27", "2024-02-30", "not TOML"),
        (TENANTS, 'legal_basis = ["L1", "L2"]', "legal_basis = []", "routes.0.legal_basis"),
        (TENANTS, FIELDS, "[]", "routes.0.fields"),
        (TENANTS, FIELDS, '["*"]', "routes.0.fields.0"),
        (TENANTS, FIELDS, f'["{SECRET}"]', "routes.0.fields.0"),
        (TENANTS, 'purpose = "vaccination"', f'purpose = "{SECRET} "', "routes.0.purpose"),
        (TENANTS, f'from = "{OFFICE}"', f'source = "{OFFICE}"', "routes.0.from"),
        (TENANTS, 'responsible = "staff-0001"', "responsible = 1", f"connectors.{OFFICE}.responsible"),
    ],
)
def test_a_file_of_another_form_is_named_with_its_key_and_without_its_value(tmp_path, name, old, new, key):
    told = problems(tmp_path, {name: exchanged(FILES[name], old, new)})
    assert any(each.startswith(f"config/{name}: {key}") for each in told)
    assert not any(SECRET in each for each in told)


@pytest.mark.parametrize("name", ["gateway.toml", "zones.toml", "legal_basis.toml"])
def test_a_missing_file_is_named_and_the_others_are_read_all_the_same(tmp_path, name):
    write_config(tmp_path, {TENANTS: exchanged(TENANT_FILE, FIELDS, "[]")})
    (tmp_path / "config" / name).unlink()
    with pytest.raises(Misconfigured) as caught:
        load(tmp_path)
    told = caught.value.problems
    assert any(each.startswith(f"config/{name}: cannot be read") for each in told)
    assert any(each.startswith(f"config/{TENANTS}: routes.0.fields") for each in told)
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
