"""Which numbers are asked for their PMH key, when, and what becomes of the answers (rule 1; C165, C167)."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.keys import Batch
from gateway_vaccination_records.record_system.models import KeyAnswersBody, SubjectsBody
from gateway_vaccination_records.record_system.pauses import FIRST_PAUSE, LONGEST_PAUSE
from gateway_vaccination_records.record_system.seal import TenantKey
from tests.plugins.vaccination_records.subjects import (
    CITY,
    delete,
    deletion,
    individual_number,
    message_id,
    register,
    subject,
)
from tests.plugins.vaccination_records.test_area import encodings, on_disk

MASTER = os.urandom(32)


class City:
    """An area with a clock that is set by hand, and a short way to speak to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = datetime(2026, 4, 1, tzinfo=UTC)
        self._messages = 0
        self.area = self._opened()

    def _opened(self) -> Area:
        return Area(self.folder, CITY, TenantKey(MASTER, CITY), clock=lambda: self.now)

    def again(self) -> None:
        """What is in memory goes, what is on disk stays."""
        self.area.close()
        self.area = self._opened()

    def store(self, *rows: dict[str, Any]) -> None:
        self._messages += 1
        body = SubjectsBody.model_validate({"message_id": message_id(self._messages), "rows": list(rows)})
        assert {*self.area.store(body.message_id, body.rows).values()} == {"accepted"}

    def register(self, *serials: int) -> None:
        self.store(*(register(index, subject(serial)) for index, serial in enumerate(serials)))

    def batch(self, most: int = 10) -> Batch:
        batch = self.area.key_batch(most)
        assert batch is not None
        return batch

    def answer(self, batch: str | None, *rows: dict[str, Any]) -> list[str]:
        body = KeyAnswersBody.model_validate({"batch": batch, "rows": list(rows)})
        return [str(each) for each in self.area.key_answers(body.batch, body.rows).values()]

    def issue(self, *serials: int) -> None:
        """Ask for all that is due and answer each with its key."""
        batch = self.batch()
        assert batch.numbers == tuple(individual_number(serial) for serial in serials)
        said = self.answer(batch.id, *(key(index, serial) for index, serial in enumerate(serials)))
        assert said == ["stored"] * len(serials)

    def counts(self) -> tuple[int, int, int]:
        counts = self.area.key_counts()
        return counts["issued"], counts["wanted"], counts["disputed"]


def key(index: int, serial: int, pmh_key: str | None = None) -> dict[str, Any]:
    return {"index": index, "pmh_key": pmh_key or f"PMHKEY{serial:06d}", "individual_number": individual_number(serial)}


def unanswered(index: int, code: str = "gave_up") -> dict[str, Any]:
    return {"index": index, "code": code}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    made = City(tmp_path)
    yield made
    made.area.close()


def test_each_number_is_asked_for_once_whatever_is_registered_about_its_persons(city: City) -> None:
    without = subject(3)
    del without["individual_number"]
    city.store(register(0, subject(1)), register(1, subject(2)), register(2, without))
    city.store(register(0, subject(1, seq=2)), register(1, subject(4, individual_number=individual_number(2))))
    city.issue(1, 2)
    city.store(register(0, subject(1, seq=3)), register(1, subject(5, individual_number=individual_number(1))))
    city.store(delete(0, deletion(2, seq=2)))
    city.store(register(0, subject(2, seq=3)))
    assert city.area.key_batch(10) is None
    assert city.counts() == (2, 0, 0)


def test_besides_a_batch_another_full_one_is_given_and_no_number_is_in_both(city: City) -> None:
    city.register(1, 2, 3, 4, 5)
    first = city.batch(2)
    second = city.area.key_batch(2, [first.id])
    assert second is not None
    assert first.numbers + second.numbers == tuple(individual_number(serial) for serial in (1, 2, 3, 4))
    assert city.area.key_batch(2, [first.id, second.id]) is None, "what is less than a full one waits"
    city.again()
    assert city.area.key_batch(2, [second.id]) == first
    assert city.area.key_batch(2, [first.id]) == second
    assert city.answer(second.id, key(0, 3), key(1, 4)) == ["stored", "stored"]
    assert city.area.key_batch(2) == first, "the end of one ends no other"
    assert city.answer(first.id, key(0, 1), key(1, 2)) == ["stored", "stored"]
    city.issue(5)


def test_the_same_batch_is_given_until_it_is_answered_also_after_a_restart(city: City) -> None:
    city.register(1, 2, 3)
    first = city.batch(2)
    assert first.numbers == (individual_number(1), individual_number(2))
    city.register(4)
    assert city.batch(10) == first
    city.again()
    city.now += timedelta(days=30)
    assert city.batch(1) == first
    city.answer(first.id, key(0, 1), key(1, 2))
    second = city.batch()
    assert second.id != first.id
    assert second.numbers == (individual_number(3), individual_number(4))


def test_a_number_that_got_no_key_is_asked_again_each_time_after_twice_the_pause_at_most_a_day(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(batch.id, key(0, 1), unanswered(1)) == ["stored", "later"]
    pauses, pause = [], FIRST_PAUSE
    for _ in range(12):
        city.now += pause - timedelta(seconds=1)
        assert city.area.key_batch(10) is None
        city.now += timedelta(seconds=1)
        batch = city.batch()
        assert batch.numbers == (individual_number(2),)
        city.answer(batch.id, unanswered(0, "refused_by_system"))
        pause = min(pause * 2, LONGEST_PAUSE)
        pauses.append(pause)
    assert pauses[-1] == LONGEST_PAUSE
    assert city.counts() == (1, 1, 0)


def test_a_row_that_an_answer_leaves_out_is_asked_again(city: City) -> None:
    city.register(1, 2)
    city.answer(city.batch().id, key(1, 2))
    city.now += FIRST_PAUSE
    city.issue(1)


def test_a_number_that_nobody_has_any_more_is_not_asked(city: City) -> None:
    city.register(1, 2, 3)
    city.store(delete(0, deletion(1, seq=2)), register(1, subject(2, seq=2, individual_number=individual_number(7))))
    assert city.batch(1).numbers == (individual_number(3),)
    city.answer(city.batch().id, key(0, 3))
    city.issue(7)
    city.store(register(0, subject(1, seq=3)))
    city.issue(1)
    assert city.counts() == (3, 0, 0)


def test_rule_1_a_number_that_differs_from_the_one_sent_is_a_dispute_and_its_key_is_not_kept(city: City) -> None:
    city.register(1, 2, 3)
    batch = city.batch()
    assert city.answer(batch.id, key(0, 2), key(1, 1), key(2, 3)) == ["dispute", "dispute", "stored"]
    assert city.counts() == (1, 0, 2)
    city.now += timedelta(days=30)
    city.store(register(0, subject(9, individual_number=individual_number(1))))
    assert city.area.key_batch(10) is None, "a number in dispute is asked no more"


@pytest.mark.parametrize(
    "pmh_key",
    [
        pytest.param(key, id=name)
        for name, key in {
            "its own": individual_number(1),
            "that of another row": individual_number(2),
            "anybody's": individual_number(7),
            "another row's after a letter": "K-" + individual_number(2),
            "with hyphens": f"{individual_number(7)[:4]}-{individual_number(7)[4:8]}-{individual_number(7)[8:]}",
            "another row's beside a group of digits": f"1-{individual_number(2)}",
            "another row's within more digits": f"9{individual_number(2)[:6]}-{individual_number(2)[6:]}9",
        }.items()
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_rule_1_a_number_in_the_keys_place_is_a_dispute_and_not_kept(city: City, pmh_key: str, late: bool) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(None if late else batch.id, key(0, 1, pmh_key), key(1, 2)) == ["dispute", "stored"]
    issued, _, disputed = city.counts()
    assert (issued, disputed) == (1, 1)
    (why,) = city.area._db.execute("SELECT why FROM dispute").fetchone()
    assert why == "a_number"


def test_the_number_of_a_row_without_a_key_is_none_for_another(city: City) -> None:
    city.register(1, 2)
    assert city.answer(city.batch().id, key(0, 1, f"9{individual_number(2)}"), unanswered(1)) == ["dispute", "later"]


def test_the_number_of_a_resident_who_is_not_asked_for_now_is_no_key_of_another(city: City) -> None:
    """Neither of one who still wants a key, nor of one who has one."""
    city.register(1, 2, 3)
    city.answer(city.batch(1).id, key(0, 1))
    batch = city.batch(1)
    assert city.answer(batch.id, key(0, 2, f"K{individual_number(3)}x")) == ["dispute"]
    assert city.answer(city.batch(1).id, key(0, 3, f"K{individual_number(1)}x")) == ["dispute"]
    assert {why for (why,) in city.area._db.execute("SELECT why FROM dispute")} == {"a_number"}
    assert city.counts() == (1, 0, 2)


@pytest.mark.parametrize("pmh_key", ["000000000011", "0000000000000", "PMH00000000000", "00000A000000", "1" * 64])
def test_a_key_of_digits_is_a_key_if_they_are_no_number(city: City, pmh_key: str) -> None:
    city.register(1)
    assert city.answer(city.batch().id, key(0, 1, pmh_key)) == ["stored"]


def test_an_answer_that_an_edge_withheld_is_a_dispute_about_the_number_sent(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(batch.id, unanswered(0, "dispute"), key(1, 2)) == ["dispute", "stored"]
    assert city.counts() == (1, 0, 1)


def test_rule_1_a_key_once_stored_is_never_replaced_and_never_belongs_to_two(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(batch.id, key(0, 1), key(1, 2, "PMHKEY000001")) == ["stored", "dispute"]
    assert city.answer(None, key(0, 1, "PMHKEY999999")) == ["dispute"]
    assert city.answer(None, key(0, 1)) == ["stored"], "the first key stands"
    assert city.counts() == (1, 0, 2)


def test_a_repeat_of_an_answer_changes_nothing(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    rows = [key(0, 1), unanswered(1)]
    assert city.answer(batch.id, *rows) == city.answer(batch.id, *rows) == ["stored", "later"]
    assert city.counts() == (1, 1, 0)


def test_a_late_answer_is_kept_while_its_batch_stays_the_same_until_that_too_is_answered(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(None, key(0, 1)) == ["stored"]
    assert city.batch() == batch, "the question stays the same, or its answer could not be found again"
    assert city.answer(batch.id, key(0, 1), unanswered(1)) == ["stored", "later"]
    assert city.answer(None, key(1, 2)) == ["stored"], "later still: it was asked"
    city.now += timedelta(days=30)
    assert city.area.key_batch(10) is None
    assert city.counts() == (2, 0, 0)


def test_a_number_in_dispute_takes_no_key_until_people_have_looked_at_it(city: City) -> None:
    city.register(1, 2)
    batch = city.batch()
    assert city.answer(None, key(0, 1), key(1, 2, "PMHKEY000001")) == ["stored", "dispute"]
    assert city.answer(batch.id, key(0, 1), key(1, 2)) == ["stored", "dispute"]
    assert city.counts() == (1, 0, 1)
    why, number, sealed = city.area._db.execute("SELECT why, number, sealed FROM dispute").fetchone()
    opened = TenantKey(MASTER, CITY).open(sealed, b"number|" + number.hex().encode())
    assert (why, opened.decode()) == ("key_of_another", individual_number(2))


def test_a_late_answer_about_a_number_that_was_never_asked_is_a_dispute(city: City) -> None:
    city.register(1)
    assert city.answer(None, key(0, 1), key(1, 2)) == ["dispute", "dispute"]
    assert city.counts() == (0, 0, 2)


def test_the_wish_is_part_of_the_registration(city: City) -> None:
    city.area._db.execute("CREATE TEMP TRIGGER f BEFORE INSERT ON main.wanted BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.Error):
        city.register(1)
    assert city.area.counts()["persons"] == 0


def test_an_area_from_before_there_were_keys_wants_one_for_each_number_that_somebody_has(city: City) -> None:
    city.register(1, 2, 3)
    city.store(delete(0, deletion(2, seq=2)))
    city.area._db.executescript("DELETE FROM wanted; UPDATE area SET layout = 1;")
    city.again()
    city.issue(1, 3)
    city.again()
    assert city.counts() == (2, 0, 0)


def test_the_disk_holds_no_number_and_no_key_in_any_encoding(city: City, tmp_path: Path) -> None:
    city.register(4711, 4712)
    batch = city.batch()
    city.answer(batch.id, key(0, 4711), key(1, 4711))
    assert city.counts() == (1, 0, 1)
    needles = encodings(individual_number(4711)) | encodings(individual_number(4712)) | encodings("PMHKEY004711")
    disk = on_disk(tmp_path)
    assert not [needle for needle in needles if needle in disk]


class AnyOrder(RuleBasedStateMachine):
    """Registrations, questions, answers, late answers, restarts and time in any order, against a plain model."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.city = City(Path(self._folder.name))
        self.registered: set[int] = set()
        self.asked: set[int] = set()
        self.keyed: set[int] = set()
        self.disputed: set[int] = set()
        self.under_way: tuple[str, ...] = ()

    def teardown(self) -> None:
        self.city.area.close()
        self._folder.cleanup()

    @rule(serial=st.integers(1, 6))
    def register(self, serial: int) -> None:
        if serial not in self.registered:
            self.city.register(serial)
            self.registered.add(serial)

    def _batch(self, most: int) -> Batch | None:
        batch = self.city.area.key_batch(most)
        if self.under_way:
            assert batch is not None
            assert batch.numbers == self.under_way, "a batch stays the same until it is answered"
        elif batch is not None:
            asked = {int(number[4:11]) for number in batch.numbers}
            assert len(asked) == len(batch.numbers) <= most
            assert not asked & (self.keyed | self.disputed), "asked once"
            self.under_way, self.asked = batch.numbers, self.asked | asked
        return batch

    @rule(most=st.integers(1, 4))
    def ask(self, most: int) -> None:
        self._batch(most)

    @rule(most=st.integers(1, 4), kinds=st.lists(st.sampled_from(["key", "none", "lie", "withheld"]), min_size=4))
    def answer(self, most: int, kinds: list[str]) -> None:
        if (batch := self._batch(most)) is None:
            return
        rows = []
        for index, (number, kind) in enumerate(zip(batch.numbers, kinds, strict=False)):
            serial = int(number[4:11])
            rows.append(
                {
                    "key": key(index, serial),
                    "none": unanswered(index),
                    "lie": key(index, serial + 1),
                    "withheld": unanswered(index, "dispute"),
                }[kind]
            )
            if kind in ("lie", "withheld"):
                self.disputed.add(serial)
            elif kind == "key" and serial not in self.disputed:
                self.keyed.add(serial)
        self.city.answer(batch.id, *rows)
        self.under_way = ()

    @rule(serial=st.integers(1, 6))
    def late(self, serial: int) -> None:
        (said,) = self.city.answer(None, key(0, serial))
        if serial in self.keyed or (serial in self.asked and serial not in self.disputed):
            assert said == "stored"
            self.keyed.add(serial)
        else:
            assert said == "dispute"
            self.disputed.add(serial)

    @rule()
    def restart(self) -> None:
        self.city.again()

    @rule(days=st.integers(0, 2))
    def wait(self, days: int) -> None:
        self.city.now += timedelta(days=days)

    @invariant()
    def every_number_has_a_key_wants_one_or_is_disputed(self) -> None:
        issued, wanted, disputed = self.city.counts()
        assert (issued, disputed >= len(self.disputed)) == (len(self.keyed), True)
        under_way = {int(number[4:11]) for number in self.under_way}
        assert wanted == len((self.registered - self.keyed - self.disputed) | under_way)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
