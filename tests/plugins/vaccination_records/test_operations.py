"""What city and residents send and ask, through the connector and against the real record system."""

import json
from typing import Any

import pytest
from aiohttp import web

from gateway.plugin import Accepted, DeferredRecord, Duplicate, Outcome, RefusedRecord
from gateway_vaccination_records import answers
from gateway_vaccination_records.interface import INTERFACE
from gateway_vaccination_records.record_system.http import EVENT_ANSWERS
from gateway_vaccination_records.record_system.versions import Verdict
from tests.plugins.vaccination_records.outbox import Line, at_work, delivery
from tests.plugins.vaccination_records.running import Client, Running, Site
from tests.plugins.vaccination_records.subjects import CITY, OTHER_CITY, subject
from tests.plugins.vaccination_records.test_connector import lying
from tests.plugins.vaccination_records.test_visit_service import asked, filled_in, set_up, vaccination
from tests.plugins.vaccination_records.village import (
    city_record,
    dose,
    management,
    notice,
    pmh_key,
    pseudonym,
    template,
)

NOBODY = RefusedRecord("no_such_person")
UNREACHABLE = {0: DeferredRecord("system_unreachable")}


def reply(operation: str, outcome: Outcome) -> dict[str, Any]:
    """It is as the interface says."""
    assert isinstance(outcome, Accepted)
    model = next(each.reply for each in INTERFACE.operations if each.name == operation)
    assert model is not None
    return model.model_validate(outcome.reply).model_dump(exclude_none=True)


async def test_the_city_registers_its_ledger_and_pulls_doses(site: Site, service: Running, city: Client) -> None:
    (number,) = await set_up(city, 1)
    stranger = {"internal_no": "0000000009"}
    async with at_work(site, service.url, Line()) as (connector, _):
        for serial, (operation, known, unknown) in enumerate(
            [
                ("management.register", management(1, 2), management(1, 3) | stranger),
                ("record.register", city_record(1), city_record(1, 3) | stranger),
                ("notice.register", notice(1, notice_id="NOTICE-2"), notice(1, notice_id="NOTICE-3") | stranger),
            ]
        ):
            told = delivery(operation, known, unknown, serial=500 + serial)
            assert await connector.deliver(told) == {0: Accepted(), 1: NOBODY}
            assert await connector.deliver(told) == {0: Accepted(), 1: NOBODY}, "the same message again"
        assert await connector.deliver(delivery("template.register", template(update_seq=2), serial=600)) == {
            0: Accepted()
        }
        second = city_record(1, vaccination_record_id="RECORD-2")
        assert await connector.deliver(delivery("record.register", second, serial=601)) == {
            0: RefusedRecord("dose_exists", "vaccination_management_id")
        }
        older = template(update_seq=1, template_name="架空の別の予診票")
        assert await connector.deliver(delivery("template.register", older, serial=602)) == {
            0: RefusedRecord("superseded", "updated_at")
        }
        wanted = [{"internal_no": subject(1)["internal_no"], "municipality_code": code} for code in (CITY, OTHER_CITY)]
        pulled = await connector.deliver(delivery("record.pull", *wanted))
        assert pulled[1] == NOBODY
        record = reply("record.pull", pulled[0])
        assert (record["vaccination_subject_no"], len(record["records"])) == (number, 1)


async def test_residents_link_read_fill_in_and_look_at_their_records(
    site: Site, service: Running, city: Client
) -> None:
    await set_up(city, 1, 2)
    async with at_work(site, service.url, Line()) as (connector, said):
        again = {"pmh_pseudonym_id": pseudonym(1), "pmh_key": pmh_key(1)}
        newer = {"pmh_pseudonym_id": "NEWERPSEUDONYM", "pmh_key": pmh_key(2)}
        disputed = {"pmh_pseudonym_id": pseudonym(1), "pmh_key": pmh_key(2)}
        nobody = {"pmh_pseudonym_id": "OTHER", "pmh_key": "UNKNOWNKEY"}
        handed = await connector.deliver(delivery("pseudonym.hand_over", again, newer, disputed, nobody, serial=500))
        assert reply("pseudonym.hand_over", handed[0]) == {"pmh_pseudonym_id": pseudonym(1)}
        assert reply("pseudonym.hand_over", handed[1]) == {"pmh_pseudonym_id": "NEWERPSEUDONYM"}
        assert (handed[2], handed[3]) == (RefusedRecord("dispute"), NOBODY)
        assert ("links.dispute", {"code": "dispute", "count": 1}) in said.lines
        deleted = delivery("pseudonym.key_deleted", {"pmh_pseudonym_id": pseudonym(1)}, serial=501)
        assert await connector.deliver(deleted) == {0: Accepted()}

        mine = {"pmh_pseudonym_id": pseudonym(1), "vaccination_management_id": dose(1)}
        others = {"pmh_pseudonym_id": pseudonym(1), "vaccination_management_id": dose(2)}
        shown = await connector.deliver(delivery("template.query", mine, others))
        assert [each["item_id"] for each in reply("template.query", shown[0])["items"]] == ["FEVER", "NOTE"]
        assert shown[1] == RefusedRecord("no_such_template")

        good, wrong = filled_in(1, "架空の回答"), filled_in(1, "架空の回答")
        wrong["answers"] = [{"item_id": "UNKNOWN", "answer_content": "架空"}]
        other_kind = filled_in(1, "架空の回答") | {"answers": [{"item_id": "FEVER", "answer_content": "架空"}]}
        filling = delivery("questionnaire.enter", good, wrong, other_kind, serial=502)
        kept = await connector.deliver(filling)
        assert reply("questionnaire.enter", kept[0])["answer_status"] == "1"
        assert (kept[1], kept[2]) == (RefusedRecord("unknown_item"), RefusedRecord("wrong_answer_kind"))
        assert await connector.deliver(filling) == kept, "the same answer again"

        own = await connector.deliver(
            delivery("record.query", {"pmh_pseudonym_id": pseudonym(1)}, {"pmh_pseudonym_id": "OTHER"})
        )
        assert [each["notice_id"] for each in reply("record.query", own[0])["notices"]] == [notice(1)["notice_id"]]
        assert own[1] == NOBODY


@pytest.mark.parametrize("verdict", [each for each in EVENT_ANSWERS if each is not None])
def test_the_connector_knows_what_the_record_system_says_of_an_event(verdict: Verdict) -> None:
    said = EVENT_ANSWERS[verdict]
    outcome = answers.judged(json.dumps({"rows": [{"index": 0, **said}]}).encode(), [0])[0]
    expected = {"accepted": Accepted(), "duplicate": Duplicate()}
    assert outcome == expected.get(said["status"], RefusedRecord(said.get("code", ""), said.get("path")))


async def test_a_person_with_a_long_history_is_shown_whole(site: Site, service: Running, city: Client) -> None:
    await set_up(city, 1)
    long = dict.fromkeys(("place", "doctor_name", "vaccine_maker", "vaccine_brand_name"), "架" * 100)
    records = [city_record(1, number, **long, special_circumstances="架" * 500) for number in range(60)]
    async with at_work(site, service.url, Line()) as (connector, _):
        assert set((await connector.deliver(delivery("record.register", *records))).values()) == {Accepted()}
        wanted = {"internal_no": subject(1)["internal_no"], "municipality_code": CITY}
        pulled = await connector.deliver(delivery("record.pull", wanted))
    assert len(reply("record.pull", pulled[0])["records"]) == 60


OWN = {"pmh_pseudonym_id": "P", "data_changed_at": "2026-04-01T00:00:00Z"}
MISFITS: dict[str, Any] = {
    "a surplus field": {"record": OWN | {"pmh_key": "KEY"}},
    "a surplus field deeper": {"record": OWN | {"notices": [{"notice_id": "N", "individual_number": "1"}]}},
    "a field that lacks": {"record": {"pmh_pseudonym_id": "P"}},
}
LIES: dict[str, Any] = {
    "no record": {"record": "架空"},
    "an unknown code": {"code": "架空"},
    "a verdict": {"status": "accepted"},
    "a confirmation is wanted": {"code": "confirmation_wanted"},
    "record and code": {"record": OWN, "code": "no_such_person"},
}


async def test_an_answer_that_is_none_is_not_used(site: Site) -> None:
    lie: Any = None

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=json.dumps({"rows": [{"index": 0, **lie}]}).encode())

    async with lying(site, answer) as url, at_work(site, url, Line()) as (connector, _):
        asking = delivery("record.query", {"pmh_pseudonym_id": "P"})
        for case, lie in LIES.items():  # noqa: B007 - the server tells it
            assert await connector.deliver(asking) == UNREACHABLE, case
        for case, lie in MISFITS.items():  # noqa: B007
            said = {0: DeferredRecord("connector_bug")}
            assert await connector.deliver(asking) == said, f"{case}: one person's record keeps nobody else waiting"
        lie = {"record": OWN}
        assert await connector.deliver(asking) == {0: Accepted(reply=OWN)}


async def test_every_operation_goes_to_an_address_that_the_record_system_has(site: Site, service: Running) -> None:
    """What it asks is understood, whoever it is about: else the outcome would be `connector_bug`."""
    version = {name: subject(1)[name] for name in ("updated_at", "update_seq")}
    person = {"internal_no": "0000000001", "municipality_code": CITY}
    who = asked("VNOBODY", "CONFIRMATION")
    examined = {"doctor_judgement": "1", "doctor_name": "架空", "examined_at": "2026-04-01T10:00:00+09:00"}
    records: dict[str, dict[str, Any]] = {
        "subject.register": subject(1),
        "subject.delete": person | version | {"update_seq": 2, "change_type": "3"},
        "subject.lookup": person,
        "template.register": template(),
        "management.register": management(1),
        "record.register": city_record(1),
        "notice.register": notice(1),
        "record.pull": person,
        "pseudonym.hand_over": {"pmh_pseudonym_id": "P", "pmh_key": "K"},
        "pseudonym.key_deleted": {"pmh_pseudonym_id": "P"},
        "template.query": {"pmh_pseudonym_id": "P", "vaccination_management_id": "M"},
        "questionnaire.enter": filled_in(1, "架空"),
        "record.query": {"pmh_pseudonym_id": "P"},
        "visit.query": who,
        "examination.enter": who | examined | {"vaccination_management_id": "M"},
        "vaccination.enter": who | vaccination(1),
    }
    assert records.keys() == {each.name for each in INTERFACE.operations if each.direction == "receives"}
    async with at_work(site, service.url, Line()) as (connector, _):
        for serial, (operation, record) in enumerate(records.items()):
            outcome = (await connector.deliver(delivery(operation, record, serial=serial)))[0]
            assert outcome in (Accepted(), NOBODY), operation
