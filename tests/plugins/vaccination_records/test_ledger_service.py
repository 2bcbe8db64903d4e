"""The ledger over the wire: what the city registers and pulls, and what is due, to whoever holds the certificate."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.plugins.vaccination_records.entries import management, notice, record, template
from tests.plugins.vaccination_records.running import SIMULATOR, Client, Running, Site
from tests.plugins.vaccination_records.subjects import CITY, OTHER_CITY, message_id, register, subject
from tests.plugins.vaccination_records.test_service import NOTHING_WAITS

Start = Callable[..., Awaitable[Running]]
CANARY = "架空カナリア接種の一二三四五"


def row(index: int, operation: str, record: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "operation": operation, "record": record}


def registrations(serial: int, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": message_id(serial), "rows": list(rows)}


def asked(serial: int, code: str = CITY) -> dict[str, Any]:
    return {"rows": [{"index": 0, "internal_no": subject(serial)["internal_no"], "municipality_code": code}]}


async def have_keys(city: Client, *serials: int) -> None:
    """Register subjects, and issue their keys."""
    await city.store(message_id(900), *(register(n, subject(serial)) for n, serial in enumerate(serials)))
    _, batch = await city.post("/v1/key-batch", {"most": 10})
    keys = [{**each, "pmh_key": f"PMHKEY{each['index']}"} for each in batch["rows"]]
    status, said = await city.post("/v1/key-answers", {"batch": batch["batch"], "rows": keys})
    assert (status, {each["status"] for each in said["rows"]}) == (200, {"stored"})


async def test_entries_are_kept_judged_and_pulled(city: Client) -> None:
    await have_keys(city, 1)
    rows = [row(0, "template", template(1)), row(1, "management", management(1)), row(2, "record", record(1))]
    rows += [row(3, "notice", notice(1)), row(7, "record", record(1, vaccination_record_id="RECORD-2"))]
    rows += [row(8, "record", record(1, seq=0)), row(9, "notice", notice(2)), row(10, "template", template(1))]
    rows += [row(11, "record", record(1, seq=3, municipality_code=OTHER_CITY))]
    first = await city.post("/v1/registrations", registrations(1, *rows))
    assert first == (
        200,
        {
            "rows": [
                *({"index": index, "status": "accepted"} for index in range(4)),
                {"index": 7, "status": "refused", "code": "dose_exists", "path": "vaccination_management_id"},
                {"index": 8, "status": "refused", "code": "superseded", "path": "updated_at"},
                {"index": 9, "status": "refused", "code": "no_such_person"},
                {"index": 10, "status": "duplicate"},
                {"index": 11, "status": "refused", "code": "no_such_person"},
            ]
        },
    )
    assert await city.post("/v1/registrations", registrations(1, *rows)) == first
    _, counts = await city.get("/v1/areas/self")
    held = {name: counts[name] for name in ("templates", "managements", "records", "notices", "notices_not_linked")}
    assert held == {"templates": 1, "managements": 1, "records": 1, "notices": 1, "notices_not_linked": 1}
    _, pulled = await city.post("/v1/records/pull", asked(1))
    (dose,) = pulled["rows"][0]["record"]["records"]
    assert dose["vaccination_record_id"] == "RECORD-000001"
    assert not {"subject_category", "fee_reduction_category", "internal_no"} & set(dose)


async def test_rule_9_a_pull_for_unknown_persons_and_wrong_municipalities_looks_the_same(
    city: Client, other_city: Client
) -> None:
    await have_keys(city, 1)
    answers = [
        await city.post("/v1/records/pull", asked(2)),
        await city.post("/v1/records/pull", asked(1, OTHER_CITY)),
        await other_city.post("/v1/records/pull", asked(1)),
        await other_city.post("/v1/records/pull", asked(1, OTHER_CITY)),
    ]
    assert answers == [(200, {"rows": [{"index": 0, "code": "no_such_person"}]})] * 4


async def test_what_is_due_survives_a_kill_and_comes_back_ended(site: Site, start: Start) -> None:
    async with site.session(site.city) as session:
        before = await start()
        client = Client(session, before.url)
        await have_keys(client, 1)
        await client.post("/v1/registrations", registrations(1, row(0, "record", record(1))))
        batch = await client.post("/v1/due", {"kind": "id5", "most": 10})
        assert batch[1]["rows"] == [{"index": 0, "record": {"pmh_key": "PMHKEY0"}}]
        await before.kill()
        service = await start()
        client = Client(session, service.url)
        assert await client.post("/v1/due", {"kind": "id5", "most": 1}) == batch
        assert await client.post("/v1/due", {"kind": "research", "most": 1}) == (200, {"rows": []})
        other = {"pmh_key": "PMHKEY9", "id5": "ID5CANARY01"}
        ended = {"kind": "id5", "batch": batch[1]["batch"], "rows": [{"index": 0, "status": "done", "record": other}]}
        assert await client.post("/v1/due/ended", ended) == (200, {"rows": [{"index": 0, "status": "dispute"}]})
        assert await client.get("/v1/health") == (200, NOTHING_WAITS | {"disputes": 1})
        _, output = await service.end()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line.get("rows") for line in lines if line["event"] == "dispute"] == [1]
    assert b"PMHKEY" not in output
    assert b"ID5CANARY" not in output


async def test_a_city_record_with_a_doubtful_clinic_code_is_kept_and_told_in_numbers_only(
    city: Client, service: Running
) -> None:
    await have_keys(city, 1)
    codes = ("0110113718", "0110113719")  # the second one's check digit is right
    kept = [
        row(n, "record", record(n, person=1, clinic_code=code, vaccination_management_id=f"DUE-{n}"))
        for n, code in enumerate(codes, 1)
    ]
    _, answer = await city.post("/v1/registrations", registrations(1, *kept))
    assert [each["status"] for each in answer["rows"]] == ["accepted"] * 2
    _, output = await service.end()
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["rows"] for line in lines if line["event"] == "clinic_code_check_digit"] == [1]
    assert codes[0].encode() not in output


async def test_malformed_registrations_and_ends_are_problems_that_echo_nothing(city: Client, service: Running) -> None:
    ended = {"kind": "id5", "rows": [{"index": 0, "status": "done", "record": {"pmh_key": "K", "id5": CANARY}}]}
    cases = [
        ("/v1/registrations", registrations(1, row(0, "record", record(1, gtin="04999999000004"))), "gtin"),
        ("/v1/registrations", registrations(1, row(0, "record", record(1, doctor_name=CANARY + "\n"))), "doctor_name"),
        ("/v1/registrations", registrations(1, row(0, "notice", record(1))), None),
        ("/v1/registrations", registrations(1, row(0, "notice", notice(1) | {CANARY: CANARY})), None),
        ("/v1/registrations", registrations(1, row(0, "notice", notice(1, individual_number="x"))), None),
        ("/v1/due", {"kind": CANARY, "most": 1}, "kind"),
        ("/v1/due/ended", ended, "id5"),
        ("/v1/records/pull", asked(1) | {"kind": "x"}, None),
    ]
    for path, body, at in cases:
        status, problem = await city.post(path, body)
        assert (status, problem["code"]) == (422, "malformed")
        assert at in [place["path"] for place in problem["places"]], path
        assert CANARY not in json.dumps(problem, ensure_ascii=False)
    _, output = await service.end()
    assert CANARY.encode() not in output


async def test_the_simulator_finds_rows_of_the_ledger_busy_and_takes_them_the_next_time(
    site: Site, start: Start
) -> None:
    simulator = await start(SIMULATOR, "--faults", "busy:0.5", "--seed", "1")
    async with site.session(site.city) as session:
        client = Client(session, simulator.url)
        rows = [row(n, "template", template(n)) for n in range(20)]
        left = rows
        for _ in range(20):
            _, answer = await client.post("/v1/registrations", registrations(1, *left))
            busy = {each["index"] for each in answer["rows"] if each["status"] == "busy"}
            left = [each for each in left if each["index"] in busy]
            if not left:
                break
        assert not left
        _, again = await client.post("/v1/registrations", registrations(1, *rows[:1]))
        assert again["rows"][0]["status"] in ("accepted", "busy")
        assert (await client.get("/v1/areas/self"))[1]["templates"] == 20


async def test_of_what_the_simulator_is_told_to_be_of_long_ago_nothing_is_due(site: Site, start: Start) -> None:
    simulator = await start(SIMULATOR)
    async with site.session(site.city) as session:
        client = Client(session, simulator.url)
        await have_keys(client, 1, 2)
        kept = {"rows": [{"index": index, "status": "accepted"} for index in range(2)]}
        for serial, path in ((1, "/simulator/registrations"), (2, "/v1/registrations")):
            rows = [row(0, "record", record(serial)), row(1, "notice", notice(serial))]
            assert await client.post(path, registrations(serial, *rows)) == (200, kept)
            _, pulled = await client.post("/v1/records/pull", asked(serial))
            assert len(pulled["rows"][0]["record"]["records"]) == 1
        _, counts = await client.get("/v1/areas/self")
        assert {name: counts[f"due_{name}"] for name in ("notice", "id5", "research")} == {
            "notice": 1,
            "id5": 1,
            "research": 1,
        }
