import asyncio
import json
import os
import signal
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway_vaccination_records.record_system.app import Api
from gateway_vaccination_records.record_system.models import LookupBody, SubjectsBody
from tests.forking import done
from tests.plugins.vaccination_records.certificates import Authority
from tests.plugins.vaccination_records.running import SERVICE, SIMULATOR, Client, Running, Site
from tests.plugins.vaccination_records.subjects import (
    CITY,
    OTHER_CITY,
    delete,
    deletion,
    message_id,
    register,
    subject,
)

Start = Callable[..., Awaitable[Running]]
CANARY = "架空カナリア氏名の一二三四五"


def no(serial: int) -> str:
    return str(subject(serial)["internal_no"])


NOTHING_WAITS = {"status": "ok", "disputes": 0, "refused": 0, "notices_asleep": 0}


async def test_states_are_kept_judged_and_looked_up(city: Client) -> None:
    assert await city.get("/v1/health") == (200, NOTHING_WAITS)
    first = [register(0, subject(1, seq=1)), register(1, subject(2, seq=1, control_flag_nondisclosure=True))]
    assert await city.store(message_id(1), *first) == (
        200,
        {"rows": [{"index": 0, "status": "accepted"}, {"index": 1, "status": "accepted"}]},
    )
    _, answer = await city.store(
        message_id(2),
        register(0, subject(1, seq=1)),
        register(5, subject(1, seq=1, name="架空 別名")),
        register(6, subject(1, seq=0)),
        register(7, subject(1, seq=2, municipality_code=OTHER_CITY)),
        delete(8, deletion(3)),
        delete(9, deletion(2, seq=2)),
    )
    assert answer["rows"] == [
        {"index": 0, "status": "duplicate"},
        {"index": 5, "status": "refused", "code": "version_conflict"},
        {"index": 6, "status": "refused", "code": "superseded", "path": "updated_at"},
        {"index": 7, "status": "refused", "code": "no_such_person"},
        {"index": 8, "status": "refused", "code": "no_such_person"},
        {"index": 9, "status": "accepted"},
    ]
    assert await city.held() == {"persons": 2, "versions": 3, "deleted": 1}
    _, found = await city.lookup((no(1), CITY))
    record = found["rows"][0]["record"]
    assert len(record.pop("vaccination_subject_no")) == 13
    assert record == {
        "internal_no": no(1),
        "updated_at": subject(1)["updated_at"],
        "update_seq": 1,
        "control_flag_recovery": False,
        "control_flag_nondisclosure": False,
        "control_flag_view_suspended": False,
    }


async def test_rule_9_unknown_deleted_and_wrong_municipality_look_the_same(city: Client) -> None:
    await city.store(message_id(1), register(0, subject(1)), register(1, subject(2)))
    await city.store(message_id(2), delete(0, deletion(2, seq=2)))
    _, answer = await city.lookup((no(3), CITY), (no(2), CITY), (no(1), OTHER_CITY))
    assert answer["rows"] == [{"index": n, "code": "no_such_person"} for n in range(3)]


async def test_the_tenant_is_the_certificates_whatever_the_payload_says(city: Client, other_city: Client) -> None:
    await city.store(message_id(1), register(0, subject(1)))
    assert await other_city.held() == {"persons": 0, "versions": 0, "deleted": 0}
    _, answer = await other_city.lookup((no(1), CITY), (no(1), OTHER_CITY))
    assert answer["rows"] == [{"index": n, "code": "no_such_person"} for n in range(2)]
    _, answer = await other_city.store(message_id(2), register(0, subject(1, seq=2)))
    assert answer["rows"][0]["code"] == "no_such_person"
    # the same message id in another area is another message
    own = register(0, subject(1, municipality_code=OTHER_CITY))
    assert (await other_city.store(message_id(1), own))[1]["rows"] == [{"index": 0, "status": "accepted"}]
    assert await city.held() == {"persons": 1, "versions": 1, "deleted": 0}


async def test_an_unpinned_certificate_speaks_for_nobody(site: Site, service: Running) -> None:
    async with site.session(site.stranger) as session:
        for path in ("/v1/health", "/v1/areas/self"):
            status, problem = await Client(session, service.url).get(path)
            assert (status, problem["code"]) == (403, "unknown_certificate")
        status, problem = await Client(session, service.url).store(message_id(1), register(0, subject(1)))
        assert (status, problem["code"]) == (403, "unknown_certificate")


async def test_without_a_certificate_of_the_ca_there_is_no_connection(site: Site, service: Running) -> None:
    (site.folder / "foreign").mkdir()
    foreign = Authority(site.folder / "foreign", "foreign CA").issue("city")
    for identity in (None, foreign):
        async with site.session(identity) as session:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await Client(session, service.url).get("/v1/health")


async def test_a_kill_between_requests_loses_and_doubles_nothing(site: Site, start: Start) -> None:
    rows = [register(n, subject(n)) for n in range(50)]
    async with site.session(site.city) as session:
        before = await start()
        first = await Client(session, before.url).store(message_id(1), *rows[:30])
        await before.kill()
        after = Client(session, (await start()).url)
        assert await after.store(message_id(1), *rows[:30]) == first
        assert (await after.store(message_id(2), *rows))[1]["rows"] == [
            {"index": n, "status": "duplicate" if n < 30 else "accepted"} for n in range(50)
        ]
        assert await after.held() == {"persons": 50, "versions": 50, "deleted": 0}


async def test_a_kill_in_the_middle_of_requests_keeps_exactly_what_was_answered(site: Site, start: Start) -> None:
    batches = [[register(n, subject(batch * 100 + n)) for n in range(100)] for batch in range(12)]
    answered: set[int] = set()
    async with site.session(site.city) as session:
        before = await start()
        client = Client(session, before.url)

        async def send(batch: int) -> None:
            status, _ = await client.store(message_id(batch), *batches[batch])
            assert status == 200
            answered.add(batch)
            if len(answered) == 3:
                await before.kill()

        await asyncio.gather(*(send(batch) for batch in range(12)), return_exceptions=True)
        after = Client(session, (await start()).url)
        counts = await after.held()
        assert counts["persons"] % 100 == 0, "a batch is kept whole or not at all"
        assert counts["persons"] >= 100 * len(answered)
        for batch in range(12):
            _, answer = await after.store(message_id(batch), *batches[batch])
            assert {row["status"] for row in answer["rows"]} == {"accepted"}
        assert await after.held() == {"persons": 1200, "versions": 1200, "deleted": 0}


def _one(record: dict[str, Any]) -> bytes:
    return json.dumps({"message_id": message_id(1), "rows": [register(0, record)]}).encode()


MALFORMED: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "not_json"),
    "cut": (_one(subject(1))[:-3], 400, "not_json"),
    "not utf-8": (_one(subject(1)).replace(b'"2"', b'"\xff"'), 400, "not_json"),
    "duplicate key": (b'{"%s":1,"%s":1}' % ((CANARY.encode(),) * 2), 400, "not_json"),
    "nan": (b'{"rows":NaN}', 400, "not_json"),
    "lone surrogate": (_one(subject(1, name="\ud800")), 400, "not_json"),
    "deep": (b"[" * 100_000, 400, "not_json"),
    "array": (b"[]", 422, "malformed"),
    "no rows": (b'{"message_id":"%s","rows":[]}' % message_id(1).encode(), 422, "malformed"),
    "unknown key": (_one(subject(1) | {CANARY: "1"}), 422, "malformed"),
    "wrong type": (_one(subject(1, update_seq="1")), 422, "malformed"),
    "huge number": (_one(subject(1, update_seq=10**30)), 422, "malformed"),
    "infinite number": (_one(subject(1)).replace(b'"update_seq": 1', b'"update_seq": 1e999'), 422, "malformed"),
    "check digit": (_one(subject(1, individual_number="000000000001")), 422, "malformed"),
    "full-width digits": (_one(subject(1, internal_no="１２")), 422, "malformed"),
    "date that is none": (_one(subject(1, birth_date="2025-02-30")), 422, "malformed"),
    "time that is none": (_one(subject(1, updated_at="2025-02-28T25:00:00Z")), 422, "malformed"),
    "time without offset": (_one(subject(1, updated_at="2025-02-28T05:00:00")), 422, "malformed"),
    "control character": (_one(subject(1, name=f"{CANARY}\n")), 422, "malformed"),
    "too long": (_one(subject(1, name=CANARY * 20)), 422, "malformed"),
    "too large": (b" " * (5 * 1024 * 1024), 413, "body_too_large"),
}


async def test_a_malformed_body_is_a_problem_never_a_500_and_echoes_nothing(
    site: Site, city: Client, service: Running
) -> None:
    for case, (body, status, code) in MALFORMED.items():
        got, problem = await city.post("/v1/subjects", body)
        assert (got, problem.get("code"), problem.get("status")) == (status, code, status), case
        assert CANARY not in json.dumps(problem, ensure_ascii=False), case
    _, problem = await city.store(message_id(1), register(7, subject(1)), register(8, subject(2, sex="3")))
    assert problem["places"] == [{"row": 1, "path": "sex"}]
    _, problem = await city.store(message_id(1), register(7, subject(1) | {CANARY: 1}))
    assert problem["places"] == [{"row": 0, "path": None}]
    _, problem = await city.store(message_id(1), register(7, subject(1)), register(7, subject(2)))
    assert problem["code"] == "malformed", "an index stands once"
    assert (await city.get("/v1/elsewhere"))[1]["code"] == "not_found"
    assert (await city.get("/v1/subjects"))[1]["code"] == "method_not_allowed"
    assert await city.held() == {"persons": 0, "versions": 0, "deleted": 0}
    status, output = await service.end()
    assert status == 0
    assert CANARY.encode() not in output
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["listening", "stopped"]


async def test_sigterm_drains_and_leaves_readable_files_to_nobody_else(
    site: Site, city: Client, service: Running
) -> None:
    sent = asyncio.create_task(city.store(message_id(1), *(register(n, subject(n)) for n in range(1000))))
    await asyncio.sleep(0.05)
    status, output = await service.end()
    assert status == 0
    with suppress(aiohttp.ClientError):  # unless it had not arrived yet
        assert (await sent)[0] == 200
    assert json.loads(output.splitlines()[-1])["event"] == "stopped"
    assert modes(site.folder / "data") == {0o600}


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('data = "data"', 'data = "data"\nsurplus = 1', "surplus"),
        (f'municipality_code = "{OTHER_CITY}"', f'municipality_code = "{CITY}"', "area.municipality_code"),
        (f"file:{CITY}.key", "file:nowhere.key", f"area {CITY}: key"),
        (f"file:{CITY}.key", "env:RENKEI_TEST_UNSET", f"area {CITY}: key"),
        ("server.pem", "nowhere.pem", "tls"),
    ],
)
async def test_a_wrong_configuration_ends_with_2_and_names_the_key(
    site: Site, before: str, after: str, said: str
) -> None:
    site.config.write_text(site.config.read_text().replace(before, after))
    assert said in await refusal_to_start(site)


async def test_a_data_folder_or_a_database_that_cannot_be_used_is_told_in_one_sentence(site: Site) -> None:
    (site.folder / "data").write_text("in the way")
    assert "data: " in await refusal_to_start(site)
    (site.folder / "data").unlink()
    (site.folder / "data" / f"{CITY}.sqlite3").mkdir(parents=True)
    assert f"area {CITY}: its database" in await refusal_to_start(site)
    (site.folder / "data" / f"{CITY}.sqlite3").rmdir()
    (site.folder / "data" / f"{CITY}.sqlite3").write_bytes(b"this is no database" * 100)
    assert f"area {CITY}: its database" in await refusal_to_start(site)


@pytest.mark.parametrize("module", [SERVICE, SIMULATOR])
async def test_a_file_that_is_not_there_is_told_in_one_sentence(site: Site, module: str) -> None:
    site.config.unlink()
    assert (await refusal_to_start(site, module)).count("\n") == 1


@pytest.mark.parametrize("module", [SERVICE, SIMULATOR])
async def test_ctrl_c_before_it_listens_is_quiet(site: Site, module: str) -> None:
    site.config.unlink()
    os.mkfifo(site.config)
    process = await started(site, module)
    with await asyncio.to_thread(site.config.open, "wb"):  # opens when the other side reads
        process.send_signal(signal.SIGINT)
        assert (await process.communicate(), process.returncode) == ((b"", b""), 130)


async def test_ctrl_c_while_it_listens_drains(service: Running) -> None:
    status, output = await service.end(signal.SIGINT)
    assert status == 0
    assert [json.loads(line)["event"] for line in output.splitlines()] == ["listening", "stopped"]


async def test_a_key_that_others_can_read_keeps_it_from_starting(site: Site) -> None:
    site.keys[0].chmod(0o640)
    assert "chmod 600" in await refusal_to_start(site)


async def test_a_wrong_key_keeps_it_from_starting(site: Site, start: Start) -> None:
    await (await start()).end()
    site.keys[0].write_text("ab" * 32)
    assert "not sealed with this key" in await refusal_to_start(site)


async def started(site: Site, module: str) -> Process:
    command = (sys.executable, "-m", module, "--config", str(site.config))
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def refusal_to_start(site: Site, module: str = SERVICE) -> str:
    ended = await asyncio.to_thread(done, module, "--config", str(site.config))
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_the_api_models_show_no_value_in_repr_or_error() -> None:
    body = SubjectsBody.model_validate({"message_id": message_id(1), "rows": [register(0, subject(1))]})
    shown = repr(body) + str(body.rows) + repr(LookupBody) + repr(Api)
    assert subject(1)["name"] not in shown
    assert subject(1)["individual_number"] not in shown
