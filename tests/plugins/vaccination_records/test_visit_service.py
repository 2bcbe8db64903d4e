"""Residents and clinics as the connector speaks for them: over mutual TLS, byte for byte (rules 4 and 5, C160)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.plugins.vaccination_records.running import Client, Running, Site
from tests.plugins.vaccination_records.subjects import (
    CITY,
    OTHER_CITY,
    individual_number,
    message_id,
    register,
    subject,
)
from tests.plugins.vaccination_records.test_area import encodings, on_disk
from tests.plugins.vaccination_records.village import (
    CLINIC,
    city_record,
    dose,
    given,
    management,
    notice,
    pmh_key,
    pseudonym,
    template,
)

Start = Callable[..., Awaitable[Running]]


def rows(*records: dict[str, Any], **body: Any) -> dict[str, Any]:
    return {"rows": [{"index": index, "record": record} for index, record in enumerate(records)], **body}


def told(operation: str, *records: dict[str, Any], message: int) -> dict[str, Any]:
    listed = [{"index": index, "operation": operation, "record": each} for index, each in enumerate(records)]
    return {"message_id": message_id(message), "rows": listed}


async def send(client: Client, path: str, body: dict[str, Any]) -> Any:
    status, answer = await client.post(path, body)
    assert status == 200
    return answer["rows"]


async def set_up(city: Client, *serials: int) -> list[str]:
    """Linked persons with a dose due, a dose had and a notice each; their 予防接種対象者番号."""
    await city.store(message_id(100), *(register(n, subject(serial)) for n, serial in enumerate(serials)))
    _, batch = await city.post("/v1/key-batch", {"most": 10})
    keys = [
        {"index": n, "pmh_key": pmh_key(serial), "individual_number": individual_number(serial)}
        for n, serial in enumerate(serials)
    ]
    await city.post("/v1/key-answers", {"batch": batch["batch"], "rows": keys})
    accepted = [{"index": n, "status": "accepted"} for n in range(len(serials))]
    await send(city, "/v1/registrations", told("template", template(), message=101))
    for message, (operation, make) in enumerate({"management": management, "notice": notice}.items(), start=102):
        body = told(operation, *(make(serial) for serial in serials), message=message)
        assert await send(city, "/v1/registrations", body) == accepted
    links = [{"pmh_pseudonym_id": pseudonym(serial), "pmh_key": pmh_key(serial)} for serial in serials]
    assert await send(city, "/v1/residents/links", told("hand_over", *links, message=105)) == accepted
    _, found = await city.lookup(*((str(subject(serial)["internal_no"]), CITY) for serial in serials))
    return [row["record"]["vaccination_subject_no"] for row in found["rows"]]


def confirmation(number: str, name: str, **changes: Any) -> dict[str, Any]:
    record = {"identity_confirmation": name, "vaccination_subject_no": number, "clinic_code": CLINIC}
    return record | {"consent_flag": True, "valid_until": "2099-04-01T18:00:00+09:00"} | changes


def asked(number: str, name: str, **more: Any) -> dict[str, Any]:
    return {"identity_confirmation": name, "vaccination_subject_no": number, "clinic_code": CLINIC, **more}


def examination(serial: int) -> dict[str, Any]:
    return {
        "vaccination_management_id": dose(serial),
        "doctor_judgement": "1",
        "doctor_name": "架空髙﨑医師カナリア",
        "doctor_note": "架空の所見カナリアの文",
        "examined_at": "2026-04-01T10:00:00+09:00",
    }


def filled_in(serial: int, content: str) -> dict[str, Any]:
    return {
        "pmh_pseudonym_id": pseudonym(serial),
        "vaccination_management_id": dose(serial),
        "answers": [{"item_id": "NOTE", "answer_content": content}],
        "answered_at": "2026-04-01T09:00:00+09:00",
    }


def vaccination(serial: int) -> dict[str, Any]:
    return {"vaccination_management_id": dose(serial), **given()}


async def raw(site: Site, service: Running, path: str, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Everything that an asker hears."""
    async with site.session(site.city) as session, session.post(service.url + path, json=body) as response:
        return response.status, {k: v for k, v in response.headers.items() if k != "Date"}, await response.read()


async def test_rule_5_what_is_hidden_deleted_or_not_confirmed_looks_byte_for_byte_like_nobody(
    city: Client, site: Site, service: Running
) -> None:
    numbers = await set_up(city, 1, 2, 3)
    flags = [{"control_flag_nondisclosure": True}, {"control_flag_view_suspended": True}]
    changed = [register(n, subject(n + 1, seq=2, **flag)) for n, flag in enumerate(flags)]
    await city.store(message_id(200), *changed)
    confirmed = [confirmation(number, f"CONFIRMED-{n}") for n, number in enumerate([*numbers, "VNOBODY"])]
    await send(city, "/v1/confirmations", rows(*confirmed))
    wrong = ["CONFIRMED-0", "CONFIRMED-1", "CONFIRMED-0", "CONFIRMED-3"]  # of 3, that of another person
    clinics = {
        "queries": lambda serial, who: who,
        "examinations": lambda serial, who: {**examination(serial), **who},
        "vaccinations": lambda serial, who: {**vaccination(serial), **who},
    }
    for path, make in clinics.items():
        heard = []
        for n, number in enumerate([*numbers, "VNOBODY"]):
            changing = {} if path == "queries" else {"message_id": message_id(300 + n + 10 * len(path))}
            body = rows(make(n + 1, asked(number, wrong[n])), **changing)
            heard.append(await raw(site, service, f"/v1/visits/{path}", body))
        assert heard == heard[:1] * 4
        assert json.loads(heard[0][2]) == {"rows": [{"index": 0, "code": "no_such_person"}]}
    portal = {
        "templates": lambda serial: {"vaccination_management_id": dose(serial)},
        "records": lambda serial: {},
        "questionnaires": lambda serial: filled_in(serial, "架空"),
    }
    for path, fields in portal.items():
        heard = []
        for serial in (1, 2, 9):
            changing = {"message_id": message_id(500 + serial)} if path == "questionnaires" else {}
            body = rows({**fields(serial), "pmh_pseudonym_id": pseudonym(serial)}, **changing)
            heard.append(await raw(site, service, f"/v1/residents/{path}", body))
        assert heard == heard[:1] * 3
        assert json.loads(heard[0][2]) == {"rows": [{"index": 0, "code": "no_such_person"}]}


async def test_a_city_knows_no_pseudonym_and_no_confirmation_of_another(city: Client, other_city: Client) -> None:
    (number,) = await set_up(city, 1)
    await send(city, "/v1/confirmations", rows(confirmation(number, "CONFIRMED-1")))
    own = register(0, subject(1, municipality_code=OTHER_CITY))
    await other_city.store(message_id(1), own)
    link = {"pmh_pseudonym_id": pseudonym(1), "pmh_key": pmh_key(1)}
    refused = await send(other_city, "/v1/residents/links", told("hand_over", link, message=2))
    assert refused == [{"index": 0, "status": "refused", "code": "no_such_person"}]
    shown = await send(other_city, "/v1/residents/records", rows({"pmh_pseudonym_id": pseudonym(1)}))
    assert shown == [{"index": 0, "code": "no_such_person"}]
    shown = await send(other_city, "/v1/visits/queries", rows(asked(number, "CONFIRMED-1")))
    assert shown == [{"index": 0, "code": "confirmation_wanted"}]
    shown = await send(city, "/v1/visits/queries", rows(asked(number, "CONFIRMED-1")))
    assert shown[0]["record"]["vaccination_subject_no"] == number


async def test_a_dispute_about_a_pseudonym_is_alarmed_and_told_in_numbers_only(city: Client, service: Running) -> None:
    await set_up(city, 1, 2)
    link = {"pmh_pseudonym_id": pseudonym(1), "pmh_key": pmh_key(2)}
    said = await send(city, "/v1/residents/links", told("hand_over", link, message=200))
    assert said == [{"index": 0, "status": "refused", "code": "dispute"}]
    assert await city.get("/v1/health") == (200, {"status": "ok", "disputes": 1, "refused": 0, "notices_asleep": 0})
    _, output = await service.end()
    alarms = [json.loads(line) for line in output.splitlines() if b'"dispute"' in line]
    assert [(alarm["level"], alarm["rows"]) for alarm in alarms] == [("error", 1)]


async def test_a_malformed_body_is_refused_whole_and_its_refusal_holds_no_value(city: Client) -> None:
    malformed: list[tuple[str, dict[str, Any]]] = [
        ("/v1/residents/records", {"pmh_pseudonym_id": pseudonym(1), "pmh_key": pmh_key(1)}),
        ("/v1/residents/templates", {"pmh_pseudonym_id": pseudonym(1)}),
        ("/v1/residents/questionnaires", {**filled_in(1, "架空カナリア"), "answers": [{"item_id": "NOTE"}]}),
        ("/v1/confirmations", confirmation("VNOBODY", "CONFIRMED", valid_until="架空カナリア")),
        ("/v1/visits/queries", {**asked("VNOBODY", "CONFIRMED"), "individual_number": individual_number(1)}),
        ("/v1/visits/vaccinations", {**asked("V", "C"), **vaccination(1), "gtin": "04900000000001"}),
    ]
    for path, record in malformed:
        changing = path in ("/v1/residents/questionnaires", "/v1/visits/vaccinations")
        body = rows(record, **({"message_id": message_id(1)} if changing else {}))
        status, problem = await city.post(path, body)
        assert (status, problem["code"]) == (422, "malformed"), path
        texts = [value for value in record.values() if isinstance(value, str) and len(value) > 8]
        told = json.dumps(problem, ensure_ascii=False)
        assert not [text for text in [*texts, "individual_number"] if text in told], path


async def test_disk_and_log_hold_no_value_of_residents_and_visits(city: Client, site: Site, service: Running) -> None:
    (number,) = await set_up(city, 4711)
    canary = {
        "answer": "架空の回答カナリアの文",
        "place": "架空の場所カナリア",
        "lot": "LOTCANARY0001",
        "special": "架空の特別な事情カナリア",
    }
    body = rows(filled_in(4711, canary["answer"]), message_id=message_id(200))
    kept = await send(city, "/v1/residents/questionnaires", body)
    await send(city, "/v1/confirmations", rows(confirmation(number, "CONFIRMATIONCANARY")))
    who = asked(number, "CONFIRMATIONCANARY")
    part = {**examination(4711), **who, "answer_id": kept[0]["record"]["answer_id"]}
    examined = await send(city, "/v1/visits/examinations", rows(part, message_id=message_id(201)))
    assert examined[0]["record"]["answer_status"] == "2"
    dose_given = {"place": canary["place"], "lot_no": canary["lot"], "special_circumstances": canary["special"]}
    entered = {**vaccination(4711), **dose_given, **who}
    given_id = await send(city, "/v1/visits/vaccinations", rows(entered, message_id=message_id(202)))
    link = {"pmh_pseudonym_id": "REPLACEDPSEUDONYM", "pmh_key": pmh_key(4711)}
    await send(city, "/v1/residents/links", told("hand_over", link, message=203))
    visit = await send(city, "/v1/visits/queries", rows(who))
    assert visit[0]["record"]["records"][0]["lot_no"] == canary["lot"], "all of it was kept"
    canaries = [
        *canary.values(),
        *(pseudonym(4711), "REPLACEDPSEUDONYM", pmh_key(4711), number, "CONFIRMATIONCANARY", dose(4711)),
        *(examination(4711)["doctor_name"], examination(4711)["doctor_note"]),
        *(kept[0]["record"]["answer_id"], given_id[0]["record"]["vaccination_record_id"]),
        *(notice(4711)["notice_id"], city_record(4711)["vaccination_record_id"]),
    ]
    needles = {needle for each in canaries for needle in encodings(str(each))}
    while_it_ran = on_disk(site.folder / "data")
    _, output = await service.end()
    assert len(while_it_ran) > 4096
    kept_anywhere = while_it_ran + output + on_disk(site.folder / "data")
    assert not [needle for needle in needles if needle in kept_anywhere]
