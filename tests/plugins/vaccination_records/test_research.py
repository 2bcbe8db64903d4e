"""A dose stands at research once, under the ID5 of its person, also when the individual number was wrong (F59, I12).

Behind it is the research database's own judgement of versions.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from gateway_vaccination_db.simulated.doses import Doses
from gateway_vaccination_records.interface.research import ResearchDose
from gateway_vaccination_records.record_system.due import Sending
from tests.plugins.vaccination_records.entries import record
from tests.plugins.vaccination_records.subjects import delete, deletion, individual_number, register, subject
from tests.plugins.vaccination_records.test_due import id5_answer, key_of
from tests.plugins.vaccination_records.test_keys import key
from tests.plugins.vaccination_records.town import Town

WRONG, RIGHT = 7, 1


class Researched(Town):
    """One person with one dose; `at_research` is what the research database makes of all that was sent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._doses = Doses(None)
        self._states = 0
        self.heard: list[Mapping[str, Any]] = []

    def close(self) -> None:
        self._doses.close()
        self.area.close()

    def number(self, serial: int | None) -> None:
        """The city says that this is the person's number; None: that there is none."""
        state = subject(1, seq=self._next())
        if serial is None:
            del state["individual_number"]
        else:
            state["individual_number"] = individual_number(serial)
        self.store(register(0, state))

    def deleted(self) -> None:
        self.store(delete(0, deletion(1, seq=self._next())))

    def dose(self, **changes: Any) -> None:
        assert self.keep("record", record(1, seq=self._next(), **changes)) == ["accepted"]

    def chained(self) -> None:
        """PMH and the history lookup answer all that is asked."""
        numbers = {individual_number(serial): serial for serial in (WRONG, RIGHT)}
        if (batch := self.area.key_batch(10)) is not None:
            self.answer(batch.id, *(key(n, numbers[number]) for n, number in enumerate(batch.numbers)))
        keys = {key_of(serial): serial for serial in (WRONG, RIGHT)}
        if (asked := self.area.due("id5", 10)) is not None:
            self.ended("id5", asked.id, *(id5_answer(keys[each["pmh_key"]]) for each in asked.records))

    def go(self) -> None:
        """All that is due reaches research."""
        self.now += timedelta(days=2)
        self.chained()
        while (sending := self.area.due("research", 10)) is not None:
            self.ended("research", sending.id, *({"status": "done"} for _ in self.arrive(sending.records)))

    def arrive(self, records: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
        """They reach research, but that they did is not known."""
        for each in records:
            assert ResearchDose.model_validate(each).model_dump(exclude_none=True) == each
        self.heard += records
        verdicts = self._doses.register(f"message {len(self.heard)}", list(enumerate(records)))
        assert {*verdicts} <= {"accepted", "duplicate"}
        return records

    @property
    def at_research(self) -> list[str]:
        """Under which ID5 the dose stands."""
        standing = self._doses._db.execute("SELECT id5 FROM doses WHERE NOT is_deleted ORDER BY id5")
        return [row[0] for row in standing]

    def _next(self) -> int:
        self._states += 1
        return self._states


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Researched]:
    made = Researched(tmp_path)
    made.number(WRONG)
    made.dose()
    made.go()
    assert made.at_research == ["ID5-000007"]
    yield made
    made.close()


def test_a_dose_that_was_sent_under_a_wrong_number_stands_under_the_right_one_alone(town: Researched) -> None:
    town.number(RIGHT)
    town.go()
    assert town.at_research == ["ID5-000001"]
    assert town.count("due_research") == 0


def test_it_is_taken_back_before_the_right_number_has_an_id5(town: Researched) -> None:
    town.number(RIGHT)
    (taken_back,) = town.arrive(town.send("research"))
    assert (taken_back["id5"], taken_back["is_deleted"]) == ("ID5-000007", True)
    assert town.at_research == []
    assert (town.due("research"), town.count("due_research")) == ((), 1), "what follows waits for the ID5"
    town.go()
    assert town.at_research == ["ID5-000001"]


def test_a_deletion_after_the_correction_reaches_the_dose_where_it_stands(town: Researched) -> None:
    town.number(RIGHT)
    town.dose(is_deleted=True)
    town.go()
    assert town.at_research == []


def test_a_deletion_of_a_dose_whose_person_has_no_number_any_more_reaches_it(town: Researched) -> None:
    town.number(None)
    town.dose(is_deleted=True)
    town.go()
    assert town.at_research == []


def test_a_correction_while_the_dose_is_under_way_takes_back_what_may_have_arrived(town: Researched) -> None:
    town.dose(lot_no="LOT-0002")
    under_way = town.sending("research")
    town.number(RIGHT)
    town.arrive(under_way.records)
    town.ended("research", under_way.id, {"status": "done"})
    town.go()
    assert town.at_research == ["ID5-000001"]


def test_a_number_that_was_right_after_all_has_the_dose_again(town: Researched) -> None:
    town.number(RIGHT)
    town.go()
    town.number(WRONG)
    town.go()
    assert town.at_research == ["ID5-000007"]


def test_a_person_who_is_deleted_and_comes_back_is_the_same_at_research(town: Researched) -> None:
    heard = len(town.heard)
    town.deleted()
    town.number(WRONG)
    town.go()
    assert (town.at_research, len(town.heard)) == (["ID5-000007"], heard)


def test_a_person_who_was_deleted_after_the_correction_leaves_nothing_under_the_wrong_number(town: Researched) -> None:
    town.number(RIGHT)
    town.deleted()
    town.go()
    assert town.at_research == []


def test_an_area_that_did_not_know_what_research_has_takes_it_back_all_the_same(town: Researched) -> None:
    """Layout 3."""
    town.area._db.executescript("DROP TABLE at_research; UPDATE area SET layout = 3;")
    town.again()
    town.number(RIGHT)
    town.go()
    assert town.at_research == ["ID5-000001"]


def test_what_two_batches_take_back_goes_out_anew_whichever_ends_first(town: Researched) -> None:
    town.number(RIGHT)
    town.chained()
    first = town.sending("research")
    town.dose(lot_no="LOT-0002")
    second = town.area.due("research", 10, [first.id])
    assert second is not None
    for each in (first, second):
        town.arrive(each.records)
        town.ended("research", each.id, {"status": "done"})
    town.go()
    assert town.at_research == ["ID5-000001"]


def test_what_is_taken_back_tells_nothing_new_of_the_person_under_anothers_id5(town: Researched) -> None:
    (there,) = town.heard
    state = subject(1, seq=town._next()) | {"individual_number": individual_number(RIGHT), "birth_date": "2024-11-03"}
    town.store(register(0, state | {"sex": "2" if there["sex"] == "1" else "1"}))
    town.dose(lot_no="LOT-0002")
    (taken_back,) = town.arrive(town.send("research"))
    changed = {name for name in there.keys() | taken_back.keys() if there.get(name) != taken_back.get(name)}
    assert changed == {"is_deleted", "updated_at", "update_seq"}


@pytest.mark.parametrize("deleted", [False, True])
def test_an_older_area_takes_back_what_was_sent_under_a_number_that_had_been_corrected(
    town: Researched, deleted: bool
) -> None:
    """Layout 3 left it where it stood; of a deleted person it knew the number by the former state alone."""
    town.deleted() if deleted else town.number(RIGHT)
    town.area._db.executescript(
        "DROP TABLE at_research; DELETE FROM due WHERE kind = 'research'; UPDATE area SET layout = 3;"
    )
    town.again()
    town.number(RIGHT)
    town.go()
    assert town.at_research == ["ID5-000001"]


def test_an_older_area_tells_nothing_under_a_former_number_that_was_given_after_it(town: Researched) -> None:
    """Of the dose that was sent it is taken back as it was; of a later one there is nothing to take back."""
    heard = len(town.heard)
    town.now += timedelta(days=1)
    town.number(RIGHT)
    town.now += timedelta(days=1)
    town.dose(lot_no="LOT-0002")
    other = record(2, person=1, seq=town._next())
    assert town.keep("record", other) == ["accepted"]
    town.area._db.executescript(
        "DROP TABLE at_research; CREATE TABLE at_research (entry, pmh_key); UPDATE area SET layout = 4;"
        " DELETE FROM due WHERE kind = 'research';"
    )
    town.again()
    town.go()
    under_the_former = [each for each in town.heard[heard:] if each["id5"] == "ID5-000007"]
    assert [(each["lot_no"], each["is_deleted"]) for each in under_the_former] == [(town.heard[0]["lot_no"], True)]
    assert town.at_research == ["ID5-000001", "ID5-000001"]


class Corrections(RuleBasedStateMachine):
    """Numbers, doses and persons come and go in any order, and what is sent arrives or not before that is known."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.town = Researched(Path(self._folder.name))
        self._number: int | None = WRONG
        self._stands, self._here = False, True
        self._under_way: list[Sending] = []
        self.town.number(WRONG)

    def teardown(self) -> None:
        """In the end the dose stands once, and only under the number of now."""
        if self._here:
            self.town.go()
            assert self.town.at_research == ([f"ID5-{self._number:06d}"] if self._stands and self._number else [])
        self.town.close()
        self._folder.cleanup()

    @rule(number=st.sampled_from([WRONG, RIGHT, None]))
    def another_number(self, number: int | None) -> None:
        self.town.number(number)
        self._number, self._here = number, True

    @rule(is_deleted=st.booleans())
    def another_state(self, is_deleted: bool) -> None:
        if self._here:
            self.town.dose(is_deleted=is_deleted)
            self._stands = not is_deleted

    @rule()
    def person_deleted(self) -> None:
        if self._here:
            self.town.deleted()
            self._here = False

    @rule()
    def chained(self) -> None:
        self.town.chained()

    @rule(beside=st.booleans())
    def drawn(self, beside: bool) -> None:
        """As the connector draws: beside what is under way, or, when it begins anew, that once more."""
        besides = [each.id for each in self._under_way] if beside else []
        sending = self.town.area.due("research", 10, besides)
        if sending is not None:
            self._under_way = [each for each in self._under_way if each.id != sending.id] + [sending]

    @precondition(lambda self: self._under_way)
    @rule(data=st.data(), arrives=st.booleans(), status=st.sampled_from(["done", "again", "none"]))
    def ended(self, data: st.DataObject, arrives: bool, status: str) -> None:
        """In any order."""
        sending = self._under_way.pop(data.draw(st.integers(0, len(self._under_way) - 1)))
        if arrives or status == "done":
            self.town.arrive(sending.records)
        if status != "none":
            self.town.ended("research", sending.id, *({"status": status} for _ in sending.records))

    @rule()
    def restarted(self) -> None:
        self.town.again()
        self._under_way = []


TestCorrections = Corrections.TestCase
TestCorrections.settings = settings(max_examples=20, stateful_step_count=12, deadline=None)
