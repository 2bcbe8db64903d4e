"""What stands out in a period, rule by rule, and what holds whatever was done: found are facts of the period alone, the
same at every reading, and nobody whom a record is about.
"""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.files import Hours, ReviewSettings
from gateway.hub.journal import FactKind, Followed
from gateway.hub.review.deeds import Deed, deed
from gateway.hub.review.finding import Code
from gateway.hub.review.unusual import EVIDENCE, HOURS_KNOWN, Unusual

there = datetime.fromisoformat
"""What the clocks in Japan show."""
MONDAY = there("2026-11-16 09:00:00")
SETTINGS = ReviewSettings(burst_facts=20, burst_times=5, persons_a_day=5, refusals_a_day=3)


class Log:
    """Deeds one after the other; the period begins where `judged` is said."""

    def __init__(self):
        self.deeds, self.since = [], 1

    def judged(self):
        self.since = len(self.deeds) + 1
        return self

    def add(self, at=MONDAY, times=1, **said):
        for _ in range(times):
            values = {"kind": FactKind.OPERATOR_ACTED, "person": "staff-0001", "operation": "trace"} | said
            self.deeds.append(Deed(seq=len(self.deeds) + 1, at=at, **values))
        return self

    def usual(self, **said):
        """Two weeks of work, once an hour, the same each day."""
        for day in range(-14, 0):
            at = MONDAY + timedelta(day)
            for hour in range(4 if at.weekday() < 5 else 0):
                self.add(at + timedelta(hours=hour), **said)
        return self

    def observed(self, settings=SETTINGS):
        unusual = Unusual(settings, young=self.since == 1)
        for each in self.deeds:
            unusual.see(each, judged=each.seq >= self.since)
        return unusual.observed()

    def codes(self, settings=SETTINGS):
        return [each.code for each in self.observed(settings)]


def test_what_a_person_hides_for_good_is_looked_at_by_another_however_often_it_was_done_before():
    mark = {"kind": FactKind.MESSAGE_UNDISCLOSED, "operation": "message.undisclosed", "undisclosed": True}
    log = Log().usual().usual(**mark).judged().add(**mark, times=2)
    (found,) = log.observed()
    assert (found.code, found.acted, found.count) == (Code.UNDISCLOSED, ("staff-0001",), 2)
    assert found.facts == (len(log.deeds) - 1, len(log.deeds))


def test_what_was_always_done_is_not_unusual():
    assert Log().usual().judged().add(MONDAY, times=3).observed() == []


def test_a_first_log_has_nothing_that_is_new():
    assert Log().add(terminal="desk-1", certificate="a" * 64, route="R01").observed() == []


# ---- bursts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("times", "found"), [(19, []), (20, [Code.BURST])])
def test_a_burst_is_far_above_the_own_usual_rate(times, found):
    log = Log().usual().judged().add(MONDAY, times=times)
    assert log.codes() == found
    assert all(
        (each.person, each.count, each.most, each.acted) == ("staff-0001", 20, 20, ("staff-0001",))
        for each in log.observed()
    )


def test_whose_usual_rate_is_high_is_judged_by_that():
    log = Log()
    for hour in range(HOURS_KNOWN):
        log.add(MONDAY - timedelta(days=3, hours=hour), times=10)
    assert log.judged().add(MONDAY, times=49).codes() == []
    assert log.add(MONDAY, times=1).codes() == [Code.BURST]


def test_of_whom_too_little_is_known_no_rate_is_usual():
    log = Log()
    for hour in range(HOURS_KNOWN - 2):
        log.add(MONDAY + timedelta(days=-3, hours=hour // 4))
    assert log.judged().add(MONDAY, times=1000).codes() == []


def test_a_connector_has_a_rate_of_its_own():
    said = {"kind": FactKind.MESSAGE_RECORDED, "person": None, "connector": "school_register", "operation": "put"}
    (found,) = Log().usual(**said).judged().add(MONDAY, times=200, responsible="staff-0007", **said).observed()
    assert (found.code, found.connector, found.person, found.acted) == (
        Code.BURST,
        "school_register",
        None,
        ("staff-0007",),
    )
    assert (found.count, len(found.facts)) == (200, EVIDENCE)


# ---- hours -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (there("2026-11-16 06:59:59"), [Code.OFF_HOURS]),
        (there("2026-11-16 07:00:00"), []),
        (there("2026-11-16 20:59:59"), []),
        (there("2026-11-16 21:00:00"), [Code.OFF_HOURS]),
        (there("2026-11-21 12:00:00"), [Code.OFF_HOURS]),
        (there("2026-11-23 12:00:00"), [Code.OFF_HOURS]),
    ],
)
def test_people_are_at_work_by_japan_s_clock(at, found):
    """The 21st is a Saturday; on the 23rd, a Monday, the office is closed."""
    settings = SETTINGS.model_copy(update={"hours": Hours(closed=(date(2026, 11, 23),))})
    assert Log().usual().judged().add(at).codes(settings) == found


def test_who_comes_by_a_connector_with_hours_of_its_own_is_judged_by_these():
    saturday = there("2026-11-21 12:00:00")
    open_then = Hours(weekdays=frozenset({"sat"}), opens=time(9), closes=time(13))
    settings = SETTINGS.model_copy(update={"hours_of": {"clinics": open_then}})
    log = Log().usual(connector="clinics").judged().add(saturday, connector="clinics")
    assert (log.codes(settings), log.codes()) == ([], [Code.OFF_HOURS])


def test_a_machine_has_no_hours():
    said = {"kind": FactKind.MESSAGE_RECORDED, "person": None, "connector": "school_register"}
    assert Log().usual(**said).judged().add(there("2026-11-22 03:00:00"), **said).codes() == []


# ---- persons ---------------------------------------------------------------------------------------------------------


def about(*numbers):
    return {"month": "2026-11", "persons": frozenset(bytes([n]) * 16 for n in numbers)}


def test_many_persons_are_counted_a_day_and_each_once():
    log = Log().usual().judged()
    for number in (1, 2, 2, 3, 4, 4):
        log.add(MONDAY, **about(number))
    log.add(MONDAY + timedelta(1), **about(5, 6, 7, 8))
    assert log.codes() == []
    (found,) = log.add(MONDAY + timedelta(1), **about(9)).observed()
    assert (found.code, found.most, found.count) == (Code.MANY_PERSONS, 5, 2)


def test_at_a_month_s_turn_nobody_is_counted_twice():
    """By another month's key the same three persons have other marks."""
    log = Log().usual().judged()
    log.add(MONDAY, **about(1, 2, 3)).add(MONDAY, **(about(4, 5, 6) | {"month": "2026-10"}))
    assert log.codes() == []


def test_a_batch_of_many_persons_is_nobody_s_looking():
    said = {
        "kind": FactKind.MESSAGE_RECORDED,
        "person": None,
        "connector": "school_register",
        "responsible": "staff-0007",
    }
    assert Log().usual(**said).judged().add(MONDAY, **said, **about(*range(1, 100))).codes() == []


# ---- the first time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"terminal": "desk-2"}, Code.NEW_TERMINAL),
        ({"certificate": "b" * 64}, Code.NEW_CERTIFICATE),
        ({"operation": "replay"}, Code.NEW_OPERATION),
        ({"route": "R02"}, Code.NEW_ROUTE),
    ],
)
def test_what_an_actor_never_did_before_is_found_once(said, code):
    known = {"terminal": "desk-1", "certificate": "a" * 64, "route": "R01"}
    log = (
        Log()
        .usual(**known)
        .usual(**(known | said), person="staff-0002")
        .judged()
        .add(MONDAY, times=3, **(known | said))
    )
    (found,) = log.observed()
    assert (found.code, found.person, found.facts) == (code, "staff-0001", (log.since,))
    assert found.new == tuple(said.values()), "and it is named"
    assert found.told()["new"] == list(found.new)


def test_who_was_never_seen_before_is_one_finding_with_all_that_was_done():
    log = Log().usual().judged().add(person="staff-0009", terminal="desk-9").add(person="Staff-0009", operation="dead")
    (found,) = log.observed()
    assert (found.code, found.person, found.count) == (Code.NEW_ACTOR, "staff-0009", 2)


# ---- the review itself -----------------------------------------------------------------------------------------------


def test_reviewing_is_no_new_operation_no_burst_and_not_out_of_hours():
    night = there("2026-11-16 03:00:00")
    log = Log().usual().judged().add(night, times=50, operation="report", review=True)
    assert log.observed() == []
    assert log.add(night, operation="report", terminal="desk-9", review=True).codes() == [Code.NEW_TERMINAL]


def test_to_seek_many_persons_is_unusual_under_whatever_reason():
    log = Log().usual().judged()
    for case in range(5):
        log.add(MONDAY, operation="search", review=True, month="2026-11", persons=frozenset({f"R8-{case}"}))
    assert log.codes() == [Code.MANY_PERSONS]
    assert Log().usual().judged().add(there("2026-11-16 03:00:00"), review=True, **about(1)).codes() == [Code.OFF_HOURS]


# ---- refusals --------------------------------------------------------------------------------------------------------


def test_repeated_refusals_are_of_one_actor_or_of_one_peer_of_a_connector():
    log = Log().usual().judged().add(MONDAY, times=3, code="role_missing").add(MONDAY, times=2, code="bad_search")
    (found,) = log.observed()
    assert (found.code, found.person, found.most) == (Code.REFUSALS, "staff-0001", 5)
    clinic = {"kind": FactKind.MESSAGE_REFUSED, "person": None, "connector": "clinics", "operation": "find"}
    log = Log().usual(**clinic).judged()
    for peer in "ab":
        log.add(MONDAY, times=2, code="not_attested", certificate=peer * 64, **clinic)
    assert Code.REFUSALS not in log.codes()
    log.add(MONDAY, code="not_attested", certificate="a" * 64, **clinic)
    assert [each.certificate for each in log.observed() if each.code is Code.REFUSALS] == ["a" * 64]


# ---- whatever was done -----------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from([None, "staff-0001", "STAFF-0001", "staff-0002"])
DEEDS = st.lists(
    st.builds(
        Deed,
        seq=st.just(0),
        at=st.datetimes(MONDAY - timedelta(20), MONDAY + timedelta(20)),
        kind=st.just(FactKind.MESSAGE_RECORDED),
        person=PEOPLE,
        connector=st.sampled_from([None, "clinics", "school_register"]),
        certificate=st.sampled_from([None, "a" * 64, "b" * 64]),
        terminal=st.sampled_from([None, "desk-1", "desk-2"]),
        route=st.sampled_from([None, "R01", "R02"]),
        code=st.sampled_from([None, None, "no_route"]),
        month=st.sampled_from(["2026-10", "2026-11"]),
        persons=st.frozensets(st.binary(min_size=16, max_size=16), max_size=8),
    ),
    max_size=60,
)
ANYTHING = ReviewSettings(burst_facts=2, burst_times=2, persons_a_day=2, refusals_a_day=2)


@given(DEEDS, st.integers(1, 60))
def test_every_observation_stands_on_facts_of_the_period_and_on_nobody_it_is_about(deeds, since):
    deeds = [replace(each, seq=number) for number, each in enumerate(deeds, 1)]

    def observed():
        unusual = Unusual(ANYTHING, young=since == 1)
        for each in deeds:
            unusual.see(each, judged=each.seq >= since)
        return unusual.observed()

    found = observed()
    assert found == observed()
    marks = {mark for each in deeds for mark in each.persons}
    for each in found:
        behind = [deeds[seq - 1] for seq in each.facts]
        assert behind
        assert all(fact.seq >= since for fact in behind)
        assert each.count >= len(each.facts)
        if each.person is not None:
            assert {(fact.person or "").casefold() for fact in behind} == {each.person.casefold()}
        else:
            assert {fact.connector for fact in behind} == {each.connector}
        acted = {name.casefold() for name in each.acted}
        assert {fact.person.casefold() for fact in behind if fact.person} <= acted
        assert not any(mark.hex() in repr(each) or repr(mark) in repr(each) for mark in marks)


# ---- what a fact says ------------------------------------------------------------------------------------------------

HEADER = {
    "kind": "request", "source": "clinics", "source_operation": "find", "route": "R16", "actor": "dr-0001",
    "terminal": "desk-1", "client_certificate": "a" * 64, "responsible": "staff-0001",
    "created_at": "2026-11-16T00:00:00.000000Z",
}  # fmt: skip


def done(*said):
    """What the fact tells of, which is a deed."""
    found = deed(*said)
    assert found is not None
    return found


def followed(kind, *, undisclosed=False, **fact):
    fact = {"seq": 7, "at": "2026-11-15T15:30:00.000000Z", "kind": kind.value} | fact
    return Followed(seq=7, kind=kind, commitment=b"", salt=b"", body=b"", fact=fact, header={}, undisclosed=undisclosed)


def test_a_recorded_message_is_its_actor_s_deed_in_japan_s_time():
    found = done(followed(FactKind.MESSAGE_RECORDED, header=HEADER), frozenset({b"x" * 16, bytes(16)}))
    assert (found.person, found.connector, found.route, found.operation) == ("dr-0001", "clinics", "R16", "find")
    assert (found.at, found.persons, found.code) == (there("2026-11-16 00:30:00"), {b"x" * 16}, None)


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        (FactKind.MESSAGE_RECORDED, {"header": HEADER | {"kind": "reply"}}),
        (FactKind.FINDING_OPENED, {"operator": "staff-0001", "code": "burst"}),
        (FactKind.GATEWAY_STARTED, {}),
    ],
)
def test_what_is_nobody_s_own_act_is_no_deed(kind, fact):
    assert deed(followed(kind, **fact), frozenset()) is None


def test_a_resident_who_acts_is_not_looked_at():
    found = done(followed(FactKind.MESSAGE_RECORDED, header=HEADER | {"actor": "0a" * 16}), frozenset())
    assert found.person is None


def test_of_what_is_not_to_be_disclosed_the_way_is_not_told():
    found = done(followed(FactKind.MESSAGE_RECORDED, undisclosed=True, header=HEADER), frozenset())
    assert (found.person, found.route, found.operation) == ("dr-0001", None, None)


@pytest.mark.parametrize(
    ("fact", "code"),
    [
        ({"stage": "hub", "code": "no_route", "connector": "clinics"}, "no_route"),
        ({"statement": {"connector": "clinics", "code": "bad_actor"}}, "bad_actor"),
        ({"statement": {"connector": "clinics", "records": [[0, "wrong_type", "name"]]}}, "records_refused"),
    ],
)
def test_a_refusal_has_its_code_and_its_peer(fact, code):
    found = done(followed(FactKind.MESSAGE_REFUSED, **fact), frozenset())
    assert (found.connector, found.code) == ("clinics", code)


@pytest.mark.parametrize(
    ("kind", "fact", "expected"),
    [
        (FactKind.OPERATOR_ACTED, {"operator": "a", "act": "dead", "code": "no_role"}, ("a", "dead", "no_role", 0)),
        (FactKind.OPERATOR_ACTED, {"operator": "a", "act": "search", "case": "R8-1"}, ("a", "search", None, 1)),
        (FactKind.HOLD_SHOWN, {"person": "b", "message_id": "m"}, ("b", "hold.shown", None, 1)),
        (FactKind.PERSON_GRANTED, {"by": "c", "person": "a"}, ("c", "person.granted", None, 0)),
        (FactKind.FINDING_CLOSED, {"operator": "d"}, ("d", "finding.closed", None, 0)),
        (FactKind.FINDING_OPENED, {"operator": "d", "code": "flagged"}, ("d", "finding.opened", None, 0)),
    ],
)  # fmt: skip
def test_what_a_person_does_at_the_operators_listener(kind, fact, expected):
    found = done(followed(kind, **fact), frozenset())
    assert (found.person, found.operation, found.code, len(found.persons)) == expected


@pytest.mark.parametrize(
    ("kind", "fact", "reviews"),
    [
        (FactKind.OPERATOR_ACTED, {"act": "report"}, True),
        (FactKind.OPERATOR_ACTED, {"act": "review"}, True),
        (FactKind.OPERATOR_ACTED, {"act": "review", "code": "role_missing"}, False),
        (FactKind.OPERATOR_ACTED, {"act": "search", "reason": "audit", "case": "R8-1"}, True),
        (FactKind.OPERATOR_ACTED, {"act": "search"}, False),
        (FactKind.OPERATOR_ACTED, {"act": "trace"}, False),
        (FactKind.REVIEW_SIGNED, {"subject": "log"}, True),
        (FactKind.FINDING_TAKEN, {"case": "R8-1"}, True),
    ],
)
def test_which_acts_are_the_review_itself(kind, fact, reviews):
    assert done(followed(kind, operator="staff-0001", **fact), frozenset()).review == reviews
