"""What stops the start: exit status 2, every problem in a sentence, and, once the system log is open, a fact."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest

from gateway import config as configuration
from gateway.errors import Misconfigured
from gateway.keys.at_rest import Secret
from gateway.keys.directory import Directory, sign_directory
from gateway.keys.layout import TenantKeys, read_signer, read_verifier
from gateway.keys.make import make_connector, make_root, publish
from tests.acceptance.programs import GATEWAY, command
from tests.acceptance.subjects import MUNICIPALITY, subject

TENANT = f"tenants/{MUNICIPALITY}.toml"
RUN = ("run",)
CHECK = ("check",)


def refuses(site, *words, commands=(RUN,)):
    """`gateway run` (or `check`, too) ends with 2 and says it; what it said."""
    told = ""
    for each in commands:
        ended = site.cli(*each)
        assert ended.status == 2, (each, ended)
        told = ended.err
        assert not [word for word in words if word not in told], told
        assert "Traceback" not in told + ended.out
    return told


def refused_to_start(site):
    """The one fact that a start that failed leaves."""
    (fact,) = [each for each in site.facts("system") if each["kind"] == "gateway.refused_to_start"]
    return "\n".join(fact["problems"])


# ---- the directory ---------------------------------------------------------------------------------------------------


def test_must_a_directory_that_the_tenant_s_key_did_not_sign(new_site):
    """The hub carries the directory; here somebody slips one in, with all the right keys, under a root of their own."""
    site = new_site()
    keys, other = TenantKeys(site.root, MUNICIPALITY), TenantKeys(site.root / "elsewhere", MUNICIPALITY)
    secret = Secret.parse("file:keys/passphrase", site.root)
    make_root(other, secret)
    directory = Directory.parse(keys.directory.read_text(), read_verifier(keys.root_vkey), MUNICIPALITY)
    forged = sign_directory(directory, read_signer(other.root_key, other.root_vkey, secret))
    assert Directory.parse(forged, read_verifier(other.root_vkey), MUNICIPALITY) == directory
    keys.directory.write_text(forged)
    refuses(site, "is not signed by the tenant's key", MUNICIPALITY, commands=(CHECK, RUN))
    assert "is not signed by the tenant's key" in refused_to_start(site)


def test_a_directory_in_which_one_letter_is_another(new_site):
    site = new_site()
    path = TenantKeys(site.root, MUNICIPALITY).directory
    path.write_text(path.read_text().replace("individual_number_zone", "individual_number_zonf", 1))
    refuses(site, "is not signed by the tenant's key")


def test_a_directory_older_than_the_configured_version(new_site):
    site = new_site()
    path = TenantKeys(site.root, MUNICIPALITY).directory
    former = path.read_text()
    publish(TenantKeys(site.root, MUNICIPALITY), Secret.parse("file:keys/passphrase", site.root), datetime.now(UTC))
    site.edit(TENANT, "directory_version = 1", "directory_version = 2")
    assert site.cli("check").status == 0
    path.write_text(former)
    refuses(site, "is version 1, older than version 2")
    assert "older than version 2" in refused_to_start(site)


def test_keys_that_are_not_those_of_the_directory(new_site):
    site = new_site()
    keys = TenantKeys(site.root, MUNICIPALITY)
    shutil.rmtree(keys.connector("health_management"))
    secret = Secret.parse("file:keys/passphrase", site.root)
    make_connector(keys, "health_management", "individual_number_zone", secret)
    refuses(site, "is missing, and the directory or public.json names this key; bring it, or publish anew")


# ---- the lock --------------------------------------------------------------------------------------------------------


def test_a_plugin_whose_declaration_differs_from_its_lock(new_site):
    site = new_site()
    path = site.root / "config/interfaces/vaccination_records.json"
    lock = json.loads(path.read_text())
    fields = next(each for each in lock["operations"] if each["name"] == "subject.register")["fields"]
    name = next(each for each in fields if each["path"] == "name")
    assert name["max_length"] == 100
    name["max_length"] = 50
    fields.remove(next(each for each in fields if each["path"] == "guardian_name"))
    site.edit(TENANT, '"guardian_name", "resident_status"', '"resident_status"')
    path.write_text(json.dumps(lock))
    difference = ("~ receives subject.register name:", "max_length 50", "max_length 100", "guardian_name")
    refuses(site, "vaccination_records", "gateway interface lock vaccination_records", *difference)
    told = refused_to_start(site)
    assert not [each for each in difference if each not in told]


def test_a_connector_that_is_not_required_is_quarantined_alone(new_site):
    site = new_site()
    site.edit("interfaces/vaccination_records.json", '"version": "2"', '"version": "99"')
    zone = '[connectors.vaccination_records]\nzone = "lgwan"\nrequired = '
    site.edit(TENANT, zone + "true", zone + "false")
    site.start_gateway("/readyz")
    told = site.cli("connectors", "--json")
    assert told.status == 0  # as /readyz: what is not required is shown, and is no failure
    states = {each["connector"]: (each["state"], each["ok"]) for each in json.loads(told.out)}
    assert states == {"health_management": ("open", True), "vaccination_records": ("quarantined", False)}


# ---- what may not flow -----------------------------------------------------------------------------------------------


def test_must_internet_listener_refuses_individual_number_keys(new_site):
    """C159: the process that faces the internet does not hold such keys; the message names the split to use."""
    site = new_site()
    site.edit("gateway.toml", 'zone = "individual_number_zone"', 'zone = "internet"')
    told = refuses(
        site,
        "listeners.municipal",
        "C159",
        "Split it: run one edge process for zone individual_number_zone",
        commands=(CHECK, RUN),
    )
    assert f"{MUNICIPALITY}/health_management" in told
    assert f"{MUNICIPALITY}/vaccination_records" in told


LAWLESS = {
    "an internet zone cleared for it": (
        "zones.toml",
        'internet = true\nclearance = ["identifier"',
        'internet = true\nclearance = ["individual_number", "identifier"',
        "zones.internet.clearance: an internet zone never carries individual_number",
    ),
    "an interface above its zone": (
        TENANT,
        'zone = "lgwan"',
        'zone = "internet"',
        "connectors.vaccination_records: its interface carries individual_number, tax_welfare, which zone internet may",
    ),
    "a route that answers with it": (
        TENANT,
        'reply_fields = [\n  "internal_no",',
        'reply_fields = [\n  "individual_number", "internal_no",',
        "routes.R02.reply_fields: individual_number is not in the locked interface of both ends",
    ),
    "a route that asks with it": (
        TENANT,
        'fields = ["internal_no", "municipality_code"]',
        'fields = ["internal_no", "municipality_code", "individual_number"]',
        "routes.R02.fields: individual_number is not in the locked interface of both ends",
    ),
    "a route with a tax item (rule 8)": (
        TENANT,
        'reply_fields = [\n  "internal_no",',
        'reply_fields = [\n  "fee_reduction_category", "internal_no",',
        "routes.R02.reply_fields: fee_reduction_category is not in the locked interface of both ends",
    ),
    "a route for everything": (TENANT, 'operation = "subject.delete"', 'operation = "*"', "routes.R25.operation:"),
    "a route for every field": (
        TENANT,
        'fields = ["internal_no", "municipality_code"]',
        'fields = ["*"]',
        "routes.R02.fields.#1:",
    ),
    "a route without a legal basis": (TENANT, 'legal_basis = ["L1"]', "legal_basis = []", "routes.R02.legal_basis:"),
    "a legal basis that there is not": (
        TENANT,
        'legal_basis = ["L1"]',
        'legal_basis = ["L9"]',
        "routes.R02.legal_basis: L9 is not in config/legal_basis.toml",
    ),
    "a route without an assessment": (
        TENANT,
        'legal_basis = ["L1"]\nassessment = "A1"',
        'legal_basis = ["L1"]',
        "routes.R02.assessment: is missing",
    ),
    "an assessment that there is not": (
        TENANT,
        'legal_basis = ["L1"]\nassessment = "A1"',
        'legal_basis = ["L1"]\nassessment = "A9"',
        "routes.R02.assessment: A9 is no assessment of config/legal_basis.toml",
    ),
    "a switch that there is not": ("gateway.toml", "[limits]", "[limits]\nskip_checks = true", "limits.skip_checks:"),
}


@pytest.mark.parametrize("case", LAWLESS)
def test_rule_2_and_8_refused_at_start_up(site, tmp_path, case):
    """What `gateway check`, `run` and a reload do first, with one thing changed."""
    file, old, new, sentence = LAWLESS[case]
    shutil.copytree(site.root / "config", tmp_path / "config")
    assert configuration.load(tmp_path).tenants
    path = tmp_path / "config" / file
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Misconfigured) as refused:
        configuration.load(tmp_path)
    assert any(sentence in problem for problem in refused.value.problems), refused.value.problems


def test_rule_2_no_interface_may_answer_with_the_individual_number(new_site):
    """A lock that someone widened, at both ends and in the route: what the plugins declare is another thing."""
    site = new_site()
    number = {"path": "individual_number", "kind": "code", "required": False, "label": "個人番号"}
    number |= {"data_class": "individual_number", "max_length": 12, "check": "individual_number"}
    for name in ("health_management", "vaccination_records"):
        path = site.root / f"config/interfaces/{name}.json"
        lock = json.loads(path.read_text())
        next(each for each in lock["operations"] if each["name"] == "subject.lookup")["reply"].append(number)
        path.write_text(json.dumps(lock))
    site.edit(TENANT, 'reply_fields = [\n  "internal_no",', 'reply_fields = [\n  "individual_number", "internal_no",')
    difference = "subject.lookup reply individual_number"
    refuses(site, f"- receives {difference}", f"- sends {difference}")


def test_all_problems_are_told_together(new_site):
    site = new_site()
    site.edit("gateway.toml", 'zone = "individual_number_zone"', 'zone = "nowhere"')
    site.edit(TENANT, 'legal_basis = ["L1"]', 'legal_basis = ["L9"]')
    told = refuses(site, "listeners.municipal.zone", "routes.R02.legal_basis")
    assert len(told.splitlines()) == 2


def test_a_second_gateway_on_the_same_site(new_site):
    site = new_site().start()
    ended = command(*GATEWAY, "run", "--root", str(site.root))
    assert ended.status == 2
    assert "another gateway has this journal open" in ended.err
    assert site.admin().get("/healthz").status == 200


def test_a_port_that_is_taken(new_site):
    site, other = new_site(), new_site()
    site.start()
    other.edit("gateway.toml", f"port = {other.ports['listener']}", f"port = {site.ports['listener']}")
    refuses(other, "listener municipal: cannot listen")
    assert "listener municipal: cannot listen" in refused_to_start(other)


# ---- nothing goes back -----------------------------------------------------------------------------------------------


def test_an_older_directory_is_refused_after_a_restart_too(new_site):
    """Nobody has to raise the pinned version by hand for it: the system's log remembers."""
    site = new_site()
    directory = site.root / "keys" / MUNICIPALITY / "directory.note"
    first = directory.read_bytes()
    assert site.cli("keys", "publish", MUNICIPALITY).status == 0
    site.start()
    assert site.gateway.stop() == 0
    directory.write_bytes(first)
    refused = site.cli("run")
    assert (refused.status, "older than version 2" in refused.err) == (2, True)


def test_a_log_rewritten_without_its_checkpoints_is_found(new_site, ordinal):
    """Who can write the file but has no key takes the signatures away; the system's log still knows the root."""
    site = new_site().start()
    site.outcomes(site.register(subject(ordinal())))
    assert site.gateway.stop() == 0
    with closing(sqlite3.connect(site.root / f"state/journal/{MUNICIPALITY}.db")) as store, store:
        store.execute("DELETE FROM checkpoint")
        salt = b"s" * 32
        (body,) = store.execute("SELECT body FROM fact WHERE seq = 3").fetchone()
        forged = body.replace(b"accepted", b"duplicate")
        assert forged != body
        commitment = hashlib.sha256(salt + forged).digest()
        store.execute("UPDATE fact SET salt = ?, body = ?, commitment = ? WHERE seq = 3", (salt, forged, commitment))
    told = site.cli("log", "verify")
    assert (told.status, "not those of an earlier" in told.out) == (1, True)
    refused = site.cli("run")
    assert (refused.status, "not the one of an earlier run" in refused.err) == (2, True)


def test_a_reload_that_needs_a_restart_says_that_even_then_it_would_not_start(new_site):
    site = new_site().start()
    site.edit(TENANT, f"https://localhost:{site.ports['records']}", "http://localhost")
    told = site.cli("reload")
    at = f"config/{TENANT}: connectors.vaccination_records.settings.base_url"
    assert (told.status, told.err.splitlines()) == (
        2,
        [
            f"{at}: needs a restart to change",
            f"and after a restart it would not start: {at}: must be an address that begins with https://",
        ],
    )


def test_a_reload_after_a_lock_has_changed_claims_nothing_of_code_that_is_not_loaded(new_site):
    """New code was installed and locked: what runs here is the former, and its differences say nothing of a restart."""
    site = new_site().start()
    site.edit("interfaces/health_management.json", '"version": "3"', '"version": "99"')
    site.edit(TENANT, 'encoding = "cp932"', 'encoding = "utf-8"')
    told = site.cli("reload")
    lock, then = "config/interfaces/health_management.json", "gateway check says whether it would start"
    assert (told.status, told.err.splitlines()) == (
        2,
        [
            f"config/{TENANT}: connectors.health_management.settings.encoding: needs a restart to change",
            f"{lock}: a lock changes with its plugin's code, and new code needs a restart; {then}",
        ],
    )


def test_a_reload_with_a_limit_below_what_a_running_connector_sends_is_refused(new_site):
    site = new_site().start()
    site.limit("records_per_message", 499)
    told = site.cli("reload")
    assert (told.status, "limits.records_per_message: must be at least 500" in told.err) == (2, True)


def test_a_reload_with_a_certificate_that_is_not_there_is_refused_and_a_fact(new_site):
    site = new_site().start()
    site.edit(f"tenants/{MUNICIPALITY}.toml", "keys/tls/health_management.crt", "keys/tls/nowhere.crt")
    told = site.cli("reload")
    assert (told.status, "nowhere.crt" in told.err) == (2, True)
    assert site.facts("system")[-1]["kind"] == "config.refused"
