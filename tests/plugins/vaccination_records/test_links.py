"""Pseudonyms are linked to PMH keys by the portal's hand-over, and by that alone (F47, C140; rule 3, rule 5)."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway_vaccination_records.interface.resident import Notice, OwnRecords
from tests.plugins.vaccination_records.subjects import individual_number, register, subject
from tests.plugins.vaccination_records.village import NOBODY, Village, notice, pseudonym, shaped


def test_a_pseudonym_names_a_person_from_its_hand_over_on_and_no_sooner(village: Village) -> None:
    village.people(1)
    assert village.own_records(pseudonym(1)) == NOBODY
    assert village.linked(1) == "accepted"
    assert shaped(village.own_records(pseudonym(1)), OwnRecords)["pmh_pseudonym_id"] == pseudonym(1)
    assert village.linked(1) == "duplicate"
    village.again()
    assert "record" in village.own_records(pseudonym(1))


def test_a_key_that_was_never_issued_is_nobodys(village: Village) -> None:
    village.people(1)
    assert village.linked(2) == "no_such_person"
    assert village.area.counts()["links"] == 0


def test_a_repeat_of_a_hand_over_hears_the_same_even_when_the_world_moved_on(village: Village) -> None:
    village.people(1)
    assert village.linked(1, message=1) == "accepted"
    village.people(1, control_flag_nondisclosure=True)
    assert village.linked(1, message=1) == "accepted"
    assert village.linked(1) == "no_such_person"


def test_a_new_pseudonym_replaces_the_old_one_which_stays_that_keys(village: Village) -> None:
    village.people(1, 2)
    village.linked(1)
    assert village.linked(1, pseudonym(1, 2)) == "accepted"
    assert village.own_records(pseudonym(1)) == NOBODY
    assert "record" in village.own_records(pseudonym(1, 2))
    assert village.linked(2, pseudonym(1)) == "dispute"
    assert village.linked(1, pseudonym(1)) == "accepted"
    assert village.own_records(pseudonym(1, 2)) == NOBODY
    assert village.area.counts()["links"] == 1


def test_a_pseudonym_of_another_key_is_a_dispute_and_changes_nothing(village: Village) -> None:
    village.people(1, 2)
    village.linked(1)
    village.registered("notice", notice(1))
    before = village.own_records(pseudonym(1))
    assert village.linked(2, pseudonym(1)) == "dispute"
    assert village.area.disputes() == 1
    assert village.own_records(pseudonym(1)) == before
    assert village.linked(2) == "accepted", "the key itself is free to be linked as it should be"


def test_a_pseudonym_that_is_an_individual_number_is_a_dispute(village: Village) -> None:
    village.people(1)
    number = individual_number(1)
    assert village.linked(1, number) == village.linked(1, f"{number[:4]}-{number[4:]}") == "dispute"
    assert village.own_records(number) == NOBODY
    assert village.area.disputes() == 1


def test_a_key_whose_number_two_persons_have_names_neither(village: Village) -> None:
    village.people(1)
    village.linked(1)
    village._store(register(0, subject(2, individual_number=individual_number(1))))
    assert village.own_records(pseudonym(1)) == NOBODY
    assert village.linked(1, pseudonym(1, 2)) == "no_such_person"


def test_a_link_follows_the_key_to_who_has_its_number_now(village: Village) -> None:
    village.people(1, 2)
    village.linked(1)
    village.registered("notice", notice(2))
    village.people(1, individual_number=individual_number(3))
    assert village.own_records(pseudonym(1)) == NOBODY
    village.people(2, individual_number=individual_number(1))
    assert village.own_records(pseudonym(1))["record"]["notices"][0]["notice_id"] == notice(2)["notice_id"]


def test_the_portals_word_that_it_deleted_the_key_is_kept_once(village: Village) -> None:
    village.people(1)
    assert village.key_deleted(pseudonym(1)) == "no_such_person"
    village.linked(1)
    assert village.area.counts()["keys_at_portal"] == 1
    assert village.key_deleted(pseudonym(1)) == "accepted"
    assert village.key_deleted(pseudonym(1)) == "duplicate"
    assert village.area.counts()["keys_at_portal"] == 0
    village.linked(1, pseudonym(1, 2))
    assert village.area.counts()["keys_at_portal"] == 1, "the key was at the portal again"
    village.key_deleted(pseudonym(1, 2))
    assert village.linked(1, pseudonym(1, 2)) == "duplicate"
    assert village.area.counts()["keys_at_portal"] == 1, "and again"


@pytest.mark.parametrize("flag", ["control_flag_nondisclosure", "control_flag_view_suspended"])
def test_rule_5_the_portal_hears_no_such_person_of_the_flagged(village: Village, flag: str) -> None:
    village.people(1)
    village.linked(1)
    village.people(1, **{flag: True})
    assert village.own_records(pseudonym(1)) == village.own_records("UNKNOWN") == NOBODY
    assert village.linked(1) == village.linked(1, pseudonym(1, 2)) == village.linked(9) == "no_such_person"
    assert village.area.counts()["keys_at_portal"] == 1
    assert village.key_deleted(pseudonym(1)) == village.key_deleted("UNKNOWN") == "no_such_person"
    assert village.area.counts()["keys_at_portal"] == 0, "it is noted all the same"
    village.people(1)
    assert "record" in village.own_records(pseudonym(1)), "nothing was lost when the flag goes"


def test_a_notice_waits_for_the_link_and_goes_out_by_pseudonym(village: Village) -> None:
    village.people(1)
    village.registered("notice", notice(1))
    assert village.area.due("notice", 10) is None
    assert village.area.counts()["notices_not_linked"] == 1
    village.linked(1)
    sending = village.area.due("notice", 10)
    assert sending is not None
    (sent,) = sending.records
    assert Notice.model_validate(dict(sent)).pmh_pseudonym_id == pseudonym(1)
    assert village.area.counts()["notices_not_linked"] == 0


class Links(RuleBasedStateMachine):
    """Whatever is handed over in whatever order: a pseudonym never names two persons, a key has its newest one."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.village = Village(Path(self._folder.name))
        self.village.people(0, 1, 2)
        self.owner: dict[str, int] = {}
        self.newest: dict[int, str] = {}

    def teardown(self) -> None:
        self.village.area.close()
        self._folder.cleanup()

    @rule(serial=st.integers(0, 2), name=st.sampled_from(["PSEUDONYM-A", "PSEUDONYM-B", "PSEUDONYM-C", "PSEUDONYM-D"]))
    def hand_over(self, serial: int, name: str) -> None:
        said = self.village.linked(serial, name)
        if self.owner.get(name, serial) != serial:
            assert said == "dispute"
            return
        assert said == ("duplicate" if self.newest.get(serial) == name else "accepted")
        self.owner[name] = serial
        self.newest[serial] = name

    @rule()
    def restart(self) -> None:
        self.village.again()

    @invariant()
    def each_key_is_known_by_its_newest_pseudonym_only(self) -> None:
        for name in ("PSEUDONYM-A", "PSEUDONYM-B", "PSEUDONYM-C", "PSEUDONYM-D"):
            person = self.village.area._pseudonyms.person(name)
            serials = [serial for serial, newest in self.newest.items() if newest == name]
            expected = [f"{serial:010d}" for serial in serials]
            assert ([person.record["internal_no"]] if person else []) == expected


TestLinks = Links.TestCase
TestLinks.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
