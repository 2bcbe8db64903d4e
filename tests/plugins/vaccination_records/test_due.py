"""What goes out by itself, when, and what becomes of it: notices (F48), doses (F42, F59) and ID5 (F56, F58)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_vaccination_records.interface.city import ReturnedRecord
from gateway_vaccination_records.interface.research import ResearchDose, WantedId5
from gateway_vaccination_records.interface.resident import Notice
from gateway_vaccination_records.record_system.ledger import Entered
from gateway_vaccination_records.record_system.ledger_models import EndedBody
from gateway_vaccination_records.record_system.pauses import FIRST_PAUSE
from tests.plugins.vaccination_records.entries import CLINIC, given, management, notice, record
from tests.plugins.vaccination_records.subjects import delete, deletion, individual_number, register, subject
from tests.plugins.vaccination_records.test_keys import key
from tests.plugins.vaccination_records.town import Town

DONE = {"status": "done"}
AGAIN = {"status": "again"}
REFUSED = {"status": "refused", "code": "no_such_person"}


def key_of(serial: int) -> str:
    return str(key(0, serial)["pmh_key"])


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    made.register(1, 2)
    yield made
    made.area.close()


def id5_answer(serial: int, id5: str | None = None, of: int | None = None) -> dict[str, Any]:
    return {"status": "done", "record": {"pmh_key": key_of(of or serial), "id5": id5 or f"ID5-{serial:06d}"}}


def enter(town: Town, serial: int, **changes: Any) -> str:
    town.keep("management", management(serial))
    answer = town.enter(serial, CLINIC, given(serial, **changes))
    assert isinstance(answer, Entered)
    return answer.vaccination_record_id


def have_id5(town: Town, serial: int) -> None:
    town.ended("id5", town.sending("id5").id, id5_answer(serial))


def test_a_notice_waits_until_its_person_is_linked_and_then_goes_out_as_it_is(town: Town) -> None:
    town.keep("notice", notice(1), notice(2))
    assert town.due("notice") == ()
    assert town.count("notices_not_linked") == 2
    town.issue(1, 2)
    assert town.due("notice") == ()
    town.link(1, "PSEUDONYM-1")
    assert town.count("notices_not_linked") == 1
    (sent,) = town.send("notice")
    assert Notice.model_validate(sent).model_dump() == sent
    assert sent["pmh_pseudonym_id"] == "PSEUDONYM-1"
    assert town.due("notice") == ()
    assert (town.count("due_notice"), town.count("notices_not_linked")) == (1, 1)


@pytest.mark.parametrize("flag", ["control_flag_nondisclosure", "control_flag_view_suspended"])
def test_rule_5_no_notice_is_given_out_for_a_flagged_person_not_even_one_of_a_batch_that_was_drawn(
    town: Town, flag: str
) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.link(2, "PSEUDONYM-2")
    town.keep("notice", notice(1), notice(2))
    assert len(town.due("notice")) == 2
    town.store(register(0, subject(1, seq=2, **{flag: True})))
    assert [each["notice_id"] for each in town.due("notice")] == [notice(2)["notice_id"]]
    town.send("notice")
    assert town.due("notice") == ()
    town.store(register(0, subject(1, seq=3)))
    assert [each["notice_id"] for each in town.send("notice")] == [notice(1)["notice_id"]]


def test_nothing_goes_to_a_deleted_person(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1))
    town.keep("record", record(1))
    have_id5(town, 1)
    town.store(delete(0, deletion(1, seq=2)))
    assert (town.due("notice"), town.due("research")) == ((), ())


def test_a_number_that_two_persons_have_names_neither(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1))
    town.store(register(0, subject(3, individual_number=individual_number(1))))
    assert town.due("notice") == ()
    town.store(register(0, subject(3, seq=2)))
    assert len(town.due("notice")) == 1


def test_the_same_batch_is_given_until_it_is_ended_also_after_a_restart(town: Town) -> None:
    enter(town, 1)
    first = town.sending("return", 1)
    enter(town, 2)
    town.again()
    town.now += timedelta(days=30)
    assert town.sending("return", 10) == first
    assert town.ended("return", "0" * 32, DONE) == ["kept"], "another batch's end is not this one's"
    assert town.sending("return", 10) == first
    town.ended("return", first.id, DONE)
    assert town.sending("return", 10).id != first.id


def test_besides_what_is_under_way_another_batch_is_given_and_no_record_is_in_two(town: Town) -> None:
    for serial in (1, 2):
        enter(town, serial)
    first = town.sending("return", 1)
    second = town.area.due("return", 1, (first.id,))
    assert second is not None
    assert {each["internal_no"] for each in (*first.records, *second.records)} == {
        subject(serial)["internal_no"] for serial in (1, 2)
    }
    assert town.area.due("return", 1, (first.id, second.id)) is None
    town.again()
    assert town.area.due("return", 1, (second.id,)) == first
    assert town.area.due("return", 1, (first.id,)) == second
    town.ended("return", second.id, DONE)
    assert town.sending("return") == first


def test_what_waits_for_people_is_counted(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1), notice(2))
    enter(town, 1)
    assert town.area.waiting() == {"disputes": 0, "refused": 0, "notices_asleep": 0}
    town.ended("return", town.sending("return").id, REFUSED)
    town.send("notice")
    assert town.area.waiting() == {"disputes": 0, "refused": 1, "notices_asleep": 1}


def test_a_batch_dissolves_if_what_it_holds_may_not_go_as_it_was(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1))
    first = town.sending("notice")
    town.link(1, "PSEUDONYM-NEW")
    second = town.sending("notice")
    assert second.id != first.id
    assert second.records[0]["pmh_pseudonym_id"] == "PSEUDONYM-NEW"


def test_refused_is_sent_no_more_and_seen_and_the_rest_again_after_a_pause(town: Town) -> None:
    enter(town, 1), enter(town, 2)
    batch = town.sending("return")
    assert town.ended("return", batch.id, REFUSED) == ["kept"], "a row that is left out is sent again"
    assert (town.count("due_return"), town.count("refused_return")) == (1, 1)
    pause, again = FIRST_PAUSE, batch
    for _ in range(3):
        town.now += pause - timedelta(seconds=1)
        assert town.due("return") == ()
        town.now += timedelta(seconds=1)
        again = town.sending("return")
        assert again.records == batch.records[1:]
        town.ended("return", again.id, AGAIN)
        pause *= 2
    town.store(register(0, subject(1, seq=2)))
    town.now += timedelta(days=2)
    assert again.records == town.send("return")
    assert (town.count("due_return"), town.count("refused_return")) == (0, 1)


@pytest.mark.parametrize("pseudonym", ["PSEUDONYM-1B", "PSEUDONYM-1"], ids=["another", "the same anew"])
def test_a_notice_that_the_portal_refused_is_due_again_with_a_new_link(town: Town, pseudonym: str) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1))
    town.ended("notice", town.sending("notice").id, REFUSED)
    assert (town.due("notice"), town.count("refused_notice")) == ((), 1)
    town.link(1, pseudonym)
    assert [each["pmh_pseudonym_id"] for each in town.send("notice")] == [pseudonym]
    assert (town.count("due_notice"), town.count("refused_notice")) == (0, 0)


def test_a_refusal_that_comes_after_a_new_link_is_not_for_good(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.link(2, "PSEUDONYM-2")
    town.keep("notice", notice(1), notice(2))
    under_way = town.sending("notice")
    town.link(1, "PSEUDONYM-1B")
    town.ended("notice", under_way.id, REFUSED, REFUSED)
    assert town.count("refused_notice") == 1, "that of the other one, whose link is what it was"
    assert [each["pmh_pseudonym_id"] for each in town.send("notice")] == ["PSEUDONYM-1B"]
    assert town.count("due_notice") == 0


def test_what_the_portal_took_before_a_new_link_is_not_sent_again(town: Town) -> None:
    town.issue(1, 2)
    town.link(1, "PSEUDONYM-1")
    town.keep("notice", notice(1))
    under_way = town.sending("notice")
    town.link(1, "PSEUDONYM-1B")
    town.ended("notice", under_way.id, DONE)
    assert (town.due("notice"), town.count("due_notice")) == ((), 0)


def test_a_notice_that_was_refused_under_a_wrong_number_goes_out_under_the_right_one(town: Town) -> None:
    """The right one was taken for another person's, and is linked already."""
    town.register(7)
    town.issue(1, 2, 7)
    town.link(1, "PSEUDONYM-1")
    town.link(7, "PSEUDONYM-7")
    town.keep("notice", notice(1))
    town.ended("notice", town.sending("notice").id, REFUSED)
    town.store(register(0, subject(7, seq=2, individual_number=individual_number(8))))
    town.store(register(0, subject(1, seq=2, individual_number=individual_number(7))))
    assert [each["pmh_pseudonym_id"] for each in town.send("notice")] == ["PSEUDONYM-7"]


def test_a_new_state_is_sent_instead_of_one_that_was_refused_or_has_not_gone(town: Town) -> None:
    name = enter(town, 1)
    town.ended("return", town.sending("return").id, REFUSED)
    enter(town, 1, seq=2, vaccination_record_id=name)
    enter(town, 1, seq=3, vaccination_record_id=name)
    assert town.count("refused_return") == 0
    under_way = town.sending("return")
    assert [each["update_seq"] for each in under_way.records] == [3]
    enter(town, 1, seq=4, vaccination_record_id=name)
    assert town.sending("return") == under_way, "what is under way stays what it is"
    town.ended("return", under_way.id, AGAIN)
    assert [each["update_seq"] for each in town.send("return")] == [4]
    town.now += timedelta(days=1)
    assert town.due("return") == (), "and is not sent again, being old"


def test_what_clinics_entered_goes_back_to_the_city_and_its_own_does_not(town: Town) -> None:
    town.keep("record", record(2))
    name = enter(town, 1)
    (returned,) = town.send("return")
    assert ReturnedRecord.model_validate(returned).model_dump(exclude_none=True) == returned
    assert returned["vaccination_record_id"] == name
    assert returned["clinic_code"] == CLINIC
    enter(town, 1, seq=2, vaccination_record_id=name, is_deleted=True)
    assert town.keep("record", record(1, seq=3, vaccination_record_id=name)) == ["accepted"]
    assert town.due("return") == (), "the city has a newer state than that"


def test_what_was_pulled_is_returned_all_the_same_for_an_answer_may_be_lost(town: Town) -> None:
    """The city's intake drops what it has twice (C196)."""
    name = enter(town, 1)
    pulled = town.pull(1)["records"]
    assert [each["vaccination_record_id"] for each in pulled] == [name]
    assert [each["vaccination_record_id"] for each in town.send("return")] == [name]


def test_an_id5_is_asked_once_for_each_key_when_the_first_dose_appears(town: Town) -> None:
    town.keep("record", record(1))
    assert town.due("id5") == (), "there is no key yet"
    town.issue(1, 2)
    (asked,) = town.due("id5")
    assert WantedId5.model_validate(asked).pmh_key == key_of(1)
    have_id5(town, 1)
    town.keep("record", record(1, seq=2), record(3, person=1))
    assert (town.due("id5"), town.count("due_id5")) == ((), 0)


def test_doses_go_to_research_by_id5_with_the_month_of_birth_and_again_when_corrected(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1))
    assert town.due("research") == ()
    have_id5(town, 1)
    (dose,) = town.send("research")
    assert ResearchDose.model_validate(dose).model_dump(exclude_none=True) == dose
    assert (dose["id5"], dose["birth_month"]) == ("ID5-000001", "2025-01")
    town.keep("record", record(1, seq=2, is_deleted=True))
    (corrected,) = town.send("research")
    assert (corrected["update_seq"], corrected["is_deleted"]) == (2, True)


def test_research_hears_when_month_of_birth_or_sex_were_wrong(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1), record(2))
    have_id5(town, 1)
    (first,) = town.send("research")
    town.store(register(0, subject(1, seq=2, birth_date="2025-01-28", address="架空県架空市架空町九丁目")))
    assert town.due("research") == (), "it has neither day nor address"
    sent = [first]
    for seq, told in ((3, {"birth_date": "2025-02-28", "sex": "2"}), (4, {"birth_date": "2025-02-28", "sex": "1"})):
        town.store(register(0, subject(1, seq=seq, **told)))
        sent += town.send("research")
    town.keep("record", record(1, seq=2))
    sent += town.send("research")
    assert [(each["birth_month"], each["sex"]) for each in sent] == [
        ("2025-01", subject(1)["sex"]),
        ("2025-02", "2"),
        ("2025-02", "1"),
        ("2025-02", "1"),
    ]
    versions = [(datetime.fromisoformat(each["updated_at"]), each["update_seq"]) for each in sent]
    assert versions == sorted(set(versions)), "each is later than the one before"


@pytest.mark.parametrize("fate", [DONE, REFUSED, AGAIN])
def test_research_hears_what_changed_while_a_dose_was_under_way(town: Town, fate: dict[str, Any]) -> None:
    town.issue(1, 2)
    town.keep("record", record(1))
    have_id5(town, 1)
    under_way = town.sending("research")
    town.store(register(0, subject(1, seq=2, sex="9")))
    town.ended("research", under_way.id, fate)
    assert [each["sex"] for each in town.send("research")] == ["9"]
    assert town.due("research") == ()


def test_a_dose_that_was_deleted_after_its_person_reaches_research_by_the_id5_of_then(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1), record(2))
    have_id5(town, 1)
    town.send("research")
    town.store(delete(0, deletion(1, seq=2)))
    assert town.due("research") == ()
    assert town.keep("record", record(1, seq=2, is_deleted=True)) == ["accepted"]
    (withdrawn,) = town.send("research")
    assert ResearchDose.model_validate(withdrawn).model_dump(exclude_none=True) == withdrawn
    assert (withdrawn["id5"], withdrawn["is_deleted"]) == ("ID5-000001", True)


def test_an_id5_for_another_key_than_was_asked_is_a_dispute_and_not_used(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1), record(2))
    assert town.ended("id5", town.sending("id5").id, id5_answer(1, of=2), id5_answer(2)) == ["dispute", "kept"]
    assert town.area.disputes() == 1
    assert [each["id5"] for each in town.due("research")] == ["ID5-000002"]
    town.now += timedelta(days=2)
    assert town.due("id5") == (), "it is asked no more"
    assert town.count("refused_id5") == 1


@pytest.mark.parametrize("id5", ["ID5-000002", individual_number(7), individual_number(1)])
def test_an_id5_of_another_person_and_one_that_is_a_number_are_disputes(town: Town, id5: str) -> None:
    town.issue(1, 2)
    town.keep("record", record(2))
    have_id5(town, 2)
    town.keep("record", record(1))
    assert town.ended("id5", town.sending("id5").id, id5_answer(1, id5)) == ["dispute"]
    assert town.count("refused_id5") == 1


def test_an_id5_that_an_edge_withheld_is_a_dispute(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1))
    assert town.ended("id5", town.sending("id5").id, {"status": "refused", "code": "dispute"}) == ["dispute"]
    assert (town.area.disputes(), town.count("refused_id5")) == (1, 1)


def test_an_id5_that_comes_late_is_kept_if_it_was_ever_asked(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1))
    batch = town.sending("id5")
    town.ended("id5", batch.id, {"status": "done"})
    assert town.count("due_id5") == 1, "done without an ID5 is not done"
    assert town.ended("id5", None, id5_answer(1), id5_answer(2)) == ["kept", "dispute"]
    assert (town.count("due_id5"), len(town.due("research"))) == (0, 1)
    assert town.ended("id5", None, id5_answer(1)) == ["kept"]
    assert town.ended("id5", None, id5_answer(1, "ID5-OTHER")) == ["dispute"]


def test_a_corrected_number_is_asked_for_its_own_id5(town: Town) -> None:
    town.issue(1, 2)
    town.keep("record", record(1))
    have_id5(town, 1)
    town.store(register(0, subject(1, seq=2, individual_number=individual_number(7))))
    assert town.due("id5") == ()
    town.issue(7)
    assert [each["pmh_key"] for each in town.due("id5")] == [key_of(7)]


fates = st.sampled_from(["done", "again", "refused", "left out"])


class AnyOrder(RuleBasedStateMachine):
    """Doses are entered and corrected while batches go out, fail, come again and are lost in restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.town = Town(Path(self.folder.name))
        self.town.register(1, 2, 3)
        self.town.keep("management", *(management(serial) for serial in (1, 2, 3)))
        self.newest: dict[int, int] = {}
        self.names: dict[int, str] = {}
        self.taken: dict[int, int] = {}
        self.refused: set[tuple[int, int]] = set()

    def teardown(self) -> None:
        self.town.area.close()
        self.folder.cleanup()

    @rule(serial=st.integers(1, 3))
    def a_state_appears(self, serial: int) -> None:
        seq = self.newest.get(serial, 0) + 1
        known = {"vaccination_record_id": self.names[serial]} if serial in self.names else {}
        answer = self.town.enter(serial, CLINIC, given(serial, seq=seq, **known))
        assert isinstance(answer, Entered)
        self.names[serial], self.newest[serial] = answer.vaccination_record_id, seq

    @rule(how=st.lists(fates, min_size=3, max_size=3), data=st.data())
    def a_batch_goes_out(self, how: list[str], data: st.DataObject) -> None:
        sending = self.town.area.due("return", data.draw(st.integers(1, 3)))
        if sending is None:
            return
        assert self.town.area.due("return", 3) == sending
        if data.draw(st.booleans()):
            return  # it is lost; the same will come again
        states = [(int(each["internal_no"]), each["update_seq"]) for each in sending.records]
        rows = [{"index": n, "status": how[n]} for n in range(len(states)) if how[n] != "left out"]
        if not rows:
            return
        body = EndedBody.model_validate({"kind": "return", "batch": sending.id, "rows": rows})
        self.town.area.due_ended(body.kind, body.batch, body.rows)
        for (serial, seq), each in zip(states, how, strict=False):
            assert seq > self.taken.get(serial, 0), "nothing is sent after it was taken, nor after a newer one"
            if each == "done":
                self.taken[serial] = seq
            if each == "refused":
                self.refused.add((serial, seq))

    @rule()
    def time_passes(self) -> None:
        self.town.now += timedelta(days=1)

    @rule()
    def the_power_fails(self) -> None:
        self.town.again()

    @invariant()
    def every_newest_state_was_taken_or_refused_or_is_due(self) -> None:
        open_ = [s for s, seq in self.newest.items() if self.taken.get(s) != seq and (s, seq) not in self.refused]
        assert self.town.count("due_return") >= len(open_)
        assert self.town.count("refused_return") == sum(self.newest[serial] == seq for serial, seq in self.refused)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
