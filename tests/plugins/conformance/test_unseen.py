"""What stands in no reply of a connector is told: no rule sees what becomes of it."""

import asyncio

import pytest

from gateway.plugin import Interface, Operation, Payload, fields
from gateway.plugin.interface import describe
from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rules import RULES, interface
from gateway.plugin.testing.scale import State, judged
from gateway.plugin.testing.unseen import unseen
from gateway.plugin.testing.verdict import Broken
from gateway_pmh.conformance import PublicMedicalHub

(CARRIES,) = (each for each in RULES if each.id == "carries")


class Question(Payload):
    internal_no: fields.InternalNo


class Slot(Payload):
    vaccinated_on: fields.VaccinatedOn
    name: fields.Name | None = None


class Answer(Payload):
    internal_no: fields.InternalNo
    update_seq: fields.UpdateSeq | None = None
    resident_status: fields.ResidentStatus | None = None
    slots: list[Slot] | None = None


ASKED = Operation(
    name="slot.ask", label="照会", direction="receives", payload=Question, reply=Answer, person_key="internal_no"
)
(LOCKED,) = describe(
    Interface(connector="school_register", label="学齢簿システム", version="1", operations=(ASKED,))
).operations
NOBODYS = {"internal_no": "1", "update_seq": 1}


@pytest.mark.parametrize("nothing", [{}, {"slots": []}])
def test_replies_in_which_nothing_of_the_person_stands_are_not_enough(nothing):
    with pytest.raises(Broken, match=r"slot\.ask: no reply says anything of its person \(resident_status, slots"):
        unseen(LOCKED, [{**NOBODYS, **nothing}])


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        ([{"resident_status": "1"}, {"slots": []}], ["slots"]),
        ([{"resident_status": "1"}, {"slots": [{"vaccinated_on": "2026-04-01"}]}], ["slots[].name"]),
        ([{"slots": [{"vaccinated_on": "2026-04-01"}, {"name": "架空"}]}], ["resident_status"]),
    ],
)
def test_what_stands_in_none_of_the_replies_is_told(replies, told):
    assert unseen(LOCKED, [{**NOBODYS, **each} for each in replies]) == told


def test_the_rule_that_sees_replies_tells_it(monkeypatch):
    monkeypatch.setattr(interface, "unseen", lambda operation, replies: ["slots"] if replies else [])
    found = asyncio.run(judged(CARRIES, staged(PublicMedicalHub)))
    told = "never seen in a reply: confirmation.fetch: slots, pmh_key.issue: slots"
    assert (found.state, found.seen) == (State.DONE, told), found.detail
