"""The log of a running gateway is reviewed and signed by commands, and what was found is followed to its end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.acceptance.officers import APPROVER, OFFICER, TERMINAL, code, grant
from tests.acceptance.peer import Peer
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY, subject, values


def by(site: Site, name: str) -> tuple[str, ...]:
    return ("--as", str(site.tls / f"{name}.crt"), "--terminal", TERMINAL)


def told(site: Site, *words: str, name: str) -> Any:
    ended = site.cli(*words, *by(site, name)[:2], "--json")
    assert ended.status in (0, 1), ended.err
    return json.loads(ended.out)


def test_a_review_is_signed_and_its_findings_followed_to_their_end(new_site, ordinal):
    site = new_site().start()
    person = subject(ordinal())
    site.register(person)
    grant(site, site.root, (OFFICER, "officer"), (APPROVER, "approver"))
    operator = Peer(site.ports["admin"], site.tls / "ca.crt", site.tls / "operator.crt")
    for _ in range(19):  # ten on one day, though it be midnight in Japan
        assert operator.get(f"/v1/{MUNICIPALITY}/review").refusal == (403, "role_missing")

    review = ("log", "review", MUNICIPALITY)
    shown = told(site, *review, name=OFFICER)
    assert shown["kinds"]["message.recorded"] >= 1
    assert ("refusals", "operator") in [(each["code"], each["person"]) for each in shown["unusual"]]
    assert site.cli(*review, "--sign", str(shown["to"]), *by(site, OFFICER)).status == 0
    again = site.cli(*review, "--sign", str(shown["to"]), *by(site, APPROVER))
    assert code(again) == "bad_review"

    findings = told(site, "log", "finding", "list", MUNICIPALITY, name=APPROVER)
    ((refusals, facts),) = [(each["finding"], each["facts"]) for each in findings if each["code"] == "refusals"]
    recorded = {each["seq"]: each for each in site.facts()}
    assert {recorded[seq].get("code") for seq in facts} == {"role_missing"}

    site.gateway.stop()
    site.start_gateway("/healthz")
    taking = ("log", "finding", "take", MUNICIPALITY, str(refusals), "--case", "R8-0012")
    assert site.cli(*taking, *by(site, APPROVER)).status == 0
    closing = ("log", "finding", "close", MUNICIPALITY, str(refusals), "mistake")
    assert site.cli(*closing, *by(site, APPROVER)).status == 0
    flag = ("log", "finding", "flag", MUNICIPALITY, str(max(each["seq"] for each in site.facts())))
    flagged = site.cli(*flag, *by(site, OFFICER))
    assert flagged.status == 0, flagged.err
    own = flagged.out.split()[1]
    closing = ("log", "finding", "close", MUNICIPALITY, own, "proper")
    assert code(site.cli(*closing, *by(site, APPROVER))) == "own_finding", "the last fact was the approver's closing"
    assert code(site.cli(*closing, *by(site, OFFICER))) == "not_taken"
    assert site.cli("log", "finding", "take", MUNICIPALITY, own, "--case", "R8-13", *by(site, OFFICER)).status == 0
    assert site.cli(*closing, *by(site, OFFICER)).status == 0
    every = told(site, "log", "finding", "list", MUNICIPALITY, "--all", name=OFFICER)
    assert {each["finding"]: each["outcome"] for each in every}[refusals] == "mistake"

    unusual = site.cli("log", "report", "unusual", MUNICIPALITY, *by(site, OFFICER)[:2])
    assert (unusual.status, "拒否の繰り返し" in unusual.out) == (0, True), unusual.err
    users = site.cli("log", "report", "users", MUNICIPALITY, *by(site, OFFICER)[:2])
    assert (users.status, APPROVER in users.out) == (0, True), users.err
    assert site.cli("log", "verify", "--tenant", MUNICIPALITY).status == 0
    assert site.leaks(values(person)) == ()


def test_the_users_are_held_against_the_office_s_table(new_site, tmp_path):
    site = new_site().start()
    grant(site, site.root, (OFFICER, "officer"))
    until = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    table = tmp_path / "rights.csv"
    rows = ("person,氏名,role,until", f"{OFFICER},架空 太郎,officer,{until}", "staff-0100,架空 花子,administrator,")
    table.write_text("\n".join((*rows, "staff-0099,架空 次郎,officer,2027-03-31", "")), encoding="utf-8")

    def compared() -> dict[str, str]:
        found = told(site, "people", "review", MUNICIPALITY, str(table), name="staff-0100")
        return {each["person"]: each["found"] for each in found}

    assert compared() == {
        OFFICER: "agrees", "staff-0100": "agrees", "operator": "missing_there", "staff-0099": "missing_here",
    }  # fmt: skip
    table.write_text("\n".join((*rows, "operator,架空 三郎,operator,", "")), encoding="utf-8")
    assert set(compared().values()) == {"agrees"}
    signed = site.cli("people", "review", MUNICIPALITY, str(table), "--sign", *by(site, "staff-0100"))
    assert (signed.status, "agrees 3" in signed.out, "findings 0" in signed.out) == (0, True, True)
    (fact,) = [each for each in site.facts() if each["kind"] == "review.signed"]
    assert (fact["subject"], fact["operator"], fact["agrees"]) == ("users", "staff-0100", 3)
    assert "架空" not in json.dumps(site.facts(), ensure_ascii=False)
