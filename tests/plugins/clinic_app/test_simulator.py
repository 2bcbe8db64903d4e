"""Clinics as they work, and as they do wrong: each wrong goes out as told, and is refused by what is attested."""

import asyncio
import json
import re
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.keys.certificates import Authority
from gateway.plugin import checks
from gateway_clinic_app.interface import AskedVisit, Examination, Vaccination
from tests.forking import done
from tests.plugins.clinic_app.running import CITY, DROPPED, Clinics, Gateway, configuration, running
from tests.plugins.pmh.running import CLINIC_A, CLINIC_B, Simulator, Site, subject
from tests.plugins.pmh.running import running as pmh_running

GIVEN = {"vaccination_management_id": "VM-1", "vaccination_setting_id": "S1"}
NOT_ATTESTED = {"status": 403, "answer": {"code": "not_attested"}}
ALL_REFUSED = {"status": 422, "answer": {"code": "all_records_refused"}}


async def received(clinics: Clinics, pmh: Simulator, clinic: str = CLINIC_A, **shown: Any) -> dict[str, str]:
    """A person with a card is at the clinic's desk."""
    return await clinics.visit(clinic, await pmh.card(subject()), **shown)


async def test_a_visit_is_asked_examined_and_entered_under_the_one_confirmation(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    for what, body in (("query", {}), ("examination", {"vaccination_management_id": "VM-1"}), ("vaccination", GIVEN)):
        assert (await clinics.act(visit, what, body))["status"] == 200
    operations = ("visit.query", "examination.enter", "vaccination.enter")
    assert [path for path, _, _ in gateway.came] == [f"/v1/{CITY}/clinic_app/{each}" for each in operations]
    assert {headers["Renkei-Proof"] for _, _, headers in gateway.came} == {visit["token"]}
    (asked,), (examined,), (entered,) = (records for _, records, _ in gateway.came)
    AskedVisit.model_validate(asked)
    Examination.model_validate(examined)
    Vaccination.model_validate(entered)
    for record in (asked, examined, entered):
        assert all(
            record[name] == visit[name] for name in ("identity_confirmation", "vaccination_subject_no", "clinic_code")
        )


async def test_an_examination_names_the_answers_that_the_last_query_showed(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    due = [{"vaccination_management_id": "VM-1", "answer_id": "ANSWERS-1"}, {"vaccination_management_id": "VM-2"}]
    shown = [{"due": due}, {"due": due[1:]}]
    gateway.answers["visit.query"] = [(200, {"replies": [{"index": 0, "record": each}]}) for each in shown]
    for _ in shown:
        await clinics.act(visit, "query")
        for dose in due:
            await clinics.act(visit, "examination", {"vaccination_management_id": dose["vaccination_management_id"]})
    examined = [record.get("answer_id") for path, (record,), _ in gateway.came if path.endswith("examination.enter")]
    assert examined == ["ANSWERS-1", None, None, None]


async def test_a_correction_is_a_newer_state(clinics: Clinics, pmh: Simulator, gateway: Gateway) -> None:
    visit = await received(clinics, pmh)
    for more in ({}, {"vaccination_record_id": "R1", "is_deleted": True}):
        await clinics.act(visit, "vaccination", GIVEN | more)
    ((_, (first,), _), (_, (second,), _)) = gateway.came
    assert (first["updated_at"], first["update_seq"]) < (second["updated_at"], second["update_seq"])
    assert second["is_deleted"] is True


async def test_what_was_lost_with_its_connection_is_sent_once_more_with_the_same_key(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    answered = {"message_id": "m7", "replies": [{"index": 0, "code": "no_such_person"}]}
    gateway.answers["vaccination.enter"] = [(DROPPED, {}), (200, answered)]
    assert await clinics.act(visit, "vaccination", GIVEN) == {"status": 200, "answer": answered}
    first, again = gateway.came
    assert first[:2] == again[:2]
    assert len({headers["Idempotency-Key"] for _, _, headers in gateway.came}) == 1
    gateway.answers["vaccination.enter"] = [(DROPPED, {}), (DROPPED, {}), (200, answered)]
    assert (await clinics.act(visit, "vaccination", GIVEN))["status"] == 0, "and no more than once"


async def test_a_late_answer_is_asked_for_by_the_same_request_under_the_same_proof(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    answered = {"message_id": "m7", "replies": [{"index": 0, "code": "no_such_person"}]}
    gateway.answers["visit.query"] = [(202, {"message_id": "m7"}), (202, {"message_id": "m7"}), (200, answered)]
    assert await clinics.act(visit, "query") == {"status": 200, "answer": answered}
    assert len(gateway.came) == 3
    for name in ("Idempotency-Key", "Renkei-Proof"):
        assert len({headers[name] for _, _, headers in gateway.came}) == 1


@pytest.mark.parametrize(("said", "least"), [("1", 1.0), ("soon", 0.2), ("-9", 0.2)])
async def test_it_asks_again_when_the_gateway_says_so(
    clinics: Clinics, pmh: Simulator, gateway: Gateway, said: str, least: float
) -> None:
    visit = await received(clinics, pmh)
    gateway.answers["visit.query"], gateway.retry_after = [(202, {"message_id": "m7"})], said
    began = asyncio.get_running_loop().time()
    assert (await clinics.act(visit, "query"))["status"] == 200
    assert least <= asyncio.get_running_loop().time() - began < least + 50  # and not whatever was said


async def test_a_gateway_that_is_down_and_a_person_who_is_not_confirmed_are_told_as_such(
    clinics: Clinics, pmh: Simulator
) -> None:
    visit = await received(clinics, pmh)
    assert await clinics.act(visit, "query") == {"status": 0, "answer": {}}
    path = f"/clinics/{CLINIC_A}/visits"
    assert await clinics.call("POST", path, {"card": "CARD-X"}) == (403, {"code": "not_confirmed", "status": 404})
    assert (await clinics.call("POST", "/clinics/9999999999/visits", {"card": "CARD-X"}))[0] == 404
    assert (await clinics.call("POST", f"{path}/999/query"))[0] == 404


# ---- wrongs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("other_clinic", NOT_ATTESTED),
        ("other_token", NOT_ATTESTED),
        ("altered", NOT_ATTESTED),
        ("no_token", NOT_ATTESTED),
        ("other_person", ALL_REFUSED),
        ("other_code", ALL_REFUSED),
    ],
)
async def test_rule_4_no_clinic_gets_through_with_what_is_another_clinics_or_another_persons(
    clinics: Clinics, pmh: Simulator, gateway: Gateway, fault: str, answer: object
) -> None:
    visit = await received(clinics, pmh)
    other = await received(clinics, pmh, CLINIC_B)
    for what, body in (("query", {}), ("examination", {"vaccination_management_id": "VM-1"}), ("vaccination", GIVEN)):
        await clinics.faults({fault: 1})
        assert await clinics.act(visit, what, body) == answer
        assert (await clinics.act(visit, what, body))["status"] == 200, "and the clinic's own visit suffers nothing"
    assert (await clinics.act(other, "query"))["status"] == 200


async def test_rule_4_an_ended_confirmation_is_refused(clinics: Clinics, pmh: Simulator, gateway: Gateway) -> None:
    await pmh.faults({"long_ago": 1})
    ended, visit = await received(clinics, pmh, CLINIC_B), await received(clinics, pmh, CLINIC_B)
    assert await clinics.act(ended, "query") == NOT_ATTESTED
    await clinics.faults({"ended": 1})
    assert await clinics.act(visit, "query") == NOT_ATTESTED
    ((_, (record,), headers), *_) = reversed(gateway.came)
    assert (record["vaccination_subject_no"], headers["Renkei-Proof"]) == (
        ended["vaccination_subject_no"],
        ended["token"],
    )


async def test_rule_2_a_clinic_that_writes_an_individual_number_in_a_remark_writes_one_that_is_found(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    await clinics.faults({"number_in_remark": 2})
    await clinics.act(visit, "query")
    await clinics.act(visit, "examination", {"vaccination_management_id": "VM-1"})
    await clinics.act(visit, "vaccination", GIVEN)
    (_, (asked,), _), (_, (examined,), _), (_, (entered,), _) = gateway.came
    AskedVisit.model_validate(asked)
    for remark in (examined["doctor_note"], entered["special_circumstances"]):
        assert checks.holds_individual_number(remark)
    assert (await clinics.counts())["faults"]["number_in_remark"] >= 2


async def test_a_clinic_that_misbehaves_sends_what_it_is_told(
    clinics: Clinics, pmh: Simulator, gateway: Gateway
) -> None:
    visit = await received(clinics, pmh)
    records = [{"surplus": 1}]
    assert await clinics.act(visit, "send/visit.query", records) == ALL_REFUSED
    ((_, came, _),) = gateway.came
    assert came == records


# ---- the process -----------------------------------------------------------------------------------------------------


async def test_without_another_visit_there_is_nothing_to_misuse_and_nothing_of_a_person_is_left_behind(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    own = Site.make(tmp_path)
    with (
        pmh_running(own) as pmh,
        running(
            own, f"https://127.0.0.1:{unused_tcp_port}", pmh.eligibility, "faults = { other_clinic = 1 }"
        ) as process,
    ):
        card = await pmh.card(who := subject())
        visit = await process.visit(CLINIC_A, card)
        assert await process.act(visit, "query") == 409
        assert await process.act(visit, "vaccination", GIVEN) == {"status": 0, "answer": {}}
        await process.call("POST", f"/clinics/{CLINIC_A}/visits", {"card": who})
        status, output = process.end()
        written = output + pmh.end()[1]
    assert status == 0
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["visits"], last["posts"]) == ("stopped", 1, 1)
    written += b"".join(path.read_bytes() for path in own.folder.rglob("*") if path.is_file())
    for value in (who, card, visit["identity_confirmation"], visit["token"]):
        assert value.encode() not in written


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return done("gateway_clinic_app.simulator", *map(str, arguments))


@pytest.mark.parametrize(
    ("more", "named"),
    [("listen = { port = -1 }", "listen.port"), ("x = 1", "x"), ("faults = { made_up = 1 }", "faults")],
)
def test_a_wrong_configuration_is_told_by_its_key(site: Site, more: str, named: str) -> None:
    ended = run(configuration(site, "https://127.0.0.1:1", "https://127.0.0.1:2", more))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert named in ended.stderr


def test_a_port_that_is_taken_is_told_with_the_reason(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        more = f"listen = {{ port = {taken.getsockname()[1]} }}"
        ended = run(configuration(site, "https://127.0.0.1:1", "https://127.0.0.1:2", more))
    assert (ended.returncode, "listen: cannot listen there" in ended.stderr) == (2, True)
    assert "address already in use" in ended.stderr.lower()


def test_a_certificate_that_cannot_serve_is_told_at_start(site: Site, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    Authority.make("another", now).client("clinic_a", now).write(tmp_path, "clinic_a")
    file = Path(configuration(site, "https://127.0.0.1:1", "https://127.0.0.1:2"))
    before, server, rest = re.split(r"(?m)^(certificate = .*clinics-server.*)$", file.read_text(), maxsplit=1)
    assert server
    file.write_text(f'{before}certificate = "{tmp_path}/clinic_a.crt"{rest}')
    ended = run(file)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "tls.certificate: cannot serve, it is for a client only; take one that is made for a server\n"
    )


def test_help_names_every_fault_and_how_to_begin() -> None:
    told = run("--help").stdout
    assert all(word in told for word in ("POST /clinics/CODE/visits", "other_clinic", "number_in_remark", "altered"))


async def test_an_unknown_fault_and_a_broken_body_are_refused(clinics: Clinics) -> None:
    assert await clinics.faults({"made_up": 1}) == 422
