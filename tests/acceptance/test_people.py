"""Individual accounts on a running gateway, by commands alone: granted, used, outliving a stop, reviewed, revoked."""

import json
from datetime import UTC, datetime, timedelta

from tests.acceptance.peer import Peer
from tests.acceptance.subjects import MUNICIPALITY

UNTIL = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
PEOPLE = f"/v1/{MUNICIPALITY}/people"
DEAD = f"/v1/{MUNICIPALITY}/dead"


def person(site, name):
    return Peer(site.ports["admin"], site.tls / "ca.crt", site.tls / f"{name}.crt")


def granted(site):
    told = site.cli("people", "list", MUNICIPALITY, "--json")
    assert told.status == 0, told.err
    return {(each["person"], each["role"]): each["standing"] for each in json.loads(told.out)}


def test_an_administrator_grants_and_revokes_and_only_the_log_remembers(new_site):
    site = new_site().start()
    own = ("--as", str(site.tls / "staff-0100.crt"), "--terminal", "desk-1")
    assert granted(site) == {("operator", "operator"): "configured", ("staff-0100", "administrator"): "configured"}
    assert site.cli("people", "certificate", "staff-0012").status == 0
    certificate = ("--certificate", str(site.tls / "staff-0012.crt"), "--until", UNTIL)
    granting = ("people", "grant", MUNICIPALITY, "staff-0012", "operator", *certificate)
    refused = site.cli(*granting, "--as", str(site.tls / "operator.crt"))
    assert (refused.status, refused.err.partition(":")[0]) == (1, "role_missing")
    assert site.cli(*granting, *own).status == 0
    dead = site.cli("message", "dead", MUNICIPALITY, "--as", str(site.tls / "staff-0012.crt"))
    assert (dead.status, dead.out) == (0, "no dead letters\n")
    assert person(site, "staff-0012").ask("POST", "/v1/reload", None).refusal == (403, "role_missing")

    site.gateway.stop()
    site.start_gateway("/healthz")
    assert granted(site)["staff-0012", "operator"] == "valid"
    assert person(site, "staff-0012").get(DEAD).status == 200
    assert site.cli("people", "revoke", MUNICIPALITY, "staff-0012", "operator", *own).status == 0
    assert person(site, "staff-0012").get(DEAD).refusal == (403, "unknown_certificate")

    acts = [(each["operator"], each["act"], each.get("code")) for each in site.facts() if "act" in each]
    assert ("operator", "grant", "role_missing") in acts
    assert ("staff-0012", "dead", None) in acts
    changes = [each for each in site.facts() if each["kind"].startswith("person.")]
    assert [(each["kind"], each["by"], each["terminal"]) for each in changes] == [
        ("person.granted", "staff-0100", "desk-1"),
        ("person.revoked", "staff-0100", "desk-1"),
    ]


def test_a_reload_takes_up_other_administrators(new_site):
    site = new_site().start()
    assert site.cli("people", "certificate", "staff-0101").status == 0
    site.edit(f"tenants/{MUNICIPALITY}.toml", "staff-0100.crt", "nobody.crt")
    told = site.cli("reload")
    assert (told.status, "administrators.staff-0100: " in told.err) == (2, True)
    assert person(site, "staff-0100").get(PEOPLE).status == 200
    site.edit(f"tenants/{MUNICIPALITY}.toml", "nobody.crt", "staff-0101.crt")
    site.edit(f"tenants/{MUNICIPALITY}.toml", "staff-0100 =", "staff-0101 =")
    assert site.cli("reload").status == 0
    assert person(site, "staff-0100").get(PEOPLE).refusal == (403, "unknown_certificate")
    assert person(site, "staff-0101").get(PEOPLE).status == 200


def test_a_gateway_does_not_start_with_one_certificate_for_two(new_site):
    site = new_site()
    site.edit(f"tenants/{MUNICIPALITY}.toml", "staff-0100.crt", "operator.crt")
    told = site.cli("check")
    where = f"config/tenants/{MUNICIPALITY}.toml: administrators.staff-0100"
    assert (told.status, f"{where}: is the certificate of operator already" in told.err) == (2, True)
