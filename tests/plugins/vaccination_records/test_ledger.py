"""What the ledger keeps of templates, doses and notices, and what it refuses (F40, F41, F42, F48, F55)."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ValidationError

from gateway_vaccination_records.interface.city import PulledDose, PulledRecords
from gateway_vaccination_records.record_system.layout import LAYOUT
from gateway_vaccination_records.record_system.ledger import Entered
from gateway_vaccination_records.record_system.ledger_models import RegistrationsBody
from gateway_vaccination_records.record_system.versions import Verdict, written
from tests.plugins.vaccination_records.entries import CLINIC, OTHER_CLINIC, given, management, notice, record, template
from tests.plugins.vaccination_records.subjects import (
    CITY,
    OTHER_CITY,
    delete,
    deletion,
    individual_number,
    message_id,
    register,
    subject,
)
from tests.plugins.vaccination_records.test_area import encodings, on_disk
from tests.plugins.vaccination_records.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    made.register(1, 2)
    yield made
    made.area.close()


def entered(answer: Entered | Verdict) -> str:
    assert isinstance(answer, Entered)
    return answer.vaccination_record_id


@pytest.mark.parametrize(
    ("operation", "make", "changed"),
    [
        ("template", template, {"template_name": "架空別名"}),
        ("management", management, {"not_eligible_flag": True}),
        ("record", record, {"caution_flag": False}),
        ("notice", notice, {"notice_title": "架空別件"}),
    ],
)
def test_of_each_kind_the_higher_version_stands(town: Town, operation: str, make: Any, changed: dict[str, Any]) -> None:
    assert town.keep(operation, make(1, seq=2)) == ["accepted"]
    assert town.keep(operation, make(1, seq=2), make(1, seq=2, **changed), make(1)) == [
        "duplicate",
        "version_conflict",
        "superseded",
    ]
    assert town.keep(operation, make(1, seq=3, **changed), make(2)) == ["accepted", "accepted"]
    ahead = (town.now + timedelta(days=2)).isoformat()
    assert town.keep(operation, make(1, updated_at=ahead)) == ["out_of_range"]
    assert town.count(f"{operation}s") == 2


def test_a_repeat_of_message_id_and_index_gets_its_first_verdict(town: Town) -> None:
    rows = [record(1), record(9), record(2, municipality_code=OTHER_CITY)]
    first = town.keep("record", *rows, message=5000)
    assert first == ["accepted", "no_such_person", "wrong_municipality"]
    town.keep("record", record(1, seq=2))
    town.register(9)
    town.again()
    assert town.keep("record", *rows, message=5000) == first
    assert town.count("records") == 1


def test_a_failed_commit_leaves_nothing_behind(town: Town) -> None:
    town.area._db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.outcome BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(sqlite3.Error):
        town.keep("record", record(1))
    assert (town.count("records"), town.count("due_research")) == (0, 0)


def test_unknown_and_deleted_persons_have_no_entries(town: Town) -> None:
    town.store(delete(0, deletion(2, seq=2)))
    for operation, make in (("management", management), ("record", record), ("notice", notice)):
        assert town.keep(operation, make(3), make(2)) == ["no_such_person", "no_such_person"]
    assert town.pull(2) is None


def test_a_dose_of_a_deleted_person_can_still_be_withdrawn(town: Town) -> None:
    town.keep("record", record(1), record(2))
    town.store(delete(0, deletion(2, seq=2)))
    assert town.keep("record", record(2, seq=2), record(3, person=2, is_deleted=True)) == ["no_such_person"] * 2
    assert town.keep("record", record(1, seq=2, person=2, is_deleted=True)) == ["no_such_person"], "it is another's"
    assert town.keep("record", record(2, seq=2, is_deleted=True)) == ["accepted"]


def test_an_item_stands_once_in_a_template_and_never_in_the_doctors_place(town: Town) -> None:
    item = {"item_id": "Q1", "question_text": "架空の設問", "answer_kind": "yesno"}
    for items in ([item, item], [item, {**item, "item_id": "doctor-judgement"}]):
        assert town.keep("template", template(1, items=items)) == ["item_exists"]
    assert town.count("templates") == 0


def test_an_entry_belongs_to_one_person(town: Town) -> None:
    for operation, make in (("management", management), ("record", record), ("notice", notice)):
        assert town.keep(operation, make(1), make(1, seq=2, person=2)) == ["accepted", "not_yours"]
    assert town.keep("record", record(7, person=2, vaccination_management_id="MANAGEMENT-000001")) == ["not_yours"]


def test_a_dose_has_one_record_until_that_is_deleted(town: Town) -> None:
    again: dict[str, Any] = {"vaccination_record_id": "RECORD-AGAIN"}
    assert town.keep("record", record(1)) == ["accepted"]
    assert town.keep("record", record(1, **again)) == ["dose_exists"]
    assert town.keep("record", record(1, seq=2, is_deleted=True), record(1, **again)) == ["accepted", "accepted"]
    assert town.keep("record", record(1, seq=3)) == ["dose_exists"], "the first one does not come back beside it"
    held = {each["vaccination_record_id"]: each["is_deleted"] for each in town.pull(1)["records"]}
    assert held == {"RECORD-000001": True, "RECORD-AGAIN": False}


def test_a_clinic_enters_corrects_and_deletes_its_own_records_only(town: Town) -> None:
    assert town.enter(1, CLINIC, given(1)) is Verdict.NOT_YOURS, "no such dose is due"
    town.keep("management", management(1), management(2), management(3, person=1))
    assert town.enter(1, CLINIC, given(2)) is Verdict.NOT_YOURS, "the dose is due of somebody else"
    name = entered(town.enter(1, CLINIC, given(1)))
    assert not any(letter.isdigit() for letter in name)
    assert town.enter(1, OTHER_CLINIC, given(1)) is Verdict.DOSE_EXISTS
    mine: dict[str, Any] = {"vaccination_record_id": name}
    assert town.enter(1, OTHER_CLINIC, given(1, seq=2, **mine)) is Verdict.NOT_YOURS
    assert town.enter(2, CLINIC, given(2, seq=2, **mine)) is Verdict.NOT_YOURS
    assert town.enter(1, CLINIC, given(1, seq=2, vaccination_record_id="RECORD-NONE")) is Verdict.NOT_YOURS
    town.keep("record", record(3, person=1))
    assert town.enter(1, CLINIC, given(3, seq=2, vaccination_record_id="RECORD-000003")) is Verdict.NOT_YOURS
    assert entered(town.enter(1, CLINIC, given(1, **mine))) == name, "the same again is no new state"
    assert town.enter(1, CLINIC, given(1, seq=0, **mine)) is Verdict.SUPERSEDED
    assert town.enter(1, CLINIC, given(1, lot_no="LOT-9", **mine)) is Verdict.VERSION_CONFLICT
    assert entered(town.enter(1, CLINIC, given(1, seq=2, is_deleted=True, **mine))) == name
    assert entered(town.enter(1, OTHER_CLINIC, given(1))) != name


def test_the_city_corrects_what_a_clinic_entered_and_the_clinic_may_go_on(town: Town) -> None:
    town.keep("management", management(1))
    name = entered(town.enter(1, CLINIC, given(1)))
    assert town.keep("record", record(1, vaccination_record_id=name)) == ["version_conflict"]
    assert town.keep("record", record(1, seq=2, vaccination_record_id=name)) == ["accepted"]
    assert town.enter(1, CLINIC, given(1, seq=2, vaccination_record_id=name)) is Verdict.VERSION_CONFLICT
    assert entered(town.enter(1, CLINIC, given(1, seq=3, vaccination_record_id=name))) == name


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ("record", "vaccination_record_id"),
        ("record", "vaccination_management_id"),
        ("management", "combination_no"),
        ("notice", "notice_id"),
    ],
)
@pytest.mark.parametrize("hidden", ["{}", "2026-{}-1"])
def test_rule_2_no_id_that_others_are_told_is_or_holds_the_number_of_somebody_known(
    town: Town, operation: str, named: str, hidden: str
) -> None:
    made: Any = {"record": record, "management": management, "notice": notice}[operation]
    before = town.area.counts()
    known = hidden.format(individual_number(2))
    assert town.keep(operation, made(1, **{named: known})) == ["individual_number_in_text"]
    assert town.area.counts() == before
    nobodys = hidden.format(individual_number(99))
    assert town.keep(operation, made(1, **{named: nobodys})) == ["accepted"], "the city's own may be twelve digits"


def test_a_wrong_check_digit_of_a_gtin_is_a_refusal(town: Town) -> None:
    for gtin in ("04999999000004", "6291041500213x", "629104150021"):
        with pytest.raises(ValidationError):
            RegistrationsBody.model_validate(
                {
                    "message_id": message_id(1),
                    "rows": [{"index": 0, "operation": "record", "record": record(1, gtin=gtin)}],
                }
            )
    assert town.keep("record", record(2, gtin="6291041500213")) == ["accepted"]


def test_a_pull_is_exactly_what_the_interface_says_and_tells_when_it_changed(town: Town) -> None:
    assert town.pull(1, OTHER_CITY) is None
    registered = town.now
    assert PulledRecords.model_validate(town.pull(1)).records is None
    town.now += timedelta(hours=1)
    town.keep("record", record(1))
    pulled = PulledRecords.model_validate(town.pull(1))
    assert datetime.fromisoformat(pulled.data_changed_at) == registered + timedelta(hours=1)
    assert pulled.records is not None
    dose = pulled.records[0].model_dump(exclude_none=True)
    assert dose == {name: record(1)[name] for name in PulledDose.model_fields}
    town.now += timedelta(minutes=30)
    assert town.keep("notice", notice(1)) + town.keep("management", management(1)) == ["accepted"] * 2
    assert town.pull(1)["data_changed_at"] == "2026-04-01T01:00:00Z", "it tells nothing of what it does not hold"
    town.now += timedelta(minutes=30)
    town.store(register(0, subject(1, seq=2)))
    assert town.pull(1)["data_changed_at"] == "2026-04-01T02:00:00Z"
    assert town.pull(2)["data_changed_at"] == "2026-04-01T00:00:00Z", "of that person only"


def test_a_time_is_written_as_it_is_read() -> None:
    assert written(1) == "1970-01-01T00:00:00.000001Z"
    assert written(0) == "1970-01-01T00:00:00Z"


def test_the_disk_holds_no_value_of_the_ledger_in_any_encoding(town: Town, tmp_path: Path) -> None:
    one = 4711
    town.register(one)
    town.issue(1, 2, one)
    for operation, make in (("template", template), ("management", management), ("record", record), ("notice", notice)):
        town.keep(operation, make(one))
    town.keep("management", management(4712, person=one))
    town.enter(one, CLINIC, given(4712))
    town.link(one, "PSEUDONYM-CANARY")
    town.due("notice"), town.due("return")
    batch = town.sending("id5").id
    town.ended("id5", batch, {"status": "done", "record": {"pmh_key": f"PMHKEY{one:06d}", "id5": "ID5-CANARY-01"}})
    assert len(town.due("research")) == 2
    values = {
        str(value)
        for made in (template, management, record, notice)
        for value in made(one).values()
        if isinstance(value, str)
    }
    canaries = {value for value in values if len(value) >= 8 and not value.startswith("20")} - {"9999-12-31"}
    canaries |= {CLINIC, f"PMHKEY{one:06d}", "PSEUDONYM-CANARY", "ID5-CANARY-01", "架空の設問4711?"}
    assert len(canaries) >= 20
    disk = on_disk(tmp_path)
    found = [canary for canary in canaries for needle in encodings(canary) if needle in disk]
    assert found == []
    assert CITY.encode() in disk, "the search finds what is there"


def test_an_area_from_before_there_was_a_ledger_opens_and_its_persons_changed_when_they_say(town: Town) -> None:
    """Layout 2: the state of a person did not say when it was taken."""
    town.area._db.executescript("DROP TABLE due; DROP TABLE entry_state; DROP TABLE entry; DROP TABLE answer_set;")
    town.area._db.executescript("ALTER TABLE state DROP COLUMN changed; UPDATE area SET layout = 2;")
    for _ in range(2):
        town.again()
        assert town.area._db.execute("SELECT layout FROM area").fetchone() == (LAYOUT,)
        assert town.pull(1)["data_changed_at"] == "2025-04-01T00:00:00Z", "its updated_at, which is all that is known"
    assert town.keep("record", record(1)) == ["accepted"]


clinics = st.sampled_from([CLINIC, OTHER_CLINIC])


class Doses(RuleBasedStateMachine):
    """A city and two clinics write records of two doses in any order, some twice; and now and then the power fails."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.town = Town(Path(self.folder.name))
        self.town.register(1)
        self.town.keep("management", management(1), management(2, person=1))
        self.latest: dict[str, tuple[int, int, bool]] = {}
        self.names: dict[str, list[str]] = {CLINIC: [], OTHER_CLINIC: []}
        self.verdicts: dict[int, tuple[dict[str, Any], str]] = {}

    def teardown(self) -> None:
        self.town.area.close()
        self.folder.cleanup()

    def expected(self, name: str | None, dose: int, seq: int, *, is_deleted: bool) -> str:
        """What the rules say: versions first, then one record of a dose."""
        if name in self.latest and seq <= self.latest[name][1]:
            return "not newer"
        taken = any(other != name and at == dose and not deleted for other, (at, _, deleted) in self.latest.items())
        return "dose_exists" if taken and not is_deleted else "accepted"

    @rule(name=st.sampled_from("ABC"), dose=st.integers(1, 2), seq=st.integers(0, 6), is_deleted=st.booleans())
    def the_city_registers(self, name: str, dose: int, seq: int, *, is_deleted: bool) -> None:
        expected = self.expected(name, dose, seq, is_deleted=is_deleted)
        row = record(dose, person=1, seq=seq, vaccination_record_id=name, is_deleted=is_deleted)
        message = 5000 + len(self.verdicts)
        verdict = self.town.keep("record", row, message=message)[0]
        self.verdicts[message] = (row, verdict)
        if expected == "not newer":
            assert verdict in ("superseded", "version_conflict", "duplicate")
        else:
            assert verdict == expected
        if verdict == "accepted":
            self.latest[name] = (dose, seq, is_deleted)

    @rule(clinic=clinics, dose=st.integers(1, 2), seq=st.integers(0, 6))
    def a_clinic_enters(self, clinic: str, dose: int, seq: int) -> None:
        expected = self.expected(None, dose, seq, is_deleted=False)
        answer = self.town.enter(1, clinic, given(dose, seq=seq))
        if expected == "accepted":
            self.names[clinic].append(entered(answer))
            self.latest[entered(answer)] = (dose, seq, False)
        else:
            assert answer is Verdict.DOSE_EXISTS

    @precondition(lambda self: any(self.names.values()))
    @rule(data=st.data(), clinic=clinics, seq=st.integers(0, 6), is_deleted=st.booleans())
    def a_clinic_corrects(self, data: st.DataObject, clinic: str, seq: int, *, is_deleted: bool) -> None:
        name = data.draw(st.sampled_from([each for names in self.names.values() for each in names]))
        dose = self.latest[name][0]
        expected = self.expected(name, dose, seq, is_deleted=is_deleted)
        answer = self.town.enter(1, clinic, given(dose, seq=seq, vaccination_record_id=name, is_deleted=is_deleted))
        if name not in self.names[clinic]:
            assert answer is Verdict.NOT_YOURS
        elif expected == "not newer":
            assert not isinstance(answer, Entered) or answer.vaccination_record_id == name
        elif expected == "dose_exists":
            assert answer is Verdict.DOSE_EXISTS
        else:
            assert entered(answer) == name
            self.latest[name] = (dose, seq, is_deleted)

    @precondition(lambda self: self.verdicts)
    @rule(data=st.data())
    def a_row_comes_again(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(sorted(self.verdicts)))
        row, verdict = self.verdicts[message]
        assert self.town.keep("record", row, message=message) == [verdict]

    @rule()
    def the_power_fails(self) -> None:
        self.town.again()

    @invariant()
    def the_records_are_those_and_no_dose_has_two(self) -> None:
        pulled = self.town.pull(1).get("records", ())
        held = {
            each["vaccination_record_id"]: (
                int(each["vaccination_management_id"][-1]),
                each["update_seq"],
                each["is_deleted"],
            )
            for each in pulled
        }
        assert held == self.latest
        live = [dose for dose, _, deleted in held.values() if not deleted]
        assert len(live) == len(set(live))


TestDoses = Doses.TestCase
TestDoses.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
