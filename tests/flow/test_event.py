"""An event's way: what arrives is exactly what the route carries, and every refusal is a fact without a value."""

import json
from dataclasses import replace

import pytest

from gateway.errors import Refused
from gateway.plugin import Accepted, Act, Duplicate, RefusedRecord, Unreadable
from tests.flow.line import endings
from tests.flow.toys import NUMBER, OFFICE, TENANT, WITHHELD, person, whole_person


async def test_what_the_route_carries_arrives_and_nothing_else(line):
    receipt = await line.outbox.send("person.put", [whole_person(1), person(2)], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: Accepted(), 1: Accepted()}
    carried = person(1) | {
        "home": {"address": "架空市見本町１－２－３"},
        "guardians": [{"guardian_name": "髙﨑　花子"}, {"guardian_name": "髙﨑　次郎"}],
    }
    assert line.register_system.records() == [(0, carried), (1, person(2))]
    assert line.facts(receipt.message_id) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    recorded = line.journal.trace(receipt.message_id)[0]
    assert tuple(recorded["header"]["withheld"]) == WITHHELD
    assert recorded["header"]["item_sets"] == [
        sorted(["internal_no", "name", "update_seq", "control_flag_recovery"])
        if number
        else sorted([*person(), "home.address", "guardians[].guardian_name"])
        for number in (0, 1)
    ]


async def test_the_attempt_is_a_fact_before_the_system_hears_anything(line):
    facts = []

    def answer(delivery):
        facts.extend(line.facts(delivery.message_id))
        return {0: Accepted()}

    line.register_system.answer = answer
    receipt = await line.outbox.send("person.put", [person()], key=b"k1")
    await line.settlement(receipt.message_id)
    assert facts == ["message.recorded", "delivery.attempted"]


async def test_each_record_ends_on_its_own(line):
    line.register_system.answer = lambda delivery: {
        0: Accepted(),
        1: Duplicate(),
        2: RefusedRecord("register_full", "name"),
        5: RefusedRecord("架空　太郎", "架空　太郎"),
    }
    records = [person(0), person(1), person(2), person(3, surplus=1), Unreadable("undecodable_bytes"), person(5), 7]
    receipt = await line.outbox.send("person.put", records, key=b"k1")
    heard = await line.settlement(receipt.message_id)
    assert heard == {
        0: Accepted(),
        1: Duplicate(),
        2: RefusedRecord("register_full", "name"),
        3: RefusedRecord("unknown_field", f"unknown:{len(person()) + 1}:1"),
        4: RefusedRecord("undecodable_bytes"),
        5: RefusedRecord("refused_by_system"),
        6: RefusedRecord("not_an_object"),
    }
    assert "surplus" not in json.dumps(line.journal.trace(receipt.message_id))
    assert "太郎" not in json.dumps(line.journal.trace(receipt.message_id), ensure_ascii=False)


async def test_the_destination_is_asked_before_anything_is_sealed_for_it(line):
    """The office may send a number in a text that the register's interface refuses: here both refuse it."""
    bad = person(1, name=f"太郎 {NUMBER}")
    receipt = await line.outbox.send("person.put", [bad, person(2)], key=b"k1")
    assert (await line.settlement(receipt.message_id))[0] == RefusedRecord("individual_number_in_text", "name")
    assert [index for index, _ in line.register_system.records()] == [1]


async def test_a_message_of_refused_records_alone_is_recorded_and_settled(line):
    receipt = await line.outbox.send("person.put", [person(1, name="")], key=b"k1")
    assert await line.settlement(receipt.message_id) == {0: RefusedRecord("too_short", "name")}
    assert line.facts(receipt.message_id) == ["message.recorded"]
    assert line.status(receipt.message_id).ended
    assert line.register_system.deliveries == []


@pytest.mark.parametrize(
    ("operation", "records", "code"),
    [
        ("person.unrouted", [{"internal_no": "1"}], "no_route"),
        ("person.unheard_of", [person()], "unknown_operation"),
        ("person.put", [], "no_records"),
        ("person.put", [person()] * 1001, "too_many_records"),
    ],
)
async def test_a_whole_refusal_is_a_fact_before_the_sender_hears_it(line, operation, records, code):
    arrival = line.office.arrival(operation, tuple(records), entrance="outbox")
    with pytest.raises(Refused, match=code):
        await line.office.take(arrival)
    (fact,) = line.journal.trace(arrival.message_id)
    assert (fact["kind"], fact["stage"], fact["code"]) == ("message.refused", "edge", code)
    (told,) = line.told("message.refused")
    known = {} if code == "unknown_operation" else {"operation": operation}
    assert told == {"tenant": TENANT, "connector": OFFICE, "message_id": arrival.message_id, "code": code} | known
    assert "unheard_of" not in json.dumps([fact, told])
    assert line.register_system.deliveries == []


async def test_a_persons_records_arrive_in_order_over_messages_and_within_one(line):
    sent = [[person(1, seq=n), person(2, seq=n), person(1, seq=n + 1)] for n in range(0, 20, 2)]
    receipts = [await line.outbox.send("person.put", records, key=b"%d" % n) for n, records in enumerate(sent)]
    await line.settlement(receipts[-1].message_id)
    for name in ("0000000001", "0000000002"):
        seqs = [r["update_seq"] for _, r in line.register_system.records() if r["internal_no"] == name]
        assert seqs == sorted(seqs)
    assert len(line.register_system.records()) == 30
    waves = [[record.internal_no for _, record in each.records] for each in line.register_system.deliveries]
    assert all(len(set(wave)) == len(wave) for wave in waves)


async def test_an_act_is_noted_with_a_keyed_reference(line):
    await line.outbox.note(Act.FILE_TAKEN, reference=b"city.csv", counts={"rows": 3})
    (fact,) = [each for each in line.every_fact() if each["kind"] == "connector.noted"]
    said = fact["statement"]
    assert (said["act"], said["counts"], said["connector"], said["tenant"]) == (
        "file_taken",
        {"rows": 3},
        OFFICE,
        TENANT,
    )
    assert said["reference"] == line.site.office.reference("note", b"city.csv")


async def test_an_act_says_why_in_a_word_that_is_known(line):
    await line.outbox.note(Act.PROVISION_REFUSED, reference=b"PV-1", counts={"refused": 1}, code="no_such_person")
    await line.outbox.note(Act.PROVISION_REFUSED, reference=b"PV-2", counts={"refused": 1}, code="Hanako Kaku")
    facts = [each["statement"] for each in line.every_fact() if each["kind"] == "connector.noted"]
    assert [each["code"] for each in facts] == ["no_such_person", "refused_by_system"]


async def test_what_the_hub_knows_of_a_message_is_for_its_sender_only(line):
    receipt = await line.outbox.send("person.put", [person()], key=b"k1")
    await line.settlement(receipt.message_id)
    found = await line.office.status(receipt.message_id)
    assert found is not None
    assert (endings(found[0]), found[1]) == ({0: ("accepted", None)}, None)
    assert await line.register.status(receipt.message_id) is None
    assert await line.office.status("no-such-message") is None


async def test_an_edge_cannot_hang_its_refusal_on_anothers_message(line):
    receipt = await line.outbox.send("person.put", [person()], key=b"k")
    await line.settlement(receipt.message_id)
    stray = replace(line.register.arrival("person.find", b"[", entrance="outbox"), message_id=receipt.message_id)
    with pytest.raises(Refused, match="message_id_reused"):
        await line.register.refuse(stray, "not_json")
    stages = [each.get("stage") for each in line.journal.trace(receipt.message_id) if each["kind"] == "message.refused"]
    assert "edge" not in stages
